//! Reads a run's file: pages, filters, wanted fingerprints, or all fingerprints.

use std::ops::Range;

use super::page::{FILTER_BYTES, Filter, PAGE_BYTES, Page};
use super::run_file::RunFile;
use super::search::find;
use crate::fingerprint::Fingerprint;

/// Number of pages per read when pages are read in sequence.
const PAGES_AT_ONCE: usize = 16;

/// Reads pages of a run.
pub(super) struct Pages<'a> {
    run: &'a RunFile,
    /// The pages that were read last.
    loaded: Range<usize>,
    bytes: Vec<u8>,
}

impl<'a> Pages<'a> {
    pub(super) fn of(run: &'a RunFile) -> Self {
        Self {
            run,
            loaded: 0..0,
            bytes: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, number: usize, page: &mut Page) -> anyhow::Result<()> {
        if !self.loaded.contains(&number) {
            self.load(number)?;
        }
        let (pages, _) = self.bytes.as_chunks::<PAGE_BYTES>();
        let is_whole = pages
            .get(number - self.loaded.start)
            .is_some_and(|bytes| page.decode(bytes, number))
            && page.0.first() == self.run.page_starts.get(number);
        if is_whole {
            Ok(())
        } else {
            Err(self.run.damaged())
        }
    }

    /// Reads this page, and some pages after it if it follows the last page read.
    fn load(&mut self, number: usize) -> anyhow::Result<()> {
        let at_once = if number == self.loaded.end {
            PAGES_AT_ONCE
        } else {
            1
        };
        let group = self.run.group_of(number);
        self.loaded = number..group.end.min(number + at_once);
        self.bytes.resize(self.loaded.len() * PAGE_BYTES, 0);
        let at = start_of(&group) + ((number - group.start) * PAGE_BYTES) as u64;
        self.run.read(&mut self.bytes, at)
    }
}

/// Reads filters of a run.
pub(super) struct Filters<'a> {
    run: &'a RunFile,
    /// The pages whose filters were read last.
    loaded: Range<usize>,
    bytes: Vec<u8>,
}

impl<'a> Filters<'a> {
    pub(super) fn of(run: &'a RunFile) -> Self {
        Self {
            run,
            loaded: 0..0,
            bytes: Vec::new(),
        }
    }

    /// True if the page with this number may hold any of these fingerprints.
    pub(super) fn may_hold_any(
        &mut self,
        number: usize,
        wanted: &[Fingerprint],
    ) -> anyhow::Result<bool> {
        if !self.loaded.contains(&number) {
            self.loaded = self.run.group_of(number);
            self.bytes.resize(self.loaded.len() * FILTER_BYTES, 0);
            let behind = (self.loaded.len() * PAGE_BYTES) as u64;
            self.run
                .read(&mut self.bytes, start_of(&self.loaded) + behind)?;
        }
        let (filters, _) = self.bytes.as_chunks::<FILTER_BYTES>();
        let filter = filters
            .get(number - self.loaded.start)
            .and_then(|bytes| Filter::of(bytes, number))
            .ok_or_else(|| self.run.damaged())?;
        Ok(wanted.iter().any(|wanted| filter.may_hold(*wanted)))
    }
}

/// Byte offset of a group of pages.
fn start_of(group: &Range<usize>) -> u64 {
    group.start as u64 * (PAGE_BYTES + FILTER_BYTES) as u64
}

/// Sets `found` to true for each wanted fingerprint in the run. `wanted` ascends.
pub(super) fn find_in_file(
    run: &RunFile,
    wanted: &[Fingerprint],
    found: &mut [bool],
) -> anyhow::Result<()> {
    let mut pages = Pages::of(run);
    let mut filters = filters_for(run, wanted);
    let mut page = Page::default();
    let (mut number, mut next) = (0, 0);
    while let Some(first) = wanted.get(next) {
        // The page before the first page that starts after the wanted fingerprint.
        number += run.page_starts[number..].partition_point(|begin| begin <= first);
        let end = match run.page_starts.get(number) {
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
                find(&page.0, wanted, &mut found[next..end]);
            }
        }
        next = end;
    }
    Ok(())
}

/// The filters, if the query uses most of them.
fn filters_for<'a>(run: &'a RunFile, wanted: &[Fingerprint]) -> Option<Filters<'a>> {
    let (first, last) = (wanted.first()?, wanted.last()?);
    let place = |wanted| run.page_starts.partition_point(|first| first <= wanted);
    (wanted.len() > place(last) - place(first)).then(|| Filters::of(run))
}

/// Reads a run from its first fingerprint.
pub(super) struct RunReader<'a> {
    pages: Pages<'a>,
    page: Page,
    /// Number of the next page.
    number: usize,
    /// Position of the next fingerprint in the current page.
    next: usize,
}

impl<'a> RunReader<'a> {
    pub(super) fn of(run: &'a RunFile) -> Self {
        Self {
            pages: Pages::of(run),
            page: Page::default(),
            number: 0,
            next: 0,
        }
    }

    /// The next fingerprint. `None` after the last.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Fingerprint>> {
        if self.next == self.page.0.len() {
            if self.number == self.pages.run.page_starts.len() {
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
