//! Writing a run's file.

use std::io::{self, Write};

use common::files::FileWriter;

use super::page::{PER_PAGE, Page, bytes_of};
use super::pages::GROUP;
use crate::fingerprint::Fingerprint;

/// Writes a run.
pub(super) struct RunWriter<'a> {
    to: &'a mut FileWriter,
    page: Page,
    /// Of the pages of the group that is being written.
    filters: Vec<u8>,
    length: u64,
    firsts: Vec<Fingerprint>,
}

impl<'a> RunWriter<'a> {
    pub(super) fn new(to: &'a mut FileWriter) -> Self {
        Self {
            to,
            page: Page::default(),
            filters: Vec::new(),
            length: 0,
            firsts: Vec::new(),
        }
    }

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
    pub(super) fn finish(mut self) -> anyhow::Result<(u64, Vec<Fingerprint>)> {
        if !self.page.0.is_empty() {
            self.write_page()?;
        }
        self.write_filters()?;
        self.to.write_all(&bytes_of(&self.firsts))?;
        Ok((self.length, self.firsts))
    }

    fn write_page(&mut self) -> io::Result<()> {
        let number = self.firsts.len() - 1;
        self.to.write_all(&self.page.encode(number))?;
        self.filters.extend(self.page.filter(number));
        self.page.0.clear();
        if self.firsts.len().is_multiple_of(GROUP) {
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
