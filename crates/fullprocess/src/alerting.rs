//! Alerts of a run.

mod all_clear;
mod sightings;

use std::slice::from_ref;

use alerts::{AlertContext, Condition, Delivery, Sighting};
use common::exit::classify;
use common::{Config, History};
use jiff::Timestamp;
use record::{Outcome, RunRecord};

use self::all_clear::without_premature_ends;
use self::sightings::{dependencies, failure, sightings, wrong};
use crate::open_run::OpenRun;

/// The alerts of one start of the program, which may finish one run and begin another.
pub(crate) struct AlertSession<'a> {
    config: &'a Config,
    /// Start of the program.
    pub(crate) began: Timestamp,
    delivery: Delivery<'a>,
}

impl<'a> AlertSession<'a> {
    pub(crate) fn begin(config: &'a Config) -> Self {
        Self {
            config,
            began: Timestamp::now(),
            delivery: Delivery::begin(config),
        }
    }

    /// Delivers the queued alerts.
    pub(crate) fn deliver(&mut self, history: &History) {
        self.delivery.deliver(history);
    }

    /// Delivers the queued alerts, and one about the error that ended the run. A run that is closed
    /// has queued that alert already.
    pub(crate) fn report_end(&mut self, history: &History, error: Option<&anyhow::Error>) {
        let open = open_run(history);
        let to_note = error.filter(|_| open.is_some() || !is_closed_as_failed(history, self.began));
        if let Some(error) = to_note {
            let context = self.context(open);
            let failure = failure(classify(error));
            let noted = alerts::note(self.config, history, &context, from_ref(&failure));
            if let Err(unwritten) = noted {
                tracing::warn!("{unwritten:#}");
                self.delivery.deliver_unremembered(&context, &failure);
            }
        }
        self.deliver(history);
    }

    /// Sends an alert about an error that leaves no history to queue alerts in.
    pub(crate) fn send_unrecorded(&mut self, error: &anyhow::Error) {
        let context = self.context(None);
        let failure = failure(classify(error));
        self.delivery.deliver_unremembered(&context, &failure);
    }

    fn context(&self, run: Option<i64>) -> AlertContext {
        AlertContext {
            began: self.began,
            now: Timestamp::now(),
            run,
            release: None,
        }
    }
}

/// Queues the alerts of a run that ends; part of the transaction that closes the run.
pub(crate) fn note(run: &OpenRun<'_>) {
    let sightings = sightings(&run.record, run.failed_with);
    let sightings = without_premature_ends(run.history, &run.record, sightings);
    note_sightings(run, &sightings);
}

/// Queues an alert that a run was interrupted and is resumed.
pub(crate) fn note_cut_short(run: &OpenRun<'_>) {
    let what = "it was cut short after its decision, and is being finished; `fullprocess --history` says what comes of it";
    note_sightings(run, &[wrong(Condition::RunFailed, what.into())]);
}

/// Queues an alert about the dependencies that a run found after its end.
pub(crate) fn note_dependencies(
    config: &Config,
    history: &History,
    began: Timestamp,
    record: &RunRecord,
) {
    let context = AlertContext {
        began,
        now: Timestamp::now(),
        run: record.run_id,
        release: record.release.clone(),
    };
    let seen = dependencies(record);
    if let Err(error) = alerts::note(config, history, &context, seen.as_slice()) {
        tracing::warn!("no alert about the dependencies is sent: {error:#}");
    }
}

/// Delivers alerts that were queued after the run's own delivery.
pub(crate) fn deliver_again(config: &Config, history: &History) {
    Delivery::begin(config).deliver(history);
}

/// Queues alerts. An error is logged and does not make the run fail.
fn note_sightings(run: &OpenRun<'_>, sightings: &[Sighting]) {
    let record = &run.record;
    let context = AlertContext {
        began: run.began,
        now: record.finished_at.unwrap_or_else(Timestamp::now),
        run: record.run_id,
        release: record.release.clone(),
    };
    if let Err(error) = alerts::note(run.config, run.history, &context, sightings) {
        tracing::warn!("no alert about run {} is sent: {error:#}", run.id);
    }
}

/// Number of the run that is open; `None` without any.
fn open_run(history: &History) -> Option<i64> {
    let open = history.unfinished_runs::<RunRecord>().ok()?.pop();
    open.map(|run| run.id)
}

/// Whether the newest run failed and ended since `began`.
fn is_closed_as_failed(history: &History, began: Timestamp) -> bool {
    let newest = history.finished_runs::<RunRecord>(1);
    let newest = newest.ok().and_then(|mut runs| runs.pop());
    newest.is_some_and(|run| {
        let record = run.record;
        let has_ended = record.finished_at.is_some_and(|ended| ended >= began);
        has_ended && record.outcome == Some(Outcome::Failed)
    })
}
