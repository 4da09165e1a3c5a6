//! Finds the records of a text in memory, one after another.

use std::ops::Range;

use memchr::memchr;

use super::format::{Dialect, Format, LimitExceeded, Limits};
use super::structure::{Cursor, Structure};
use super::tolerated::Tolerated;

/// Finds the records of a text. It can be used for several texts and reuses its memory.
pub(crate) struct Tokenizer {
    dialect: Dialect,
    limits: Limits,
    structure: Structure,
    cursor: Cursor,
    /// Place at which the search for the next record begins.
    at: usize,
    /// Number of line breaks before that place.
    lines: u64,
    tolerated: Tolerated,
    /// True if a CR without LF, followed by text in the same line, ended the last record.
    is_behind_lone_cr: bool,
    /// Line breaks before a quote that is open at the end of the text. `None` if there is none.
    open_quote: Option<u64>,
    fields: Vec<Range<usize>>,
    /// The fields of the last record without their quotes, if quotes had to be removed from a
    /// field.
    unquoted: Vec<u8>,
    last: Last,
}

/// What is known of the last record, other than its fields.
#[derive(Default)]
struct Last {
    line: u64,
    breaks: u64,
    bytes: usize,
    has_quotes: bool,
    is_unquoted: bool,
    stray_quote: Option<usize>,
    is_cut_by_lone_cr: bool,
}

/// One record.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    bytes: &'a [u8],
    fields: &'a [Range<usize>],
    /// A reference, because a copy would be slower: the processor would wait for the parts that
    /// were just written.
    found: &'a Last,
    has_commas: bool,
}

/// A quoted field whose closing quote was found.
struct Quoted {
    /// Range of the text within the quotes.
    text: Range<usize>,
    /// Number of its doubled quotes.
    doubled: usize,
    spans_lines: bool,
}

