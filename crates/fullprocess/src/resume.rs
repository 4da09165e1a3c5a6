//! Finishing runs that were interrupted, from what they recorded.
//!
//! A run that had not decided is closed: its rows are still new, so the next run judges them. One
//! that had decided is finished as decided, unless the data has moved on or somebody changed the
//! live release by hand since; a release of it that is whole is adopted, not made twice.

use common::exit::{Exit, classify};
use common::history::documents;
use common::{Config, History};
use deployment::Release;
use jiff::Timestamp;
use record::{Effect, Outcome, RunRecord};

use crate::Decided;
use crate::alerting::{self, AlertSession};
use crate::judge::{Data, Live};
use crate::open_run::{self, OpenRun};

/// Finishes every open run and returns the record of the last one that could be finished.
///
/// Alerts are delivered before the work: if every run is killed, none reaches its own delivery.
pub(crate) fn finish_unfinished_runs(
    config: &Config,
    history: &History,
    alerts: &mut AlertSession<'_>,
) -> anyhow::Result<Option<RunRecord>> {
    let mut finished = None;
    let unfinished = history.unfinished_runs::<RunRecord>()?;
    let is_any_unfinished = !unfinished.is_empty();
    for stored in unfinished {
        let id = stored.id;
        tracing::warn!(run = id, "finishing a run that was interrupted");
        let run = OpenRun::resume(config, history, alerts.began, stored);
        if run.record.decision.is_some() {
            alerting::note_cut_short(&run);
            alerts.deliver(history);
        }
        match run.finish_interrupted() {
            Ok(record) => finished = record.or(finished),
            Err(error) if classify(&error) == Exit::InputOutput => return Err(error),
            // It is closed as failed; its rows are judged with the next input.
            Err(error) => tracing::warn!(run = id, "could not be finished: {error:#}"),
        }
    }
    if is_any_unfinished {
        alerts.deliver(history);
    }
    Ok(finished)
}

/// What is left to do of a run that was interrupted.
enum Left {
    /// It is closed as it is, for this reason.
    Nothing(&'static str),
    /// What lasts is done, and comes out so.
    Report(Outcome),
    /// What was decided, as far as it is not marked as done.
    Everything(Box<Decided>),
}

impl OpenRun<'_> {
    fn finish_interrupted(mut self) -> anyhow::Result<Option<RunRecord>> {
        match self.what_is_left() {
            Ok(Left::Nothing(why)) => self.close_as_interrupted(why),
            Ok(Left::Report(outcome)) => self.conclude(outcome, None).map(Some),
            Ok(Left::Everything(decided)) => {
                let Decided { action, data, live } = *decided;
                self.carry_out(action, &data, live.as_ref()).map(Some)
            }
            Err(error) => {
                self.cannot_be_finished(&error);
                Err(error)
            }
        }
    }

    fn what_is_left(&mut self) -> anyhow::Result<Left> {
        let Some(action) = self
            .record
            .decision
            .as_ref()
            .map(|decision| decision.action)
        else {
            return Ok(Left::Nothing(
                "it was cut short before it had decided anything",
            ));
        };
        self.adopt_release()?;
        let is_published = self.has(Effect::Published);
        if !is_published && self.was_overtaken_by_hand()? {
            return Ok(Left::Nothing(
                "it was cut short, and the live release was changed by hand since",
            ));
        }
        let live = Live::load(self.config)?;
        let manifest = live.as_ref().map(Live::manifest);
        let prepared = ingestion::prepare(self.config, self.history, manifest)?;
        let prepared = ingestion::restore(self.config, self.history, prepared, manifest)?;
        let is_same_data = self.record.data.as_ref() == Some(&prepared.ledger.digest);
        if !is_same_data || prepared.needs_mending(self.config) {
            if is_published {
                // The rows of the live model are evaluated already; only the report is missing.
                self.commit_pending_predictions()?;
                return Ok(Left::Report(self.outcome_of_publication()));
            }
            return Ok(Left::Nothing(
                "it was cut short, and the data has moved on since",
            ));
        }
        let data = match Data::load(self.config, prepared.ledger) {
            Ok(data) => data,
            Err(error) => {
                tracing::warn!("{error:#}");
                return Ok(Left::Nothing("it was cut short, and the data was damaged"));
            }
        };
        // Once the candidate is published, the live model is no longer the one that was judged.
        let live = live.filter(|_| !is_published);
        Ok(Left::Everything(Box::new(Decided { action, data, live })))
    }

    /// Closes the run as failed, unless the next one may be able to finish it.
    fn cannot_be_finished(mut self, error: &anyhow::Error) {
        let is_closed = classify(error) != Exit::InputOutput;
        if is_closed && self.has(Effect::Published) && !self.has(Effect::Judged) {
            // Its rows are judged with the model that it published, and by no later run.
            if let Err(unwritten) = self.commit_pending_predictions() {
                open_run::say_unrecorded(&unwritten);
            }
        }
        self.fail(error);
    }

    /// Takes a release of this run for published, and makes it live unless somebody has since
    /// decided otherwise.
    fn adopt_release(&mut self) -> anyhow::Result<()> {
        if self.has(Effect::Published) {
            return Ok(());
        }
        let Some(release) = self.own_release()? else {
            return Ok(());
        };
        if !self.was_changed_by_hand_after(release.manifest.created_at)? {
            deployment::make_live(&self.config.layout, &release)?;
        }
        self.note_published(&release)
    }

    /// The whole release that this run made, if it came so far.
    ///
    /// Run numbers begin again when the history is lost, so the number alone proves nothing.
    fn own_release(&self) -> anyhow::Result<Option<Release>> {
        let own = deployment::releases(&self.config.layout)?
            .into_iter()
            .rfind(|release| {
                let manifest = &release.manifest;
                manifest.run == Some(self.id)
                    && Some(&manifest.data.digest) == self.record.data.as_ref()
                    && manifest.created_at >= self.record.started_at
            });
        Ok(own.filter(|release| {
            release
                .verify()
                .inspect_err(|error| tracing::warn!("{error:#}"))
                .is_ok()
        }))
    }

    fn was_overtaken_by_hand(&self) -> anyhow::Result<bool> {
        self.was_changed_by_hand_after(self.record.started_at)
    }

    fn was_changed_by_hand_after(&self, time: Timestamp) -> anyhow::Result<bool> {
        let changed: Option<Timestamp> = self.history.document(documents::CHANGED_BY_HAND)?;
        Ok(changed.is_some_and(|changed| changed >= time))
    }

    fn close_as_interrupted(mut self, reason: &str) -> anyhow::Result<Option<RunRecord>> {
        self.record.reason = reason.into();
        self.finish(Outcome::Interrupted, None).map(|_| None)
    }
}
