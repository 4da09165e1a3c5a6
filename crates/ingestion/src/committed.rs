//! Brings the files to the state that the committed ledger describes.

use std::path::PathBuf;

use common::ledger::Ledger;
use common::{Layout, files};

/// Bytes of a file after its committed length.
pub struct UncommittedTail {
    /// The file.
    pub path: PathBuf,
    /// Committed length in bytes.
    pub committed: u64,
    /// Number of bytes after the committed length.
    pub bytes: u64,
}

/// Bytes that interrupted runs appended without a commit. Empty if the files will be rebuilt
/// anyway.
pub fn uncommitted_tails(layout: &Layout, ledger: &Ledger) -> anyhow::Result<Vec<UncommittedTail>> {
    if ledger.rebuilding || ledger.committed_bytes == 0 {
        return Ok(Vec::new());
    }
    let appended = [
        (layout.final_data(), ledger.committed_bytes),
        (layout.rejected_rows(), ledger.rejected_bytes),
    ];
    let mut tails = Vec::new();
    for (path, committed) in appended {
        let length = files::length_if_present(&path)?.unwrap_or(0);
        let bytes = length.saturating_sub(committed);
        if bytes > 0 {
            tails.push(UncommittedTail {
                path,
                committed,
                bytes,
            });
        }
    }
    Ok(tails)
}

/// Truncates the files to their committed length.
pub(crate) fn truncate_to_committed(layout: &Layout, ledger: &Ledger) -> anyhow::Result<()> {
    for tail in uncommitted_tails(layout, ledger)? {
        files::open_for_appending(&tail.path, tail.committed)?;
    }
    Ok(())
}

/// Writes ingestedfiles.txt as the ledger describes it. Leaves the file untouched if it is correct.
pub(crate) fn write_ingested_files(layout: &Layout, ledger: &Ledger) -> anyhow::Result<()> {
    let path = layout.ingested_files();
    let text = ledger.position().file_list();
    let found = files::read_if_present(&path)?;
    let is_right = match &found {
        Some(found) => *found == text.as_bytes(),
        None => ledger.files.is_empty(),
    };
    if is_right {
        return Ok(());
    }
    files::replace(&path, text.as_bytes())
}
