//! The query of a page. A form sends fields that were left empty; they count as absent.

use actix_web::HttpRequest;
use reporting::dashboard::{CallFilter, Called};
use scoring::Band;

use crate::error::ApiError;
use crate::routes::page::read_before;
use crate::routes::query::{parameters, unknown_parameter};

/// The parameters of a request that have a value.
pub(super) struct Given(Vec<(String, String)>);

impl Given {
    /// Reads the query. Each parameter must be one of `names`, and may occur once. `known` tells the names
    /// to people.
    pub(super) fn of(
        request: &HttpRequest,
        names: &[&str],
        known: &'static str,
    ) -> Result<Self, ApiError> {
        Self::among(parameters(request), names, known)
    }

    fn among(
        given: Vec<(String, String)>,
        names: &[&str],
        known: &'static str,
    ) -> Result<Self, ApiError> {
        for (place, (name, _)) in given.iter().enumerate() {
            if !names.contains(&name.as_str()) {
                return Err(unknown_parameter(name, known));
            }
            if given[..place].iter().any(|(other, _)| other == name) {
                return Err(REPEATED);
            }
        }
        let is_given = |(_, value): &(String, String)| !value.trim().is_empty();
        Ok(Self(given.into_iter().filter(is_given).collect()))
    }

    /// The value of a parameter.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The place in a list.
    pub(super) fn before(&self) -> Result<Option<u64>, ApiError> {
        self.value("before")
            .map(|it| read_before(it.trim()))
            .transpose()
    }

    /// [`before`](Self::before) for a list of numbers of the history.
    pub(super) fn before_number(&self) -> Result<Option<i64>, ApiError> {
        let before = self.before()?;
        Ok(before.and_then(|before| i64::try_from(before).ok()))
    }

    /// The filter of the call list.
    pub(super) fn filter(&self) -> Result<CallFilter, ApiError> {
        let band = self
            .value("band")
            .map(|it| Band::of_name(it).ok_or(BAND_INVALID));
        let called = self
            .value("call")
            .map(|it| Called::of_name(it).ok_or(CALL_INVALID));
        let id = self.value("client");
        if id.is_some_and(|id| id.chars().count() > MAX_TEXT) {
            return Err(CLIENT_INVALID);
        }
        Ok(CallFilter {
            band: band.transpose()?,
            called: called.transpose()?,
            id: id.map(str::to_owned),
        })
    }
}

/// Maximum number of characters of a text that clients are looked for with.
const MAX_TEXT: usize = 200;

const REPEATED: ApiError = ApiError::InvalidParameter {
    name: "of the page",
    expected: "given at most once",
};
const BAND_INVALID: ApiError = ApiError::InvalidParameter {
    name: "band",
    expected: "one of high, medium, low and decile_1 to decile_10",
};
const CALL_INVALID: ApiError = ApiError::InvalidParameter {
    name: "call",
    expected: "one of yes, no and held_out",
};
const CLIENT_INVALID: ApiError = ApiError::InvalidParameter {
    name: "client",
    expected: "a text of at most 200 characters",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints;

    fn given(query: &[(&str, &str)]) -> Result<Given, &'static str> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Given::among(
            query.iter().map(owned).collect(),
            &["band", "call", "client", "before"],
            "known are band, call, client and before",
        )
        .map_err(|error| error.kind().code)
    }

    #[test]
    fn a_field_that_was_left_empty_is_absent() {
        let form = [
            ("band", ""),
            ("call", "yes"),
            ("client", " "),
            ("before", ""),
        ];
        let given = given(&form).unwrap();
        let wanted = CallFilter {
            called: Some(Called::Yes),
            ..CallFilter::default()
        };
        assert_eq!(given.filter().unwrap(), wanted);
        assert_eq!(given.before().unwrap(), None);
    }

    #[test]
    fn other_parameters_and_values_are_named() {
        assert_eq!(given(&[("x", "")]).err(), Some("unknown-parameter"));
        assert_eq!(given(&[("", "")]).err(), Some("unknown-parameter"));
        assert_eq!(given(&[("and", "")]).err(), Some("unknown-parameter"));
        let twice = [("band", ""), ("band", "high")];
        assert_eq!(given(&twice).err(), Some("invalid-parameter"));
        let long = "x".repeat(MAX_TEXT + 1);
        for pair in [("band", "x"), ("call", "maybe"), ("client", &*long)] {
            let error = given(&[pair]).unwrap().filter().unwrap_err();
            assert_eq!(error.kind().code, "invalid-parameter", "{}", pair.0);
        }
        for value in ["0", "-1", "x"] {
            assert!(given(&[("before", value)]).unwrap().before().is_err());
        }
    }

    #[test]
    fn the_words_of_the_description_are_those_of_the_list() {
        let names: Vec<&str> = Called::ALL.iter().map(|(_, name)| *name).collect();
        assert_eq!(endpoints::CALLS_IN_WORDS.to_vec(), names);
    }
}
