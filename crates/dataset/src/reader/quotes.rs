//! Quoted fields: where they open and close by the rules of the CSV parser, which file is rejected
//! for one that never closes, and which field is suspiciously long.
//!
//! A stray quote makes one field of all that follows, and the parser takes that without a word.

use memchr::{memchr, memchr2_iter};

use super::blocks::Marks;
use super::lines::line_breaks;
use super::record::Record;

/// A field over more lines is a warning: it probably swallows rows.
const MAX_FIELD_LINES: u64 = 100;
/// So is a field of more bytes.
const MAX_FIELD_BYTES: usize = 64 * 1024;
/// Long fields of a file that are named one by one.
const MAX_NAMED_FIELDS: usize = 5;

/// The states of the CSV parser that matter for where a field or record ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scan {
    /// A field or record begins.
    #[default]
    FieldStart,
    /// In a field without quotes, where a quote is a character like any other.
    Unquoted,
    /// In a quoted field.
    Quoted,
    /// Behind a quote in a quoted field: it ended the field, or is the first of two.
    QuoteInQuoted,
}

/// What a scan of some bytes came to.
pub(super) struct Scanned {
    /// Where the last record ends for certain; 0 when none does.
    pub(super) end: usize,
    /// Where the quote stands that is open at the end of the bytes.
    pub(super) open_quote: Option<usize>,
}

impl Scan {
    /// The state after one more byte.
    pub(super) fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::FieldStart | Self::QuoteInQuoted, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::QuoteInQuoted,
            (Self::Quoted, _) => Self::Quoted,
            (_, b',' | b'\n' | b'\r') => Self::FieldStart,
            _ => Self::Unquoted,
        }
    }
}

/// Scans bytes that begin with a record.
pub(super) fn scan(bytes: &[u8]) -> Scanned {
    let mut state = Scan::default();
    let (mut end, mut quote, mut at) = (0, 0, 0);
    while at < bytes.len() {
        if state == Scan::Quoted {
            // Long texts are passed over at once.
            match memchr(b'"', &bytes[at..]) {
                Some(ahead) => at += ahead,
                None => break,
            }
        }
        let byte = bytes[at];
        let next = state.after(byte);
        if state == Scan::FieldStart && next == Scan::Quoted {
            quote = at;
        }
        at += 1;
        let ends_record = state != Scan::Quoted
            && match byte {
                b'\n' => true,
                // One that a line feed follows, or may follow, ends its line there.
                b'\r' => bytes.get(at).is_some_and(|next| *next != b'\n'),
                _ => false,
            };
        if ends_record {
            end = at;
        }
        state = next;
    }
    Scanned {
        end,
        open_quote: (state == Scan::Quoted).then_some(quote),
    }
}

/// Why a file is rejected whose quote in this line is never closed.
pub(crate) fn never_closed(line: u64) -> String {
    format!("the quote that opens in line {line} is never closed: close it, or remove it")
}

/// Why a file is rejected that has a record beyond the longest; the quote in it, where one is open,
/// opens in `quote`.
pub(crate) fn too_long(line: u64, quote: Option<u64>) -> String {
    let longest = super::bulk::length_of_longest();
    match quote {
        Some(quote) => format!(
            "the quote that opens in line {quote} is not closed within {longest}: close it, or remove it"
        ),
        None => format!("the record in line {line} is longer than {longest}, so it is no client"),
    }
}

/// Why a header is none where a stray quote has made one name of it and the rows behind it.
pub(crate) fn long_name<'a>(names: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut long = LongFields::default();
    long.look_at_fields(names, 1);
    let sentence = long.sentences().into_iter().next()?;
    Some(format!("the header cannot be used: {sentence}"))
}

/// Fields that are suspiciously long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LongFields {
    /// The first ones.
    named: Vec<LongField>,
    total: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LongField {
    /// Line that it begins in.
    opens: u64,
    /// Line that it ends in.
    closes: u64,
    bytes: usize,
}

impl LongFields {
    /// Whether one can be in a record of this text; a plain one has no line break in it.
    pub(crate) fn can_be_in(text: &[u8], marks: Marks) -> bool {
        let has_many_breaks = || {
            let mut breaks = memchr2_iter(b'\n', b'\r', text);
            breaks.nth(MAX_FIELD_LINES as usize - 1).is_some()
        };
        text.len() > MAX_FIELD_BYTES || (marks != Marks::Plain && has_many_breaks())
    }

