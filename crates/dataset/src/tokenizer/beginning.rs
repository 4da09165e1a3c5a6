//! Recognises the form of a foreign text from its first records: the separator, the place of the
//! header, and whether each row ends with a separator.

use memchr::{memchr, memchr_iter, memchr2};

use super::format::{Detection, Dialect, Format, Limits, SEPARATORS};
use super::records::{Record, Tokenizer};

/// Maximum number of records that are examined.
const RECORDS: usize = 100;
/// At most one record in this many may have another number of fields than most records.
const UNUSUAL_RECORDS: usize = 10;
/// Maximum number of records before the header.
const MAX_TITLES: usize = 5;
/// Maximum number of filled fields in a record before the header.
const MAX_TITLE_TEXTS: usize = 2;

/// Properties of the beginning of a foreign text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    /// The byte between two fields.
    pub(crate) separator: u8,
    /// Records before the header, such as a title.
    pub(crate) titles: usize,
    /// True if each row has one more field than the header, and this field is empty.
    pub(crate) rows_end_with_separator: bool,
    /// True if the header has one more field than each row, and this field is empty.
    pub(crate) header_ends_with_separator: bool,
}

/// Counts of the fields of one record.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    fields: usize,
    /// Number of fields that are not blank.
    filled: usize,
    ends_empty: bool,
}

impl Beginning {
    /// Examines the beginning of a text; `None` if it has no whole record. `is_whole` is true if
    /// the text ends here.
    ///
    /// A separator is suitable if nearly all records have the same number of fields with it, at
    /// least two. The separator with the most fields wins, and then one with which the first record
    /// has as many. On a tie the earlier one of [`SEPARATORS`] wins. A text without a known
    /// separator counts as separated by commas.
    pub(super) fn of(text: &[u8], is_whole: bool, format: Format) -> Option<Self> {
        let sample = sample_of(text);
        let is_whole = is_whole && sample.len() == text.len();
        let mut separators = match format.detection {
            Detection::Separator => SEPARATORS.map(|(separator, _)| separator).to_vec(),
            _ => vec![format.dialect.separator],
        };
        let commas = separators[0];
        separators.retain(|separator| memchr(*separator, sample).is_some());
        if let [only] = separators[..]
            && begins_with_header(sample, is_whole, only)
        {
            return Some(Self {
                separator: only,
                titles: 0,
                rows_end_with_separator: false,
                header_ends_with_separator: false,
            });
        }
        if separators.is_empty() {
            separators.push(commas);
        }
        let all = separators.iter().map(|separator| {
            let shapes = shapes(sample, *separator, is_whole);
            let usual = usual_fields(&shapes);
            let has_header = shapes.first().is_some_and(|header| header.fields == usual);
            (*separator, (usual, has_header), shapes)
        });
        let best = all.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let (separator, (usual, _), shapes) = best?;
        if shapes.is_empty() {
            return None;
        }
        let titles = titles(&shapes, usual);
        let (header, rows) = shapes[titles..].split_first()?;
        let has_one_more = |row: &Shape| row.fields == header.fields + 1 && row.ends_empty;
        let has_one_less = |row: &Shape| row.fields + 1 == header.fields && header.ends_empty;
        Some(Self {
            separator,
            titles,
            header_ends_with_separator: !rows.is_empty() && rows.iter().all(has_one_less),
            rows_end_with_separator: !rows.is_empty() && rows.iter().all(has_one_more),
        })
    }
}

/// The lines with the first records, and some more, because records may have line breaks within
/// quotes.
fn sample_of(text: &[u8]) -> &[u8] {
    match memchr_iter(b'\n', text).nth(4 * RECORDS) {
        Some(end) => &text[..=end],
        None => text,
    }
}

