//! A run in progress: its record, kept in the history after every step that outlasts it.

use std::time::Instant;

use common::exit::{Exit, classify};
use common::history::{StageDuration, StoredRun};
use common::ledger::Ledger;
use common::{Config, History};
use jiff::Timestamp;
use record::{Effect, Outcome, RunRecord};

use crate::alerting;
use crate::notices;

/// A run in progress.
pub(crate) struct OpenRun<'a> {
    pub(crate) config: &'a Config,
    pub(crate) history: &'a History,
    /// When the program began, which is before the run unless it takes up another's.
    pub(crate) began: Timestamp,
    pub(crate) id: i64,
    pub(crate) record: RunRecord,
    /// The picture of the release that this process published.
    pub(crate) picture: Option<Vec<u8>>,
    /// The exit code of the error that ended it.
    pub(crate) failed_with: Option<Exit>,
    /// Stages that ended since the record was kept: they are kept with it, which spares a commit
    /// each.
    timed: Vec<StageDuration>,
}

impl<'a> OpenRun<'a> {
    /// Begins a run.
    pub(crate) fn begin(
        config: &'a Config,
        history: &'a History,
        began: Timestamp,
        started_at: Timestamp,
    ) -> anyhow::Result<Self> {
        let record = RunRecord::begin(started_at);
        let id = history.begin_run(record.started_at, &record)?;
        Ok(Self::of(config, history, began, id, record))
    }

    /// Takes up a run that was interrupted.
    pub(crate) fn resume(
        config: &'a Config,
        history: &'a History,
        began: Timestamp,
        mut run: StoredRun<RunRecord>,
    ) -> Self {
        if let Some(decision) = &run.record.decision {
            // An error may have taken its place.
            run.record.reason = decision.reason.clone();
        }
        Self::of(config, history, began, run.id, run.record)
    }

    fn of(
        config: &'a Config,
        history: &'a History,
        began: Timestamp,
        id: i64,
        mut record: RunRecord,
    ) -> Self {
        record.run_id = Some(id);
        Self {
            config,
            history,
            began,
            id,
            record,
            picture: None,
            failed_with: None,
            timed: Vec::new(),
        }
    }

    /// Does one stage and records how long it took.
    pub(crate) fn stage<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let (started_at, clock) = (Timestamp::now(), Instant::now());
        let done = work(self)?;
        let seconds = clock.elapsed().as_secs_f64();
        tracing::info!(stage = name, seconds, "done");
        self.record.seconds.insert(name.to_owned(), seconds);
        self.timed.push(StageDuration {
            stage: name.to_owned(),
            run: Some(self.id),
            started_at,
            seconds,
        });
        Ok(done)
    }

    /// Whether an effect is done already.
    pub(crate) fn has(&self, effect: Effect) -> bool {
        self.record.effects.contains(&effect)
    }

    /// Marks an effect as done.
    pub(crate) fn mark(&mut self, effect: Effect) -> anyhow::Result<()> {
        self.record.effects.insert(effect);
        self.save()
    }

    /// Keeps the record as it is now.
    pub(crate) fn save(&mut self) -> anyhow::Result<()> {
        self.history.transaction(|history| {
            record_stages(history, &self.timed)?;
            history.save_run(self.id, &self.record)
        })?;
        self.timed.clear();
        Ok(())
    }

    /// Closes the run: outcome and ledger are committed together.
    pub(crate) fn finish(
        mut self,
        outcome: Outcome,
        ledger: Option<&Ledger>,
    ) -> anyhow::Result<RunRecord> {
        // The report may have been written with the time already.
        let now = self.record.finished_at.unwrap_or_else(Timestamp::now);
        self.record.outcome = Some(outcome.clone());
        self.record.finished_at = Some(now);
        self.record.forget_uncommitted_predictions();
        self.history.transaction(|history| {
            if let Some(ledger) = ledger {
                history.save_ledger(ledger)?;
            }
            record_stages(history, &self.timed)?;
            notices::keep(history, &self.record)?;
            history.finish_run(self.id, now, outcome.name(), &self.record)?;
            alerting::note(&self);
            // Ticks that found nothing are many and tell little.
            history.prune_runs(Outcome::NothingNew.name(), self.config.history.keep_runs)
        })?;
        tracing::info!(run = self.id, outcome = outcome.name(), "finished");
        Ok(self.record)
    }

    /// Records why the run cannot go on, as far as the history can still be written.
    ///
    /// What the file system refuses after a decision may work next time, so the next run finishes
    /// what was decided. Anything else would fail again: the run ends here, and the rows are new.
    pub(crate) fn fail(mut self, error: &anyhow::Error) {
        self.record.reason = format!("{error:#}");
        self.record.outcome = None;
        self.record.finished_at = None;
        let exit = classify(error);
        self.failed_with = Some(exit);
        let may_work_later = exit == Exit::InputOutput;
        let noted = if self.record.decision.is_none() || !may_work_later {
            self.finish(Outcome::Failed, None).map(|_| ())
        } else {
            self.save()
        };
        if let Err(unwritten) = noted {
            say_unrecorded(&unwritten);
        }
    }
}

fn record_stages(history: &History, timed: &[StageDuration]) -> anyhow::Result<()> {
    timed
        .iter()
        .try_for_each(|duration| history.record_stage(duration))
}

/// Says that a run's end is not in the history, beside the error that ended it.
pub(crate) fn say_unrecorded(unwritten: &anyhow::Error) {
    tracing::error!("the run could not be recorded: {unwritten:#}");
}

/// Whether an error says that the data does not serve, rather than that something broke.
pub(crate) fn is_unusable_data(error: &anyhow::Error) -> bool {
    classify(error) == Exit::DataUnusable
}
