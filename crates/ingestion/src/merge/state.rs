//! Progress of an ingestion over its attempts.

use common::ledger::{FileStamp, Ledger};
use common::{Failure, History};
use dataset::SkippedEntry;

use crate::entries::remaining_files;
use crate::report::FileReport;
use crate::scan::InputScan;
use crate::source::Wait;

/// Progress of an ingestion over its attempts.
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) found: InputScan,
    /// Reason for a replay and the reports of the replayed files. New files follow.
    pub(super) replayed: Option<(String, Vec<FileReport>)>,
    /// True if the append state was damaged and its carry removed. Happens at most once.
    pub(super) is_carry_removed: bool,
}

impl State {
    /// Leaves a new file to the next run. Returns an error for a known file of a rebuild, because
    /// its rows cannot be left out.
    pub(super) fn postpone_file(
        &mut self,
        history: &History,
        position: usize,
        wait: Wait,
    ) -> anyhow::Result<()> {
        let State { ledger, found, .. } = self;
        let is_rebuild = found.reorder.is_some() || found.damage.is_some();
        let known = if is_rebuild {
            remaining_files(ledger, found)
        } else {
            Vec::new()
        };
        if let Some(planned) = known.get(position) {
            let entry = &planned.entry;
            for file in &mut ledger.files {
                if file.folder == entry.folder && file.sha256 == entry.sha256 {
                    // A default stamp forces the next scan to read the file.
                    file.stamp = FileStamp::default();
                }
            }
            history.save_ledger(ledger)?;
            return Err(Failure::input_output(format!(
                "the ingested file {} could not be read again: {}; the next run reads it again",
                planned.path.display(),
                wait.reason
            ))
            .into());
        }
        let new_file = found.new_files.remove(position - known.len());
        found.waiting.push(SkippedEntry {
            folder: new_file.file.folder,
            name: new_file.file.name,
            reason: wait.reason,
            is_unreadable: wait.is_unreadable,
        });
        Ok(())
    }
}
