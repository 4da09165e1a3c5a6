//! Telling people what a run saw.

mod all_clear;
mod sightings;

use std::slice::from_ref;

use alerts::{Condition, Delivery, Occasion, Sighting};
use common::exit::classify;
use common::{Config, History};
use jiff::Timestamp;

use self::all_clear::without_premature_ends;
use self::sightings::{dependencies, failure, sightings, wrong};
use crate::open_run::OpenRun;
use crate::record::{Outcome, RunRecord};

/// What people are told by one start of the program, which may finish one run and begin another.
pub(crate) struct Telling<'a> {
    config: &'a Config,
    /// When the program began.
    pub(crate) began: Timestamp,
    delivery: Delivery<'a>,
}

impl<'a> Telling<'a> {
    pub(crate) fn begin(config: &'a Config) -> Self {
        Self {
            config,
            began: Timestamp::now(),
            delivery: Delivery::begin(config),
        }
    }

    /// Delivers what waits.
    pub(crate) fn deliver(&mut self, history: &History) {
        self.delivery.deliver(history);
    }

    /// Tells people what waits to be told, and of the error that ended the run, unless that is
    /// closed: then its end was noted with it.
    pub(crate) fn tell(&mut self, history: &History, error: Option<&anyhow::Error>) {
        let open = open_run(history);
        let to_note = error.filter(|_| open.is_some() || !is_closed_as_failed(history, self.began));
        if let Some(error) = to_note {
            let occasion = self.occasion(open);
            let failure = failure(classify(error));
            let noted = alerts::note(self.config, history, &occasion, from_ref(&failure));
            if let Err(unwritten) = noted {
                tracing::warn!("{unwritten:#}");
                self.delivery.deliver_unremembered(&occasion, &failure);
            }
        }
        self.deliver(history);
    }

    /// Tells people of an error that leaves no history to note it in.
    pub(crate) fn tell_unremembered(&mut self, error: &anyhow::Error) {
        let occasion = self.occasion(None);
        let failure = failure(classify(error));
        self.delivery.deliver_unremembered(&occasion, &failure);
    }

    fn occasion(&self, run: Option<i64>) -> Occasion {
        Occasion {
            began: self.began,
            now: Timestamp::now(),
            run,
            release: None,
        }
    }
}

/// Queues what a run that ends has seen; part of the transaction that closes it.
pub(crate) fn note(run: &OpenRun<'_>) {
    let sightings = sightings(&run.record, run.failed_with);
    let sightings = without_premature_ends(run.history, &run.record, sightings);
    note_sightings(run, &sightings);
}

/// Queues that a run was cut short and is taken up again.
pub(crate) fn note_cut_short(run: &OpenRun<'_>) {
    let what = "it was cut short after its decision, and is being finished; `fullprocess --history` says what comes of it";
    note_sightings(run, &[wrong(Condition::RunFailed, what.into())]);
}

/// Queues what a run that has ended found out about the dependencies.
pub(crate) fn note_dependencies(
    config: &Config,
    history: &History,
    began: Timestamp,
    record: &RunRecord,
) {
    let occasion = Occasion {
        began,
        now: Timestamp::now(),
        run: record.run_id,
        release: record.release.clone(),
    };
    let seen = dependencies(record);
    if let Err(error) = alerts::note(config, history, &occasion, seen.as_slice()) {
        tracing::warn!("nobody is told of the dependencies: {error:#}");
    }
}

/// Delivers what was queued after a run had told people of itself.
pub(crate) fn deliver_again(config: &Config, history: &History) {
    Delivery::begin(config).deliver(history);
}

/// That people cannot be told is no reason for a run to fail.
fn note_sightings(run: &OpenRun<'_>, sightings: &[Sighting]) {
    let record = &run.record;
    let occasion = Occasion {
        began: run.began,
        now: record.finished_at.unwrap_or_else(Timestamp::now),
        run: record.run_id,
        release: record.release.clone(),
    };
    if let Err(error) = alerts::note(run.config, run.history, &occasion, sightings) {
        tracing::warn!("nobody is told of run {}: {error:#}", run.id);
    }
}

/// The number of the run that was left open; `None` where there is none.
fn open_run(history: &History) -> Option<i64> {
    let open = history.unfinished_runs::<RunRecord>().ok()?.pop();
    open.map(|run| run.id)
}

/// Whether the newest run ended since then, with an error.
fn is_closed_as_failed(history: &History, began: Timestamp) -> bool {
    let newest = history.finished_runs::<RunRecord>(1);
    let newest = newest.ok().and_then(|mut runs| runs.pop());
    newest.is_some_and(|run| {
        let record = run.record;
        let has_ended = record.finished_at.is_some_and(|ended| ended >= began);
        has_ended && record.outcome == Some(Outcome::Failed)
    })
}
