//! Telling people what a run saw.

mod sightings;

use std::slice::from_ref;

use alerts::Occasion;
use common::exit::{Exit, classify};
use common::{Config, History};
use jiff::Timestamp;

use self::sightings::{failure, sightings};
use crate::record::{Outcome, RunRecord};

/// Queues what a run that ends has seen; part of the transaction that closes it.
///
/// That people cannot be told is no reason for the run to fail.
pub(crate) fn note(
    config: &Config,
    history: &History,
    record: &RunRecord,
    failed_with: Option<Exit>,
) {
    let occasion = Occasion {
        now: record.finished_at.unwrap_or_else(Timestamp::now),
        run: record.run_id,
        release: record.release.clone(),
    };
    let sightings = sightings(record, failed_with);
    if let Err(error) = alerts::note(config, history, &occasion, &sightings) {
        tracing::warn!("nobody is told of run {:?}: {error:#}", record.run_id);
    }
}

/// Tells people what waits to be told, and of the error that ended the run that began then, unless
/// that run is closed: then its end was noted with it.
pub(crate) fn tell(
    config: &Config,
    history: &History,
    began: Timestamp,
    error: Option<&anyhow::Error>,
) {
    let open = open_run(history);
    let to_note = error.filter(|_| open.is_some() || !is_closed_as_failed(history, began));
    if let Some(error) = to_note {
        let occasion = Occasion {
            now: Timestamp::now(),
            run: open,
            release: None,
        };
        let failure = failure(classify(error));
        if let Err(unwritten) = alerts::note(config, history, &occasion, from_ref(&failure)) {
            tracing::warn!("{unwritten:#}");
            alerts::deliver_unremembered(config, &occasion, &failure);
        }
    }
    alerts::deliver(config, history);
}

/// Tells people of an error that leaves no history to note it in.
pub(crate) fn tell_unremembered(config: &Config, error: &anyhow::Error) {
    let occasion = Occasion {
        now: Timestamp::now(),
        run: None,
        release: None,
    };
    alerts::deliver_unremembered(config, &occasion, &failure(classify(error)));
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
