//! Alerts of a run.

mod observations;
mod resolution;

use std::slice::from_ref;

use alerts::{Condition, Delivery, Observation, RunContext};
use common::exit::{Exit, classify};
use common::layout::names;
use common::{Config, History};
use jiff::Timestamp;
use record::{Outcome, RunRecord};

use self::observations::{dependencies, failure, observations, present};
use self::resolution::update_drifts_and_drop_premature_resolutions;

/// One start of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// Time of the start.
    pub(crate) at: Timestamp,
    /// True for a dry run, which works on a copy and sends no alert.
    pub(crate) is_dry_run: bool,
}

/// The alerts of one start of the program, which may finish one run and begin another.
pub(crate) struct AlertSession<'a> {
    config: &'a Config,
    /// Start of the program.
    pub(crate) start: Start,
    /// Number of the newest run that had ended when the program started; 0 if none had.
    newest_ended: i64,
    delivery: Delivery<'a>,
}

impl<'a> AlertSession<'a> {
    pub(crate) fn begin(config: &'a Config) -> Self {
        Self::of(config, false)
    }

    /// The session of a dry run; the configuration names no target.
    pub(crate) fn begin_dry_run(config: &'a Config) -> Self {
        Self::of(config, true)
    }

    fn of(config: &'a Config, is_dry_run: bool) -> Self {
        Self {
            config,
            start: Start {
                at: common::clock::now(),
                is_dry_run,
            },
            newest_ended: 0,
            delivery: Delivery::begin(config),
        }
    }

    /// Notes which runs had ended before this start of the program.
    pub(crate) fn note_ended_runs(&mut self, history: &History) {
        if let Ok(Some(last)) = history.last_run() {
            self.newest_ended = last.run_id;
        }
    }

    /// Delivers the queued alerts.
    pub(crate) fn deliver(&mut self, history: &History) {
        self.delivery.deliver(history);
    }

    /// Delivers the queued alerts, and an alert about the error that ended the run. If the run was
    /// closed, that alert is among the queued ones.
    pub(crate) fn report_end(&mut self, history: &History, error: Option<&anyhow::Error>) {
        let open = open_run(history);
        let to_queue =
            error.filter(|_| open.is_some() || !has_failed_after(history, self.newest_ended));
        if let Some(error) = to_queue {
            let context = self.context(open);
            let failure = failure(classify(error));
            let queued = alerts::record(self.config, history, &context, from_ref(&failure));
            if let Err(queue_error) = queued {
                tracing::warn!("{queue_error:#}");
                self.delivery.deliver_unrecorded(&context, &failure);
            }
        }
        self.deliver(history);
    }

    /// Sends an alert about an error when there is no history in which an alert could be queued.
    pub(crate) fn send_unrecorded(&mut self, error: &anyhow::Error) {
        let context = self.context(None);
        let failure = failure(classify(error));
        self.delivery.deliver_unrecorded(&context, &failure);
    }

    fn context(&self, run: Option<i64>) -> RunContext {
        RunContext {
            began: self.start.at,
            now: common::clock::now(),
            run,
            release: None,
            report: None,
        }
    }
}

/// Queues alerts of one run. A run does not fail because an alert cannot be queued.
pub(crate) struct AlertQueue<'a> {
    pub(crate) config: &'a Config,
    pub(crate) history: &'a History,
    /// Start of the program.
    pub(crate) began: Timestamp,
}

impl AlertQueue<'_> {
    /// Queues the alerts of a run that ends; part of the transaction that closes the run.
    /// `failed_with` is the exit code of the error that ended the run.
    pub(crate) fn queue_end(&self, record: &RunRecord, failed_with: Option<Exit>) {
        let observations = observations(record, failed_with);
        let observations =
            update_drifts_and_drop_premature_resolutions(self.history, record, observations);
        let ended = record.finished_at.unwrap_or_else(common::clock::now);
        self.queue(record, ended, &observations);
    }

    /// Queues an alert that a run was interrupted and is resumed.
    pub(crate) fn queue_interruption(&self, record: &RunRecord) {
        let what = "it was interrupted after its decision, and is being finished; `fullprocess --history` shows its outcome";
        let observation = present(Condition::RunFailed, what.into());
        let now = record.finished_at.unwrap_or_else(common::clock::now);
        self.queue(record, now, &[observation]);
    }

    /// Queues an alert about the dependencies that a run found after its end.
    pub(crate) fn queue_dependencies(&self, record: &RunRecord) {
        self.queue(
            record,
            common::clock::now(),
            dependencies(record).as_slice(),
        );
    }

    /// Address of a run's report. `None` if the run has none, or if `alerts.link_base` is not set.
    fn link_to_report(&self, run: i64) -> Option<String> {
        let base = self.config.alerts.link_base.as_ref()?;
        let report = self.config.layout.run_folder(run).join(names::REPORT);
        report.is_file().then(|| format!("{base}/v1/reports/{run}"))
    }

    fn queue(&self, record: &RunRecord, now: Timestamp, observations: &[Observation]) {
        let context = RunContext {
            began: self.began,
            now,
            run: record.run_id,
            release: record.release.clone(),
            report: record.run_id.and_then(|run| self.link_to_report(run)),
        };
        let queued = alerts::record(self.config, self.history, &context, observations);
        if let Err(error) = queued {
            tracing::warn!(run = record.run_id, "no alert was queued: {error:#}");
        }
    }
}

/// Delivers alerts that were queued after the run's own delivery.
pub(crate) fn deliver_queued(config: &Config, history: &History) {
    Delivery::begin(config).deliver(history);
}

/// Number of the open run; `None` if no run is open.
fn open_run(history: &History) -> Option<i64> {
    let open = history.unfinished_runs::<RunRecord>().ok()?.pop();
    open.map(|run| run.id)
}

/// True if the newest run failed and has a higher number than `newest_ended`.
fn has_failed_after(history: &History, newest_ended: i64) -> bool {
    let newest = history.last_run().ok().flatten();
    newest.is_some_and(|run| run.run_id > newest_ended && run.outcome == Outcome::Failed.name())
}
