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

/// Defines the kinds, and [`ALL`] with all of them.
macro_rules! kinds {
    ($($name:ident = $status:literal, $code:literal: $title:literal, $remedy:literal;)*) => {
        $(pub(crate) static $name: Kind = Kind {
            status: $status,
            code: $code,
            title: $title,
            remedy: $remedy,
        };)*
        /// All kinds, by status.
        pub(crate) static ALL: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    JSON_INVALID = 400, "json-invalid": "The JSON cannot be used",
        "Send one of the forms of rows that the detail names; numbers must be finite.";
    NOT_UTF8 = 400, "not-utf8": "The body is not UTF-8",
        "Save the file as UTF-8.";
    GZIP_INVALID = 400, "gzip-invalid": "The compressed body cannot be read",
        "Send a complete gzip stream, or the body as it is.";
    AMBIGUOUS_INPUT = 400, "ambiguous-input": "The rows have more than one source",
        "Send only one of these: `records`, `columns` with `data`, or `path`.";
    UNKNOWN_PARAMETER = 400, "unknown-parameter": "The query has an unknown parameter",
        "Leave it out, or correct its name.";
    INVALID_PARAMETER = 400, "invalid-parameter": "A query parameter has no usable value",
        "Give it once, with a value that the detail allows.";
    BODY_INCOMPLETE = 400, "body-incomplete": "The body could not be read",
        "Send the whole body.";
    REQUEST_INVALID = 400, "request-invalid": "The request cannot be read",
        "Send valid HTTP/1.1 with one header Host.";
    KEY_MISSING = 401, "key-missing": "A key is needed",
        "Send it as Authorization: Bearer KEY, or as X-API-Key.";
    KEY_UNKNOWN = 401, "key-unknown": "The key is not known",
        "Ask the operator of the server for a key.";
    SCOPE_MISSING = 403, "scope-missing": "The key has another scope",
        "Use a key whose scope the detail names.";
    FOREIGN_ORIGIN = 403, "foreign-origin": "A page of another origin sent the request",
        "List its origin in api.allowed_origins, or send the request without a browser.";
    PATH_NOT_ALLOWED = 403, "path-not-allowed": "The file may not be read through the API",
        "Name a .csv file in a folder of api.data_roots, or send the rows themselves.";
    FILE_NOT_FOUND = 404, "file-not-found": "The file does not exist",
        "Correct the path; a relative path begins at the folder of the server's configuration.";
    NO_DATA = 404, "no-data": "There is no data to answer from",
        "Run the pipeline first, or see its log.";
    NOT_FOUND = 404, "not-found": "The address does not exist",
        "The page /docs lists the addresses that exist.";
    METHOD_NOT_ALLOWED = 405, "method-not-allowed": "The method is not allowed",
        "Use one of the methods in the detail; the header `Allow` lists them too.";
    NOT_ACCEPTABLE = 406, "not-acceptable": "There is no answer of that type",
        "Accept one of the types that the detail names.";
    HEAD_TIMEOUT = 408, "head-timeout": "The head of the request arrived too slowly",
        "Send the whole head at once.";
    BODY_TIMEOUT = 408, "body-timeout": "The body arrived too slowly",
        "Send it faster, or in parts.";
    BODY_TOO_LARGE = 413, "body-too-large": "The request or the page is too large",
        "Send the rows in parts. For a list, ask for fewer items with the parameter `limit`.";
    TOO_MANY_ROWS = 413, "too-many-rows": "There are too many rows",
        "Send the rows in parts.";
    TOO_MANY_COLUMNS = 413, "too-many-columns": "There are too many columns",
        "Send the columns that the model reads.";
    FIELD_TOO_LONG = 413, "field-too-long": "A field is too long",
        "Look for a quote that is never closed.";
    CONTENT_TYPE = 415, "content-type": "The content type is not supported",
        "Send text/csv or application/json, as UTF-8; the header Accept-Post lists both.";
    CONTENT_ENCODING = 415, "content-encoding": "The content encoding is not supported",
        "Send the body as it is, or compressed with gzip.";
    HOST = 421, "host": "The server is not known by that name",
        "Use one of the host names in api.allowed_hosts.";
    ROW_INVALID = 422, "row-invalid": "Rows cannot be read",
        "Fix the cells that the member `errors` lists.";
    MISSING_COLUMN = 422, "missing-column": "A column is missing",
        "Send all columns that the model reads; /v1/model lists them.";
    DUPLICATE_COLUMN = 422, "duplicate-column": "A column occurs twice",
        "Leave one of them out.";
    CSV_INVALID = 422, "csv-invalid": "The CSV cannot be used",
        "Send text with a header line, and with commas between the fields.";
    NO_ROWS = 422, "no-rows": "There are no rows",
        "Send at least one row below the header.";
    TOO_MANY_WRONG_KEYS = 429, "too-many-wrong-keys": "Too many wrong keys came from this address",
        "Wait a minute; a valid key is accepted at any time.";
    HEAD_TOO_LARGE = 431, "head-too-large": "The head of the request is too large",
        "Send fewer or shorter headers, and the rows in the body.";
    INTERNAL = 500, "internal": "The server failed",
        "Give the request id to the operator of the server.";
    CALL_LIST_DAMAGED = 500, "call-list-damaged": "The call list is damaged",
        "On the server, run `scoring --rank`, which rebuilds the list.";
    NO_MODEL = 503, "no-model": "There is no model",
        "Run the pipeline; the server loads the new model by itself.";
    OVERLOADED = 503, "overloaded": "The server is overloaded",
        "Try again after the seconds of Retry-After.";
}
