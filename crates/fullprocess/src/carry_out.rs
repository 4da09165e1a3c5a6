//! The effects of a decision, each done once and marked in the run's record.
//!
//! A run that is interrupted here is finished by the next one from its record: what is marked is
//! not done again, and a verdict is not reached twice.

use common::history::{StoredScore, documents};
use common::{Ledger, Manifest};
use deployment::Release;
use jiff::Timestamp;
use scoring::gate;

use crate::candidate::{Candidate, Test, compare, score};
use crate::decide::Action;
use crate::judge::{Data, Live};
use crate::open_run::{OpenRun, is_unusable_data};
use crate::record::{Effect, Outcome, RunRecord};

impl OpenRun<'_> {
    /// Does what was decided, and closes the run.
    pub(crate) fn carry_out(
        mut self,
        action: Action,
        data: Data,
        live: Option<Live>,
    ) -> anyhow::Result<RunRecord> {
        let done = match action {
            Action::Nothing => Ok((Outcome::NothingNew, data.ledger.clone())),
            Action::Wait => Ok((Outcome::NotJudged, data.ledger.clone())),
            Action::Keep => self
                .mark_judged(&data)
                .map(|ledger| (Outcome::Steady, ledger)),
            Action::ColdStart | Action::Retrain => self.replace_model(&data, live.as_ref()),
        };
        let reported = done.and_then(|(outcome, ledger)| {
            self.record.outcome = Some(outcome);
            self.report(outcome)?;
            Ok((outcome, ledger))
        });
        match reported {
            Ok((outcome, ledger)) => self.finish(outcome, Some(&seen(ledger))),
            Err(error) => {
                self.record.outcome = None;
                self.record.finished_at = None;
                self.fail(&error);
                Err(error)
            }
        }
    }

    /// Fits a candidate, lets it through the gate, and publishes it.
    fn replace_model(
        &mut self,
        data: &Data,
        live: Option<&Live>,
    ) -> anyhow::Result<(Outcome, Ledger)> {
        let outcome = if self.has(Effect::Published) {
            // An interrupted run had come this far.
            self.outcome_of_publication()
        } else {
            match self.find_outcome(data, live)? {
                Some(outcome) => outcome,
                None if live.is_none() => {
                    // Without a model the rows stay new: the next ones may make one possible.
                    return Ok((Outcome::TrainingRefused, data.ledger.clone()));
                }
                None => Outcome::TrainingRefused,
            }
        };
        Ok((outcome, self.mark_judged(data)?))
    }

    fn outcome_of_publication(&self) -> Outcome {
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

    /// `None` when no model can be fitted to the data.
    fn find_outcome(
        &mut self,
        data: &Data,
        live: Option<&Live>,
    ) -> anyhow::Result<Option<Outcome>> {
        let config = self.config;
        let fitted = self.stage("training", |_| {
            let fitted = training::train(config, &data.table, data.ledger.position());
            match fitted {
                Err(error) if is_unusable_data(&error) => Ok(Err(error)),
                other => other.map(Ok),
            }
        })?;
        let model = match fitted {
            Ok(model) => model,
            Err(refusal) => {
                self.record.reason = format!("{}; {refusal:#}", self.record.reason);
                return Ok(None);
            }
        };
        let (candidate, test) = self.stage("scoring", |_| {
            let test = Test::load(config, data)?;
            Ok((score(model, &test)?, test))
        })?;
        self.record.candidate_score = Some(candidate.score);
        self.record.warnings = test.warnings.clone();
        let is_let_through = self.pass_gate(&candidate, live, data, &test)?;
        self.write_candidate(&candidate)?;
        if !is_let_through {
            return Ok(Some(Outcome::CandidateRefused));
        }
        self.publish(&candidate)?;
        Ok(Some(self.outcome_of_publication()))
    }

    /// Whether the candidate may replace the deployed model; the verdict is committed.
    fn pass_gate(
        &mut self,
        candidate: &Candidate,
        live: Option<&Live>,
        data: &Data,
        test: &Test,
    ) -> anyhow::Result<bool> {
        if let Some(verdict) = &self.record.verdict {
            return Ok(verdict.accepted);
        }
        let Some(live) = live else {
            return Ok(true);
        };
        let config = self.config;
        let comparison = self.stage("gate", |_| compare(config, candidate, live, data, test))?;
        let verdict = gate(&comparison, config.deployment.gate);
        let is_let_through = verdict.accepted;
        self.record.comparison = Some(comparison);
        self.record.verdict = Some(verdict);
        self.save()?;
        Ok(is_let_through)
    }

    fn write_candidate(&mut self, candidate: &Candidate) -> anyhow::Result<()> {
        if self.has(Effect::Trained) {
            return Ok(());
        }
        let model = training::write(self.config, &candidate.model)?;
        scoring::write_score(self.config, candidate.score)?;
        let score = StoredScore {
            model,
            f1: candidate.score,
        };
        self.history.record_score(Timestamp::now(), &score)?;
        self.mark(Effect::Trained)
    }

    fn publish(&mut self, candidate: &Candidate) -> anyhow::Result<()> {
        let (config, history, id) = (self.config, self.history, self.id);
        let release = self.stage("deployment", |_| {
            let candidate = deployment::Candidate {
                model: &candidate.model,
                metrics: &candidate.metrics,
                score: candidate.score,
                run: Some(id),
            };
            let staged = deployment::stage(&config.layout, history, &candidate, Timestamp::now())?;
            let release = deployment::publish(&config.layout, staged)?;
            for name in deployment::prune(config)? {
                tracing::info!(release = name, "removed (deployment.keep_releases)");
            }
            Ok(release)
        })?;
        self.note_published(&release)
    }

    /// Marks that this run's model is the live release.
    pub(crate) fn note_published(&mut self, release: &Release) -> anyhow::Result<()> {
        self.record.release = Some(release.name().to_owned());
        self.record.candidate_score = Some(release.manifest.score);
        self.mark(Effect::Published)
    }

    /// Commits that all rows are judged, together with the mark.
    fn mark_judged(&mut self, data: &Data) -> anyhow::Result<Ledger> {
        let layout = &self.config.layout;
        let rows = data.ledger.rows;
        let ledger = ingestion::mark_judged(layout, &data.ledger, &data.table, rows)?;
        let live = Manifest::of_live_release(layout)?;
        self.record.effects.insert(Effect::Judged);
        self.history.transaction(|history| {
            history.save_ledger(&ledger)?;
            if let Some(live) = &live {
                history.save_document(documents::RECONCILED_MODEL, &live.model_digest())?;
            }
            history.save_run(self.id, &self.record)
        })?;
        Ok(ledger)
    }

    /// Draws the live model, calls the API where the outcome asks for it, and writes the report.
    fn report(&mut self, outcome: Outcome) -> anyhow::Result<()> {
        let has_more_to_tell = !matches!(
            outcome,
            Outcome::Steady | Outcome::NotJudged | Outcome::NothingNew
        );
        let config = self.config;
        if has_more_to_tell && !self.has(Effect::Reported) {
            self.stage("reporting", |_| reporting::redraw(config).map(|_| ()))?;
            self.mark(Effect::Reported)?;
        }
        if has_more_to_tell && !self.has(Effect::Called) {
            self.call_api()?;
            self.mark(Effect::Called)?;
        }
        self.record.finished_at = Some(Timestamp::now());
        self.write_run_folder()
    }
}

/// The ledger in which all rows were seen.
fn seen(ledger: Ledger) -> Ledger {
    Ledger {
        seen_rows: ledger.rows,
        ..ledger
    }
}
