//! Finishing interrupted runs from their records.
//!
//! A run without a decision is closed; its rows stay new, so the next run evaluates them. A run
//! with a decision is finished as decided, with two exceptions: the data has changed since, or
//! somebody changed the live release by hand. If the run has published a complete release, that
//! release is adopted and not made again. If somebody has made another release live since, that one
//! stays and the run is closed. Its rows then count as evaluated; otherwise the next run would
//! publish the same model again.

use common::exit::{Exit, classify};
use common::manifest::PublishedManifests;
use common::{Config, History, Ledger, files};
use deployment::Release;
use record::{Effect, Outcome, RunRecord};

use crate::alerting::AlertSession;
use crate::carry_out::with_all_rows_seen;
use crate::decided_run::DecidedRun;
use crate::evaluation::{LiveRelease, RunData};
use crate::open_run::{self, OpenRun};

/// Finishes every open run and returns the record of the last one that could be finished.
///
/// Alerts are delivered before the work. If every run were killed, no run would reach the delivery
/// at its end.
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
        let run = OpenRun::resume(config, history, alerts.start, stored);
        if run.record.decision.is_some() {
            run.alerts().queue_interruption(&run.record);
            alerts.deliver(history);
        }
        match run.finish_interrupted() {
            Ok(record) => finished = record.or(finished),
            Err(error) if classify(&error) == Exit::InputOutput => return Err(error),
            // The run is closed as failed; the next input evaluates its rows.
            Err(error) => tracing::warn!(run = id, "could not be finished: {error:#}"),
        }
    }
    if is_any_unfinished {
        alerts.deliver(history);
    }
    Ok(finished)
}

/// Remaining work of an interrupted run.
enum RemainingWork {
    /// Close the run as interrupted, for this reason.
    Nothing(&'static str),
    /// Close the run as interrupted: its release exists, and a person made another one live. Its
    /// rows count as evaluated if their data is still the same.
    LeaveRelease(Option<Box<RunData>>),
    /// Report this outcome; all lasting effects are done.
    Report(Outcome),
    /// Carry out the decision, except for effects marked as done.
    Everything(Box<DecidedRun>),
}

impl OpenRun<'_> {
    fn finish_interrupted(mut self) -> anyhow::Result<Option<RunRecord>> {
        match self.remaining_work() {
            Ok(RemainingWork::Nothing(why)) => self.close_as_interrupted(why),
            Ok(RemainingWork::LeaveRelease(data)) => self.close_without_release(data.as_deref()),
            Ok(RemainingWork::Report(outcome)) => self.conclude(outcome, None).map(Some),
            Ok(RemainingWork::Everything(decided)) => {
                let DecidedRun { action, data, live } = *decided;
                self.carry_out(action, &data, live.as_ref()).map(Some)
            }
            Err(error) => {
                self.close_unfinishable(&error);
                Err(error)
            }
        }
    }

    fn remaining_work(&mut self) -> anyhow::Result<RemainingWork> {
        let Some(action) = self
            .record
            .decision
            .as_ref()
            .map(|decision| decision.action)
        else {
            return Ok(RemainingWork::Nothing(
                "it was interrupted before it had decided anything",
            ));
        };
        let is_left = self.was_release_replaced_by_hand()?;
        if !is_left {
            self.adopt_release()?;
        }
        let is_published = self.has(Effect::Published);
        if !is_left && !is_published && self.was_changed_by_hand()? {
            return Ok(RemainingWork::Nothing(
                "it was interrupted, and the live release was changed by hand since",
            ));
        }
        let live = LiveRelease::load(self.config)?;
        let manifest = live.as_ref().map(LiveRelease::manifest);
        let prepared = ingestion::prepare(self.config, self.history, manifest)?;
        let prepared = ingestion::restore(self.config, self.history, prepared, manifest)?;
        let is_same_data = self.record.data.as_ref() == Some(&prepared.ledger.digest);
        if !is_same_data || prepared.needs_repair(self.config)? {
            if is_left {
                return Ok(RemainingWork::LeaveRelease(None));
            }
            if is_published {
                // The rows of the live model are evaluated already; only the report is missing.
                self.commit_pending_predictions()?;
                return Ok(RemainingWork::Report(self.outcome_of_publication()));
            }
            return Ok(RemainingWork::Nothing(
                "it was interrupted, and the data has changed since",
            ));
        }
        let data = match RunData::load(self.config, prepared.ledger) {
            Ok(mut data) => {
                let regime = self.record.evidence.as_ref().and_then(|it| it.regime);
                data.prefer_since_drift(regime.map(|regime| regime.first_row));
                data
            }
            Err(error) if files::is_access_error(&error) => return Err(error),
            Err(error) => {
                tracing::warn!("{error:#}");
                if is_left {
                    return Ok(RemainingWork::LeaveRelease(None));
                }
                return Ok(RemainingWork::Nothing(
                    "it was interrupted, and the data was damaged",
                ));
            }
        };
        if is_left {
            return Ok(RemainingWork::LeaveRelease(Some(Box::new(data))));
        }
        // Once the candidate is published, the live model is no longer the evaluated one.
        let live = live.filter(|_| !is_published);
        Ok(RemainingWork::Everything(Box::new(DecidedRun {
            action,
            data,
            live,
        })))
    }

