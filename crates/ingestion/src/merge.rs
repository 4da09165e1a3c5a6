//! Making finaldata.csv: by appending to it, or by laying it anew.
//!
//! Both give the same bytes for the same ledger. Three ways, tried in this order:
//! 1. *append* the unknown files behind the committed rows;
//! 2. *replay* the recorded order, when only our own files were damaged;
//! 3. *reorder*: rows judged by now first, then the others; that order is recorded.
//!
//! New bytes count once the ledger is committed. A file laid anew is swapped in under the mark
//! `rebuilding`, because from then on the old ledger describes a file that is gone.

mod arrangement;
mod commit;
mod state;

use std::cell::Cell;

use common::ledger::Ledger;
use common::{Config, Failure, History, Manifest};
use dataset::{DamagedRun, FingerprintKey};

use self::commit::{Committed, Swap};
use self::state::State;
use crate::Ingested;
use crate::append_state::{self, AppendState};
use crate::committed::cut_to_committed;
use crate::entries::{entries_and_reports, still_there, unknown};
use crate::judged::{is_intact, renew_fingerprints};
use crate::lay::{Keep, Reading, Stopped};
use crate::look::Look;
use crate::report::IngestReport;

/// What an ingestion takes in, and where.
pub struct Intake<'a> {
    /// Where everything is, and what rows may hold.
    pub config: &'a Config,
    /// Where the ledger is committed.
    pub history: &'a History,
    /// The committed ledger.
    pub ledger: Ledger,
    /// What stands in the input folders, held against that ledger.
    pub found: Look,
    /// The live release, if there is one; what its model was fitted to counts as judged.
    pub live: Option<&'a Manifest>,
    /// Whether the rows are handed on.
    pub keep: Keep,
    /// Keeps what was done, in the transaction that makes it count.
    pub note: Note<'a>,
}

/// What a caller does in the transaction that commits an ingestion, or each of two: what was laid
/// anew, and what was appended to that.
pub type Note<'a> = &'a dyn Fn(&History, &IngestReport) -> anyhow::Result<()>;

/// Takes in what was found.
pub(crate) fn merge(intake: Intake<'_>) -> anyhow::Result<Ingested> {
    let Intake {
        config,
        history,
        ledger,
        found,
        live,
        keep,
        note,
    } = intake;
    let (key, ledger) = match FingerprintKey::load(&config.layout)? {
        Some(key) if is_intact(&config.layout, &ledger) => (key, ledger),
        key => renew_fingerprints(config, history, key, ledger)?,
    };
    let merge = Merge {
        config,
        history,
        key,
        live,
        keep,
        note,
        reads_twice: Cell::new(false),
    };
    let mut state = State {
        ledger,
        found,
        replayed: None,
        is_forgotten: false,
    };
    loop {
        match merge.attempt(&mut state) {
            Ok(Some(ingested)) => return Ok(ingested),
            Ok(None) => {}
            Err(Stopped::AtFile(position, wait)) => state.leave_out(history, position, wait)?,
            // Once is enough: then no row is laid before its file is read to the end.
            Err(Stopped::LaidTooEarly) => merge.reads_twice.set(true),
            Err(Stopped::JudgedRowCameBack) => {
                state.found.reorder = Some("rows that were judged before came back".into());
            }
            Err(Stopped::Failed(error)) => return Err(error),
        }
    }
}

/// What stays the same however often it is tried.
struct Merge<'a> {
    config: &'a Config,
    history: &'a History,
    key: FingerprintKey,
    live: Option<&'a Manifest>,
    keep: Keep,
    note: Note<'a>,
    /// A file was found whose rows do not count for what its end tells.
    reads_twice: Cell<bool>,
}

