//! How far a merge has come, and what it goes on without.

use common::ledger::{FileStamp, Ledger};
use common::{Failure, History};
use dataset::SkippedEntry;

use crate::entries::still_there;
use crate::look::Look;
use crate::report::FileReport;
use crate::source::Wait;

/// How far a merge has come.
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) found: Look,
    /// Why the known files were replayed, and what became of them; the unknown ones follow.
    pub(super) replayed: Option<(String, Vec<FileReport>)>,
    /// What appending continues from was damaged, and is made anew; once is enough.
    pub(super) is_forgotten: bool,
}

impl State {
    /// Leaves a file for the next run; a known file cannot be left out of a file laid anew.
    pub(super) fn leave_out(
        &mut self,
        history: &History,
        position: usize,
        wait: Wait,
    ) -> anyhow::Result<()> {
        let State { ledger, found, .. } = self;
        let lays_anew = found.reorder.is_some() || found.damage.is_some();
        let known = if lays_anew {
            still_there(ledger, found)
        } else {
            Vec::new()
        };
        if let Some(planned) = known.get(position) {
            let entry = &planned.entry;
            for file in &mut ledger.files {
                if file.folder == entry.folder && file.sha256 == entry.sha256 {
                    // Whatever the file system says, the next look has to read it.
                    file.stamp = FileStamp::default();
                }
            }
            history.save_ledger(ledger)?;
            return Err(Failure::input_output(format!(
                "the ingested file {} could not be read again: {}; the next run looks at it anew",
                planned.path.display(),
                wait.reason
            ))
            .into());
        }
        let candidate = found.unknown.remove(position - known.len());
        found.waiting.push(SkippedEntry {
            folder: candidate.file.folder,
            name: candidate.file.name,
            reason: wait.reason,
            is_unreadable: wait.is_unreadable,
        });
        Ok(())
    }
}
