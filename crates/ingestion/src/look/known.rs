//! The files that the ledger knows, and by what they are known.

use std::collections::{BTreeMap, BTreeSet};

use common::ledger::{FileStatus, Ledger, LedgerFile};
use dataset::FoundFile;

/// Content by folder and digest: what makes a file known.
pub(super) type Content = (String, String);

/// What a file of the ledger held.
pub(crate) fn content(file: &LedgerFile) -> Content {
    (file.folder.clone(), file.sha256.clone())
}

/// The ledger's files, by what they are looked up with.
pub(super) struct Known<'a> {
    by_name: BTreeMap<(&'a str, &'a str), &'a LedgerFile>,
    pub(super) content: BTreeSet<Content>,
}

impl<'a> Known<'a> {
    pub(super) fn of(ledger: &'a Ledger) -> Self {
        Self {
            // A later entry of the same name is the newer one.
            by_name: ledger
                .files
                .iter()
                .map(|file| ((file.folder.as_str(), file.name.as_str()), file))
                .collect(),
            content: ledger
                .files
                .iter()
                .filter(|file| file.status != FileStatus::Copy)
                .map(content)
                .collect(),
        }
    }

    /// The digest recorded for a file that looks as it did then.
    pub(super) fn digest(&self, file: &FoundFile) -> Option<&'a str> {
        let known = self
            .by_name
            .get(&(file.folder.as_str(), file.name.as_str()))?;
        let is_current = known.stamp == file.stamp && self.content.contains(&content(known));
        is_current.then_some(known.sha256.as_str())
    }
}
