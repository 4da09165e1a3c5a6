//! Records into a CSV file, counted and hashed on the way.

use std::io::{self, Write};

use common::digest::{Hasher, HashingWriter};

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes records behind what a file holds already.
pub struct RecordWriter<W: Write> {
    writer: csv::Writer<HashingWriter<W>>,
}

/// What a file holds when its last record is written.
pub struct Written {
    /// Length in bytes, the earlier content included.
    pub bytes: u64,
    /// SHA-256 of it.
    pub digest: String,
}

impl<W: Write> RecordWriter<W> {
    /// Continues a file whose first `bytes` bytes were hashed by `hasher`.
    pub fn continuing(inner: W, hasher: Hasher, bytes: u64) -> Self {
        Self {
            writer: csv::WriterBuilder::new()
                .buffer_capacity(BUFFER_BYTES)
                .from_writer(HashingWriter::continuing(inner, hasher, bytes)),
        }
    }

    /// Begins a new file.
    pub fn new(inner: W) -> Self {
        Self::continuing(inner, Hasher::new(), 0)
    }

    /// Writes one record, its fields quoted where they must be.
    pub fn write<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> io::Result<()> {
        self.writer.write_record(fields).map_err(Into::into)
    }

    /// Hands everything to the inner writer.
    pub fn finish(self) -> io::Result<Written> {
        let mut writer = self
            .writer
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)?;
        writer.flush()?;
        Ok(Written {
            bytes: writer.length(),
            digest: writer.digest(),
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
        let written = writer.finish().unwrap();
        assert_eq!(file, b"a,b\n\"x, y\",1\n");
        assert_eq!(written.bytes, file.len() as u64);
        assert_eq!(written.digest, common::digest::of_bytes(&file));
    }
}
