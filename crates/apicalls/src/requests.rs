//! Splits the rows of a file into requests within the server's limits.

use common::config::LimitSettings;
use dataset::TestLines;

/// Maximum size in bytes of a request body with several rows. The answer to a request is held in memory, so
/// this limit applies even if the server accepts larger bodies. A longer row is sent alone.
const MAX_BODY_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of memory that a server needs per byte of a request body, for the rows and the answer
/// together.
const MEMORY_PER_BODY_BYTE: u64 = 16;

/// The rows of one request for predictions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PredictionRequest {
    /// File of the rows.
    pub(crate) file: String,
    /// First row of the request, counted from 1 among the accepted rows of the file.
    pub(crate) first_row: usize,
    /// Last row of the request, counted in the same way.
    pub(crate) last_row: usize,
    /// Number of rows. Rows that are too long are not sent, so it can be lower than the range.
    pub(crate) n_rows: usize,
    /// The rows as CSV with a header.
    pub(crate) body: Vec<u8>,
}

/// Splits the rows of a file into requests. Also returns the number of rows that are too long for
/// any request.
pub(crate) fn split_into_requests(
    lines: &TestLines,
    limits: &LimitSettings,
) -> (Vec<PredictionRequest>, usize) {
    let max_rows = usize::try_from(limits.rows).unwrap_or(usize::MAX);
    let max_bytes = limits
        .body_bytes
        .min(MAX_BODY_BYTES)
        .min(limits.in_flight_bytes / MEMORY_PER_BODY_BYTE);
    let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let max_field = usize::try_from(limits.field_bytes).unwrap_or(usize::MAX);
    let mut requests: Vec<PredictionRequest> = Vec::new();
    let mut left_out = 0;
    for position in 0..lines.rows() {
        let line = lines.lines(position..position + 1);
        let is_too_long = longest_field(line) > max_field
            || (lines.header.len() + line.len()) as u64 > limits.body_bytes;
        if is_too_long {
            left_out += 1;
            continue;
        }
        let row = position + 1;
        let has_room = |request: &&mut PredictionRequest| {
            request.n_rows < max_rows && request.body.len() + line.len() <= max_bytes
        };
        if let Some(request) = requests.last_mut().filter(has_room) {
            request.body.extend_from_slice(line);
            request.last_row = row;
            request.n_rows += 1;
        } else {
            requests.push(PredictionRequest {
                file: lines.file.clone(),
                first_row: row,
                last_row: row,
                n_rows: 1,
                body: [lines.header.as_slice(), line].concat(),
            });
        }
    }
    (requests, left_out)
}

/// Bytes of the longest field of a line, including quotes. Works only for lines that this program wrote.
fn longest_field(line: &[u8]) -> usize {
    let (mut longest, mut length, mut is_quoted) = (0, 0, false);
    for byte in line {
        match byte {
            b',' if !is_quoted => {
                longest = longest.max(length);
                length = 0;
                continue;
            }
            b'"' => is_quoted = !is_quoted,
            _ => {}
        }
        length += 1;
    }
    longest.max(length)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use common::config::InputFolder;
    use common::{Config, Schema};

    use super::*;

    /// A file with one row per client name.
    fn lines(names: &[&str]) -> TestLines {
        let folder = tempfile::tempdir().unwrap();
        let schema = Schema::default();
        let header: Vec<&str> = schema.columns().collect();
        let rows = names.iter().map(|name| format!("{name},1,2,3,0\n"));
        let text: String = std::iter::once(header.join(",") + "\n")
            .chain(rows)
            .collect();
        common::files::replace(&folder.path().join("t.csv"), text.as_bytes()).unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out",
            "test_data_path":"test","output_model_path":"models","prod_deployment_path":"prod"}"#;
        let mut config = Config::parse(Path::new("/nowhere/config.json"), text).unwrap();
        config.test_folder = InputFolder {
            name: "test".into(),
            path: folder.path().to_owned(),
            excluded: Vec::new(),
        };
        let mut found = TestLines::default();
        dataset::for_each_test_file(&config, |lines| {
            found = lines;
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn rows_are_split_into_requests_within_the_limits() {
        let all = lines(&["a", "b", "\"c,\n\"", "d", "e"]);
        let cut = |limits: &LimitSettings| {
            let (requests, left_out) = split_into_requests(&all, limits);
            assert_eq!(left_out, 0);
            requests
        };
        let whole = cut(&LimitSettings::default());
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0].n_rows, 5);
        assert_eq!(whole[0].file, "test/t.csv");
        for limits in [
            LimitSettings {
                rows: 2,
                ..LimitSettings::default()
            },
            LimitSettings {
                in_flight_bytes: 16 * (all.header.len() as u64 + 25),
                ..LimitSettings::default()
            },
        ] {
            let requests = cut(&limits);
            let rows: Vec<usize> = requests.iter().map(|request| request.n_rows).collect();
            assert_eq!(rows, [2, 2, 1], "{limits:?}");
            assert_eq!((requests[1].first_row, requests[1].last_row), (3, 4));
            let sent: Vec<u8> = requests
                .iter()
                .flat_map(|request| request.body[all.header.len()..].to_vec())
                .collect();
            assert_eq!(sent, all.lines(0..5));
        }
    }

    #[test]
    fn rows_too_long_for_any_request_are_left_out_and_counted() {
        let long = "x".repeat(200);
        let all = lines(&["a", &long, "b"]);
        let limits = LimitSettings {
            field_bytes: 100,
            ..LimitSettings::default()
        };
        let (requests, left_out) = split_into_requests(&all, &limits);
        assert_eq!((requests.len(), requests[0].n_rows, left_out), (1, 2, 1));
    }
}