    /// Closes the run as failed, unless the next run may be able to finish it.
    fn close_unfinishable(mut self, error: &anyhow::Error) {
        let is_closed = classify(error) != Exit::InputOutput;
        if is_closed && self.has(Effect::Published) && !self.has(Effect::Evaluated) {
            // Its rows count as evaluated, so no later run commits these predictions.
            if let Err(write_error) = self.commit_pending_predictions() {
                open_run::log_unrecorded(&write_error);
            }
        }
        self.fail(error);
    }

    /// True if this run made a release and a person made another one live since. A report of this
    /// run would then name the wrong live release.
    fn was_release_replaced_by_hand(&self) -> anyhow::Result<bool> {
        if !self.was_changed_by_hand()? {
            return Ok(false);
        }
        let own = match self.record.release.clone() {
            Some(published) if self.has(Effect::Published) => Some(published),
            _ => self.own_release()?.map(|release| release.name().to_owned()),
        };
        Ok(own.is_some() && own != deployment::live_name(&self.config.layout)?)
    }

    /// Closes a run after a person has replaced its release by another one.
    fn close_without_release(
        mut self,
        data: Option<&RunData>,
    ) -> anyhow::Result<Option<RunRecord>> {
        let closed = self.settle_without_release(data);
        match closed {
            Ok(ledger) => {
                let ledger = ledger.map(with_all_rows_seen);
                self.finish(Outcome::Interrupted, ledger.as_ref())
                    .map(|_| None)
            }
            Err(error) => {
                self.close_unfinishable(&error);
                Err(error)
            }
        }
    }

    fn settle_without_release(&mut self, data: Option<&RunData>) -> anyhow::Result<Option<Ledger>> {
        let live = LiveRelease::load(self.config)?;
        self.record.release = live.as_ref().map(|live| live.release.name().to_owned());
        self.record.reason =
            "it was interrupted, and the live release was changed by hand since".into();
        match data {
            Some(data) => self.mark_evaluated(data).map(Some),
            None => self.commit_pending_predictions().map(|()| None),
        }
    }

    /// Makes a release of this run live and marks it as published. The caller has checked that no
    /// person made another release live since.
    fn adopt_release(&mut self) -> anyhow::Result<()> {
        if self.has(Effect::Published) {
            return Ok(());
        }
        let Some(release) = self.own_release()? else {
            return Ok(());
        };
        deployment::make_live(&self.config.layout, &release)?;
        self.mark_published(&release)
    }

    /// The complete release that this run made, if any.
    ///
    /// Run numbers start again when the history is lost, so the run number alone proves nothing. The
    /// run wrote down its candidate's digest before it made the release.
    fn own_release(&self) -> anyhow::Result<Option<Release>> {
        let Some(candidate) = self.record.candidate_model.as_deref() else {
            return Ok(None);
        };
        let own = deployment::releases(&self.config.layout)?
            .into_iter()
            .rfind(|release| {
                let manifest = &release.manifest;
                manifest.run == Some(self.id)
                    && manifest.model_digest() == candidate
                    && Some(&manifest.data.digest) == self.record.data.as_ref()
            });
        let published = PublishedManifests::read(&self.config.layout)?;
        let Some(own) = own else {
            return Ok(None);
        };
        Release::open_undamaged(&own.folder, &published)
    }

    /// True if a person changed the live release since the run began. No such change happens while
    /// a run works, since both hold the run lock. So it came after everything that the run did.
    fn was_changed_by_hand(&self) -> anyhow::Result<bool> {
        Ok(self.history.release_change_since(self.id)?.is_some())
    }

    fn close_as_interrupted(mut self, reason: &str) -> anyhow::Result<Option<RunRecord>> {
        self.record.reason = reason.into();
        self.finish(Outcome::Interrupted, None).map(|_| None)
    }
}