    /// Looks for them in the record that begins in a line.
    pub(super) fn look_into(&mut self, record: Record<'_>, line: u64, marks: Marks) {
        if Self::can_be_in(record.text(), marks) {
            self.look_at_fields(record.iter(), line);
        }
    }

    /// Looks for them among the fields of a record that begins in a line.
    pub(crate) fn look_at_fields<'a>(&mut self, fields: impl Iterator<Item = &'a [u8]>, line: u64) {
        let mut opens = line;
        for field in fields {
            let closes = opens + line_breaks(field);
            if closes - opens >= MAX_FIELD_LINES || field.len() > MAX_FIELD_BYTES {
                self.add(LongField {
                    opens,
                    closes,
                    bytes: field.len(),
                });
            }
            opens = closes;
        }
    }

    /// Adds those of the text that begins behind so many lines.
    pub(crate) fn join(&mut self, later: &Self, lines: u64) {
        let unnamed = later.total - later.named.len() as u64;
        for field in &later.named {
            self.add(LongField {
                opens: field.opens + lines,
                closes: field.closes + lines,
                bytes: field.bytes,
            });
        }
        self.total += unnamed;
    }

    /// One sentence for each that is named, and one for the others.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> = self.named.iter().map(LongField::sentence).collect();
        match self.total - self.named.len() as u64 {
            0 => {}
            more => sentences.push(format!("{more} more fields are as long")),
        }
        sentences
    }

    fn add(&mut self, field: LongField) {
        if self.named.len() < MAX_NAMED_FIELDS {
            self.named.push(field);
        }
        self.total += 1;
    }

    /// Forgets them, but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.named.clear();
        self.total = 0;
    }
}

impl LongField {
    fn sentence(&self) -> String {
        let Self {
            opens,
            closes,
            bytes,
        } = self;
        let lines = closes - opens + 1;
        format!(
            "a field opens in line {opens} and closes in line {closes} ({lines} lines, {bytes} bytes): look for a stray quote in these two lines"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quote_that_is_open_at_the_end_is_found() {
        for (text, open_quote) in [
            ("a,b\n", None),
            ("a,\"b\n", Some(2)),
            ("a,\"b\"\n", None),
            ("a,\"b\"\"", Some(2)),
            ("a,\"b\"", None),
            ("a,b\"\n", None),
            ("\"a\nb\"x,\"c", Some(7)),
        ] {
            assert_eq!(scan(text.as_bytes()).open_quote, open_quote, "{text:?}");
        }
    }

    #[test]
    fn a_field_of_many_lines_or_bytes_is_named_with_both_lines() {
        let found = |fields: &[&str]| {
            let mut long = LongFields::default();
            long.look_at_fields(fields.iter().map(|field| field.as_bytes()), 7);
            long.sentences()
        };
        let (most, more) = ("x\r\n".repeat(99), "x\n".repeat(100));
        assert_eq!(found(&["a", &most, "b"]), [""; 0]);
        let said = found(&["\n", &more, "b"]);
        assert!(
            said[0].starts_with("a field opens in line 8 and closes in line 108 (101 lines"),
            "{said:?}"
        );
        let long = "x".repeat(MAX_FIELD_BYTES + 1);
        let said = found(&["a", &long]);
        assert!(
            said[0].contains("opens in line 7 and closes in line 7"),
            "{said:?}"
        );
        assert_eq!(found(&[&long[1..]]), [""; 0]);
    }

    #[test]
    fn of_many_long_fields_the_first_are_named_and_the_others_counted() {
        let mut long = LongFields::default();
        let field = "\n".repeat(200);
        long.look_at_fields(std::iter::repeat_n(field.as_bytes(), 8), 1);
        let mut all = LongFields::default();
        all.join(&long, 1000);
        all.join(&long, 9000);
        let said = all.sentences();
        assert_eq!(said.len(), MAX_NAMED_FIELDS + 1);
        assert!(said[0].contains("line 1001 "), "{said:?}");
        assert!(said[5].starts_with("11 more"), "{said:?}");
    }
}
