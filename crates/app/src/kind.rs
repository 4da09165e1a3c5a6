//! The kinds of problem that the API documentation lists.
//!
//! The code of a kind identifies it for programs and never changes its meaning.

/// One kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) status: u16,
    /// Identifies the problem for programs.
    pub(crate) code: &'static str,
    /// Name of the problem for people.
    pub(crate) title: &'static str,
    /// Advice for the client.
    pub(crate) remedy: &'static str,
}

const fn kind(status: u16, code: &'static str, title: &'static str, remedy: &'static str) -> Kind {
    Kind {
        status,
        code,
        title,
        remedy,
    }
}

pub(crate) static JSON_INVALID: Kind = kind(
    400,
    "json-invalid",
    "The JSON cannot be used",
    "Send one of the forms of rows that the detail names; numbers must be finite.",
);
pub(crate) static NOT_UTF8: Kind = kind(
    400,
    "not-utf8",
    "The body is not UTF-8",
    "Save the file as UTF-8.",
);
pub(crate) static GZIP_INVALID: Kind = kind(
    400,
    "gzip-invalid",
    "The compressed body cannot be read",
    "Send a complete gzip stream, or the body as it is.",
);
pub(crate) static AMBIGUOUS_INPUT: Kind = kind(
    400,
    "ambiguous-input",
    "The rows have more than one source",
    "Send records, or columns with data, or a path.",
);
pub(crate) static UNKNOWN_PARAMETER: Kind = kind(
    400,
    "unknown-parameter",
    "The query has an unknown parameter",
    "Leave it out, or correct its name.",
);
pub(crate) static INVALID_PARAMETER: Kind = kind(
    400,
    "invalid-parameter",
    "A query parameter has no usable value",
    "Give it once, with a value that the detail allows.",
);
pub(crate) static BODY_INCOMPLETE: Kind = kind(
    400,
    "body-incomplete",
    "The body could not be read",
    "Send the whole body.",
);
pub(crate) static REQUEST_INVALID: Kind = kind(
    400,
    "request-invalid",
    "The request cannot be read",
    "Send valid HTTP/1.1 with one header Host.",
);
pub(crate) static KEY_MISSING: Kind = kind(
    401,
    "key-missing",
    "A key is needed",
    "Send it as Authorization: Bearer KEY, or as X-API-Key.",
);
pub(crate) static KEY_UNKNOWN: Kind = kind(
    401,
    "key-unknown",
    "The key is not known",
    "Ask the operator of the server for a key.",
);
pub(crate) static SCOPE_MISSING: Kind = kind(
    403,
    "scope-missing",
    "The key has another scope",
    "Use a key whose scope the detail names.",
);
pub(crate) static FOREIGN_ORIGIN: Kind = kind(
    403,
    "foreign-origin",
    "A page of another origin sent the request",
    "List its origin in api.allowed_origins, or send the request without a browser.",
);
pub(crate) static PATH_NOT_ALLOWED: Kind = kind(
    403,
    "path-not-allowed",
    "The file may not be read through the API",
    "Name a .csv file in a folder that the server opens, or send the rows themselves.",
);
pub(crate) static FILE_NOT_FOUND: Kind = kind(
    404,
    "file-not-found",
    "The file does not exist",
    "Correct the path; a relative path begins at the folder of the server's configuration.",
);
pub(crate) static NO_DATA: Kind = kind(
    404,
    "no-data",
    "There is no data to answer from",
    "Run the pipeline first, or see its log.",
);
pub(crate) static NOT_FOUND: Kind = kind(
    404,
    "not-found",
    "The address does not exist",
    "The page /docs lists the addresses that exist.",
);
pub(crate) static METHOD_NOT_ALLOWED: Kind = kind(
    405,
    "method-not-allowed",
    "The method is not allowed",
    "Use one of the methods that the detail and the header Allow list.",
);
pub(crate) static NOT_ACCEPTABLE: Kind = kind(
    406,
    "not-acceptable",
    "There is no answer of that type",
    "Accept one of the types that the detail names.",
);
pub(crate) static HEAD_TIMEOUT: Kind = kind(
    408,
    "head-timeout",
    "The head of the request arrived too slowly",
    "Send the whole head at once.",
);
pub(crate) static BODY_TIMEOUT: Kind = kind(
    408,
    "body-timeout",
    "The body arrived too slowly",
    "Send it faster, or in parts.",
);
pub(crate) static BODY_TOO_LARGE: Kind = kind(
    413,
    "body-too-large",
    "The request or the page is too large",
    "Send the rows in parts; ask a list for fewer items (limit).",
);
pub(crate) static TOO_MANY_ROWS: Kind = kind(
    413,
    "too-many-rows",
    "There are too many rows",
    "Send the rows in parts.",
);
pub(crate) static TOO_MANY_COLUMNS: Kind = kind(
    413,
    "too-many-columns",
    "There are too many columns",
    "Send the columns that the model reads.",
);
pub(crate) static FIELD_TOO_LONG: Kind = kind(
    413,
    "field-too-long",
    "A field is too long",
    "Look for a quote that is never closed.",
);
pub(crate) static CONTENT_TYPE: Kind = kind(
    415,
    "content-type",
    "The content type is not supported",
    "Send text/csv or application/json, as UTF-8; the header Accept-Post lists both.",
);
pub(crate) static CONTENT_ENCODING: Kind = kind(
    415,
    "content-encoding",
    "The content encoding is not supported",
    "Send the body as it is, or compressed with gzip.",
);
pub(crate) static HOST: Kind = kind(
    421,
    "host",
    "The server is not known by that name",
    "Use one of the host names in api.allowed_hosts.",
);
pub(crate) static ROW_INVALID: Kind = kind(
    422,
    "row-invalid",
    "Rows cannot be read",
    "Fix the cells that errors lists.",
);
pub(crate) static MISSING_COLUMN: Kind = kind(
    422,
    "missing-column",
    "A column is missing",
    "Send all columns that the model reads; /v1/model lists them.",
);
pub(crate) static DUPLICATE_COLUMN: Kind = kind(
    422,
    "duplicate-column",
    "A column occurs twice",
    "Leave one of them out.",
);
pub(crate) static CSV_INVALID: Kind = kind(
    422,
    "csv-invalid",
    "The CSV cannot be used",
    "Send text with a header line, and with commas between the fields.",
);
pub(crate) static NO_ROWS: Kind = kind(
    422,
    "no-rows",
    "There are no rows",
    "Send at least one row below the header.",
);
pub(crate) static TOO_MANY_WRONG_KEYS: Kind = kind(
    429,
    "too-many-wrong-keys",
    "Too many wrong keys came from this address",
    "Wait a minute; a valid key is accepted at any time.",
);
pub(crate) static HEAD_TOO_LARGE: Kind = kind(
    431,
    "head-too-large",
    "The head of the request is too large",
    "Send fewer or shorter headers, and the rows in the body.",
);
pub(crate) static INTERNAL: Kind = kind(
    500,
    "internal",
    "The server failed",
    "Give the request id to the operator of the server.",
);
pub(crate) static CALL_LIST_DAMAGED: Kind = kind(
    500,
    "call-list-damaged",
    "The call list is damaged",
    "On the server, run `scoring --rank`, which rebuilds the list.",
);
pub(crate) static NO_MODEL: Kind = kind(
    503,
    "no-model",
    "There is no model",
    "Run the pipeline; the server loads the new model by itself.",
);
pub(crate) static OVERLOADED: Kind = kind(
    503,
    "overloaded",
    "The server is overloaded",
    "Try again after the seconds of Retry-After.",
);
/// All kinds, by status.
pub(crate) static ALL: [&Kind; 38] = [
    &JSON_INVALID,
    &NOT_UTF8,
    &GZIP_INVALID,
    &AMBIGUOUS_INPUT,
    &UNKNOWN_PARAMETER,
    &INVALID_PARAMETER,
    &BODY_INCOMPLETE,
    &REQUEST_INVALID,
    &KEY_MISSING,
    &KEY_UNKNOWN,
    &SCOPE_MISSING,
    &FOREIGN_ORIGIN,
    &PATH_NOT_ALLOWED,
    &FILE_NOT_FOUND,
    &NO_DATA,
    &NOT_FOUND,
    &METHOD_NOT_ALLOWED,
    &NOT_ACCEPTABLE,
    &HEAD_TIMEOUT,
    &BODY_TIMEOUT,
    &BODY_TOO_LARGE,
    &TOO_MANY_ROWS,
    &TOO_MANY_COLUMNS,
    &FIELD_TOO_LONG,
    &CONTENT_TYPE,
    &CONTENT_ENCODING,
    &HOST,
    &ROW_INVALID,
    &MISSING_COLUMN,
    &DUPLICATE_COLUMN,
    &CSV_INVALID,
    &NO_ROWS,
    &TOO_MANY_WRONG_KEYS,
    &HEAD_TOO_LARGE,
    &INTERNAL,
    &CALL_LIST_DAMAGED,
    &NO_MODEL,
    &OVERLOADED,
];
