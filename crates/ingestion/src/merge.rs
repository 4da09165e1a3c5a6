//! Updating finaldata.csv: by appending to it or by a rebuild.
//!
//! The same ledger always gives the same bytes. Each attempt goes one of three ways:
//! 1. *append* the new files after the committed rows;
//! 2. *replay* the recorded order, if only our own files were damaged;
//! 3. *reorder*: evaluated rows first, then the others. The ledger records the new order.
//!
//! An attempt to append may find damage, and then a replay follows. A replay that does not give the same
//! bytes is followed by a reorder.
//!
//! New bytes count once the ledger is committed. While a rebuilt file is put in place, the ledger
//! carries the mark `rebuilding`, because the old ledger then describes a file that is gone.

mod arrangement;
mod commit;
mod intake;
mod state;

use std::cell::Cell;

use common::ledger::Ledger;
use common::waiting_rows::DamagedPredictions;
use common::{Failure, WaitingRows};
use dataset::{DamagedFingerprints, FingerprintKey};

use self::commit::{Committed, Swap};
use self::intake::Merge;
use self::state::State;
use crate::append_state::{self, AppendState};
use crate::committed::truncate_to_committed;
use crate::entries::{entries_and_reports, new_files, remaining_files};
use crate::evaluated::{ChangedFingerprints, is_intact, rebuild_fingerprints};
use crate::ingested::Ingested;
use crate::reading::Reading;
use crate::scan::InputScan;
use crate::write::WriteError;

pub use self::intake::{Intake, OnCommit};

/// Ingests the files that the scan found.
pub(crate) fn merge(intake: Intake<'_>) -> anyhow::Result<Ingested> {
    let Intake {
        config,
        history,
        ledger,
        found,
        live,
        keep,
        run,
        on_commit,
    } = intake;
    let (key, ledger) = match FingerprintKey::load(&config.layout)? {
        Some(key) if found.lost_fingerprints.is_none() && is_intact(&config.layout, &ledger)? => {
            let digest = key.digest();
            (key, ledger.with_key(digest))
        }
        key => rebuild_fingerprints(config, history, key, ledger)?,
    };
    let merge = Merge {
        config,
        history,
        key,
        live,
        keep,
        run,
        on_commit,
        reads_twice: Cell::new(false),
    };
    let mut state = State {
        ledger,
        found,
        replayed: None,
        is_carry_removed: false,
        has_evaluated_row_reappeared: false,
        are_fingerprints_rebuilt: false,
        are_predictions_lost: false,
    };
    loop {
        match merge.attempt(&mut state) {
            Ok(Some(ingested)) => return Ok(ingested),
            Ok(None) => {}
            Err(WriteError::FileMustWait(position, wait)) => {
                state.postpone_file(history, position, wait, |file| merge.is_training_file(file))?
            }
            // This happens once only: from now on each file is read to its end before its rows are
            // written.
            Err(WriteError::RowsTakenTooEarly) => merge.reads_twice.set(true),
            Err(WriteError::EvaluatedRowReappeared) => {
                state.has_evaluated_row_reappeared = true;
            }
            Err(WriteError::Failed(error))
                if error.is::<ChangedFingerprints>() && !state.are_fingerprints_rebuilt =>
            {
                state.are_fingerprints_rebuilt = true;
                state.found.lose_fingerprints(error.to_string());
                let (key, ledger) = (Some(merge.key.clone()), state.ledger.clone());
                (_, state.ledger) = rebuild_fingerprints(config, history, key, ledger)?;
            }
            Err(WriteError::Failed(error))
                if error.is::<DamagedPredictions>() && !state.are_predictions_lost =>
            {
                state.are_predictions_lost = true;
                WaitingRows::lose(&config.layout, history, &error.to_string())?;
            }
            Err(WriteError::Failed(error)) => return Err(error),
        }
    }
}

