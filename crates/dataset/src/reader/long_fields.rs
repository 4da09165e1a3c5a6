//! Fields that span many lines or bytes, and quotes that are never closed.
//!
//! A stray quote turns everything up to the next quote into one field, which is valid CSV.

use crate::tokenizer::{Limits, Record, line_breaks};

/// A field with at least this many line breaks causes a warning, because it probably contains rows.
const MAX_FIELD_LINES: u64 = 100;
/// Maximum bytes of a field without a warning.
const MAX_FIELD_BYTES: usize = 64 * 1024;
/// Maximum number of long fields that are described one by one.
const MAX_NAMED_FIELDS: usize = 5;

/// The reason to reject a file: the quote that opens in this line is never closed.
pub(crate) fn never_closed(line: u64) -> String {
    format!("the quote that opens in line {line} is never closed: close it, or remove it")
}

/// The reason to reject a file: the record in this line is too long. `quote` is the line of a quote
/// in it that is still open; `None` if there is none.
pub(crate) fn too_long(line: u64, quote: Option<u64>) -> String {
    let longest = format!("{} MiB", Limits::default().record_bytes / 1024 / 1024);
    match quote {
        Some(quote) => format!(
            "the quote that opens in line {quote} is not closed within {longest}: close it, or remove it"
        ),
        None => format!("the record in line {line} is longer than {longest}, so it is no client"),
    }
}

/// The reason why a header with a long field is unusable: a stray quote joined the header with rows.
/// `None` if its fields are short. `lines` is the number of line breaks before the header's block.
pub(crate) fn long_name(header: Record<'_>, lines: u64) -> Option<String> {
    let mut long = LongFields::default();
    long.look_into(header, lines + header.line() + 1);
    let sentence = long.sentences().into_iter().next()?;
    Some(format!("the header cannot be used: {sentence}"))
}

/// Fields that are suspiciously long, and rows that span lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LongFields {
    /// The first of these fields, at most [`MAX_NAMED_FIELDS`].
    named: Vec<LongField>,
    total: u64,
    /// Number of records that span several lines, and the first line of the first one.
    spanning: Option<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LongField {
    /// Line in which the field begins.
    opens: u64,
    /// Line in which the field ends.
    closes: u64,
    bytes: usize,
}

impl LongFields {
    /// Looks for long fields in the record that begins in this line.
    #[inline]
    pub(crate) fn look_into(&mut self, record: Record<'_>, line: u64) {
        if record.breaks() > 0 || record.written_bytes() > MAX_FIELD_BYTES {
            self.look_closely(record, line);
        }
    }

    #[cold]
    fn look_closely(&mut self, record: Record<'_>, line: u64) {
        if record.breaks() > 0 {
            self.spanning.get_or_insert((0, line)).0 += 1;
        }
        if record.breaks() >= MAX_FIELD_LINES || record.written_bytes() > MAX_FIELD_BYTES {
            self.look_at_fields(record.iter(), line);
        }
    }

    /// Looks for long fields among the fields of a record that begins in this line.
    fn look_at_fields<'a>(&mut self, fields: impl Iterator<Item = &'a [u8]>, line: u64) {
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

    /// Adds the long fields of later text. `lines` is the number of line breaks before it.
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
        if let Some((records, line)) = later.spanning {
            self.spanning.get_or_insert((0, line + lines)).0 += records;
        }
    }

    /// A sentence about the records that span several lines; a stray quote can be the cause. `None`
    /// if there are none.
    pub(crate) fn note(&self) -> Option<String> {
        let (records, line) = self.spanning?;
        Some(match records {
            1 => format!("the row in line {line} spans several lines"),
            _ => format!("{records} rows span several lines, the first one begins in line {line}"),
        })
    }

    /// One sentence for each field in `named`, and one about all other long fields.
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

    /// Removes all fields and keeps the allocated memory.
    pub(super) fn clear(&mut self) {
        self.named.clear();
        self.total = 0;
        self.spanning = None;
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
