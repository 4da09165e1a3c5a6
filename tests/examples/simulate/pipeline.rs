//! The pipeline's own evaluation, decisions, fits and gate, on rows in memory.
//!
//! There are no files, locks or history. Before the simulation, [`crate::on_files`] checks that the
//! decisions equal those of runs on files.

use std::ops::Range;

use common::Config;
use common::ledger::DataPosition;
use dataset::{RowNumbers, Selection, Table};
use diagnostics::statistics::CumulativeScore;
use diagnostics::{Batch, verdicts};
use fullprocess::sums_after;
use model::Model;
use record::{Action, DeployedModel, Evidence, Policy, Regime, decide};
use scoring::{Contest, UnseenTest, WindowTrial, choose_window, first_gate_row, gate, windows};

/// A pipeline in memory: a deployed model and the rows so far.
pub(crate) struct Pipeline<'a> {
    config: &'a Config,
    test: &'a Table,
    table: Table,
    pub(crate) model: Model,
    score: f64,
    judged: usize,
    sums: CumulativeScore,
    /// First row of each batch.
    batches: Vec<u64>,
    regime: Option<Regime>,
    runs: i64,
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
    /// Drift was found earlier; another fit was due, and its candidate was deployed.
    Refitted,
    /// Drift was found earlier; another fit was due, and its candidate was refused.
    RefitRefused,
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
        matches!(self, Self::Redeployed | Self::Refitted)
    }
}

impl<'a> Pipeline<'a> {
    /// A cold start.
    pub(crate) fn start(config: &'a Config, first: &Table, test: &'a Table) -> Self {
        let model = train(config, first, 0..first.rows());
        Self {
            score: score_of(&model, test),
            config,
            test,
            judged: first.rows(),
            table: first.clone(),
            model,
            sums: CumulativeScore::default(),
            batches: vec![0],
            regime: None,
            runs: 0,
        }
    }

    /// Runs the pipeline on new rows, as configured.
    pub(crate) fn run(&mut self, new: &Table) -> RunResult {
        self.runs += 1;
        self.batches.push(self.table.rows() as u64);
        self.table.extend(new);
        self.regime = self.regime.filter(|regime| regime.is_open(&self.batches));
        let evidence = self.evidence();
        let action = decide(&evidence, &Policy::of(self.config)).action;
        self.regime = evidence.regime_after(action, self.runs);
        let came = match action {
            Action::Retrain => self.retrain(&evidence),
            _ => RunResult::Kept,
        };
        if matches!(action, Action::Keep | Action::Predict | Action::Retrain) {
            self.judged = self.table.rows();
            if let Some(verdicts) = &evidence.verdicts
                && !came.is_deployment()
            {
                let before = std::mem::take(&mut self.sums);
                self.sums = sums_after(before, action, verdicts);
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
            labelled_rows: labelled(table.in_memory().labels),
            new_rows: new.len() as u64,
            new_labelled_rows: labelled(&table.in_memory().labels[new.clone()]),
            regime: self.regime,
            on_new_rows: scoring::score(&self.model, table, &Selection::rows(new))
                .expect("the rows are in memory"),
            verdicts: Some(
                verdicts(&self.model, &batch, &self.sums, self.config.drift.alpha)
                    .expect("the rows are in memory"),
            ),
            ..Evidence::default()
        }
    }

    fn retrain(&mut self, evidence: &Evidence) -> RunResult {
        let (table, batches) = (&self.table, &self.batches);
        let drift = self.regime.map(|regime| regime.first_row);
        let windows = windows(
            self.config.training.window,
            table.rows(),
            &RowNumbers::default(),
            batches,
            drift,
        );
        let fitted = self.model.data.rows;
        let first = first_gate_row(self.judged as u64, batches, drift, fitted);
        let gate_rows = first as usize..table.rows();
        let first = train(self.config, table, windows[0].rows.clone());
        let choice = choose_window(&WindowTrial {
            training: &self.config.training,
            table,
            windows: &windows,
            first: &first,
            gate_rows: &gate_rows,
        })
        .expect("a window");
        let candidate = if choice.chosen == windows[0] {
            first
        } else {
            let rows = choice.chosen.rows.clone();
            training::train_like(&first, self.config, table, rows, position(table))
                .expect("a model")
        };
        let contest = Contest {
            candidate: &candidate,
            window: &choice,
            incumbent: &self.model,
            table,
            test: Some(UnseenTest {
                table: self.test,
                left_out: 0,
            }),
            model_drift: evidence.has_model_drift(),
            refit: evidence.is_refit_due(),
        };
        let comparison = scoring::compare(&contest).expect("labelled new rows");
        let is_accepted = gate(&comparison, self.config.deployment.gate).accepted;
        self.regime = self.regime.map(|regime| regime.after_gate(!is_accepted));
        let is_refit = contest.refit;
        if is_accepted {
            self.deploy(candidate);
        }
        match (is_refit, is_accepted) {
            (false, true) => RunResult::Redeployed,
            (false, false) => RunResult::Refused,
            (true, true) => RunResult::Refitted,
            (true, false) => RunResult::RefitRefused,
        }
    }

    fn deploy(&mut self, model: Model) {
        self.score = score_of(&model, self.test);
        self.sums = CumulativeScore::default();
        self.model = model;
    }
}

fn train(config: &Config, table: &Table, rows: Range<usize>) -> Model {
    training::train(config, table, rows, position(table)).expect("rows of both labels")
}

fn position(table: &Table) -> DataPosition {
    DataPosition {
        rows: table.rows() as u64,
        ..DataPosition::default()
    }
}

fn score_of(model: &Model, test: &Table) -> f64 {
    let metrics = scoring::score(model, test, &test.all());
    let metrics = metrics.expect("the rows are in memory");
    metrics
        .and_then(|metrics| metrics.f1)
        .expect("test rows of both labels")
}
