//! Order of the rows in a rebuilt file: evaluated rows come first.

use common::Failure;
use common::WaitingRows;
use common::ledger::{Ledger, RebuildBase};
use dataset::{Fingerprint, FingerprintSet};

use super::Merge;
use crate::append_state;
use crate::evaluated::each_evaluated;
use crate::memory::Memory;
use crate::reading::PlannedFile;
use crate::scan::{InputScan, NewFile, is_training_data};
use crate::write::{Order, WriteError, WrittenRows};

/// Order of a rebuilt file, and its description in the ledger.
pub(super) struct Arrangement {
    pub(super) base: RebuildBase,
    pub(super) evaluated: FingerprintSet,
    /// Evaluated rows whose fingerprints the state folder does not hold yet.
    pub(super) newly_evaluated: Vec<Fingerprint>,
    /// Rows before this place are evaluated. `None` if they are exactly the rows of `evaluated`, whose
    /// number is known only once they are written.
    pub(super) first_new: Option<u64>,
}

impl Merge<'_> {
    /// The order that the ledger recorded.
    pub(super) fn as_recorded(&self, ledger: &Ledger) -> anyhow::Result<Arrangement> {
        Ok(Arrangement {
            base: ledger.base,
            evaluated: self.evaluated(ledger, ledger.base.evaluated_fingerprints)?,
            newly_evaluated: Vec::new(),
            first_new: Some(ledger.evaluated_rows),
        })
    }

    /// Order that starts with all rows evaluated so far, including the training rows of the
    /// deployed model.
    pub(super) fn evaluated_first(
        &self,
        ledger: &Ledger,
        planned: &[PlannedFile],
    ) -> Result<Arrangement, WriteError> {
        let mut evaluated = self.evaluated(ledger, ledger.evaluated_fingerprints)?;
        let mut newly_evaluated = Vec::new();
        for (position, file) in planned.iter().enumerate() {
            if is_training_data(self.live, file.sha256.as_deref()) {
                let new = self.reading().add_to(&mut evaluated, file, position)?;
                newly_evaluated.extend(new);
            }
        }
        Ok(Arrangement {
            base: RebuildBase {
                files: planned.len(),
                evaluated_fingerprints: ledger.evaluated_fingerprints
                    + newly_evaluated.len() as u64,
            },
            evaluated,
            newly_evaluated,
            first_new: None,
        })
    }

    pub(super) fn rebuild(
        &self,
        ledger: &Ledger,
        found: &InputScan,
        planned: &[PlannedFile],
        arrangement: &Arrangement,
    ) -> Result<WrittenRows, WriteError> {
        if let Some(blocked) = found.why_blocked(ledger) {
            return Err(WriteError::Failed(
                Failure::input_output(format!(
                    "finaldata.csv has to be rebuilt, but an ingested file cannot be read now: {blocked}; nothing was changed, the next run tries again"
                ))
                .into(),
            ));
        }
        // Evaluated labels are recognised by their place. So they are forgotten before the rows get other
        // places. A killed run may have left some.
        WaitingRows::forget_evaluated_of(&self.config.layout, self.history, ledger)?;
        let order = Order {
            files: arrangement.base.files,
            evaluated: &arrangement.evaluated,
            first_new: arrangement.first_new,
        };
        self.reading()
            .rebuild(planned, &order, self.history)
            .inspect_err(|_| append_state::remove_unused_runs(&self.config.layout))
    }

    /// Set of the first `count` evaluated rows.
    fn evaluated(&self, ledger: &Ledger, count: u64) -> anyhow::Result<FingerprintSet> {
        let layout = &self.config.layout;
        let memory = Memory::of(&self.config.ingestion);
        let mut evaluated = memory.evaluated_rows(layout);
        let bytes_per_call = memory.pending_rows() / 4;
        each_evaluated(layout, ledger, count, bytes_per_call, |rows| {
            evaluated.add(rows).map(|_| ())
        })?;
        Ok(evaluated)
    }

    /// Evaluated rows that a new file must not bring back: all of them if some are not in finaldata.csv.
    /// Otherwise none, because a row that is in finaldata.csv is recognised as a duplicate.
    pub(super) fn rows_that_must_not_reappear(
        &self,
        ledger: &Ledger,
    ) -> anyhow::Result<FingerprintSet> {
        let are_all_present = ledger.evaluated_fingerprints == ledger.evaluated_rows;
        if are_all_present {
            return Ok(Memory::of(&self.config.ingestion).evaluated_rows(&self.config.layout));
        }
        self.evaluated(ledger, ledger.evaluated_fingerprints)
    }

    /// True if the deployed model was fitted to this file.
    pub(super) fn is_training_file(&self, file: &NewFile) -> bool {
        is_training_data(self.live, file.sha256.as_deref())
    }
}
