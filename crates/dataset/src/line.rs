//! Writes CSV: with commas, and with quotes only around fields that need them.

use std::borrow::Cow;

use memchr::{memchr_iter, memchr3};

/// Appends a record, with quotes around fields that need them.
pub(crate) fn push_line<T: AsRef<[u8]>>(line: &mut Vec<u8>, fields: impl IntoIterator<Item = T>) {
    let start = line.len();
    let mut n_fields = 0;
    for field in fields {
        if n_fields > 0 {
            line.push(b',');
        }
        push_field(line, field.as_ref());
        n_fields += 1;
    }
    if n_fields == 1 && line.len() == start {
        // A line without the quotes would count as empty.
        line.extend_from_slice(b"\"\"");
    }
    line.push(b'\n');
}

/// Appends a record of several fields. None of them may need quotes.
pub(crate) fn push_plain_line<'a>(line: &mut Vec<u8>, fields: impl Iterator<Item = &'a [u8]>) {
    for field in fields {
        line.extend_from_slice(field);
        line.push(b',');
    }
    if let Some(last) = line.last_mut() {
        *last = b'\n';
    }
}

/// Appends a record with another separator, with quotes around fields that need them.
pub(crate) fn push_quoted<'a>(
    line: &mut Vec<u8>,
    fields: impl Iterator<Item = &'a [u8]>,
    separator: u8,
) {
    for (position, field) in fields.enumerate() {
        if position > 0 {
            line.push(separator);
        }
        push_field_between(line, field, separator);
    }
    line.push(b'\n');
}

/// Appends a field, quoted if it holds a comma, a quote or a line break.
pub fn push_field(line: &mut Vec<u8>, field: &[u8]) {
    push_field_between(line, field, b',');
}

/// Characters that start a formula in a spreadsheet.
const FORMULA_BEGINNINGS: [u8; 7] = *b"=+-@\t\r\n";

/// Appends a text from outside so that no spreadsheet evaluates it. A text that looks like a
/// formula gets an apostrophe in front.
pub fn push_text(line: &mut Vec<u8>, text: &[u8]) {
    match text {
        [first, ..] if FORMULA_BEGINNINGS.contains(first) => {
            push_field(line, &[b"'", text].concat());
        }
        _ => push_field(line, text),
    }
}

/// A text from outside as a cell that no spreadsheet evaluates. A text that looks like a formula or
/// begins with an apostrophe gets an apostrophe in front. [`unguarded`] removes this apostrophe.
pub fn guarded(text: &str) -> Cow<'_, str> {
    match text.as_bytes().first() {
        Some(first) if *first == b'\'' || FORMULA_BEGINNINGS.contains(first) => {
            format!("'{text}").into()
        }
        _ => text.into(),
    }
}

/// The original text of a cell that [`guarded`] made.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

/// The shortest text that is read as this finite number again.
pub fn shortest(number: f64) -> String {
    if number == 0.0 {
        "0".into()
    } else if (1e-5..1e16).contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// The first field of a record, without its quotes.
pub(crate) fn first_field(line: &[u8]) -> Vec<u8> {
    let Some(quoted) = line.strip_prefix(b"\"") else {
        let end = line.iter().position(|byte| matches!(byte, b',' | b'\n'));
        return line[..end.unwrap_or(line.len())].to_vec();
    };
    let mut field = Vec::new();
    let mut rest = quoted.iter().peekable();
    while let Some(byte) = rest.next() {
        // Two quotes in a row stand for one quote. A single quote ends the field.
        if *byte == b'"' && rest.next_if(|next| **next == b'"').is_none() {
            break;
        }
        field.push(*byte);
    }
    field
}

fn push_field_between(line: &mut Vec<u8>, field: &[u8], separator: u8) {
    let is_plain = memchr3(separator, b'"', b'\n', field).is_none() && !field.contains(&b'\r');
    if is_plain {
        line.extend_from_slice(field);
        return;
    }
    line.push(b'"');
    let mut written = 0;
    for quote in memchr_iter(b'"', field) {
        line.extend_from_slice(&field[written..=quote]);
        line.push(b'"');
        written = quote + 1;
    }
    line.extend_from_slice(&field[written..]);
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_looks_like_a_formula_is_escaped() {
        for (text, wanted) in [
            ("Calm Co", "Calm Co"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            (
                "=HYPERLINK(\"x\",\"y\")",
                "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"",
            ),
        ] {
            let mut line = Vec::new();
            push_text(&mut line, text.as_bytes());
            assert_eq!(String::from_utf8(line).unwrap(), wanted);
        }
    }

    #[test]
    fn a_guarded_text_is_no_formula_and_can_be_read_back() {
        for text in [
            "", "a", "=1", "+1", "-1", "@x", "\tx", "\rx", "'x", "''", "'=1",
        ] {
            let cell = guarded(text);
            let first = cell.as_bytes().first();
            let is_formula = first.is_some_and(|first| FORMULA_BEGINNINGS.contains(first));
            assert!(!is_formula, "{cell}");
            assert_eq!(unguarded(&cell), text);
        }
    }

    proptest! {
        #[test]
        fn a_number_is_read_back(number in proptest::num::f64::NORMAL) {
            prop_assert_eq!(shortest(number).parse(), Ok(number));
        }

        #[test]
        fn the_first_field_of_a_line_is_read_back(
            fields in proptest::collection::vec("[a,\"\r\n\t ü]{0,6}", 1..5)
        ) {
            let mut line = Vec::new();
            push_line(&mut line, &fields);
            prop_assert_eq!(first_field(&line), fields[0].as_bytes());
        }

        #[test]
        fn lines_are_those_of_the_csv_library(
            fields in proptest::collection::vec("[a,\"\r\n\t ü]{0,6}", 1..5)
        ) {
            let mut line = Vec::new();
            push_line(&mut line, &fields);
            let mut library = csv::Writer::from_writer(Vec::new());
            library.write_record(&fields).unwrap();
            prop_assert_eq!(line, library.into_inner().unwrap());
        }

        #[test]
        fn plain_lines_are_lines(fields in proptest::collection::vec("[a \t ü]{0,6}", 2..5)) {
            let (mut line, mut plain) = (b"x\n".to_vec(), b"x\n".to_vec());
            push_line(&mut line, &fields);
            push_plain_line(&mut plain, fields.iter().map(String::as_bytes));
            prop_assert_eq!(line, plain);
        }
    }
}
