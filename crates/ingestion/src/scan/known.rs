//! The files of the ledger, indexed by name and by content.

use std::collections::{BTreeMap, BTreeSet};

use common::ledger::{FileStatus, Ledger, LedgerFile};
use dataset::FoundFile;

/// Identity of a file: its folder and the SHA-256 of its content.
pub(super) type Content = (String, String);

/// Identity of a file of the ledger.
pub(crate) fn content(file: &LedgerFile) -> Content {
    (file.folder.clone(), file.sha256.clone())
}

/// The files of the ledger, indexed for lookup.
pub(super) struct KnownFiles<'a> {
    by_name: BTreeMap<(&'a str, &'a str), &'a LedgerFile>,
    pub(super) content: BTreeSet<Content>,
}

impl<'a> KnownFiles<'a> {
    pub(super) fn of(ledger: &'a Ledger) -> Self {
        Self {
            // Of entries with the same name, the last is the newest.
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

    /// Recorded digest of a file whose name and stamp are unchanged. `None` otherwise.
    pub(super) fn digest(&self, file: &FoundFile) -> Option<&'a str> {
        let known = self
            .by_name
            .get(&(file.folder.as_str(), file.name.as_str()))?;
        let is_current = known.stamp == file.stamp && self.content.contains(&content(known));
        is_current.then_some(known.sha256.as_str())
    }
}
