//! A file of rows on disk: plain, or compressed with gzip.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use common::digest::{self, HashingReader};
use common::progress::{Progress, Watched};
use common::regular;
use flate2::read::MultiGzDecoder;
use rayon::prelude::*;

/// An open file. Reading returns the decompressed text. The digest is that of the bytes on disk.
pub struct DataFile(Content);

enum Content {
    Plain(HashingReader<Watched<File>>),
    Compressed(Box<MultiGzDecoder<HashingReader<Watched<File>>>>),
}

impl DataFile {
    /// Opens a file. A file whose name ends in `.gz` is decompressed while it is read.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_watched(path, &Progress::none())
    }

    /// Opens a file as [`Self::open`] does. The bytes that are read count as progress.
    pub fn open_watched(path: &Path, progress: &Progress) -> io::Result<Self> {
        let bytes = HashingReader::new(progress.watch(regular::open(path)?));
        Ok(Self(if is_compressed(path) {
            Content::Compressed(Box::new(MultiGzDecoder::new(bytes)))
        } else {
            Content::Plain(bytes)
        }))
    }

    /// Reads the rest of the file and returns the SHA-256 of its bytes on disk.
    pub fn digest(self) -> io::Result<String> {
        let mut bytes = match self.0 {
            Content::Plain(bytes) => bytes,
            Content::Compressed(decoder) => decoder.into_inner(),
        };
        io::copy(&mut bytes, &mut io::sink())?;
        Ok(bytes.finish())
    }
}

impl Read for DataFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Content::Plain(bytes) => bytes.read(buffer),
            Content::Compressed(decoder) => decoder.read(buffer),
        }
    }
}

/// The SHA-256 and the length of each file on disk. Several files are read at a time.
pub fn digests(paths: &[&Path]) -> Vec<anyhow::Result<(String, u64)>> {
    if paths.is_empty() {
        // Without files, no threads should be started.
        return Vec::new();
    }
    paths.par_iter().map(|path| digest::of_file(path)).collect()
}

/// True if the text of a file is UTF-8, or UTF-16 with a byte order mark.
pub fn is_unicode(path: &Path) -> io::Result<bool> {
    let mut file = DataFile::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut kept = 0;
    let mut is_at_start = true;
    loop {
        let read = regular::read_some(&mut file, &mut buffer[kept..])?;
        let text = &buffer[..kept + read];
        let is_marked = text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff");
        if is_at_start && is_marked {
            return Ok(true);
        }
        is_at_start &= text.len() < 2;
        let valid = match std::str::from_utf8(text) {
            Ok(_) => text.len(),
            // The rest of a character may be in the next bytes.
            Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
            Err(_) => return Ok(false),
        };
        if read == 0 {
            return Ok(true);
        }
        let end = text.len();
        buffer.copy_within(valid..end, 0);
        kept = end - valid;
    }
}

/// True if a file is read as gzip: its name ends in `.gz`.
pub fn is_compressed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gz"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    #[test]
    fn unicode_is_recognised_across_reads() {
        let is_unicode = |bytes: &[u8]| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            super::is_unicode(file.path()).unwrap()
        };
        let long = "ü".repeat(100_000);
        assert!(is_unicode(format!("x{long}").as_bytes()));
        assert!(is_unicode(long.as_bytes()) && is_unicode(b""));
        assert!(
            !is_unicode(&format!("x{long}").as_bytes()[..100_000]),
            "cut in a character"
        );
        assert!(!is_unicode(b"caf\xe9,1\n") && !is_unicode(b"caf\xe9"));
        assert!(is_unicode(b"\xff\xfea\0"));
    }
}
