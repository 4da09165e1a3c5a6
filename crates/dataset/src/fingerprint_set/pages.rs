//! A sorted run in a file: written once, checked page by page as it is read.
//!
//! Pages of 4,096 bytes, each with 255 fingerprints of 16 bytes (little-endian), how many of them
//! count, the page's number, and a CRC-32 of what is before it. Behind the pages stands the first
//! fingerprint of each; a checksum of those is kept with the file's name, where it is opened from.
//! The file is not synced: one that a power cut spoilt does not pass the checks.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::files::{self, FileWriter};

use super::{DamagedRun, StoredRun};
use crate::fingerprint::Fingerprint;

const PAGE_BYTES: usize = 4096;
/// Pages that are read at once where one after the other is wanted.
const PAGES_AT_ONCE: usize = 16;
const FINGERPRINT_BYTES: usize = size_of::<Fingerprint>();
/// Fingerprints of a page.
const PER_PAGE: usize = PAGE_BYTES / FINGERPRINT_BYTES - 1;
/// Where the count, the page's number and the checksum stand.
const COUNT_AT: usize = PER_PAGE * FINGERPRINT_BYTES;
const NUMBER_AT: usize = COUNT_AT + 4;
const CHECKSUM_AT: usize = NUMBER_AT + 8;

/// A run that is in a file.
pub(super) struct RunFile {
    file: File,
    path: PathBuf,
    length: u64,
    /// The first fingerprint of each page.
    firsts: Vec<Fingerprint>,
    checksum: u32,
    /// A stored set consists of it.
    is_stored: bool,
}

impl RunFile {
    /// Opens a run that was stored.
    pub(super) fn open(folder: &Path, stored: &StoredRun) -> anyhow::Result<Self> {
        let path = folder.join(&stored.name);
        match read_firsts(&path, stored) {
            Some((file, firsts)) => Ok(Self {
                file,
                path,
                length: stored.length,
                firsts,
                checksum: stored.checksum,
                is_stored: true,
            }),
            None => Err(DamagedRun { path }.into()),
        }
    }

    /// Writes a new run.
    pub(super) fn write(
        folder: &Path,
        name: String,
        write: impl FnOnce(&mut RunWriter<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let path = folder.join(name);
        let (length, firsts) = files::write_unsynced(&path, |to| {
            let mut writer = RunWriter {
                to,
                page: Page::default(),
                length: 0,
                firsts: Vec::new(),
            };
            write(&mut writer)?;
            writer.finish()
        })?;
        let file =
            File::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
        Ok(Self {
            file,
            path,
            length,
            checksum: crc32fast::hash(&bytes_of(&firsts)),
            firsts,
            is_stored: false,
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// By what it is opened again; a stored set consists of it from then on.
    pub(super) fn store(&mut self) -> StoredRun {
        self.is_stored = true;
        let name = self.path.file_name().unwrap_or_default();
        StoredRun {
            name: name.to_string_lossy().into_owned(),
            length: self.length,
            checksum: self.checksum,
        }
    }

    /// Removes it, unless a stored set consists of it.
    pub(super) fn discard(self) -> anyhow::Result<()> {
        if self.is_stored {
            return Ok(());
        }
        files::remove_file(&self.path)
    }

    /// Marks those of the wanted ones, in ascending order, that are in it.
    pub(super) fn find(&self, wanted: &[Fingerprint], found: &mut [bool]) -> anyhow::Result<()> {
        let mut pages = self.pages_for(wanted);
        let mut page = Page::default();
        let (mut number, mut next) = (0, 0);
        while let Some(first) = wanted.get(next) {
            // The page before the first one that begins behind it.
            number += self.firsts[number..].partition_point(|begin| begin <= first);
            let end = match self.firsts.get(number) {
                None => wanted.len(),
                Some(behind) => {
                    next + wanted[next..].partition_point(|fingerprint| fingerprint < behind)
                }
            };
            if let Some(within) = number.checked_sub(1) {
                pages.read(within, &mut page)?;
                super::run::find(&page.0, &wanted[next..end], &mut found[next..end]);
            }
            next = end;
        }
        Ok(())
    }

    /// Its pages, several at a time where most of them will be wanted.
    fn pages_for(&self, wanted: &[Fingerprint]) -> Pages<'_> {
        let place =
            |fingerprint: &Fingerprint| self.firsts.partition_point(|first| first <= fingerprint);
        let n_pages = match wanted {
            [first, .., last] => place(last) - place(first) + 1,
            _ => 1,
        };
        let at_once = if wanted.len() < n_pages {
            1
        } else {
            PAGES_AT_ONCE.min(n_pages)
        };
        Pages::of(self, at_once)
    }

    /// All of it from the first on.
    pub(super) fn reader(&self) -> RunReader<'_> {
        RunReader {
            pages: Pages::of(self, PAGES_AT_ONCE),
            page: Page::default(),
            number: 0,
            next: 0,
        }
    }
}

/// Reads pages of a run.
struct Pages<'a> {
    run: &'a RunFile,
    /// The pages that were read last.
    loaded: Range<usize>,
    bytes: Vec<u8>,
    at_once: usize,
}

impl<'a> Pages<'a> {
    fn of(run: &'a RunFile, at_once: usize) -> Self {
        Self {
            run,
            loaded: 0..0,
            bytes: Vec::new(),
            at_once,
        }
    }

    fn read(&mut self, number: usize, page: &mut Page) -> anyhow::Result<()> {
        if !self.loaded.contains(&number) && !self.load(number)? {
            return Err(self.damaged());
        }
        let (pages, _) = self.bytes.as_chunks::<PAGE_BYTES>();
        let is_whole = pages
            .get(number - self.loaded.start)
            .is_some_and(|bytes| page.decode(bytes, number))
            && page.0.first() == self.run.firsts.get(number);
        if is_whole {
            Ok(())
        } else {
            Err(self.damaged())
        }
    }

