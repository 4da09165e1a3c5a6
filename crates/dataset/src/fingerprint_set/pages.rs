//! A sorted run in a file: written once, checked page by page as it is read.
//!
//! Pages stand in groups of 64, each group followed by the filters of its pages. So where many
//! fingerprints are looked for, as those of new rows are, an eighth of the file tells of nearly all
//! that they are not in it, and few pages have to be read. Behind the groups stands the first
//! fingerprint of each page; a checksum of those is kept with the file's name, where it is opened
//! from. The file is not synced: one that a power cut spoilt does not pass the checks.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::{files, regular};

use super::page::{
    FILTER_BYTES, FINGERPRINT_BYTES, PAGE_BYTES, PER_PAGE, Page, bytes_of, fingerprints_of,
};
use super::run_reader::{Filters, Pages, RunReader};
use super::run_writer::RunWriter;
use super::{DamagedRun, StoredRun};
use crate::fingerprint::Fingerprint;

/// Pages whose filters stand together.
pub(super) const GROUP: usize = 64;

/// A run that is in a file.
pub(super) struct RunFile {
    file: File,
    path: PathBuf,
    length: u64,
    /// The first fingerprint of each page.
    pub(super) firsts: Vec<Fingerprint>,
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
            let mut writer = RunWriter::new(to);
            write(&mut writer)?;
            writer.finish()
        })?;
        let file =
            regular::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
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
        let mut pages = Pages::of(self);
        let mut filters = self.filters_for(wanted);
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
                let wanted = &wanted[next..end];
                let may_hold = match &mut filters {
                    Some(filters) => filters.may_hold_any(within, wanted)?,
                    None => true,
                };
                if may_hold {
                    pages.read(within, &mut page)?;
                    super::run::find(&page.0, wanted, &mut found[next..end]);
                }
            }
            next = end;
        }
        Ok(())
    }

    /// The filters, where most of them will be asked.
    fn filters_for(&self, wanted: &[Fingerprint]) -> Option<Filters<'_>> {
        let (first, last) = (wanted.first()?, wanted.last()?);
        let place = |wanted| self.firsts.partition_point(|first| first <= wanted);
        (wanted.len() > place(last) - place(first)).then(|| Filters::of(self))
    }

    /// The pages of the group that a page is of.
    pub(super) fn group_of(&self, number: usize) -> Range<usize> {
        let start = number - number % GROUP;
        start..self.firsts.len().min(start + GROUP)
    }

    pub(super) fn read(&self, bytes: &mut [u8], at: u64) -> anyhow::Result<()> {
        match self.file.read_exact_at(bytes, at) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.damaged()),
            read => read.with_context(|| format!("failed to read {}", self.path.display())),
        }
    }

    pub(super) fn damaged(&self) -> anyhow::Error {
        DamagedRun {
            path: self.path.clone(),
        }
        .into()
    }

    /// All of it from the first on.
    pub(super) fn reader(&self) -> RunReader<'_> {
        RunReader::of(self)
    }
}

/// The open file and the first fingerprint of each page; `None` when it is not what was stored.
fn read_firsts(path: &Path, stored: &StoredRun) -> Option<(File, Vec<Fingerprint>)> {
    let file = regular::open(path).ok()?;
    let n_pages = stored.length.div_ceil(PER_PAGE as u64);
    let pages_end = n_pages.checked_mul((PAGE_BYTES + FILTER_BYTES) as u64)?;
    let firsts_bytes = n_pages.checked_mul(FINGERPRINT_BYTES as u64)?;
    if file.metadata().ok()?.len() != pages_end.checked_add(firsts_bytes)? {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(firsts_bytes).ok()?];
    file.read_exact_at(&mut bytes, pages_end).ok()?;
    let is_whole = crc32fast::hash(&bytes) == stored.checksum;
    is_whole.then(|| (file, fingerprints_of(&bytes).collect()))
}