impl Tokenizer {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            dialect: format.dialect,
            limits: format.limits,
            structure: Structure::default(),
            cursor: Cursor::default(),
            at: 0,
            lines: 0,
            tolerated: Tolerated::default(),
            is_behind_lone_cr: false,
            open_quote: None,
            fields: Vec::new(),
            unquoted: Vec::new(),
            last: Last::default(),
        }
    }

    /// What separates and quotes fields.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Begins a text. Its lines are counted from 0.
    pub(crate) fn begin(&mut self, text: &[u8]) {
        self.structure.find(text, self.dialect);
        self.cursor = Cursor::default();
        self.at = 0;
        self.lines = 0;
        self.is_behind_lone_cr = false;
        self.open_quote = None;
        self.tolerated = Tolerated {
            is_empty: text.is_empty(),
            other_separator: Some(self.dialect.separator).filter(|separator| *separator != b','),
            ..Tolerated::default()
        };
    }

    /// Finds the next record of the text given to [`begin`](Self::begin). Returns false at the end
    /// of the text, also if a quote is open there.
    #[inline]
    pub(crate) fn advance(&mut self, text: &[u8]) -> Result<bool, LimitExceeded> {
        self.last = Last {
            is_cut_by_lone_cr: std::mem::take(&mut self.is_behind_lone_cr),
            ..Last::default()
        };
        match self.advance_alike(text) {
            true => Ok(true),
            false => self.advance_any(text),
        }
    }

    /// Finds the next record if it has the form of the last one, as nearly always: one line with as
    /// many fields and without quotes. Otherwise returns false and stays where it is.
    #[inline(always)]
    fn advance_alike(&mut self, text: &[u8]) -> bool {
        let mut cursor = self.cursor;
        let mut begins = self.at;
        let Some((last, others)) = self.fields.split_last_mut() else {
            return false;
        };
        for field in others {
            match cursor.next(&self.structure) {
                Some(at) if text[at] == self.dialect.separator => {
                    *field = begins..at;
                    begins = at + 1;
                }
                _ => return false,
            }
        }
        let Some(end) = cursor.next(&self.structure) else {
            return false;
        };
        let bytes = end - self.at;
        // No field is longer than its record, and an empty line is no record.
        if bytes == 0 || bytes as u64 > self.limits.field_bytes {
            return false;
        }
        let line_break = match text[end] {
            b'\n' => 1,
            b'\r' if text.get(end + 1) == Some(&b'\n') => {
                cursor.next(&self.structure);
                self.tolerated.has_crlf = true;
                2
            }
            _ => return false,
        };
        *last = begins..end;
        self.last.line = self.lines;
        self.last.bytes = bytes;
        self.cursor = cursor;
        self.at = end + line_break;
        self.lines += 1;
        true
    }

    /// Finds the next record, whatever its form.
    fn advance_any(&mut self, text: &[u8]) -> Result<bool, LimitExceeded> {
        let Dialect {
            separator, quote, ..
        } = self.dialect;
        self.fields.clear();
        let (mut begins, mut line) = (self.at, self.lines);
        let mut field = begins;
        let mut quoted: Option<Quoted> = None;
        let end = loop {
            let Some(at) = self.cursor.next(&self.structure) else {
                self.at = text.len();
                if begins == text.len() {
                    return Ok(false);
                }
                self.tolerated.ends_mid_line = true;
                self.push(field..text.len(), quoted)?;
                self.last.breaks = self.lines - line;
                break text.len();
            };
            let byte = text[at];
            if byte == separator {
                self.push(field..at, quoted.take())?;
                field = at + 1;
            } else if byte == quote {
                self.last.has_quotes = true;
                if at == field {
                    quoted = self.quoted(text, at)?;
                    if quoted.is_none() {
                        return Ok(false);
                    }
                }
            } else if at == begins {
                // An empty line.
                begins = self.pass_line_break(text, at);
                (field, line) = (begins, self.lines);
            } else {
                self.push(field..at, quoted)?;
                self.last.breaks = self.lines - line;
                self.at = self.pass_line_break(text, at);
                self.is_behind_lone_cr = byte == b'\r' && is_text(text.get(at + 1));
                self.last.is_cut_by_lone_cr |= self.is_behind_lone_cr;
                break at;
            }
        };
        self.last.line = line;
        self.last.bytes = end - begins;
        if self.last.is_unquoted {
            self.unquote(text);
        }
        Ok(true)
    }

    /// The record that was found last. `text` is the text that it is in.
    #[inline]
    pub(crate) fn record<'a>(&'a self, text: &'a [u8]) -> Record<'a> {
        Record {
            bytes: if self.last.is_unquoted {
                &self.unquoted
            } else {
                text
            },
            fields: &self.fields,
            found: &self.last,
            has_commas: self.dialect.separator == b',',
        }
    }

    /// Forgets the form of the last record.
    #[cfg(test)]
    pub(super) fn forget_last(&mut self) {
        self.fields.clear();
    }

    /// Where the search for the next record begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Number of line breaks that were passed.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// Unusual properties of the text that was passed.
    pub(crate) fn tolerated(&self) -> Tolerated {
        self.tolerated
    }

    /// Line breaks before a quote that is open at the end of the text. Known once the end is
    /// reached.
    pub(crate) fn open_quote(&self) -> Option<u64> {
        self.open_quote
    }

    #[inline(always)]
    fn push(&mut self, written: Range<usize>, quoted: Option<Quoted>) -> Result<(), LimitExceeded> {
        if self.fields.len() as u64 >= self.limits.fields {
            return Err(LimitExceeded::Fields(self.limits.fields));
        }
        let syntax = quoted.as_ref().map_or(0, |quoted| 2 + quoted.doubled);
        self.check_length(written.len() - syntax)?;
        let field = match quoted {
            None => written,
            Some(quoted) => self.pushed_quoted(written, quoted),
        };
        self.fields.push(field);
        Ok(())
    }

    /// The range of a quoted field. The quotes are left out, unless they have to be removed later.
    fn pushed_quoted(&mut self, written: Range<usize>, quoted: Quoted) -> Range<usize> {
        let has_text_behind = quoted.text.end + 1 != written.end;
        if has_text_behind && quoted.spans_lines && self.last.stray_quote.is_none() {
            self.last.stray_quote = Some(self.fields.len());
        }
        if has_text_behind || quoted.doubled > 0 {
            self.last.is_unquoted = true;
            written
        } else {
            quoted.text
        }
    }

    #[inline(always)]
    fn check_length(&self, bytes: usize) -> Result<(), LimitExceeded> {
        if bytes as u64 > self.limits.field_bytes {
            return Err(LimitExceeded::FieldBytes(self.limits.field_bytes));
        }
        Ok(())
    }

    /// Passes the rest of a field whose quote opens at `opens`. `None` if the text ends before the
    /// quote is closed.
    fn quoted(&mut self, text: &[u8], opens: usize) -> Result<Option<Quoted>, LimitExceeded> {
        let Dialect {
            separator, quote, ..
        } = self.dialect;
        let before = self.lines;
        let mut doubled = 0;
        while let Some(at) = self.cursor.next(&self.structure) {
            let byte = text[at];
            if byte != quote {
                if byte != separator {
                    self.pass_line_break(text, at);
                }
            } else if text.get(at + 1) == Some(&quote) {
                self.cursor.next(&self.structure);
                doubled += 1;
            } else {
                return Ok(Some(Quoted {
                    text: opens + 1..at,
                    doubled,
                    spans_lines: self.lines > before,
                }));
            }
        }
        self.check_length(text.len() - opens - 1 - doubled)?;
        self.at = text.len();
        self.open_quote = Some(before);
        Ok(None)
    }

    /// Passes the line break at a place and returns where it ends.
    #[inline]
    fn pass_line_break(&mut self, text: &[u8], at: usize) -> usize {
        self.lines += 1;
        if text[at] == b'\n' {
            return at + 1;
        }
        if text.get(at + 1) == Some(&b'\n') {
            self.cursor.next(&self.structure);
            self.tolerated.has_crlf = true;
            return at + 2;
        }
        self.tolerated.has_lone_cr = true;
        at + 1
    }

    /// Copies the fields without their quotes.
    fn unquote(&mut self, text: &[u8]) {
        let quote = self.dialect.quote;
        self.unquoted.clear();
        for field in &mut self.fields {
            let start = self.unquoted.len();
            match &text[field.clone()] {
                [first, rest @ ..] if *first == quote => {
                    push_unquoted(&mut self.unquoted, rest, quote);
                }
                plain => self.unquoted.extend_from_slice(plain),
            }
            *field = start..self.unquoted.len();
        }
    }
}

