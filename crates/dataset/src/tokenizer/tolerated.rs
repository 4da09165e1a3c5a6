//! The unusual properties of a text that do not stop its reading.

/// Unusual properties of a text that are tolerated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tolerated {
    pub(crate) is_empty: bool,
    pub(crate) has_byte_order_mark: bool,
    pub(crate) has_crlf: bool,
    pub(crate) has_lone_cr: bool,
    pub(crate) ends_mid_line: bool,
}

impl Tolerated {
    /// Joins the properties of the text that follows.
    pub(crate) fn join(&mut self, later: Self) {
        if later.is_empty {
            return;
        }
        self.is_empty = false;
        self.has_byte_order_mark |= later.has_byte_order_mark;
        self.has_crlf |= later.has_crlf;
        self.has_lone_cr |= later.has_lone_cr;
        self.ends_mid_line = later.ends_mid_line;
    }

    /// One sentence for each property.
    pub(crate) fn sentences(self) -> impl Iterator<Item = &'static str> {
        let found = [
            (self.has_byte_order_mark, "it begins with a byte order mark"),
            (self.has_crlf, "lines end with CR LF"),
            (self.has_lone_cr, "lines end with CR alone"),
            (self.ends_mid_line, "the last line has no line break"),
        ];
        found
            .into_iter()
            .filter_map(|(is_so, what)| is_so.then_some(what))
    }
}
