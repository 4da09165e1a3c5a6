//! SHA-256 digests, written as lower-case hexadecimal.

use std::fs::File;
use std::io::{self, Read, Take, Write};
use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

use crate::regular;

/// Bytes read at a time; large enough that system calls cost little compared with hashing.
const BUFFER_BYTES: usize = 256 * 1024;
/// Position of the block count in a saved state.
const BLOCKS: Range<usize> = 32..40;
/// Upper limit of blocks, above that of any file. The library counts 512 bits a block and does not
/// check for overflow.
const MAX_BLOCKS: u64 = u64::MAX / 1024;

/// The digest of some bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    hasher.finish()
}

/// The digest of a file's first `length` bytes, or `None` when the file is shorter.
pub fn of_file_start(path: &Path, length: u64) -> anyhow::Result<Option<String>> {
    let (digest, read) = of_stream(path, length)?;
    Ok((read == length).then_some(digest))
}

/// The digest of a file of at most `limit` bytes, or `None` when the file is longer.
pub fn of_file_up_to(path: &Path, limit: u64) -> anyhow::Result<Option<String>> {
    let context = || format!("failed to read {}", path.display());
    if path.metadata().with_context(context)?.len() > limit {
        return Ok(None);
    }
    let (digest, read) = of_stream(path, limit.saturating_add(1))?;
    Ok((read <= limit).then_some(digest))
}

/// The digest of a whole file and its length.
pub fn of_file(path: &Path) -> anyhow::Result<(String, u64)> {
    of_stream(path, u64::MAX)
}

fn of_stream(path: &Path, limit: u64) -> anyhow::Result<(String, u64)> {
    let hashing = hashed(path, limit)?;
    let length = hashing.length();
    Ok((hashing.finish(), length))
}

/// The running digest of the first `length` bytes of a file; `None` if the file is shorter.
pub fn running(path: &Path, length: u64) -> anyhow::Result<Option<Hasher>> {
    let hashing = hashed(path, length)?;
    Ok((hashing.length() == length).then(|| hashing.into_hasher()))
}

fn hashed(path: &Path, limit: u64) -> anyhow::Result<HashingReader<Take<File>>> {
    let context = || format!("failed to read {}", path.display());
    let file = regular::open(path).with_context(context)?;
    let mut hashing = HashingReader::new(file.take(limit));
    let mut buffer = vec![0; BUFFER_BYTES];
    while regular::read_some(&mut hashing, &mut buffer).with_context(context)? > 0 {}
    Ok(hashing)
}

/// A running digest.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// A digest to which nothing has been added yet.
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// State from which another process continues, with [`Self::continuing`].
    pub fn state(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }

    /// Continues a digest from its saved state; `None` when the bytes are no valid state.
    ///
    /// A valid but wrong state gives wrong digests, so the caller must compare the result.
    pub fn continuing(state: &[u8]) -> Option<Self> {
        let blocks = u64::from_le_bytes(state.get(BLOCKS)?.try_into().ok()?);
        if blocks > MAX_BLOCKS {
            return None;
        }
        let state = SerializedState::<Sha256>::try_from(state).ok()?;
        Sha256::deserialize(&state).ok().map(Self)
    }

    /// The digest of everything added.
    pub fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

/// Two lower-case hexadecimal digits for each byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A reader that hashes and counts the bytes passing through.
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    bytes: u64,
}

impl<R: Read> HashingReader<R> {
    /// Wraps a reader.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Hasher::new(),
            bytes: 0,
        }
    }

    /// Bytes read so far.
    pub fn length(&self) -> u64 {
        self.bytes
    }

    /// The digest of the bytes read.
    pub fn finish(self) -> String {
        self.hasher.finish()
    }

    /// The running digest, to be continued by a writer.
    pub fn into_hasher(self) -> Hasher {
        self.hasher
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// A writer that hashes and counts the bytes passing through.
pub struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
    bytes: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Wraps a writer. `hasher` has hashed the earlier content, which is `bytes` long.
    pub fn continuing(inner: W, hasher: Hasher, bytes: u64) -> Self {
        Self {
            inner,
            hasher,
            bytes,
        }
    }

    /// Bytes written, including the earlier content.
    pub fn length(&self) -> u64 {
        self.bytes
    }

    /// The running digest of everything so far.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_digest_of_abc_is_the_standard_one() {
        assert_eq!(of_bytes(b"abc"), ABC);
    }

    #[test]
    fn reader_and_writer_agree() {
        let mut reader = HashingReader::new(&b"abc"[..]);
        io::copy(&mut reader, &mut io::sink()).unwrap();
        assert_eq!(reader.length(), 3);
        assert_eq!(reader.finish(), ABC);

        let mut start = Hasher::new();
        start.update(b"a");
        let mut writer = HashingWriter::continuing(Vec::new(), start, 1);
        writer.write_all(b"bc").unwrap();
        assert_eq!(
            (writer.length(), writer.hasher().clone().finish().as_str()),
            (3, ABC)
        );
    }

    #[test]
    fn a_digest_is_continued_by_another_process() {
        let mut hasher = Hasher::new();
        hasher.update(b"a,b");
        let mut continued = Hasher::continuing(&hasher.state()).unwrap();
        continued.update(b"\n1,2\n");
        assert_eq!(continued.finish(), of_bytes(b"a,b\n1,2\n"));
        assert!(Hasher::continuing(b"no state").is_none());
    }

    #[test]
    fn a_state_with_an_impossible_byte_count_is_rejected() {
        let mut hasher = Hasher::new();
        hasher.update(&[b'x'; 200]);
        let mut state = hasher.state();
        assert_eq!(state[BLOCKS], 3_u64.to_le_bytes());
        for blocks in [MAX_BLOCKS + 1, u64::MAX] {
            state[BLOCKS].copy_from_slice(&blocks.to_le_bytes());
            assert!(Hasher::continuing(&state).is_none());
        }
        state[BLOCKS].copy_from_slice(&MAX_BLOCKS.to_le_bytes());
        let mut continued = Hasher::continuing(&state).unwrap();
        continued.update(&[b'x'; 200]);
        continued.finish();
    }
}
