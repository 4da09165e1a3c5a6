//! Writes records to a CSV file, and counts and hashes the bytes.

use std::io::{self, Write};

use common::digest::{Hasher, HashingWriter};

use crate::line::push_line;

/// Appends records to a file.
///
/// Each record is one write, so the inner writer should be buffered.
pub struct RecordWriter<W: Write> {
    inner: HashingWriter<W>,
    line: Vec<u8>,
}

/// The state of a file after its last record was written.
pub struct Written {
    /// Length in bytes, the earlier content included.
    pub bytes: u64,
    /// Running SHA-256 of the file, which the next append continues.
    pub hasher: Hasher,
}

impl<W: Write> RecordWriter<W> {
    /// Continues a file whose first `bytes` bytes were hashed by `hasher`.
    pub fn continuing(inner: W, hasher: Hasher, bytes: u64) -> Self {
        Self {
            inner: HashingWriter::continuing(inner, hasher, bytes),
            line: Vec::new(),
        }
    }

    /// Begins a new file.
    pub fn new(inner: W) -> Self {
        Self::continuing(inner, Hasher::new(), 0)
    }

    /// Writes one record, with quotes around fields that need them.
    pub fn write<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> io::Result<()> {
        self.line.clear();
        push_line(&mut self.line, fields);
        self.inner.write_all(&self.line)
    }

    /// Writes records that are already lines of CSV.
    pub fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.inner.write_all(lines)
    }

    /// Flushes the inner writer.
    pub fn finish(mut self) -> io::Result<Written> {
        self.inner.flush()?;
        Ok(Written {
            bytes: self.inner.length(),
            hasher: self.inner.hasher().clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_quoted_counted_and_hashed_behind_what_is_there() {
        let mut start = Hasher::new();
        start.update(b"a,b\n");
        let mut file = b"a,b\n".to_vec();
        let mut writer = RecordWriter::continuing(&mut file, start, 4);
        writer.write(["x, y", "1"]).unwrap();
        writer.write_lines(b"z,2\n").unwrap();
        let written = writer.finish().unwrap();
        assert_eq!(file, b"a,b\n\"x, y\",1\nz,2\n");
        assert_eq!(written.bytes, file.len() as u64);
        assert_eq!(written.hasher.finish(), common::digest::of_bytes(&file));
    }
}
