//! The trial of a candidate: fitted, scored, and compared with the deployed model.
//!
//! A trial changes only the record of the run, so a dry run makes the same trial.

use std::ops::Range;

use common::digest;
use common::ledger::DataPosition;
use common::numbers::counted;
use dataset::passes::label_counts;
use dataset::{LoadedRows, Table, TestData};
use ingestion::ChangedFingerprints;
use model::Model;
use record::{Evidence, NeededLabels};
use scoring::{
    Comparison, Contest, GateDecision, Metrics, UnseenTest, WindowChoice, WindowTrial, gate,
};

use crate::evaluation::{LiveRelease, RunData};
use crate::open_run::{OpenRun, is_unusable_data};
use crate::regime;

/// Result of a trial.
pub(crate) enum Trial {
    /// No model can be fitted to the data.
    NoModel,
    /// The candidate passed the gate and waits for a person to deploy it.
    Waiting(ScoredCandidate),
    /// The candidate is worse than the deployed model.
    Rejected(ScoredCandidate),
    /// The candidate may be deployed.
    Accepted(ScoredCandidate),
}

/// A candidate with its score on the test data.
pub(crate) struct ScoredCandidate {
    pub(crate) model: Model,
    pub(crate) metrics: Metrics,
    pub(crate) score: f64,
    /// SHA-256 of the encoded model.
    pub(crate) digest: String,
}

