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

/// Formats by content type. Some types are sent by clients without being asked, so they count as
/// undeclared: curl declares a form, `fetch` plain text, and aiohttp plain text or bytes.
const FORMATS: [(&str, BodyFormat); 6] = [
    ("text/csv", BodyFormat::Csv),
    ("application/json", BodyFormat::Json),
    ("", BodyFormat::Undeclared),
    ("application/x-www-form-urlencoded", BodyFormat::Undeclared),
    ("text/plain", BodyFormat::Undeclared),
    ("application/octet-stream", BodyFormat::Undeclared),
];

/// Names of UTF-8, the only encoding of bodies, and of ASCII, which is a part of UTF-8.
const CHARSETS: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];

/// The byte order mark of UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

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
        let mut parts = value.as_bytes().split(|byte| *byte == b';');
        let essence = parts.next().unwrap_or_default().trim_ascii();
        let found = FORMATS
            .iter()
            .find(|(name, _)| essence.eq_ignore_ascii_case(name.as_bytes()));
        let Some((_, format)) = found else {
            let is_upload = essence.to_ascii_lowercase().starts_with(b"multipart/");
            return Err(match is_upload {
                true => ApiError::FormUpload,
                false => ApiError::ContentType(excerpt(value.as_bytes())),
            });
        };
        match parts.filter_map(charset).find(|name| !is_utf8(name)) {
            Some(other) => Err(ApiError::Charset(excerpt(other))),
            None => Ok(*format),
        }
    }

    /// True if a body with this beginning is CSV.
    pub(crate) fn is_csv(self, beginning: &[u8]) -> bool {
        let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
        let first = text.trim_ascii_start().first();
        match self {
            Self::Csv => true,
            Self::Json => false,
            Self::Undeclared => !matches!(first, Some(b'"' | b'{' | b'[')),
        }
    }
}

/// The value of a parameter of a content type, if it is the charset.
fn charset(parameter: &[u8]) -> Option<&[u8]> {
    let equals = parameter.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (parameter[..equals].trim_ascii(), &parameter[equals + 1..]);
    let value = value.trim_ascii();
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    name.eq_ignore_ascii_case(b"charset")
        .then_some(unquoted.unwrap_or(value))
}

fn is_utf8(charset: &[u8]) -> bool {
    let mut known = CHARSETS.iter();
    known.any(|known| charset.eq_ignore_ascii_case(known.as_bytes()))
}

impl<'a> Source<'a> {
    /// Finds the rows of a body.
    pub(crate) fn of(format: BodyFormat, body: &'a [u8]) -> Result<Self, ApiError> {
        let text =
            std::str::from_utf8(body).map_err(|error| ApiError::NotUtf8(error.valid_up_to()))?;
        if format.is_csv(body) {
            return match without_mark(text).trim_ascii_start() {
                "" => Err(ApiError::NoRows),
                _ => Ok(Self::Csv(text)),
            };
        }
        match format {
            BodyFormat::Undeclared => Self::of_json(without_mark(text)).map_err(hint_at_csv),
            _ => Self::of_json(without_mark(text)),
        }
    }

    fn of_json(text: &'a str) -> Result<Self, ApiError> {
        match text.trim_ascii_start().bytes().next() {
            Some(b'[') => Ok(Self::Records(json::Text::whole(text))),
            Some(b'"') => parse(text).map(Self::Path),
            Some(b'{') => Self::of_members(parse(text)?),
            _ => Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => ApiError::JsonInvalid(format!("the JSON contains no rows; {JSON_FORMS}")),
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
                "the object contains no rows; {JSON_FORMS}"
            ))),
            _ => Err(ApiError::AmbiguousInput(
                "more than one of records, columns with data, and path is given",
            )),
        }
    }
}

/// A text without its byte order mark. The reader of CSV removes the mark itself.
fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Adds a hint to an error of a text without a line end. `curl -d @FILE` removes the line ends.
pub(super) fn hint_at_line_ends(text: &str, error: ApiError) -> ApiError {
    let is_one_line = !text.trim_ascii().contains(['\n', '\r']);
    let is_explained = matches!(
        error,
        ApiError::NoRows
            | ApiError::MissingColumn { .. }
            | ApiError::DuplicateColumn(_)
            | ApiError::CsvInvalid(_)
    );
    if is_one_line && is_explained {
        ApiError::Hinted(
            Box::new(error),
            "the body is a single line; curl removes the line ends of a file with -d, and keeps them with --data-binary",
        )
    } else {
        error
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
            ("\u{feff}", "no-rows"),
            ("\u{feff}\n[{}]", "records"),
            ("\u{feff}\"data/x.csv\"", "path data/x.csv"),
            ("\u{feff}a,b\n1,2\n", "csv"),
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
        assert_eq!(name("\u{feff}[]".as_bytes(), BodyFormat::Json), "records");
        let twice = "\u{feff}\u{feff}[]".as_bytes();
        assert_eq!(name(twice, BodyFormat::Json), "json-invalid");
        assert_eq!(name(b"\xff\xfe[\0]\0", BodyFormat::Json), "not-utf8");
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
        for undeclared in [
            "application/x-www-form-urlencoded",
            "text/plain;charset=UTF-8",
            "Text/Plain; charset=utf-8",
            "application/octet-stream",
        ] {
            assert_eq!(of(undeclared), Ok(BodyFormat::Undeclared), "{undeclared}");
        }
        for utf8 in [
            "text/csv; header=present; Charset=\"UTF-8\"",
            "text/csv;charset = utf8",
            "text/csv;charset=us-ascii;",
        ] {
            assert_eq!(of(utf8), Ok(BodyFormat::Csv), "{utf8}");
        }
        for other in [
            "application/xml",
            "multipart/form-data; boundary=x",
            "text/csv; charset=iso-8859-1",
            "text/csv; charset=utf-8; charset=utf-16",
            "application/json; charset=\"windows-1252\"",
            "text/plain; charset=",
        ] {
            assert_eq!(of(other), Err("content-type"), "{other}");
        }
    }
}
