//! Which line a record begins on.
//!
//! The CSV parser counts LF only and does so late, so that after CRLF, a lone CR or an empty line
//! its line numbers are off. This reader notes where lines begin as the bytes pass through it.

use std::collections::VecDeque;
use std::io::{self, Read};

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What of a text is unusual, and tolerated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tolerated {
    pub(super) is_empty: bool,
    pub(super) has_byte_order_mark: bool,
    pub(super) has_crlf: bool,
    pub(super) has_lone_cr: bool,
    pub(super) ends_mid_line: bool,
}

impl Tolerated {
    /// Joins what is unusual of the text that follows.
    pub(super) fn join(&mut self, later: Self) {
        if later.is_empty {
            return;
        }
        self.is_empty = false;
        self.has_byte_order_mark |= later.has_byte_order_mark;
        self.has_crlf |= later.has_crlf;
        self.has_lone_cr |= later.has_lone_cr;
        self.ends_mid_line = later.ends_mid_line;
    }

    /// One sentence for each.
    pub(super) fn sentences(self) -> impl Iterator<Item = &'static str> {
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

/// Passes bytes on and notes where lines with content begin.
pub(super) struct LineTracker<R> {
    inner: R,
    offset: u64,
    line: u64,
    is_at_start: bool,
    last_was_cr: bool,
    has_byte_order_mark: bool,
    has_crlf: bool,
    has_lone_cr: bool,
    /// Offset and number of each line whose record was not read yet.
    starts: VecDeque<(u64, u64)>,
}

impl<R: Read> LineTracker<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            offset: 0,
            line: 1,
            is_at_start: true,
            last_was_cr: false,
            has_byte_order_mark: false,
            has_crlf: false,
            has_lone_cr: false,
            starts: VecDeque::new(),
        }
    }

    /// The line of the record that begins at or after an offset, line breaks passed over; offsets
    /// only grow.
    pub(super) fn line_of(&mut self, offset: u64) -> u64 {
        while let Some((start, line)) = self.starts.front() {
            if *start >= offset {
                return *line;
            }
            self.starts.pop_front();
        }
        self.line
    }

    /// What of the text so far is unusual.
    pub(super) fn tolerated(&self) -> Tolerated {
        Tolerated {
            is_empty: self.offset == 0,
            has_byte_order_mark: self.has_byte_order_mark,
            has_crlf: self.has_crlf,
            has_lone_cr: self.has_lone_cr || self.last_was_cr,
            ends_mid_line: self.offset > 0 && !self.is_at_start,
        }
    }

    /// Line breaks so far.
    pub(super) fn breaks(&self) -> u64 {
        self.line - 1
    }

    /// Passes bytes without reading them.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        if self.offset == 0 {
            self.has_byte_order_mark = bytes.starts_with(BYTE_ORDER_MARK);
        }
        for byte in bytes {
            if self.last_was_cr {
                self.has_crlf |= *byte == b'\n';
                self.has_lone_cr |= *byte != b'\n';
            }
            match byte {
                b'\n' if self.last_was_cr => {}
                b'\n' | b'\r' => {
                    self.line += 1;
                    self.is_at_start = true;
                }
                _ if self.is_at_start => {
                    self.starts.push_back((self.offset, self.line));
                    self.is_at_start = false;
                }
                _ => {}
            }
            self.last_was_cr = *byte == b'\r';
            self.offset += 1;
        }
    }
}

impl<R: Read> Read for LineTracker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.inner.read(buffer)?;
        // The parser looks for a byte order mark only in what it gets first, and takes a mark
        // without more for the end.
        while self.offset == 0 && (1..=BYTE_ORDER_MARK.len()).contains(&read) {
            match self.inner.read(&mut buffer[read..]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.note(&buffer[..read]);
        Ok(read)
    }
}