/// True if the first two lines have the same number of fields, and the first line has too many
/// filled fields for a title. Most texts begin like this, above all those of requests. Their other
/// records need not be examined.
fn begins_with_header(sample: &[u8], is_whole: bool, separator: u8) -> bool {
    let mut ends = memchr_iter(b'\n', sample);
    let (Some(first), second) = (ends.next(), ends.next()) else {
        return false;
    };
    let second = match second {
        Some(second) => second,
        None if is_whole => sample.len(),
        None => return false,
    };
    let (header, row) = (&sample[..first], &sample[first + 1..second]);
    let is_simple = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        memchr2(b'"', b'\r', line).is_none()
    };
    let fields = |line: &[u8]| memchr_iter(separator, line).count();
    let is_filled = |field: &&[u8]| !field.trim_ascii().is_empty();
    is_simple(header)
        && is_simple(row)
        && (row.is_empty() || fields(row) == fields(header))
        && header
            .split(|byte| *byte == separator)
            .filter(is_filled)
            .nth(MAX_TITLE_TEXTS)
            .is_some()
}

/// The number of fields that nearly all records have, if it is above 1; otherwise 0. If two numbers
/// are suitable, the one of the first record counts.
fn usual_fields(shapes: &[Shape]) -> usize {
    let Some(header) = shapes.first() else {
        return 0;
    };
    let as_many = |shape: &Shape| shapes.iter().filter(|it| it.fields == shape.fields).count();
    let most = shapes.iter().rev().max_by_key(|shape| as_many(shape));
    let candidates = [Some(header), most];
    let is_usual = |shape: &&&Shape| {
        let unusual = shapes.len() - as_many(shape);
        // Before few rows there may be one or two titles.
        let leading = shapes.iter().take(MAX_TITLES);
        let leading = leading.take_while(|it| it.fields != shape.fields).count();
        let unusual = unusual - leading.min(unusual);
        shape.fields > 1 && unusual * UNUSUAL_RECORDS <= shapes.len().max(UNUSUAL_RECORDS)
    };
    let usual = candidates.iter().flatten().find(|shape| is_usual(shape));
    usual.map_or(0, |shape| shape.fields)
}

/// Number of records before the header. Such a record has at most two filled fields, and the header
/// has more.
fn titles(shapes: &[Shape], usual: usize) -> usize {
    let is_title = |shape: &&Shape| match shape.filled {
        0 | 1 => usual >= 2,
        2 => usual >= 5 && shape.fields < usual,
        _ => false,
    };
    let found = shapes.iter().take_while(is_title).count();
    // If rows end with a separator, they have one more field than the header.
    let has_usual = |header: &Shape| header.fields == usual || header.fields + 1 == usual;
    let is_header_next = shapes.get(found).is_some_and(has_usual);
    match found <= MAX_TITLES && is_header_next {
        true => found,
        false => 0,
    }
}

/// The shapes of the first records.
fn shapes(text: &[u8], separator: u8, is_whole: bool) -> Vec<Shape> {
    let dialect = Dialect {
        separator,
        ..Dialect::COMMA
    };
    let mut tokenizer = Tokenizer::new(Format {
        dialect,
        limits: Limits::NONE,
        ..Format::OWN
    });
    tokenizer.begin(text);
    let mut shapes = Vec::new();
    while shapes.len() < RECORDS && tokenizer.advance(text) == Ok(true) {
        let is_cut = !is_whole && tokenizer.position() == text.len() && !text.ends_with(b"\n");
        if is_cut {
            break;
        }
        shapes.push(Shape::of(tokenizer.record(text)));
    }
    shapes
}