impl Merge<'_> {
    /// One way to take in what was found; `None` when another has to follow, which is then noted
    /// in the state.
    fn attempt(&self, state: &mut State) -> Result<Option<Ingested>, Stopped> {
        let State { ledger, found, .. } = &mut *state;
        let reason = if ledger.committed_bytes == 0 {
            Some("it is the first ingestion")
        } else if !found.missing.is_empty() {
            Some("input files are gone or have changed")
        } else if found
            .unknown
            .iter()
            .any(|file| self.is_fitted(file.sha256.as_deref()))
        {
            Some("files that the live model was fitted to came back")
        } else {
            None
        };
        if let Some(reason) = reason {
            found.reorder.get_or_insert(reason.into());
        }
        match (found.reorder.clone(), found.damage.clone()) {
            (Some(reason), _) => self.reorder(ledger, found, reason).map(Some),
            (None, Some(reason)) => self.replay(state, reason),
            (None, None) => self.append(state),
        }
    }

    fn append(&self, state: &mut State) -> Result<Option<Ingested>, Stopped> {
        let State {
            ledger,
            found,
            replayed,
            is_forgotten,
        } = &mut *state;
        let reading = self.reading();
        let append_state = match AppendState::committed(self.config, ledger, &reading)? {
            Ok(append_state) => append_state,
            // Made anew a moment ago: making it again would give the same.
            Err(damage) if replayed.is_some() => {
                return Err(Stopped::Failed(Failure::input_output(damage).into()));
            }
            Err(damage) => {
                found.damage = Some(damage);
                return Ok(None);
            }
        };
        let unwanted = self.judged_elsewhere(ledger)?;
        let planned = unknown(found);
        let laid = match reading.lay_behind(ledger, append_state, &planned, &unwanted) {
            Ok(laid) => laid,
            Err(stopped) => {
                cut_to_committed(&self.config.layout, ledger)?;
                append_state::sweep(&self.config.layout);
                return match stopped {
                    Stopped::Failed(error) if error.is::<DamagedRun>() && !*is_forgotten => {
                        tracing::warn!("{error:#}");
                        append_state::forget(&self.config.layout)?;
                        *is_forgotten = true;
                        Ok(None)
                    }
                    stopped => Err(stopped),
                };
            }
        };
        let (entries, reports) = entries_and_reports(planned, &laid);
        let extended = Ledger {
            files: ledger.files.iter().cloned().chain(entries).collect(),
            ..self.ledger_of(&laid, ledger)
        };
        let before = ledger.clone();
        let replayed = state.replayed.take();
        let reason = replayed.as_ref().map(|(reason, _)| reason.clone());
        let mut all_reports = replayed.map(|(_, reports)| reports).unwrap_or_default();
        all_reports.extend(reports);
        let stamp = append_state::set_apart(&self.config.layout);
        let committed = Committed {
            ledger: extended,
            laid,
            stamp,
            reports: all_reports,
            rebuilt: reason,
        };
        let ingested = self.commit(committed, &state.found)?;
        Ok(Some(Ingested { before, ..ingested }))
    }

    /// Lays down the known files as they were; unknown ones are appended after that.
    fn replay(&self, state: &mut State, reason: String) -> Result<Option<Ingested>, Stopped> {
        let State { ledger, found, .. } = &mut *state;
        let planned = still_there(ledger, found);
        let arrangement = self.as_recorded(ledger)?;
        let laid = self.lay_anew(ledger, found, &planned, &arrangement)?;
        if laid.digest != ledger.digest {
            found.reorder = Some(format!("{reason}, and its order could not be repeated"));
            return Ok(None);
        }
        let swap = Swap {
            old: ledger,
            new: self.ledger_of(&laid, ledger),
            planned,
            laid,
            newly_judged: arrangement.newly_judged,
            reason: reason.clone(),
        };
        let ingested = self.swap_in(swap, found).map_err(Stopped::Failed)?;
        if found.unknown.is_empty() {
            return Ok(Some(ingested));
        }
        found.damage = None;
        state.ledger = ingested.ledger;
        state.replayed = Some((reason, ingested.report.files));
        Ok(None)
    }

    fn reorder(&self, ledger: &Ledger, found: &Look, reason: String) -> Result<Ingested, Stopped> {
        let mut planned = still_there(ledger, found);
        planned.extend(unknown(found));
        let arrangement = self.judged_first(ledger, &planned)?;
        let laid = self.lay_anew(ledger, found, &planned, &arrangement)?;
        let reordered = Ledger {
            judged_rows: laid.rows_in_front,
            seen_rows: laid.rows_in_front,
            base: arrangement.base,
            ..self.ledger_of(&laid, ledger)
        };
        let swap = Swap {
            old: ledger,
            new: reordered,
            planned,
            laid,
            newly_judged: arrangement.newly_judged,
            reason,
        };
        self.swap_in(swap, found).map_err(Stopped::Failed)
    }

    fn reading(&self) -> Reading<'_> {
        Reading {
            reads_twice: self.reads_twice.get(),
            ..Reading::of(self.config, &self.key, self.keep)
        }
    }
}
