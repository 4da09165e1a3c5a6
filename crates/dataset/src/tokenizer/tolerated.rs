//! Unusual properties of a text that do not stop the reading.

use super::format::SEPARATORS;

/// Unusual properties of a text that are tolerated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tolerated {
    pub(crate) is_empty: bool,
    /// The separator, if it is no comma.
    pub(crate) other_separator: Option<u8>,
    /// Records before the header.
    pub(crate) titles: usize,
    /// True if each row has one more field than the header, and this field is empty.
    pub(crate) rows_end_with_separator: bool,
    pub(crate) has_byte_order_mark: bool,
    pub(crate) has_crlf: bool,
    pub(crate) has_lone_cr: bool,
    pub(crate) ends_mid_line: bool,
}

impl Tolerated {
    /// Adds the properties of later text.
    pub(crate) fn join(&mut self, later: Self) {
        if later.is_empty {
            return;
        }
        self.is_empty = false;
        self.other_separator = self.other_separator.or(later.other_separator);
        self.titles += later.titles;
        self.rows_end_with_separator |= later.rows_end_with_separator;
        self.has_byte_order_mark |= later.has_byte_order_mark;
        self.has_crlf |= later.has_crlf;
        self.has_lone_cr |= later.has_lone_cr;
        self.ends_mid_line = later.ends_mid_line;
    }

    /// One sentence for each property.
    pub(crate) fn sentences(self) -> impl Iterator<Item = String> {
        let found = [
            (
                self.rows_end_with_separator,
                "each row ends with a separator",
            ),
            (self.has_byte_order_mark, "it begins with a byte order mark"),
            (self.has_crlf, "lines end with CR LF"),
            (self.has_lone_cr, "lines end with CR alone"),
            (self.ends_mid_line, "the last line has no line break"),
        ];
        let found = found.into_iter();
        let found = found.filter(|(is_so, _)| *is_so);
        let found = found.map(|(_, what)| what.to_owned());
        let titles = match self.titles {
            0 => None,
            1 => Some("a line before the header is skipped".to_owned()),
            titles => Some(format!("{titles} lines before the header are skipped")),
        };
        SEPARATORS
            .into_iter()
            .filter(move |(separator, _)| self.other_separator == Some(*separator))
            .map(|(_, name)| format!("fields are separated by {name}"))
            .chain(titles)
            .chain(found)
    }
}
