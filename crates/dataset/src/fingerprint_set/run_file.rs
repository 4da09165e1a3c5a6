//! A sorted list of fingerprints in a file. The file is written once and checked page by page as it is read.
//!
//! Pages come in groups of 64. After each group come the filters of its pages, an eighth of its
//! size. When many new fingerprints are looked up, the filters rule out nearly all of them, so that
//! few pages are read.
//!
//! After the last group comes the first fingerprint of each page. The [`StoredFingerprints`] has the
//! checksum of these fingerprints. The file is not synced: after a power cut, the checks find a
//! damaged file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::{files, regular};

use super::page::{
    FILTER_BYTES, FINGERPRINT_BYTES, FINGERPRINTS_PER_PAGE, GROUP_PAGES, PAGE_BYTES, bytes_of,
    fingerprints_of,
};
use super::run_writer::RunWriter;
use super::stored_run::{DamagedFingerprints, StoredFingerprints};
use crate::fingerprint::Fingerprint;

/// A run in a file.
pub(super) struct RunFile {
    file: File,
    path: PathBuf,
    n_fingerprints: u64,
    /// The first fingerprint of each page.
    pub(super) page_starts: Vec<Fingerprint>,
    checksum: u32,
    /// True if a stored set refers to the file.
    is_stored: bool,
}

impl RunFile {
    /// Opens a stored list. Returns [`DamagedFingerprints`] if the file cannot be read or has changed.
    pub(super) fn open(folder: &Path, stored: &StoredFingerprints) -> anyhow::Result<Self> {
        let path = folder.join(&stored.name);
        match read_page_starts(&path, stored) {
            Some((file, page_starts)) => Ok(Self {
                file,
                path,
                n_fingerprints: stored.length,
                page_starts,
                checksum: stored.checksum,
                is_stored: true,
            }),
            None => Err(DamagedFingerprints { path }.into_error()),
        }
    }

    /// Writes a new run to a file.
    pub(super) fn write(
        folder: &Path,
        name: String,
        write: impl FnOnce(&mut RunWriter<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let path = folder.join(name);
        let (n_fingerprints, page_starts) = files::write_unsynced(&path, |to| {
            let mut writer = RunWriter::new(to);
            write(&mut writer)?;
            writer.finish()
        })?;
        let file =
            regular::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
        Ok(Self {
            file,
            path,
            n_fingerprints,
            checksum: crc32fast::hash(&bytes_of(&page_starts)),
            page_starts,
            is_stored: false,
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.n_fingerprints
    }

    /// Marks the file as part of a stored set, so that [`Self::discard`] keeps it. Returns the reference to
    /// open it again.
    pub(super) fn keep(&mut self) -> StoredFingerprints {
        self.is_stored = true;
        let name = self.path.file_name().unwrap_or_default();
        StoredFingerprints {
            name: name.to_string_lossy().into_owned(),
            length: self.n_fingerprints,
            checksum: self.checksum,
        }
    }

    /// Removes the file, unless a stored set refers to it.
    pub(super) fn discard(self) -> anyhow::Result<()> {
        if self.is_stored {
            return Ok(());
        }
        files::remove_file(&self.path)
    }

    /// The numbers of the pages in the same group as the page `number`.
    pub(super) fn group_of(&self, number: usize) -> Range<usize> {
        let start = number - number % GROUP_PAGES;
        start..self.page_starts.len().min(start + GROUP_PAGES)
    }

    pub(super) fn read(&self, bytes: &mut [u8], at: u64) -> anyhow::Result<()> {
        match self.file.read_exact_at(bytes, at) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.damaged()),
            read => read.with_context(|| format!("failed to read {}", self.path.display())),
        }
    }

    pub(super) fn damaged(&self) -> anyhow::Error {
        DamagedFingerprints {
            path: self.path.clone(),
        }
        .into_error()
    }
}

/// Opens the file and reads the first fingerprint of each page. `None` if the file cannot be read, or is
/// not the stored one.
fn read_page_starts(path: &Path, stored: &StoredFingerprints) -> Option<(File, Vec<Fingerprint>)> {
    let file = regular::open(path).ok()?;
    let n_pages = stored.length.div_ceil(FINGERPRINTS_PER_PAGE as u64);
    let pages_end = n_pages.checked_mul((PAGE_BYTES + FILTER_BYTES) as u64)?;
    let page_starts_bytes = n_pages.checked_mul(FINGERPRINT_BYTES as u64)?;
    if file.metadata().ok()?.len() != pages_end.checked_add(page_starts_bytes)? {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(page_starts_bytes).ok()?];
    file.read_exact_at(&mut bytes, pages_end).ok()?;
    let is_whole = crc32fast::hash(&bytes) == stored.checksum;
    is_whole.then(|| (file, fingerprints_of(&bytes).collect()))
}
