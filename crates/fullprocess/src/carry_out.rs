//! The effects of a decision. Each effect is done once and then marked in the record of the run.
//!
//! The next run finishes an interrupted run from its record. It repeats no marked effect and
//! reaches no verdict twice.

use common::history::{StoredScore, documents};
use common::{Ledger, Manifest};
use deployment::Release;
use record::{Action, Effect, Outcome, RunRecord};

use crate::evaluation::{LiveRelease, RunData};
use crate::monitor::save_sums;
use crate::open_run::OpenRun;
use crate::reviews;
use crate::trial::{ScoredCandidate, Trial};
use crate::unlabelled;

impl OpenRun<'_> {
    /// Carries out the decision and closes the run.
    pub(crate) fn carry_out(
        mut self,
        action: Action,
        data: &RunData,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<RunRecord> {
        match self.act(action, data, live) {
            Ok((outcome, ledger)) => self.conclude(outcome, Some(&with_all_rows_seen(ledger))),
            Err(error) => self.fail_and_return(error),
        }
    }

    /// Writes the report and closes a run whose lasting effects are done.
    pub(crate) fn conclude(
        mut self,
        outcome: Outcome,
        ledger: Option<&Ledger>,
    ) -> anyhow::Result<RunRecord> {
        match self.report(&outcome) {
            Ok(()) => self.finish(outcome, ledger),
            Err(error) => self.fail_and_return(error),
        }
    }

    fn fail_and_return(self, error: anyhow::Error) -> anyhow::Result<RunRecord> {
        self.fail(&error);
        Err(error)
    }

    fn act(
        &mut self,
        action: Action,
        data: &RunData,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<(Outcome, Ledger)> {
        let outcome = match action {
            Action::Nothing => return Ok((Outcome::NothingNew, data.ledger.clone())),
            Action::Unusable => return Ok((Outcome::TrainingRefused, data.ledger.clone())),
            Action::Wait => return Ok((Outcome::NotJudged, data.ledger.clone())),
            Action::Keep => self.record.outcome_of_keeping(),
            Action::Predict => Outcome::NotJudged,
            Action::ColdStart | Action::Retrain => self.replace_model(data, live)?,
        };
        if outcome == Outcome::TrainingRefused && live.is_none() {
            // Without a model the rows stay new: later rows may make a model possible.
            return Ok((outcome, data.ledger.clone()));
        }
        Ok((outcome, self.mark_evaluated(data)?))
    }

    /// Trains and tests a candidate, and publishes it if it is accepted.
    fn replace_model(
        &mut self,
        data: &RunData,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<Outcome> {
        if self.has(Effect::Published) {
            // An interrupted run published the candidate already.
            return Ok(self.outcome_of_publication());
        }
        if let Some(gate) = &self.record.gate
            && !gate.accepted
            && self.has(Effect::Trained)
        {
            return Ok(match gate.waits {
                true => Outcome::CandidateWaiting,
                false => Outcome::CandidateRefused,
            });
        }
        match self.try_candidate(data, live)? {
            Trial::NoModel => Ok(Outcome::TrainingRefused),
            Trial::Waiting(candidate) => {
                self.write_candidate(&candidate)?;
                Ok(Outcome::CandidateWaiting)
            }
            Trial::Rejected(candidate) => {
                self.keep_refused(&candidate)?;
                self.write_candidate(&candidate)?;
                Ok(Outcome::CandidateRefused)
            }
            Trial::Accepted(candidate) => {
                self.write_candidate(&candidate)?;
                self.publish(&candidate)?;
                Ok(self.outcome_of_publication())
            }
        }
    }

    /// Outcome of a run that published its model.
    pub(crate) fn outcome_of_publication(&self) -> Outcome {
        let is_first = self
            .record
            .decision
            .as_ref()
            .is_some_and(|decision| decision.action == Action::ColdStart);
        if is_first {
            Outcome::ColdStart
        } else {
            Outcome::Redeployed
        }
    }

    fn write_candidate(&mut self, candidate: &ScoredCandidate) -> anyhow::Result<()> {
        // If this run is killed later, the digest tells which release it made.
        self.record.candidate_model = Some(candidate.digest.clone());
        training::write(self.config, &candidate.model)?;
        scoring::write_score(self.config, candidate.score)?;
        let score = StoredScore {
            model: candidate.digest.clone(),
            f1: candidate.score,
        };
        self.history.record_score(common::clock::now(), &score)?;
        self.mark(Effect::Trained)
    }

    fn publish(&mut self, candidate: &ScoredCandidate) -> anyhow::Result<()> {
        let (config, history, id) = (self.config, self.history, self.id);
        let release = self.stage("deployment", |run| {
            let candidate = deployment::Candidate {
                model: &candidate.model,
                metrics: &candidate.metrics,
                score: candidate.score,
                run: Some(id),
                scale: config.scorecard,
            };
            let staged =
                deployment::stage(&config.layout, history, &candidate, common::clock::now())?;
            run.picture = Some(staged.picture.clone());
            deployment::publish(&config.layout, history, staged)
        })?;
        self.mark_published(&release)?;
        deployment::prune(config);
        Ok(())
    }

    /// Marks the model of this run as the live release.
    pub(crate) fn mark_published(&mut self, release: &Release) -> anyhow::Result<()> {
        self.record.release = Some(release.name().to_owned());
        self.record.candidate_score = Some(release.manifest.score);
        self.record.candidate_score_interval = release.manifest.score_interval;
        self.mark(Effect::Published)
    }

    /// Commits, in one transaction, that all rows are evaluated and that the effect is done.
    pub(crate) fn mark_evaluated(&mut self, data: &RunData) -> anyhow::Result<Ledger> {
        let layout = &self.config.layout;
        let ledger = data.mark_evaluated(self.config)?;
        let live = Manifest::of_live_release(layout)?;
        let mut record = self.record.clone();
        record.effects.insert(Effect::Evaluated);
        let pending = record.pending_predictions.take();
        let unneeded = self.history.transaction(|history| {
            history.save_ledger(&ledger)?;
            // A resumed run may have stored its batch already; the batch counts once.
            let unneeded = match self.has(Effect::Evaluated) {
                true => Vec::new(),
                false => {
                    save_sums(history, &record)?;
                    reviews::save(history, self.id, &record)?
                }
            };
            if let Some(pending) = pending {
                unlabelled::commit(&pending, history)?;
            }
            if let Some(live) = &live {
                history.save_document(documents::RECONCILED_MODEL, &live.model_digest())?;
            }
            history.save_run(self.id, &record)?;
            Ok(unneeded)
        })?;
        self.record = record;
        unlabelled::forget_evaluated(self.config, self.history, &ledger);
        reviews::remove_candidates(layout, &unneeded);
        Ok(ledger)
    }

    /// Commits the pending predictions of a run that was killed before it could mark its rows as
    /// evaluated, although the ledger counts them as evaluated.
    pub(crate) fn commit_pending_predictions(&mut self) -> anyhow::Result<()> {
        let mut record = self.record.clone();
        record.effects.insert(Effect::Evaluated);
        let pending = record.pending_predictions.take();
        self.history.transaction(|history| {
            if let Some(pending) = pending {
                unlabelled::commit(&pending, history)?;
            }
            history.save_run(self.id, &record)
        })?;
        self.record = record;
        Ok(())
    }

    /// Ranks the clients and writes the report. If the outcome asks for it, also draws the confusion matrix
    /// of the live model and calls the API.
    fn report(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        self.record.outcome = Some(outcome.clone());
        if *outcome == Outcome::NothingNew || self.start.is_dry_run {
            return Ok(());
        }
        self.rank_clients()?;
        let has_full_report = !matches!(
            outcome,
            Outcome::Steady | Outcome::DriftNoted | Outcome::NotJudged
        );
        let config = self.config;
        if has_full_report && !self.has(Effect::Reported) {
            self.stage("reporting", |run| match run.picture.take() {
                Some(picture) => reporting::write(config, &picture),
                None => reporting::redraw(config).map(|_| ()),
            })?;
            self.mark(Effect::Reported)?;
        }
        if has_full_report && !self.has(Effect::Called) {
            self.call_api()?;
            self.mark(Effect::Called)?;
        }
        self.record.finished_at = Some(common::clock::now());
        self.write_run_folder()
    }
}

/// The ledger with all rows marked as seen.
pub(crate) fn with_all_rows_seen(ledger: Ledger) -> Ledger {
    Ledger {
        seen_rows: ledger.rows,
        ..ledger
    }
}
