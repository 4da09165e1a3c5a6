//! The pipeline's own evaluation, decisions, fits and gate, on rows in memory.
//!
//! There are no files, locks or history. Before the simulation, [`crate::on_files`] checks that the
//! decisions equal those of runs on files.

use common::Config;
use common::ledger::DataPosition;
use dataset::{Selection, Table};
use diagnostics::statistics::CumulativeScore;
use diagnostics::{Batch, verdicts};
use fullprocess::sums_after;
use model::Model;
use record::{Action, DeployedModel, Evidence, Policy, decide};
use scoring::{Contest, UnseenTest, gate};
use training::FitSettings;

/// A pipeline in memory: a deployed model and the rows so far.
pub(crate) struct Pipeline<'a> {
    config: &'a Config,
    test: &'a Table,
    table: Table,
    pub(crate) model: Model,
    score: f64,
    judged: usize,
    sums: CumulativeScore,
}

/// The effect of one run on the deployed model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunResult {
    /// The deployed model stays, or the rows wait for more.
    Kept,
    /// Drift was found, and a candidate was deployed.
    Redeployed,
    /// Drift was found, and the candidate was refused.
    Refused,
}

impl RunResult {
    /// True if drift was found.
    pub(crate) fn is_alarm(self) -> bool {
        matches!(self, Self::Redeployed | Self::Refused)
    }

    /// True if a candidate was fitted.
    pub(crate) fn is_retrain(self) -> bool {
        self != Self::Kept
    }

    /// True if a candidate was deployed.
    pub(crate) fn is_deployment(self) -> bool {
        self == Self::Redeployed
    }
}

impl<'a> Pipeline<'a> {
    /// A cold start.
    pub(crate) fn start(config: &'a Config, first: &Table, test: &'a Table) -> Self {
        let model = train(config, first);
        Self {
            score: score_of(&model, test),
            config,
            test,
            judged: first.rows(),
            table: first.clone(),
            model,
            sums: CumulativeScore::default(),
        }
    }

    /// Runs the pipeline on new rows, as configured.
    pub(crate) fn run(&mut self, new: &Table) -> RunResult {
        self.table.extend(new);
        let evidence = self.evidence();
        let action = decide(&evidence, &Policy::of(self.config)).action;
        let came = match action {
            Action::Retrain => self.retrain(&evidence),
            _ => RunResult::Kept,
        };
        if matches!(action, Action::Keep | Action::Predict | Action::Retrain) {
            self.judged = self.table.rows();
            if let Some(verdicts) = &evidence.verdicts {
                self.sums = sums_after(action, verdicts);
            }
        }
        came
    }

    fn evidence(&self) -> Evidence {
        let (table, new) = (&self.table, self.judged..self.table.rows());
        let labelled = |rows: &[Option<bool>]| rows.iter().flatten().count() as u64;
        let batch = Batch {
            table,
            rows: new.clone(),
        };
        Evidence {
            deployed: Some(DeployedModel {
                release: String::new(),
                score: self.score,
                score_interval: None,
            }),
            rows: table.rows() as u64,
            labelled_rows: labelled(&table.labels),
            new_rows: new.len() as u64,
            new_labelled_rows: labelled(&table.labels[new.clone()]),
            on_new_rows: scoring::score(&self.model, table, &Selection::rows(new)),
            verdicts: Some(verdicts(
                &self.model,
                &batch,
                &self.sums,
                self.config.drift.alpha,
            )),
            ..Evidence::default()
        }
    }

    fn retrain(&mut self, evidence: &Evidence) -> RunResult {
        let candidate = train(self.config, &self.table);
        let contest = Contest {
            candidate: &candidate,
            incumbent: &self.model,
            table: &self.table,
            new_rows: self.judged..self.table.rows(),
            test: Some(UnseenTest {
                table: self.test,
                left_out: 0,
            }),
            model_drift: evidence.has_model_drift(),
        };
        let settings = FitSettings {
            c: self.config.training.c,
        };
        let comparison = scoring::compare(&settings, &contest).expect("labelled new rows");
        if gate(&comparison, self.config.deployment.gate).accepted {
            self.deploy(candidate);
            RunResult::Redeployed
        } else {
            RunResult::Refused
        }
    }

    fn deploy(&mut self, model: Model) {
        self.score = score_of(&model, self.test);
        self.model = model;
    }
}

fn train(config: &Config, table: &Table) -> Model {
    training::train(config, table, DataPosition::default()).expect("rows of both labels")
}

fn score_of(model: &Model, test: &Table) -> f64 {
    let metrics = scoring::score(model, test, &test.all());
    metrics
        .and_then(|metrics| metrics.f1)
        .expect("test rows of both labels")
}
