//! A file of rows as it is on disk: plain, or compressed with gzip.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use common::digest::{self, HashingReader};
use common::progress::{Progress, Watched};
use common::regular;
use flate2::read::MultiGzDecoder;
use rayon::prelude::*;

/// An open file: reads give its text, and the digest is that of its bytes on disk.
pub struct DataFile(Content);

enum Content {
    Plain(HashingReader<Watched<File>>),
    Compressed(Box<MultiGzDecoder<HashingReader<Watched<File>>>>),
}

impl DataFile {
    /// Opens a file; one whose name ends in `.gz` is decompressed on the way.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_watched(path, &Progress::none())
    }

    /// [`Self::open`] of a file whose bytes are progress.
    pub fn open_watched(path: &Path, progress: &Progress) -> io::Result<Self> {
        let bytes = HashingReader::new(progress.watch(regular::open(path)?));
        Ok(Self(if is_compressed(path) {
            Content::Compressed(Box::new(MultiGzDecoder::new(bytes)))
        } else {
            Content::Plain(bytes)
        }))
    }

    /// Reads what is left and returns the SHA-256 of the bytes on disk.
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

/// The SHA-256 and length of each file as it is on disk, several at a time.
pub fn digests(paths: &[&Path]) -> Vec<anyhow::Result<(String, u64)>> {
    if paths.is_empty() {
        // Even for nothing the threads would be started.
        return Vec::new();
    }
    paths.par_iter().map(|path| digest::of_file(path)).collect()
}

/// Whether a file is read as gzip.
pub fn is_compressed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gz"))
}
