//! Which line a record begins on.
//!
//! The CSV parser counts LF only and does so late, so that after CRLF, a lone CR or an empty line
//! its line numbers are off. This reader notes where lines begin as the bytes pass through it.

use std::collections::VecDeque;
use std::io::{self, Read};

use memchr::{memchr, memrchr2};

use super::blocks::LONGEST_RECORD;
use super::quotes::{Scan, never_closed, too_long};

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
    quotes: Option<Quotes>,
}

/// Where the text stands between its quotes.
#[derive(Default)]
struct Quotes {
    state: Scan,
    /// Line of the quote that opened last.
    opened: u64,
    /// Offset of the record at hand.
    record: u64,
    /// The record is longer than the longest: reading ended within it.
    is_too_long: bool,
    is_at_end: bool,
}

/// Line breaks in some text; CR LF is one.
pub(crate) fn line_breaks(text: &[u8]) -> u64 {
    let (mut breaks, mut last_was_cr) = (0, false);
    for byte in text {
        let continues_cr = last_was_cr && *byte == b'\n';
        breaks += u64::from(matches!(byte, b'\n' | b'\r') && !continues_cr);
        last_was_cr = *byte == b'\r';
    }
    breaks
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
            quotes: None,
        }
    }

    /// One that also follows quotes, and ends the text where a record is longer than the longest.
    pub(super) fn following_quotes(inner: R) -> Self {
        Self {
            quotes: Some(Quotes::default()),
            ..Self::new(inner)
        }
    }

    /// Why the record read last is none, and the whole text is to be rejected.
    pub(super) fn flaw(&self) -> Option<String> {
        let quotes = self.quotes.as_ref()?;
        let quote = (quotes.state == Scan::Quoted).then_some(quotes.opened);
        if quotes.is_too_long {
            return Some(too_long(self.line, quote));
        }
        quote.filter(|_| quotes.is_at_end).map(never_closed)
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
        if self.quotes.is_some() {
            self.follow_quotes(bytes);
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

impl<R> LineTracker<R> {
    /// Follows the quotes of the bytes that come next; those without one take hardly any time.
    fn follow_quotes(&mut self, bytes: &[u8]) {
        let Some(quotes) = &mut self.quotes else {
            return;
        };
        let (offset, mut line, mut last_was_cr) = (self.offset, self.line, self.last_was_cr);
        // The parser passes over the mark.
        let mark = if offset == 0 && self.has_byte_order_mark {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        let is_quoted = matches!(quotes.state, Scan::Quoted | Scan::QuoteInQuoted);
        if !is_quoted && memchr(b'"', bytes).is_none() {
            if let Some(last) = bytes[mark..].last() {
                quotes.state = Scan::Unquoted.after(*last);
            }
            if let Some(at) = memrchr2(b'\n', b'\r', bytes) {
                quotes.record = offset + at as u64 + 1;
            }
            return;
        }
        for (at, byte) in bytes.iter().enumerate().skip(mark) {
            let next = quotes.state.after(*byte);
            if quotes.state == Scan::FieldStart && next == Scan::Quoted {
                quotes.opened = line;
            }
            if matches!(byte, b'\n' | b'\r') {
                line += u64::from(!(last_was_cr && *byte == b'\n'));
                if next == Scan::FieldStart {
                    quotes.record = offset + at as u64 + 1;
                }
            }
            last_was_cr = *byte == b'\r';
            quotes.state = next;
        }
    }
}

impl<R: Read> Read for LineTracker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self
            .quotes
            .as_ref()
            .is_some_and(|quotes| quotes.is_too_long)
        {
            return Ok(0);
        }
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
        if let Some(quotes) = &mut self.quotes {
            quotes.is_at_end = read == 0 && !buffer.is_empty();
            quotes.is_too_long = self.offset - quotes.record > LONGEST_RECORD as u64;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_lf_cr_and_both_together() {
        for (text, breaks) in [
            ("", 0),
            ("a", 0),
            ("a\nb\r\nc\rd", 3),
            ("\r\r\n\n", 3),
            ("\n\r", 2),
        ] {
            assert_eq!(line_breaks(text.as_bytes()), breaks, "{text:?}");
        }
    }
}
