//! Where the rows of a request are: in its body as CSV or JSON, or in a file that it names.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json;
use crate::error::ApiError;
use crate::problem::excerpt;

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As CSV with a header.
    Csv,
    /// As JSON.
    Json,
    /// As its first byte tells.
    Unsaid,
}

/// The forms by content type; the last is what curl sends unless it is told otherwise.
const FORMS: [(&str, Form); 4] = [
    ("text/csv", Form::Csv),
    ("application/json", Form::Json),
    ("", Form::Unsaid),
    ("application/x-www-form-urlencoded", Form::Unsaid),
];

/// Exactly one source of rows.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    /// CSV with a header.
    Csv(&'a str),
    /// A JSON array of objects.
    Records(json::Text<'a>),
    /// Column names beside a JSON array of arrays.
    Columns {
        /// A JSON array of the names.
        names: json::Text<'a>,
        /// The rows.
        data: json::Text<'a>,
    },
    /// A CSV file on the server.
    Path(String),
}

/// The members of a JSON object that can bring rows; others are ignored.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    columns: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    path: Option<String>,
}

const JSON_FORMS: &str = "send an array of objects, {\"records\":[…]}, {\"columns\":[…],\"data\":[[…]]}, or the path of a file as a string or as {\"path\":\"…\"}";

impl Form {
    /// The form that the content type declares.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(CONTENT_TYPE) else {
            return Ok(Self::Unsaid);
        };
        let essence = value.as_bytes().split(|byte| *byte == b';').next();
        let essence = essence.unwrap_or_default().trim_ascii();
        let found = FORMS
            .iter()
            .find(|(name, _)| essence.eq_ignore_ascii_case(name.as_bytes()));
        let refused = || ApiError::ContentType(excerpt(value.as_bytes()));
        found.map(|(_, form)| *form).ok_or_else(refused)
    }
}

impl Form {
    /// Whether a body that begins so is CSV.
    pub(crate) fn is_csv(self, beginning: &[u8]) -> bool {
        let first = beginning.trim_ascii_start().first();
        match self {
            Self::Csv => true,
            Self::Json => false,
            Self::Unsaid => !matches!(first, Some(b'"' | b'{' | b'[')),
        }
    }
}

impl<'a> Source<'a> {
    /// Finds the rows of a body.
    pub(crate) fn of(form: Form, body: &'a [u8]) -> Result<Self, ApiError> {
        let text =
            std::str::from_utf8(body).map_err(|error| ApiError::NotUtf8(error.valid_up_to()))?;
        match form {
            _ if form.is_csv(body) => match text.trim_ascii_start() {
                "" => Err(ApiError::NoRows),
                _ => Ok(Self::Csv(text)),
            },
            Form::Unsaid => Self::of_json(text).map_err(hint_at_csv),
            _ => Self::of_json(text),
        }
    }

    fn of_json(text: &'a str) -> Result<Self, ApiError> {
        match text.trim_ascii_start().bytes().next() {
            Some(b'[') => Ok(Self::Records(json::Text::whole(text))),
            Some(b'"') => parse(text).map(Self::Path),
            Some(b'{') => Self::of_members(parse(text)?),
            _ => Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => ApiError::JsonInvalid(format!("the JSON brings no rows; {JSON_FORMS}")),
                Err(error) => json::invalid(&error),
            }),
        }
    }

    fn of_members(members: Members<'a>) -> Result<Self, ApiError> {
        let part = |value: &'a RawValue| json::Text::part(value.get());
        match members {
            Members {
                records: Some(records),
                columns: None,
                data: None,
                path: None,
            } => Ok(Self::Records(part(records))),
            Members {
                records: None,
                columns: Some(names),
                data: Some(data),
                path: None,
            } => Ok(Self::Columns {
                names: part(names),
                data: part(data),
            }),
            Members {
                records: None,
                columns: None,
                data: None,
                path: Some(path),
            } => Ok(Self::Path(path)),
            Members {
                records: None,
                path: None,
                ..
            } => Err(ApiError::JsonInvalid(format!(
                "the object brings no rows; {JSON_FORMS}"
            ))),
            _ => Err(ApiError::AmbiguousInput(
                "of records, columns with data, and path more than one is given",
            )),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(|error| json::invalid(&error))
}

/// A CSV header in quotes looks like JSON to whoever goes by the first byte.
fn hint_at_csv(error: ApiError) -> ApiError {
    match error {
        ApiError::JsonInvalid(what) => ApiError::JsonInvalid(format!(
            "{what}; if the body is CSV, send it with the content type text/csv"
        )),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn name(body: &[u8], form: Form) -> String {
        match Source::of(form, body) {
            Ok(Source::Csv(_)) => "csv".into(),
            Ok(Source::Records(_)) => "records".into(),
            Ok(Source::Columns { .. }) => "columns".into(),
            Ok(Source::Path(path)) => format!("path {path}"),
            Err(error) => error.kind().code.into(),
        }
    }

    #[test]
    fn a_body_without_a_type_is_told_by_its_first_byte() {
        for (body, wanted) in [
            ("a,b\n1,2\n", "csv"),
            (" \n[{}]", "records"),
            (r#"{"records":[]}"#, "records"),
            (r#"{"data":[],"columns":["a"],"index":[]}"#, "columns"),
            (r#""data/x.csv""#, "path data/x.csv"),
            (r#"{"path":"x.csv"}"#, "path x.csv"),
            ("", "no-rows"),
            (" \r\n", "no-rows"),
            (r#"{"rows":[]}"#, "json-invalid"),
            (r#"{"columns":["a"]}"#, "json-invalid"),
            (r#"{"records":[],"records":[]}"#, "json-invalid"),
            (r#"{"path":3}"#, "json-invalid"),
            (r#""unclosed"#, "json-invalid"),
            (r#""a" "b""#, "json-invalid"),
            (r#"{"records":[],"path":"x.csv"}"#, "ambiguous-input"),
            (
                r#"{"records":[],"columns":["a"],"data":[]}"#,
                "ambiguous-input",
            ),
        ] {
            assert_eq!(name(body.as_bytes(), Form::Unsaid), wanted, "{body}");
        }
    }

    #[test]
    fn a_declared_type_decides() {
        assert_eq!(name(br#""a","b""#, Form::Csv), "csv");
        assert_eq!(name(b"a,b", Form::Json), "json-invalid");
        assert_eq!(name(b"3", Form::Json), "json-invalid");
        assert_eq!(name(b"", Form::Json), "json-invalid");
        assert_eq!(name(b"a,b\n\xff,1", Form::Csv), "not-utf8");
    }

    #[test]
    fn content_types_are_mapped() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            Form::of(&headers).map_err(|error| error.kind().code)
        };
        assert_eq!(Form::of(&HeaderMap::new()).ok(), Some(Form::Unsaid));
        assert_eq!(of("text/csv; charset=utf-8"), Ok(Form::Csv));
        assert_eq!(of("Application/JSON"), Ok(Form::Json));
        assert_eq!(of("application/x-www-form-urlencoded"), Ok(Form::Unsaid));
        assert_eq!(of("application/xml"), Err("content-type"));
    }
}