/// True for a byte that is not a line break.
fn is_text(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| !matches!(byte, b'\r' | b'\n'))
}

/// Appends a quoted field without its quotes; `written` begins after the opening one.
fn push_unquoted(to: &mut Vec<u8>, mut written: &[u8], quote: u8) {
    while let Some(at) = memchr(quote, written) {
        to.extend_from_slice(&written[..at]);
        written = &written[at + 1..];
        match written {
            [first, rest @ ..] if *first == quote => {
                to.push(quote);
                written = rest;
            }
            _ => break,
        }
    }
    to.extend_from_slice(written);
}

impl<'a> Record<'a> {
    /// Line in which the record begins, counted from 0 in its text.
    #[inline]
    pub(crate) fn line(self) -> u64 {
        self.found.line
    }

    /// Number of line breaks within the fields.
    #[inline]
    pub(crate) fn breaks(self) -> u64 {
        self.found.breaks
    }

    /// Number of bytes of the record as it is written.
    #[inline]
    pub(crate) fn written_bytes(self) -> usize {
        self.found.bytes
    }

    /// True if no field needs quotes when commas separate the fields.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        !self.found.has_quotes && self.has_commas
    }

    /// Place of a field that spans lines and has text after its closing quote; `None` if there is
    /// none. A stray quote opened such a field, and the field contains all records up to the next
    /// quote.
    #[inline]
    pub(crate) fn stray_quote(self) -> Option<usize> {
        self.found.stray_quote
    }

    /// True if a CR without LF stands directly before or after the record, within a line of text.
    #[inline]
    pub(crate) fn is_cut_by_lone_cr(self) -> bool {
        self.found.is_cut_by_lone_cr
    }

    /// Number of fields.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.fields.len()
    }

    /// True if the record has this many fields. If rows end with a separator, it may have one more,
    /// which is empty.
    #[inline]
    pub(crate) fn has_fields(self, fields: usize, rows_end_with_separator: bool) -> bool {
        self.len() == fields
            || (rows_end_with_separator
                && self.len() == fields + 1
                && self.field(fields).trim_ascii().is_empty())
    }

    /// The bytes of a field. The record must have the field.
    #[inline]
    pub(crate) fn field(self, field: usize) -> &'a [u8] {
        &self.bytes[self.fields[field].clone()]
    }

    /// The bytes of a field; `None` if the record does not have the field.
    #[inline]
    pub(crate) fn get(self, field: usize) -> Option<&'a [u8]> {
        Some(&self.bytes[self.fields.get(field)?.clone()])
    }

    /// All fields.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .map(move |range| &self.bytes[range.clone()])
    }

    /// The record as it is written, without its line break.
    #[inline]
    pub(crate) fn text(self) -> &'a [u8] {
        match (self.fields.first(), self.fields.last()) {
            (Some(first), Some(last)) => &self.bytes[first.start..last.end],
            _ => &[],
        }
    }

    /// True if no field except the first has space around it.
    #[inline]
    pub(crate) fn is_trimmed(self) -> bool {
        self.iter().skip(1).all(|field| match field {
            [first, .., last] => !first.is_ascii_whitespace() && !last.is_ascii_whitespace(),
            [only] => !only.is_ascii_whitespace(),
            [] => true,
        })
    }
}