impl Shape {
    fn of(record: Record<'_>) -> Self {
        let is_filled = |field: &&[u8]| !field.trim_ascii().is_empty();
        Self {
            fields: record.len(),
            filled: record.iter().filter(is_filled).count(),
            ends_empty: record.iter().last().is_some_and(|field| !is_filled(&field)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning_of(text: &str) -> Option<Beginning> {
        Beginning::of(text.as_bytes(), true, Format::FOREIGN)
    }

    fn separator_of(text: &str) -> Option<char> {
        beginning_of(text).map(|beginning| char::from(beginning.separator))
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
        // Decimal commas, a comma within quotes, and lists within a field.
        assert_eq!(separator_of("id;x;left\na;1,5;0\nb;2,25;1\n"), Some(';'));
        assert_eq!(separator_of("\"a;b;c;d\",x\n\"1;2\",3\n"), Some(','));
        assert_eq!(separator_of("id,tags,x\na,p;q;r,1\nb,q,2\n"), Some(','));
        assert_eq!(separator_of("name, given;x;y\nDoe, Jo;1;2\n"), Some(';'));
        let two: String = (0..20).map(|row| format!("k{row};{row},5\n")).collect();
        assert_eq!(separator_of(&format!("id;x\n{two}")), Some(';'));
    }

    #[test]
    fn some_odd_records_change_nothing() {
        let rows: String = (0..30).map(|row| format!("c{row};1;2\n")).collect();
        assert_eq!(separator_of(&format!("id;x;y\n{rows}too;few\n")), Some(';'));
        assert_eq!(separator_of("id;x;y\na;1;0\nb;2\nc;3;1\n"), Some(';'));
        // No separator gives all records the same number of fields, so commas are assumed.
        assert_eq!(separator_of("id,x,y\na,1\nb\nc,1,2,3\n"), Some(','));
    }

    #[test]
    fn a_record_that_is_cut_does_not_count() {
        let wide = "a;".repeat(3_000);
        let text = format!("{wide}\n{wide}\n{}", &wide[..100]);
        let found = Beginning::of(text.as_bytes(), false, Format::FOREIGN);
        assert_eq!(found.map(|beginning| beginning.separator), Some(b';'));
        assert_eq!(Beginning::of(b"\n\nid;x", false, Format::FOREIGN), None);
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

    #[test]
    fn lines_before_the_header_are_counted() {
        let lines = |text: &str| beginning_of(text).map(|beginning| beginning.titles);
        assert_eq!(lines("id;x;left\na;1;0\n"), Some(0));
        assert_eq!(lines("Clients of May\nid;x;left\na;1;0\nb;2;1\n"), Some(1));
        assert_eq!(lines("Clients\n;;\nid;x;left\na;1;0\nb;2;1\n"), Some(2));
        let trailing = "Clients\nid;x;left\na;1;0;\nb;2;1;\nc;2;1;\n";
        assert_eq!(lines(trailing), Some(1));
        let dated = "Date,2024-05-01\nid,v,w,x,left\na,1,2,3,0\nb,1,2,3,1\n";
        assert_eq!(lines(dated), Some(1));
        assert_eq!(lines("id\na\nb\n"), Some(0));
        assert_eq!(lines("a,b\n1\n2\n"), Some(0));
        assert_eq!(
            lines("x\n1\n2\n3,4\n"),
            Some(0),
            "one column and an odd row"
        );
    }

    #[test]
    fn a_separator_at_the_end_of_each_row_is_seen() {
        let ends = |text: &str| beginning_of(text).map(|it| it.rows_end_with_separator);
        assert_eq!(ends("id;x;left\na;1;0;\nb;2;1;\n"), Some(true));
        assert_eq!(ends("id;x;left;\na;1;0;\nb;2;1;\n"), Some(false));
        assert_eq!(ends("id;x;left\na;1;0;\nb;2;1\n"), Some(false));
        assert_eq!(ends("id;x;left\na;1;0;9\nb;2;1;\n"), Some(false));
        assert_eq!(ends("id;x;left\n"), Some(false));
    }

    proptest::proptest! {
        #[test]
        fn a_usual_beginning_is_what_all_records_show(
            lines in proptest::collection::vec("[a-c]{0,2}(,[a-c]{0,2}){0,5}", 1..8)
        ) {
            let text = lines.join("\n") + "\n";
            if begins_with_header(text.as_bytes(), true, b',') {
                let shapes = shapes(text.as_bytes(), b',', true);
                let titles = titles(&shapes, usual_fields(&shapes));
                proptest::prop_assert_eq!(titles, 0);
            }
        }
    }
}