    /// Reads this page and some behind it; `false` when the file ends before.
    fn load(&mut self, number: usize) -> anyhow::Result<bool> {
        let end = self.run.firsts.len().min(number + self.at_once);
        self.loaded = number..end;
        self.bytes.resize(self.loaded.len() * PAGE_BYTES, 0);
        let at = number as u64 * PAGE_BYTES as u64;
        match self.run.file.read_exact_at(&mut self.bytes, at) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => {
                Err(error).with_context(|| format!("failed to read {}", self.run.path.display()))
            }
        }
    }

    fn damaged(&self) -> anyhow::Error {
        DamagedRun {
            path: self.run.path.clone(),
        }
        .into()
    }
}

/// The open file and the first fingerprint of each page; `None` when it is not what was stored.
fn read_firsts(path: &Path, stored: &StoredRun) -> Option<(File, Vec<Fingerprint>)> {
    let file = File::open(path).ok()?;
    let n_pages = stored.length.div_ceil(PER_PAGE as u64);
    let pages_end = n_pages.checked_mul(PAGE_BYTES as u64)?;
    let firsts_bytes = n_pages.checked_mul(FINGERPRINT_BYTES as u64)?;
    if file.metadata().ok()?.len() != pages_end.checked_add(firsts_bytes)? {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(firsts_bytes).ok()?];
    file.read_exact_at(&mut bytes, pages_end).ok()?;
    let is_whole = crc32fast::hash(&bytes) == stored.checksum;
    is_whole.then(|| (file, fingerprints_of(&bytes).collect()))
}

/// Writes a run.
pub(super) struct RunWriter<'a> {
    to: &'a mut FileWriter,
    page: Page,
    length: u64,
    firsts: Vec<Fingerprint>,
}

impl RunWriter<'_> {
    /// Adds a fingerprint that is larger than the ones before.
    pub(super) fn push(&mut self, fingerprint: Fingerprint) -> anyhow::Result<()> {
        if self.page.0.is_empty() {
            self.firsts.push(fingerprint);
        }
        self.page.0.push(fingerprint);
        self.length += 1;
        if self.page.0.len() == PER_PAGE {
            self.write_page()?;
        }
        Ok(())
    }

    /// The number of fingerprints and the first one of each page.
    fn finish(mut self) -> anyhow::Result<(u64, Vec<Fingerprint>)> {
        if !self.page.0.is_empty() {
            self.write_page()?;
        }
        self.to.write_all(&bytes_of(&self.firsts))?;
        Ok((self.length, self.firsts))
    }

    fn write_page(&mut self) -> io::Result<()> {
        self.to
            .write_all(&self.page.encode(self.firsts.len() - 1))?;
        self.page.0.clear();
        Ok(())
    }
}

/// Reads a run from its beginning.
pub(super) struct RunReader<'a> {
    pages: Pages<'a>,
    page: Page,
    /// The page to be read next.
    number: usize,
    /// The next fingerprint of the page that was read.
    next: usize,
}

impl RunReader<'_> {
    /// The next fingerprint; `None` after the last.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Fingerprint>> {
        if self.next == self.page.0.len() {
            if self.number == self.pages.run.firsts.len() {
                return Ok(None);
            }
            self.pages.read(self.number, &mut self.page)?;
            self.number += 1;
            self.next = 0;
        }
        let fingerprint = self.page.0.get(self.next).copied();
        self.next += 1;
        Ok(fingerprint)
    }
}

/// The fingerprints of a page.
#[derive(Default)]
struct Page(Vec<Fingerprint>);

impl Page {
    fn encode(&self, number: usize) -> [u8; PAGE_BYTES] {
        let mut bytes = [0; PAGE_BYTES];
        let (slots, _) = bytes.as_chunks_mut::<FINGERPRINT_BYTES>();
        for (slot, fingerprint) in slots.iter_mut().zip(&self.0) {
            *slot = fingerprint.to_le_bytes();
        }
        bytes[COUNT_AT..NUMBER_AT].copy_from_slice(&(self.0.len() as u32).to_le_bytes());
        bytes[NUMBER_AT..CHECKSUM_AT].copy_from_slice(&(number as u64).to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `false` when these are not the bytes of the page with this number.
    fn decode(&mut self, bytes: &[u8; PAGE_BYTES], number: usize) -> bool {
        let (before, checksum) = bytes.split_at(CHECKSUM_AT);
        let count = number_in(&bytes[COUNT_AT..NUMBER_AT]);
        let is_whole = number_in(checksum) == u64::from(crc32fast::hash(before))
            && number_in(&bytes[NUMBER_AT..CHECKSUM_AT]) == number as u64
            && count <= PER_PAGE as u64;
        if !is_whole {
            return false;
        }
        self.0.clear();
        self.0.extend(fingerprints_of(bytes).take(count as usize));
        true
    }
}

/// The little-endian number in at most eight bytes.
fn number_in(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn fingerprints_of(bytes: &[u8]) -> impl Iterator<Item = Fingerprint> {
    let (slots, _) = bytes.as_chunks::<FINGERPRINT_BYTES>();
    slots.iter().map(|slot| Fingerprint::from_le_bytes(*slot))
}

fn bytes_of(fingerprints: &[Fingerprint]) -> Vec<u8> {
    let bytes = fingerprints
        .iter()
        .map(|fingerprint| fingerprint.to_le_bytes());
    bytes.flatten().collect()
}
