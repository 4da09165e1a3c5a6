//! Stops the reading of a CSV text at a header with too many columns, a row with too many fields
//! or a field that is too long, before a parser gathers it.
//!
//! Quotes are followed as the parser follows them: one that opens a field begins a quoted part,
//! in which separators and line ends count for nothing.

use std::io::{self, Read};

use common::config::LimitSettings;
use memchr::memchr;

use crate::error::ApiError;

/// A reader that ends with an error at what is too much.
pub(super) struct Fence<R> {
    input: R,
    columns: u64,
    field_bytes: u64,
    /// Fields of the record before the one at hand.
    fields: u64,
    /// Bytes of the field at hand.
    length: u64,
    state: State,
    /// Bytes of a byte order mark that the text began with so far.
    mark: usize,
}

/// The mark that the parser skips.
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Where the next byte stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldBegins,
    Plain,
    Quoted,
    /// Behind a quote within a quoted part: another one belongs to the field.
    QuoteInQuoted,
}

impl<R> Fence<R> {
    pub(super) fn new(input: R, limits: &LimitSettings) -> Self {
        Self {
            input,
            columns: limits.columns,
            field_bytes: limits.field_bytes,
            fields: 0,
            length: 0,
            state: State::FieldBegins,
            mark: 0,
        }
    }

    /// Follows a part of the text; nearly all lines are too short to hold too much, and without
    /// quotes nothing of them has to be looked at.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> Result<(), ApiError> {
        if memchr(b'"', bytes).is_some() {
            return self.follow_each(bytes);
        }
        if self.mark == 0
            && bytes
                .first()
                .is_some_and(|first| *first != BYTE_ORDER_MARK[0])
        {
            // There is no mark, so the first line is like any other.
            self.mark = BYTE_ORDER_MARK.len();
        }
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end + 1);
            if !self.is_at_line() || line.len() as u64 > self.columns.min(self.field_bytes) {
                self.follow_each(line)?;
            }
            bytes = rest;
        }
        self.follow_each(bytes)
    }

    /// Whether a record begins here that is not the first.
    fn is_at_line(&self) -> bool {
        self.mark == BYTE_ORDER_MARK.len()
            && self.state == State::FieldBegins
            && self.fields == 0
            && self.length == 0
    }

    fn follow_each(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        for byte in bytes {
            if BYTE_ORDER_MARK.get(self.mark) == Some(byte) {
                self.mark += 1;
                continue;
            }
            self.mark = BYTE_ORDER_MARK.len();
            self.length += 1;
            self.state = match (self.state, byte) {
                (State::Quoted, b'"') => State::QuoteInQuoted,
                (State::Quoted, _) => State::Quoted,
                (State::FieldBegins | State::QuoteInQuoted, b'"') => State::Quoted,
                (_, b',') => {
                    self.fields += 1;
                    self.length = 0;
                    if self.fields >= self.columns {
                        return Err(ApiError::TooManyColumns(self.columns));
                    }
                    State::FieldBegins
                }
                (_, b'\n' | b'\r') => {
                    self.fields = 0;
                    self.length = 0;
                    State::FieldBegins
                }
                _ => State::Plain,
            };
            if self.length > self.field_bytes {
                return Err(ApiError::FieldTooLong(self.field_bytes));
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Fence<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.follow(&buffer[..read]).map_err(io::Error::other)?;
        Ok(read)
    }
}

/// What an error of reading means for the request: it may carry one of ours.
pub(super) fn read_error(error: io::Error) -> ApiError {
    error
        .downcast::<ApiError>()
        .unwrap_or_else(|error| ApiError::Internal(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text comes to where three columns and fields of five bytes are allowed.
    fn follow(text: &str) -> Result<(), &'static str> {
        let limits = LimitSettings {
            columns: 3,
            field_bytes: 5,
            ..LimitSettings::default()
        };
        let mut fence = Fence::new(text.as_bytes(), &limits);
        io::copy(&mut fence, &mut io::sink())
            .map(drop)
            .map_err(|error| read_error(error).kind().code)
    }

    #[test]
    fn pieces_of_any_size_come_to_the_same() {
        let limits = LimitSettings {
            columns: 3,
            field_bytes: 5,
            ..LimitSettings::default()
        };
        let whole = "a,b,c\n1,\",\n,\",3\r\n\n12345,2,3\nab\ncd,\"e,f\",g\n";
        for (more, is_taken) in [("", true), ("1,2,3,4\n", false), ("abcdef\n", false)] {
            let text = format!("{whole}{more}");
            for size in 1..=text.len() {
                let mut fence = Fence::new(io::empty(), &limits);
                let mut pieces = text.as_bytes().chunks(size);
                let followed = pieces.try_for_each(|piece| fence.follow(piece));
                assert_eq!(followed.is_ok(), is_taken, "{more:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn too_many_fields_and_too_long_ones_stop_the_reading() {
        for (text, wanted) in [
            ("a,b,c\n1,2,3\r\n\r\n12345,2,3", Ok(())),
            ("a,b,c,d", Err("too-many-columns")),
            ("a,b,c\n1,2,3,", Err("too-many-columns")),
            ("\",,,\",b,c\n", Ok(())),
            ("\"\"\"\",b,c\n", Ok(())),
            ("\"a\"\"b,c", Err("field-too-long")),
            ("a\",b\",c\",d", Err("too-many-columns")),
            ("\u{feff}\",,,\",b,c\n", Ok(())),
            ("a,b\n123456,2", Err("field-too-long")),
            ("\"\n\n\n\n\n\n", Err("field-too-long")),
        ] {
            assert_eq!(follow(text), wanted, "{text:?}");
        }
    }
}
