//! Making the files what the committed ledger says of them.

use std::path::PathBuf;

use common::ledger::Ledger;
use common::{Layout, files};

/// What stands in a file behind its committed bytes.
pub struct UncommittedTail {
    /// The file.
    pub path: PathBuf,
    /// Length of what counts in it.
    pub committed: u64,
    /// Bytes behind that.
    pub bytes: u64,
}

/// What interrupted runs appended without committing it; none where the files are made anew
/// whatever they hold.
pub fn uncommitted_tails(layout: &Layout, ledger: &Ledger) -> Vec<UncommittedTail> {
    if ledger.rebuilding || ledger.committed_bytes == 0 {
        return Vec::new();
    }
    let appended = [
        (layout.final_data(), ledger.committed_bytes),
        (layout.rejected_rows(), ledger.rejected_bytes),
    ];
    let tail = |(path, committed): (PathBuf, u64)| {
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        let bytes = length.saturating_sub(committed);
        (bytes > 0).then_some(UncommittedTail {
            path,
            committed,
            bytes,
        })
    };
    appended.into_iter().filter_map(tail).collect()
}

/// Cuts what an interrupted run appended without committing it.
pub(crate) fn cut_to_committed(layout: &Layout, ledger: &Ledger) -> anyhow::Result<()> {
    for tail in uncommitted_tails(layout, ledger) {
        files::open_at(&tail.path, tail.committed)?;
    }
    Ok(())
}

/// Makes ingestedfiles.txt what the ledger says; untouched when it is that already.
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
