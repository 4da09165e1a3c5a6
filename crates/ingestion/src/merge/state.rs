//! Progress of an ingestion over its attempts.

use common::ledger::{FileStamp, Ledger};
use common::{Failure, History};
use dataset::SkippedEntry;

use crate::entries::remaining_files;
use crate::report::FileReport;
use crate::scan::{InputScan, NewFile};
use crate::source::Wait;

/// Progress of an ingestion over its attempts.
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) found: InputScan,
    /// Reason for a replay and the reports of the replayed files. New files follow.
    pub(super) replayed: Option<(String, Vec<FileReport>)>,
    /// True if the append state was damaged and its carry removed. Happens at most once.
    pub(super) is_carry_removed: bool,
    /// True if a new file has rows that were evaluated before and are not among the known rows.
    pub(super) has_evaluated_row_reappeared: bool,
    /// True if the fingerprints of the evaluated rows were changed and computed again. Happens at most
    /// once.
    pub(super) are_fingerprints_rebuilt: bool,
    /// True if the rows that wait for a label were changed and given up. Happens at most once.
    pub(super) are_predictions_lost: bool,
}

impl State {
    /// Leaves a new file to the next run. A known file of a rebuild cannot be left out: the rebuild is
    /// deferred, or an error is returned if it cannot wait. `needs_rebuild` is true for new files that
    /// wait for the rebuild.
    pub(super) fn postpone_file(
        &mut self,
        history: &History,
        position: usize,
        wait: Wait,
        needs_rebuild: impl Fn(&NewFile) -> bool,
    ) -> anyhow::Result<()> {
        let State {
            ledger,
            found,
            has_evaluated_row_reappeared,
            ..
        } = self;
        let is_rebuild =
            found.reorder.is_some() || found.deferrable_reorder.is_some() || found.damage.is_some();
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
            let blocked = SkippedEntry {
                folder: entry.folder.clone(),
                name: entry.name.clone(),
                reason: wait.reason,
                is_unreadable: wait.is_unreadable,
            };
            let has_reappeared = std::mem::take(has_evaluated_row_reappeared);
            if found.defer_reorder(&blocked, |file| has_reappeared || needs_rebuild(file)) {
                found.waiting.push(blocked);
                return Ok(());
            }
            return Err(Failure::input_output(format!(
                "the ingested file {} could not be read again: {}; the next run reads it again",
                planned.path.display(),
                blocked.reason
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