impl Merge<'_> {
    /// Tries one of the three ways. Returns `None` if another way has to follow, which is then
    /// recorded in the state.
    fn attempt(&self, state: &mut State) -> Result<Option<Ingested>, WriteError> {
        let State {
            ledger,
            found,
            has_evaluated_row_reappeared,
            ..
        } = &mut *state;
        if ledger.committed_bytes == 0 {
            found
                .reorder
                .get_or_insert("it is the first ingestion".into());
        }
        found.note_deferrable_reorder(self.live, *has_evaluated_row_reappeared);
        if let Some(blocked) = found.why_blocked(ledger)
            && found.defer_reorder(&blocked, |file| {
                *has_evaluated_row_reappeared || self.is_training_file(file)
            })
        {
            // The rebuild waits, and the new files that need it wait too. No other file has rows that
            // reappeared.
            *has_evaluated_row_reappeared = false;
        }
        let reorder = found.reorder.clone().or(found.deferrable_reorder.clone());
        match (reorder, found.damage.clone()) {
            (Some(reason), _) => self.reorder(ledger, found, reason).map(Some),
            (None, Some(reason)) => self.replay(state, reason),
            (None, None) => self.append(state),
        }
    }

    fn append(&self, state: &mut State) -> Result<Option<Ingested>, WriteError> {
        let State {
            ledger,
            found,
            replayed,
            is_carry_removed,
            ..
        } = &mut *state;
        let reading = self.reading();
        let append_state = match AppendState::load(self.config, self.history, ledger, &reading)? {
            Ok(append_state) => append_state,
            // It was rebuilt a moment ago, so another rebuild would give the same result.
            Err(damage) if replayed.is_some() => {
                return Err(WriteError::Failed(Failure::input_output(damage).into()));
            }
            Err(damage) => {
                found.damage = Some(damage);
                return Ok(None);
            }
        };
        let must_not_reappear = self.rows_that_must_not_reappear(ledger)?;
        let planned = new_files(found, self.run);
        let written = match reading.append(ledger, append_state, &planned, &must_not_reappear) {
            Ok(written) => written,
            Err(error) => {
                if let Err(second) = truncate_to_committed(&self.config.layout, ledger) {
                    // No other attempt is made on files that could not be truncated. An error of writing
                    // is the cause of both, so it is the one that is returned.
                    if !matches!(error, WriteError::Failed(_)) {
                        return Err(WriteError::Failed(second));
                    }
                    // The next ingestion truncates the files.
                    tracing::warn!("{second:#}");
                    return Err(error);
                }
                append_state::remove_unused_runs(&self.config.layout);
                return match error {
                    WriteError::Failed(error)
                        if error.is::<DamagedFingerprints>() && !*is_carry_removed =>
                    {
                        tracing::warn!("{error:#}");
                        append_state::remove_carry(&self.config.layout)?;
                        *is_carry_removed = true;
                        Ok(None)
                    }
                    error => Err(error),
                };
            }
        };
        let (entries, reports) = entries_and_reports(planned, &written.tallies);
        let extended = Ledger {
            files: ledger.files.iter().cloned().chain(entries).collect(),
            ..self.ledger_of(&written, ledger)
        };
        let before = ledger.clone();
        let replayed = state.replayed.take();
        let reason = replayed.as_ref().map(|(reason, _)| reason.clone());
        let mut all_reports = replayed.map(|(_, reports)| reports).unwrap_or_default();
        all_reports.extend(reports);
        let stamps = append_state::set_distinct_times(&self.config.layout);
        let committed = Committed {
            ledger: extended,
            written,
            stamps,
            reports: all_reports,
            rebuilt: reason,
        };
        let ingested = self.commit(committed, &state.found)?;
        Ok(Some(Ingested { before, ..ingested }))
    }

    /// Rebuilds finaldata.csv from the known files in the recorded order. New files are appended
    /// afterwards.
    fn replay(&self, state: &mut State, reason: String) -> Result<Option<Ingested>, WriteError> {
        let State { ledger, found, .. } = &mut *state;
        let planned = remaining_files(ledger, found);
        let arrangement = self.as_recorded(ledger)?;
        let written = self.rebuild(ledger, found, &planned, &arrangement)?;
        if written.digest != ledger.digest {
            found.reorder = Some(format!("{reason}, and its order could not be repeated"));
            return Ok(None);
        }
        let swap = Swap {
            old: ledger,
            new: self.ledger_of(&written, ledger),
            planned,
            written,
            newly_evaluated: arrangement.newly_evaluated,
            reason: reason.clone(),
        };
        let ingested = self.swap_in(swap, found).map_err(WriteError::Failed)?;
        if found.new_files.is_empty() {
            return Ok(Some(ingested));
        }
        found.damage = None;
        state.ledger = ingested.ledger;
        state.replayed = Some((reason, ingested.report.files));
        Ok(None)
    }

    fn reorder(
        &self,
        ledger: &Ledger,
        found: &InputScan,
        reason: String,
    ) -> Result<Ingested, WriteError> {
        let mut planned = remaining_files(ledger, found);
        planned.extend(new_files(found, self.run));
        let arrangement = self.evaluated_first(ledger, &planned)?;
        let written = self.rebuild(ledger, found, &planned, &arrangement)?;
        let reordered = Ledger {
            evaluated_rows: written.rows_in_front,
            seen_rows: written.rows_in_front,
            base: arrangement.base,
            ..self.ledger_of(&written, ledger)
        };
        let swap = Swap {
            old: ledger,
            new: reordered,
            planned,
            written,
            newly_evaluated: arrangement.newly_evaluated,
            reason,
        };
        self.swap_in(swap, found).map_err(WriteError::Failed)
    }

    fn reading(&self) -> Reading<'_> {
        Reading {
            reads_twice: self.reads_twice.get(),
            ..Reading::of(self.config, &self.key, self.keep)
        }
    }
}
