//! The separator of a foreign text, found in its first records.

use super::format::{Dialect, Format, Limits, SEPARATORS};
use super::records::Tokenizer;

/// Number of records that decide, the header included.
const RECORDS: usize = 100;
/// Largest share of those records that may have another number of fields than the header: one in
/// this many.
const UNUSUAL_RECORDS: usize = 10;

/// The dialect of a text that begins like this; `None` without a whole record. `is_whole` tells whether
/// the text ends here.
///
/// The separator is the one that gives nearly all records as many fields as the header, and of
/// several the one that gives most fields. On a tie the earlier of [`SEPARATORS`] wins. A text without a known separator counts as separated by
/// commas.
pub(super) fn dialect_of(text: &[u8], is_whole: bool) -> Option<Dialect> {
    let separators = SEPARATORS.map(|(separator, _)| separator);
    let counts = separators.map(|separator| fields_of_records(text, separator, is_whole));
    if counts.iter().all(Vec::is_empty) {
        return None;
    }
    let merit = |fields: &[usize]| {
        let header = fields.first().copied().unwrap_or_default();
        let unusual = fields.iter().filter(|count| **count != header).count();
        let is_usual = unusual * UNUSUAL_RECORDS <= fields.len().max(UNUSUAL_RECORDS);
        (header > 1 && is_usual, header)
    };
    let mut best = (separators[0], merit(&counts[0]));
    for (separator, fields) in separators.into_iter().zip(&counts).skip(1) {
        let merit = merit(fields);
        if merit.0 && merit > best.1 {
            best = (separator, merit);
        }
    }
    Some(Dialect {
        separator: best.0,
        ..Dialect::COMMA
    })
}

/// Number of fields of each of the first records.
fn fields_of_records(text: &[u8], separator: u8, is_whole: bool) -> Vec<usize> {
    let dialect = Dialect {
        separator,
        ..Dialect::COMMA
    };
    let mut tokenizer = Tokenizer::new(Format {
        dialect,
        limits: Limits::NONE,
        detects_separator: false,
    });
    tokenizer.begin(text);
    let mut fields = Vec::new();
    while fields.len() < RECORDS && tokenizer.advance(text) == Ok(true) {
        let is_cut = !is_whole && tokenizer.position() == text.len() && !text.ends_with(b"\n");
        if is_cut {
            break;
        }
        fields.push(tokenizer.record(text).len());
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn separator_of(text: &str) -> Option<char> {
        dialect_of(text.as_bytes(), true).map(|dialect| char::from(dialect.separator))
    }

    #[test]
    fn each_separator_is_found_in_the_first_records() {
        for separator in [',', ';', '\t', '|'] {
            let text = "id,x,left\na,1.5,0\nb,2,1\n".replace(',', &separator.to_string());
            assert_eq!(separator_of(&text), Some(separator), "{text:?}");
        }
    }

    #[test]
    fn other_separators_within_fields_mislead_nobody() {
        // Decimal commas, a comma in a quoted name, and lists within a field.
        assert_eq!(separator_of("id;x;left\na;1,5;0\nb;2,25;1\n"), Some(';'));
        assert_eq!(separator_of("\"a;b;c;d\",x\n\"1;2\",3\n"), Some(','));
        assert_eq!(separator_of("id,tags,x\na,p;q;r,1\nb,q,2\n"), Some(','));
        assert_eq!(separator_of("name, given;x;y\nDoe, Jo;1;2\n"), Some(';'));
    }

    #[test]
    fn some_odd_records_change_nothing() {
        let rows: String = (0..30).map(|row| format!("c{row};1;2\n")).collect();
        assert_eq!(separator_of(&format!("id;x;y\n{rows}too;few\n")), Some(';'));
        assert_eq!(separator_of("id;x;y\na;1;0\nb;2\nc;3;1\n"), Some(';'));
        // No separator gives records of one length, so the usual one is taken.
        assert_eq!(separator_of("id,x,y\na,1\nb\nc,1,2,3\n"), Some(','));
    }

    #[test]
    fn a_record_that_is_cut_does_not_count() {
        let wide = "a;".repeat(3_000);
        let text = format!("{wide}\n{wide}\n{}", &wide[..100]);
        let found = dialect_of(text.as_bytes(), false).map(|dialect| dialect.separator);
        assert_eq!(found, Some(b';'));
        assert_eq!(dialect_of(b"\n\nid;x", false), None);
    }

    #[test]
    fn a_quote_that_commas_alone_leave_open_decides_nothing() {
        assert_eq!(separator_of("id;\"a\";size,\"5\n1;2;3\n"), Some(';'));
    }

    #[test]
    fn one_column_and_no_column_are_separated_by_commas() {
        assert_eq!(separator_of("id\na\nb\n"), Some(','));
        assert_eq!(separator_of("\n\n"), None);
        assert_eq!(separator_of(""), None);
    }
}
