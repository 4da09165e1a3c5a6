//! Making the files what the committed ledger says of them.

use common::ledger::Ledger;
use common::{Layout, files};

/// Cuts what an interrupted run appended without committing it.
pub(crate) fn cut_to_committed(layout: &Layout, ledger: &Ledger) -> anyhow::Result<()> {
    if ledger.rebuilding || ledger.committed_bytes == 0 {
        return Ok(());
    }
    for (path, committed) in [
        (layout.final_data(), ledger.committed_bytes),
        (layout.rejected_rows(), ledger.rejected_bytes),
    ] {
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        if length > committed {
            files::open_at(&path, committed)?;
        }
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
