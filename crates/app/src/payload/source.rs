//! The source of a request's rows: the body as CSV or JSON, or a named file.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json;
use crate::error::ApiError;
use crate::problem::excerpt;

/// Format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    /// CSV with a header.
    Csv,
    /// JSON.
    Json,
    /// Undeclared; the first byte decides.
    Undeclared,
}

/// Formats by content type; the last one is curl's default.
const FORMS: [(&str, BodyFormat); 4] = [
    ("text/csv", BodyFormat::Csv),
    ("application/json", BodyFormat::Json),
    ("", BodyFormat::Undeclared),
    ("application/x-www-form-urlencoded", BodyFormat::Undeclared),
];

/// Exactly one source of rows.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    /// CSV with a header.
    Csv(&'a str),
    /// A JSON array of objects.
    Records(json::Text<'a>),
    /// Column names with a JSON array of arrays.
    Columns {
        /// A JSON array of the names.
        names: json::Text<'a>,
        /// The rows.
        data: json::Text<'a>,
    },
    /// A CSV file on the server.
    Path(String),
}

/// The members of a JSON object that can hold rows; others are ignored.
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

impl BodyFormat {
    /// The format that the content type declares.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(CONTENT_TYPE) else {
            return Ok(Self::Undeclared);
        };
        let essence = value.as_bytes().split(|byte| *byte == b';').next();
        let essence = essence.unwrap_or_default().trim_ascii();
        let found = FORMS
            .iter()
            .find(|(name, _)| essence.eq_ignore_ascii_case(name.as_bytes()));
        let refused = || ApiError::ContentType(excerpt(value.as_bytes()));
        found.map(|(_, format)| *format).ok_or_else(refused)
    }
}

impl BodyFormat {
    /// True if a body with this beginning is CSV.
    pub(crate) fn is_csv(self, beginning: &[u8]) -> bool {
        let first = beginning.trim_ascii_start().first();
        match self {
            Self::Csv => true,
            Self::Json => false,
            Self::Undeclared => !matches!(first, Some(b'"' | b'{' | b'[')),
        }
    }
}

impl<'a> Source<'a> {
    /// Finds the rows of a body.
    pub(crate) fn of(format: BodyFormat, body: &'a [u8]) -> Result<Self, ApiError> {
        let text =
            std::str::from_utf8(body).map_err(|error| ApiError::NotUtf8(error.valid_up_to()))?;
        match format {
            _ if format.is_csv(body) => match text.trim_ascii_start() {
                "" => Err(ApiError::NoRows),
                _ => Ok(Self::Csv(text)),
            },
            BodyFormat::Undeclared => Self::of_json(text).map_err(hint_at_csv),
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

/// Adds a hint to a JSON error: the first byte of a quoted CSV header looks like JSON.
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

    fn name(body: &[u8], format: BodyFormat) -> String {
        match Source::of(format, body) {
            Ok(Source::Csv(_)) => "csv".into(),
            Ok(Source::Records(_)) => "records".into(),
            Ok(Source::Columns { .. }) => "columns".into(),
            Ok(Source::Path(path)) => format!("path {path}"),
            Err(error) => error.kind().code.into(),
        }
    }

    #[test]
    fn the_first_byte_decides_the_format_of_a_body_without_content_type() {
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
            assert_eq!(
                name(body.as_bytes(), BodyFormat::Undeclared),
                wanted,
                "{body}"
            );
        }
    }

    #[test]
    fn a_declared_type_decides() {
        assert_eq!(name(br#""a","b""#, BodyFormat::Csv), "csv");
        assert_eq!(name(b"a,b", BodyFormat::Json), "json-invalid");
        assert_eq!(name(b"3", BodyFormat::Json), "json-invalid");
        assert_eq!(name(b"", BodyFormat::Json), "json-invalid");
        assert_eq!(name(b"a,b\n\xff,1", BodyFormat::Csv), "not-utf8");
    }

    #[test]
    fn content_types_are_mapped() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            BodyFormat::of(&headers).map_err(|error| error.kind().code)
        };
        assert_eq!(
            BodyFormat::of(&HeaderMap::new()).ok(),
            Some(BodyFormat::Undeclared)
        );
        assert_eq!(of("text/csv; charset=utf-8"), Ok(BodyFormat::Csv));
        assert_eq!(of("Application/JSON"), Ok(BodyFormat::Json));
        assert_eq!(
            of("application/x-www-form-urlencoded"),
            Ok(BodyFormat::Undeclared)
        );
        assert_eq!(of("application/xml"), Err("content-type"));
    }
}
