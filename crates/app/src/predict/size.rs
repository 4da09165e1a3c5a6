//! Size of an answer, computed before the answer is made.
//!
//! The size is never too small: an underestimate would take memory from other requests. Numbers are
//! counted at their longest; texts are counted as written.

use model::Model;

use super::options::Options;
use crate::accept::Media;
use crate::payload::{Ids, RequestRows};

/// Upper limit for a number with its separator.
const NUMBER_BYTES: usize = 25;
/// Upper limit for everything except the rows: member names, numbers, and the ids of release and
/// request.
const FRAME_BYTES: usize = 640;

/// Upper limit of the bytes of an answer, including the values computed before it is written.
pub(crate) fn answer_bytes(
    model: &Model,
    rows: &RequestRows,
    options: Options,
    media: Media,
    release: &str,
) -> usize {
    let all_rows = |bytes: usize| rows.len().saturating_mul(bytes);
    match media {
        Media::Text => all_rows("0\n".len()),
        Media::Csv => {
            let cells = NUMBER_BYTES + ",0\n".len();
            let (header, explanation) = match options.explain {
                true => explanation_columns_bytes(model),
                false => (0, 0),
            };
            FRAME_BYTES + header + csv_bytes(&rows.ids) + all_rows(cells + explanation)
        }
        _ => {
            let computed = size_of::<f64>() + size_of::<u8>();
            let cells = NUMBER_BYTES + "0,".len() + "\"\",".len() + computed;
            let explanation = match options.explain {
                true => explanation_bytes(model),
                false => 0,
            };
            let frame = FRAME_BYTES + json_bytes(release);
            frame + json_bytes(rows.ids.text()) + all_rows(cells + explanation)
        }
    }
}

/// Upper limit for one row's explanation.
fn explanation_bytes(model: &Model) -> usize {
    let names = model.contribution_names();
    let number = |name: &String| json_bytes(name) + "\"\":".len() + NUMBER_BYTES;
    let frame = r#"{"unit":"log-odds","base":,"contributions":{},"base_probability":,"probability_changes":{}},"#;
    2 * names.iter().map(number).sum::<usize>() + frame.len() + 2 * NUMBER_BYTES
}

/// Upper limits for the columns of explanations in CSV: those of the header, and those of one row.
fn explanation_columns_bytes(model: &Model) -> (usize, usize) {
    let names = model.contribution_names();
    let column = |name: &String| 2 * name.len() + ",\"'\"_probability_change".len();
    let header = 2 * names.iter().map(column).sum::<usize>();
    (header, (2 * names.len() + 2) * NUMBER_BYTES)
}

/// Bytes of a text within a JSON string.
fn json_bytes(text: &str) -> usize {
    let bytes = text.as_bytes();
    let controls = count(bytes, |byte| byte < b' ');
    let escaped = count(bytes, |byte| matches!(byte, b'"' | b'\\'));
    // Control characters are written as `\u0001`, except for the few with a letter of their own.
    let lettered = match controls {
        0 => 0,
        _ => count(bytes, |byte| {
            matches!(byte, b'\n' | b'\r' | b'\t' | b'\x08' | b'\x0C')
        }),
    };
    bytes.len() + escaped + 5 * controls - 4 * lettered
}

/// Upper limit for all names as CSV: each may be quoted, with an apostrophe, and quotes are
/// doubled.
fn csv_bytes(ids: &Ids) -> usize {
    let text = ids.text().as_bytes();
    text.len() + count(text, |byte| byte == b'"') + ids.len() * "\"'\"".len()
}

/// Number of bytes that satisfy `is_counted`. Blocks are small enough for counts of one byte, which
/// processors add many at a time.
fn count(bytes: &[u8], is_counted: impl Fn(u8) -> bool) -> usize {
    let in_block = |block: &[u8]| {
        block
            .iter()
            .map(|byte| u8::from(is_counted(*byte)))
            .sum::<u8>()
    };
    let blocks = bytes.chunks(usize::from(u8::MAX));
    blocks.map(|block| usize::from(in_block(block))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_counted_as_it_is_written() {
        let all: String = (0..=0x2FF).filter_map(char::from_u32).collect();
        let controls = "\u{1}".repeat(1000);
        for text in ["", "plain", "\n\t\r\u{8}\u{c}", "\"\\/", "東\u{7f}\u{2028}"]
            .into_iter()
            .chain([all.as_str(), &controls])
        {
            let written = serde_json::to_string(text).unwrap();
            assert_eq!(json_bytes(text) + "\"\"".len(), written.len(), "{text:?}");
        }
    }
}
