//! A run in progress. Its record is saved in the history after every lasting step.

use common::exit::{Exit, classify};
use common::history::{StageDuration, StageTimer, StoredRun};
use common::ledger::Ledger;
use common::{Config, History};
use jiff::Timestamp;
use record::{Effect, Outcome, RunRecord};

use crate::alerting::{AlertQueue, Start};
use crate::notices;

/// A run in progress.
pub(crate) struct OpenRun<'a> {
    pub(crate) config: &'a Config,
    pub(crate) history: &'a History,
    /// Start of the program. It precedes the start of the run, except when the run was interrupted
    /// earlier.
    pub(crate) start: Start,
    pub(crate) id: i64,
    pub(crate) record: RunRecord,
    /// Picture of the release that this process published.
    pub(crate) picture: Option<Vec<u8>>,
    /// Exit code of the error that ended the run.
    pub(crate) failed_with: Option<Exit>,
    /// Durations since the last save. They are saved with the record, which spares a commit for
    /// each.
    unsaved_durations: Vec<StageDuration>,
}

impl<'a> OpenRun<'a> {
    /// Begins a run.
    pub(crate) fn begin(
        config: &'a Config,
        history: &'a History,
        start: Start,
        started_at: Timestamp,
    ) -> anyhow::Result<Self> {
        let record = RunRecord {
            configuration: Some(config.digest.clone()),
            ..RunRecord::begin(started_at)
        };
        let id = history.begin_run(record.started_at, &record)?;
        Ok(Self::of(config, history, start, id, record))
    }

    /// Continues an interrupted run.
    pub(crate) fn resume(
        config: &'a Config,
        history: &'a History,
        start: Start,
        mut run: StoredRun<RunRecord>,
    ) -> Self {
        if let Some(decision) = &run.record.decision {
            // An error of the interrupted run may have replaced the reason of the decision.
            run.record.reason = decision.reason.clone();
        }
        Self::of(config, history, start, run.id, run.record)
    }

    fn of(
        config: &'a Config,
        history: &'a History,
        start: Start,
        id: i64,
        mut record: RunRecord,
    ) -> Self {
        record.run_id = Some(id);
        Self {
            config,
            history,
            start,
            id,
            record,
            picture: None,
            failed_with: None,
            unsaved_durations: Vec::new(),
        }
    }

    /// Runs one stage and records its duration.
    pub(crate) fn stage<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let timer = StageTimer::start_in_run(name, self.id);
        let done = work(self)?;
        let duration = timer.stop();
        self.record.seconds.insert(name.into(), duration.seconds);
        self.unsaved_durations.push(duration);
        Ok(done)
    }

    /// The queue of the run's alerts.
    pub(crate) fn alerts(&self) -> AlertQueue<'a> {
        AlertQueue {
            config: self.config,
            history: self.history,
            began: self.start.at,
        }
    }

    /// True if an effect is done.
    pub(crate) fn has(&self, effect: Effect) -> bool {
        self.record.effects.contains(&effect)
    }

    /// Marks an effect as done and saves the record.
    pub(crate) fn mark(&mut self, effect: Effect) -> anyhow::Result<()> {
        self.record.effects.insert(effect);
        self.save()
    }

    /// Saves the record.
    pub(crate) fn save(&mut self) -> anyhow::Result<()> {
        self.save_with(|_| Ok(()))
    }

    /// Saves the record, and what `also` writes, in one transaction.
    pub(crate) fn save_with(
        &mut self,
        also: impl FnOnce(&History) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.history.transaction(|history| {
            also(history)?;
            record_stages(history, &self.unsaved_durations)?;
            history.save_run(self.id, &self.record)
        })?;
        self.unsaved_durations.clear();
        Ok(())
    }

    /// Closes the run: outcome and ledger are committed together.
    pub(crate) fn finish(
        mut self,
        outcome: Outcome,
        ledger: Option<&Ledger>,
    ) -> anyhow::Result<RunRecord> {
        // The report may already hold an end time; the record must agree with it.
        let now = self.record.finished_at.unwrap_or_else(common::clock::now);
        self.record.outcome = Some(outcome.clone());
        self.record.finished_at = Some(now);
        self.record.forget_uncommitted_predictions();
        self.history.transaction(|history| {
            if let Some(ledger) = ledger {
                history.save_ledger(ledger)?;
            }
            record_stages(history, &self.unsaved_durations)?;
            notices::save_shown(history, &self.record)?;
            history.finish_run(self.id, now, outcome.name(), &self.record)?;
            self.alerts().queue_end(&self.record, self.failed_with);
            // Runs that found nothing new are many and hold little information, so only the newest
            // are kept.
            history.prune_runs(Outcome::NothingNew.name(), self.config.history.keep_runs)
        })?;
        if !self.start.is_dry_run {
            tracing::info!(run = self.id, outcome = outcome.name(), "finished");
        }
        Ok(self.record)
    }

    /// Records why the run cannot continue, as far as the history is still writable.
    ///
    /// After a decision, an error of the file system may be temporary, so the next run finishes
    /// what was decided. Any other error would recur: the run is closed as failed, and its rows
    /// stay new.
    pub(crate) fn fail(mut self, error: &anyhow::Error) {
        self.record.reason = format!("{error:#}");
        self.record.outcome = None;
        self.record.finished_at = None;
        let exit = classify(error);
        self.failed_with = Some(exit);
        let may_work_later = exit == Exit::InputOutput;
        let recorded = if self.record.decision.is_none() || !may_work_later {
            self.finish(Outcome::Failed, None).map(|_| ())
        } else {
            self.save()
        };
        if let Err(write_error) = recorded {
            log_unrecorded(&write_error);
        }
    }
}

fn record_stages(history: &History, unsaved_durations: &[StageDuration]) -> anyhow::Result<()> {
    unsaved_durations
        .iter()
        .try_for_each(|duration| history.record_stage(duration))
}

/// Logs that the end of a run is not in the history. The error that ended the run is reported
/// separately.
pub(crate) fn log_unrecorded(write_error: &anyhow::Error) {
    tracing::error!("the run could not be recorded: {write_error:#}");
}

/// True if the data is unusable, as opposed to an unexpected failure.
pub(crate) fn is_unusable_data(error: &anyhow::Error) -> bool {
    classify(error) == Exit::DataUnusable
}