impl OpenRun<'_> {
    /// Fits a candidate and compares it with the deployed model, if there is one.
    pub(crate) fn try_candidate(
        &mut self,
        data: &RunData,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<Trial> {
        // A fit may take long, and without test data it would be of no use.
        dataset::check_test_folder(self.config)?;
        let Some(FittedCandidate { model, window }) = self.fit(data, live)? else {
            return Ok(Trial::NoModel);
        };
        let (candidate, test) = self.stage("scoring", |run| {
            let test = TrialTestData::load(run, data)?;
            Ok((ScoredCandidate::score(model, &test.data)?, test))
        })?;
        self.record.candidate_score = Some(candidate.score);
        self.record.candidate_score_interval = candidate.metrics.f1_interval;
        self.record.candidate_metrics = Some(candidate.metrics.clone());
        self.record.warn(test.warnings.iter().cloned());
        self.record.warn(scoring::model_warnings(
            &candidate.metrics,
            "the candidate",
            "on the test data",
        ));
        if live.is_none() {
            self.warn_of_few_labels(data)?;
        }
        let Some((live, window)) = live.zip(window) else {
            return Ok(Trial::Accepted(candidate));
        };
        let decision = self.gate(&candidate, &window, live, data, &test)?;
        Ok(match decision {
            GateDecision { accepted: true, .. } => Trial::Accepted(candidate),
            GateDecision { waits: true, .. } => Trial::Waiting(candidate),
            GateDecision { .. } => Trial::Rejected(candidate),
        })
    }

    /// Warns about a first model that was fitted to fewer labels than a later decision needs.
    fn warn_of_few_labels(&mut self, data: &RunData) -> anyhow::Result<()> {
        let LoadedRows { table, sample, .. } = data.all(self.config)?;
        let labels = label_counts(table, &table.all())?;
        let sample = sample.map_or(String::new(), |sample| format!(" (in {sample})"));
        let needed = NeededLabels::of(self.config);
        let missing = needed.missing(labels.positives, labels.negatives);
        self.record.warn(missing.map(|missing| {
            format!(
                "do not rely on the first model yet, it was fitted to few labels: {missing}{sample}"
            )
        }));
        Ok(())
    }

    /// Fits a candidate. Returns `None`, with the reason in the record, if the data allows no model.
    fn fit(
        &mut self,
        data: &RunData,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<Option<FittedCandidate>> {
        let fitted = self.stage("training", |run| match run.fit_window(data, live) {
            Err(error) if is_unusable_data(&error) => Ok(Err(error)),
            fitted => fitted.map(Ok),
        })?;
        match fitted {
            Ok(fitted) => {
                self.record.windows = fitted.model.windows.clone();
                let sample = fitted.model.data.sample;
                self.record
                    .warn(sample.map(|sample| format!("trained on {sample}")));
                Ok(Some(fitted))
            }
            Err(error) => {
                let sample = data.all(self.config)?.sample;
                let sample = sample.map_or(String::new(), |it| format!(" (the rows are {it})"));
                self.record.reason = format!("{}; {error:#}{sample}", self.record.reason);
                Ok(None)
            }
        }
    }

    /// Fits a model to the best of the training windows. The first model is fitted to all rows, since
    /// there is no drift to follow.
    fn fit_window(
        &self,
        data: &RunData,
        live: Option<&LiveRelease>,
    ) -> anyhow::Result<FittedCandidate> {
        let config = self.config;
        let loaded = data.all(config)?;
        let table = &loaded.table;
        let position = DataPosition {
            sample: loaded.sample,
            ..data.ledger.position()
        };
        let Some(live) = live else {
            let model = training::train(config, table, 0..table.rows(), position)?;
            return Ok(FittedCandidate {
                model,
                window: None,
            });
        };
        let batches = data.ledger.batches();
        let drift = self.record.regime.map(|regime| regime.first_row);
        let windows = scoring::windows(
            config.training.window,
            table.rows(),
            &loaded.numbers,
            &batches,
            drift,
        );
        let first = training::train(config, table, windows[0].rows.clone(), position.clone())?;
        let choice = scoring::choose_window(&WindowTrial {
            training: &config.training,
            table,
            windows: &windows,
            first: &first,
            gate_rows: &self.gate_rows(data, live, loaded),
        })?;
        let chosen = if choice.chosen == windows[0] {
            first
        } else {
            let rows = choice.chosen.rows.clone();
            training::train_like(&first, config, table, rows, position)?
        };
        Ok(FittedCandidate {
            model: Model {
                windows: match windows.len() {
                    1 => Vec::new(),
                    _ => choice.results.clone(),
                },
                ..chosen
            },
            window: Some(choice),
        })
    }

    /// The gate rows, on which candidates are compared with the deployed model. The deployed model
    /// was not fitted to them. After drift, they begin where the drift was found, but at most a few
    /// batches ago; otherwise they are the new rows. The new rows are always among them.
    fn gate_rows(&self, data: &RunData, live: &LiveRelease, loaded: &LoadedRows) -> Range<usize> {
        let ledger = &data.ledger;
        let first = scoring::first_gate_row(
            ledger.evaluated_rows,
            &ledger.batches(),
            self.record.regime.map(|regime| regime.first_row),
            live.model.data.rows,
        );
        loaded.numbers.position(first)..loaded.table.rows()
    }

    /// The gate's decision on this candidate. It is made once, and committed.
    fn gate(
        &mut self,
        candidate: &ScoredCandidate,
        window: &WindowChoice,
        live: &LiveRelease,
        data: &RunData,
        test: &TrialTestData,
    ) -> anyhow::Result<GateDecision> {
        let is_of_this_candidate = self.record.candidate_model.as_ref() == Some(&candidate.digest);
        if let Some(decision) = self.record.gate.clone()
            && is_of_this_candidate
        {
            return Ok(decision);
        }
        let comparison = self.stage("gate", |run| {
            compare(run, candidate, window, live, data, test)
        })?;
        let decision = gate(&comparison, self.config.deployment.gate);
        self.record.candidate_model = Some(candidate.digest.clone());
        self.record.comparison = Some(comparison);
        let is_refused = !decision.accepted && !decision.waits;
        let regime = self
            .record
            .regime
            .map(|regime| regime.after_gate(is_refused));
        self.record.gate = Some(decision.clone());
        self.save_with(|history| regime::save(history, regime, data))?;
        Ok(decision)
    }
}

/// A fitted candidate.
struct FittedCandidate {
    model: Model,
    /// The choice of its training window; `None` for the first model.
    window: Option<WindowChoice>,
}

impl ScoredCandidate {
    fn score(model: Model, test: &TestData) -> anyhow::Result<Self> {
        let (score, metrics) = scoring::score_on_test(&model, test)?;
        Ok(Self {
            digest: digest::of_bytes(&model.encode()?),
            model,
            metrics,
            score,
        })
    }
}

/// The test data with its warnings.
struct TrialTestData {
    data: TestData,
    warnings: Vec<String>,
    /// Test rows that neither model was fitted to.
    unseen: Table,
}

impl TrialTestData {
    /// Reads the test data and finds the rows that a model was fitted to.
    fn load(run: &OpenRun<'_>, data: &RunData) -> anyhow::Result<Self> {
        let config = run.config;
        let test = dataset::load_test_data(config, &data.key)?;
        let seen = known_input_rows(run, data, &test)?;
        let n_seen = seen.iter().filter(|seen| **seen).count();
        let mut warnings = scoring::test_data_warnings(&test);
        if n_seen > 0 {
            warnings.push(format!(
                "{} of the test data {} also in the input, now or earlier: the score is too optimistic, and the gate leaves them out",
                counted(n_seen, "row"),
                if n_seen == 1 { "is" } else { "are" }
            ));
        }
        let unseen = test.table.filtered(|row| !seen[row]);
        Ok(Self {
            data: test,
            warnings,
            unseen,
        })
    }
}

/// Flags of the test rows: true for rows that are or were input rows.
fn known_input_rows(
    run: &OpenRun<'_>,
    data: &RunData,
    test: &TestData,
) -> anyhow::Result<Vec<bool>> {
    let (config, ledger) = (run.config, &data.ledger);
    let mut seen = data.contains_each(config, test)?;
    if ledger.evaluated_fingerprints > ledger.evaluated_rows {
        // Some evaluated rows are no longer in the data.
        let evaluated = match ingestion::find_evaluated(&config.layout, ledger, &test.fingerprints)
        {
            Err(error) => match error.downcast::<ChangedFingerprints>() {
                Ok(loss) => {
                    tracing::warn!("rows that were evaluated and removed are not known: {loss}");
                    // The next run computes the fingerprints of the evaluated rows again.
                    ingestion::note_loss(run.history, &loss)?;
                    return Ok(seen);
                }
                Err(error) => return Err(error),
            },
            Ok(evaluated) => evaluated,
        };
        for (seen, evaluated) in seen.iter_mut().zip(evaluated) {
            *seen |= evaluated;
        }
    }
    Ok(seen)
}

/// Compares the candidate with the deployed model on rows that neither was fitted to.
fn compare(
    run: &OpenRun<'_>,
    candidate: &ScoredCandidate,
    window: &WindowChoice,
    live: &LiveRelease,
    data: &RunData,
    test: &TrialTestData,
) -> anyhow::Result<Comparison> {
    let evidence = run.record.evidence.as_ref();
    let contest = Contest {
        candidate: &candidate.model,
        window,
        incumbent: &live.model,
        table: &data.all(run.config)?.table,
        test: Some(UnseenTest {
            table: &test.unseen,
            left_out: (test.data.table.rows() - test.unseen.rows()) as u64,
        }),
        model_drift: evidence.is_some_and(Evidence::has_model_drift),
        refit: evidence.is_some_and(Evidence::is_refit_due),
    };
    scoring::compare(&contest)
}
