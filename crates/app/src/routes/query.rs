//! The query of a request.

use actix_web::HttpRequest;
use actix_web::web::Query;
use scoring::Band;

use crate::error::ApiError;
use crate::problem::excerpt;

/// Query parameters of a request. All names have been checked.
pub(super) struct QueryParameters {
    parameters: Vec<(String, String)>,
    /// True if a form sent the parameters. An empty field of a form counts as absent.
    is_of_form: bool,
}

const BEFORE_INVALID: ApiError = ApiError::InvalidParameter {
    name: "before",
    expected: "the number of the last item seen, from 1",
};
const BAND_INVALID: ApiError = ApiError::InvalidParameter {
    name: "band",
    expected: "one of high, medium, low and decile_1 to decile_10",
};

impl QueryParameters {
    /// Query parameters of a program's request. Each must be one of `names`; `known` lists the names for
    /// the error message.
    pub(super) fn of(
        request: &HttpRequest,
        names: &[&str],
        known: &'static str,
    ) -> Result<Self, ApiError> {
        Self::among(parameters(request), names, known)
    }

    /// Query parameters that a form of a page sent.
    pub(super) fn of_form(
        request: &HttpRequest,
        names: &[&str],
        known: &'static str,
    ) -> Result<Self, ApiError> {
        Ok(Self::of(request, names, known)?.into_form())
    }

    /// The parameters. An error if one of them is not among `names`.
    pub(super) fn among(
        parameters: Vec<(String, String)>,
        names: &[&str],
        known: &'static str,
    ) -> Result<Self, ApiError> {
        let unknown = parameters
            .iter()
            .find(|(name, _)| !names.contains(&name.as_str()));
        match unknown {
            Some((name, _)) => Err(unknown_parameter(name, known)),
            None => Ok(Self {
                parameters,
                is_of_form: false,
            }),
        }
    }

    /// The same parameters, as a form sends them.
    pub(super) fn into_form(self) -> Self {
        Self {
            is_of_form: true,
            ..self
        }
    }

    /// The value of a parameter as `parse` reads it; `None` if it is absent. `invalid` is the error if the
    /// parameter occurs several times, or if `parse` finds no value in its text.
    pub(super) fn read<'g, T>(
        &'g self,
        name: &str,
        invalid: ApiError,
        parse: impl FnOnce(&'g str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let mut texts = self.parameters.iter().filter(|(it, _)| it == name);
        match (texts.next(), texts.next()) {
            (None, _) => Ok(None),
            (Some((_, text)), None) if self.is_of_form && text.trim().is_empty() => Ok(None),
            (Some((_, text)), None) => parse(text).map(Some).ok_or(invalid),
            (Some(_), Some(_)) => Err(invalid),
        }
    }

    /// Number of the last item on the previous page: from 1 to the largest number that the history can
    /// store.
    pub(super) fn before(&self) -> Result<Option<u64>, ApiError> {
        self.read("before", BEFORE_INVALID, |text| match self.is_of_form {
            true => whole_number(text.trim()),
            false => whole_number(text),
        })
    }

    /// The band of clients.
    pub(super) fn band(&self) -> Result<Option<Band>, ApiError> {
        self.read("band", BAND_INVALID, Band::of_name)
    }
}

/// A whole number from 1 to the largest one that the history can store. Leading zeros are allowed, as in
/// the name of a release.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    let number: i64 = text.parse().ok()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    u64::try_from(number)
        .ok()
        .filter(|_| is_plain && number > 0)
}

/// The query parameters, decoded, in their order.
pub(super) fn parameters(request: &HttpRequest) -> Vec<(String, String)> {
    if request.query_string().is_empty() {
        return Vec::new();
    }
    // Decoding does not fail: any text is a valid list of parameters.
    Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map(Query::into_inner)
        .unwrap_or_default()
}

/// Rejects every parameter.
pub(super) fn expect_no_parameters(request: &HttpRequest) -> Result<(), ApiError> {
    match parameters(request).first() {
        Some((name, _)) => Err(unknown_parameter(name, "this address has none")),
        None => Ok(()),
    }
}

/// The error for a parameter that the endpoint does not have.
pub(super) fn unknown_parameter(name: &str, known: &'static str) -> ApiError {
    ApiError::UnknownParameter {
        given: excerpt(name.as_bytes()),
        known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(query: &[(&str, &str)]) -> Result<QueryParameters, &'static str> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let pairs = query.iter().map(owned).collect();
        QueryParameters::among(
            pairs,
            &["band", "before"],
            "the parameters are band and before",
        )
        .map_err(|error| error.kind().code)
    }

    #[test]
    fn a_field_that_was_left_empty_is_absent_in_a_form_only() {
        let empty = [("band", ""), ("before", " ")];
        let form = given(&empty).unwrap().into_form();
        assert_eq!((form.band().unwrap(), form.before().unwrap()), (None, None));
        let program = given(&empty).unwrap();
        assert!(program.band().is_err() && program.before().is_err());
        let typed = given(&[("before", " 12 ")]).unwrap().into_form();
        assert_eq!(typed.before().unwrap(), Some(12));
    }

    #[test]
    fn other_parameters_values_and_repetitions_are_errors() {
        for unknown in ["x", "", "and"] {
            assert_eq!(given(&[(unknown, "")]).err(), Some("unknown-parameter"));
        }
        for pairs in [
            &[("band", "x")][..],
            &[("band", ""), ("band", "high")],
            &[("band", "high"), ("band", "high")],
        ] {
            let error = given(pairs).unwrap().into_form().band().unwrap_err();
            assert_eq!(error.kind().code, "invalid-parameter", "{pairs:?}");
        }
        for value in ["0", "-1", "+1", "1.5", "x", "9223372036854775808"] {
            assert!(given(&[("before", value)]).unwrap().before().is_err());
        }
    }
}
