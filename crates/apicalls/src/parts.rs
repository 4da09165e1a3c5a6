//! The rows of a file, cut into requests that a server takes.

use common::config::LimitSettings;
use dataset::TestLines;

/// Bytes of a body at most, whatever the server takes: its answer is held in memory here.
const MAX_BODY_BYTES: u64 = 4 * 1024 * 1024;
/// What a server holds for a request is several times its body: the rows, and the answer.
const HELD_TIMES: u64 = 16;

/// The rows of one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The file that they are of.
    pub(crate) file: String,
    /// Which accepted rows of it these are, counted from 1, where there are others.
    pub(crate) span: Option<String>,
    /// How many there are.
    pub(crate) rows: usize,
    /// They as CSV with a header.
    pub(crate) body: Vec<u8>,
}

/// The requests that the rows of a file make, and how many rows no server takes by these limits.
pub(crate) fn parts(lines: &TestLines, limits: &LimitSettings) -> (Vec<Part>, usize) {
    let max_rows = usize::try_from(limits.rows).unwrap_or(usize::MAX);
    let max_bytes = limits
        .body_bytes
        .min(MAX_BODY_BYTES)
        .min(limits.in_flight_bytes / HELD_TIMES);
    let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let max_field = usize::try_from(limits.field_bytes).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut left_out = 0;
    // The rows of the next part: where they begin, how many they are, and their text.
    let (mut first, mut rows, mut body) = (0, 0, lines.header.clone());
    for row in 0..lines.rows() {
        let line = lines.lines(row..row + 1);
        let is_too_long = longest_field(line) > max_field
            || (lines.header.len() + line.len()) as u64 > limits.body_bytes;
        if is_too_long {
            left_out += 1;
            continue;
        }
        let is_full = rows == max_rows || body.len() + line.len() > max_bytes;
        if is_full && rows > 0 {
            parts.push((
                first..row,
                rows,
                std::mem::replace(&mut body, lines.header.clone()),
            ));
            (first, rows) = (row, 0);
        }
        body.extend_from_slice(line);
        rows += 1;
    }
    if rows > 0 {
        parts.push((first..lines.rows(), rows, body));
    }
    let are_several = parts.len() > 1;
    let part = |(span, rows, body): (std::ops::Range<usize>, usize, Vec<u8>)| Part {
        file: lines.file.clone(),
        span: are_several.then(|| format!("rows {} to {}", span.start + 1, span.end)),
        rows,
        body,
    };
    (parts.into_iter().map(part).collect(), left_out)
}

/// Bytes of the longest field of a line of ours, quotes included.
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
    use common::Schema;
    use common::config::InputFolder;

    use super::*;

    /// The rows of a file, of which the names are these.
    fn lines(names: &[&str]) -> TestLines {
        let folder = tempfile::tempdir().unwrap();
        let schema = Schema::default();
        let header: Vec<&str> = schema.columns().collect();
        let rows = names.iter().map(|name| format!("{name},1,2,3,0\n"));
        let text: String = std::iter::once(header.join(",") + "\n")
            .chain(rows)
            .collect();
        common::files::replace(&folder.path().join("t.csv"), text.as_bytes()).unwrap();
        let folder = InputFolder {
            name: "test".into(),
            path: folder.path().to_owned(),
            apart: Vec::new(),
        };
        let mut found = TestLines::default();
        dataset::each_test_lines(&folder, &schema, |lines| {
            found = lines;
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn rows_are_cut_into_requests_within_the_limits() {
        let all = lines(&["a", "b", "\"c,\n\"", "d", "e"]);
        let cut = |limits: &LimitSettings| {
            let (parts, left_out) = parts(&all, limits);
            assert_eq!(left_out, 0);
            parts
        };
        let whole = cut(&LimitSettings::default());
        assert_eq!(whole.len(), 1);
        assert_eq!((whole[0].rows, whole[0].span.as_deref()), (5, None));
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
            let parts = cut(&limits);
            let rows: Vec<usize> = parts.iter().map(|part| part.rows).collect();
            assert_eq!(rows, [2, 2, 1], "{limits:?}");
            assert_eq!(parts[1].span.as_deref(), Some("rows 3 to 4"));
            let sent: Vec<u8> = parts
                .iter()
                .flat_map(|part| part.body[all.header.len()..].to_vec())
                .collect();
            assert_eq!(sent, all.lines(0..5));
        }
    }

    #[test]
    fn rows_that_no_server_takes_are_left_out_and_counted() {
        let long = "x".repeat(200);
        let all = lines(&["a", &long, "b"]);
        let limits = LimitSettings {
            field_bytes: 100,
            ..LimitSettings::default()
        };
        let (parts, left_out) = parts(&all, &limits);
        assert_eq!((parts.len(), parts[0].rows, left_out), (1, 2, 1));
    }
}
