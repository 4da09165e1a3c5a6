//! Writes a run's file.

use std::io::{self, Write};

use common::files::FileWriter;

use super::page::{FINGERPRINTS_PER_PAGE, GROUP_PAGES, Page, bytes_of};
use crate::fingerprint::Fingerprint;

/// Writes a run.
pub(super) struct RunWriter<'a> {
    to: &'a mut FileWriter,
    page: Page,
    /// Filters of the pages of the current group.
    filters: Vec<u8>,
    length: u64,
    page_starts: Vec<Fingerprint>,
}

impl<'a> RunWriter<'a> {
    pub(super) fn new(to: &'a mut FileWriter) -> Self {
        Self {
            to,
            page: Page::default(),
            filters: Vec::new(),
            length: 0,
            page_starts: Vec::new(),
        }
    }

    /// Adds a fingerprint, which must be larger than the ones before.
    pub(super) fn push(&mut self, fingerprint: Fingerprint) -> anyhow::Result<()> {
        if self.page.0.is_empty() {
            self.page_starts.push(fingerprint);
        }
        self.page.0.push(fingerprint);
        self.length += 1;
        if self.page.0.len() == FINGERPRINTS_PER_PAGE {
            self.write_page()?;
        }
        Ok(())
    }

    /// Ends the file. Returns the number of fingerprints and the first fingerprint of each page.
    pub(super) fn finish(mut self) -> anyhow::Result<(u64, Vec<Fingerprint>)> {
        if !self.page.0.is_empty() {
            self.write_page()?;
        }
        self.write_filters()?;
        self.to.write_all(&bytes_of(&self.page_starts))?;
        Ok((self.length, self.page_starts))
    }

    fn write_page(&mut self) -> io::Result<()> {
        let number = self.page_starts.len() - 1;
        self.to.write_all(&self.page.encode(number))?;
        self.filters.extend(self.page.filter(number));
        self.page.0.clear();
        if self.page_starts.len().is_multiple_of(GROUP_PAGES) {
            self.write_filters()?;
        }
        Ok(())
    }

    fn write_filters(&mut self) -> io::Result<()> {
        self.to.write_all(&self.filters)?;
        self.filters.clear();
        Ok(())
    }
}
