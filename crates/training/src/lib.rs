//! Training: fits a model to the ingested data.
//!
//! A logistic regression is solved to its optimum, and an independent calculation checks the
//! optimum. The model and its file are in the crate `model`; its metrics are in `scoring`.

mod calibration_line;
mod check;
mod covariance;
mod fit;
mod forms;
mod headroom;
mod out_of_fold;
mod recalibration;
mod report;
mod threshold;

use std::ops::Range;
use std::time::Instant;

use anyhow::Context;
use common::cli::clap::{self, Args};
use common::config::{ThresholdRule, TrainingForm, TrainingSettings, TrainingWindow};
use common::history::{ChangeKind, NewChange, StageTimer};
use common::ledger::DataPosition;
use common::schema::Feature;
use common::{Config, Failure, History, Ledger, RunLock, clock, digest, files};
use dataset::passes::{ScoreGroup, client_count, profile, rows_of_clients};
use dataset::{LoadedRows, Selection, Table, max_loaded_rows};
use model::{Check, Convergence, Design, Form, Model, Predictor, Threshold};

use self::fit::with_effects;
use self::forms::{FormFit, FormRows, fit_form, fit_like};

pub use calibration_line::{CalibrationLine, calibration_intercept, calibration_line};
pub use check::{Beaten, check};
pub use covariance::{Uncertainty, uncertainty};
pub use fit::{Fit, FitError, FitSettings, fit};
pub use headroom::Headroom;
pub use out_of_fold::{FittedForm, OutOfFold};
pub use report::{FittedCoefficient, FittedTo, TrainReport};

/// A note: the model has straight lines although the configuration asks for curves.
const NO_CURVES: &str = "the model has straight lines, although training.form asks for curves: there are fewer than 200 labelled rows, or 20 of a label in too few clients, no number that may bend has more than two values, or there are more than 128 numbers";

/// A note: the model has no pairs although the configuration asks for them.
const NO_PAIRS: &str = "the model has no pairs, although training.form is \"pairs\": no two features that may be in a pair have a clear effect together, or there are more than 100 features";

/// A note on what the comparison with boosted trees leaves out.
const FREE_TREES: &str =
    "the trees do not keep schema.features[].effect, so a part of the headroom may be due to it";

/// A note: the headroom is not known.
const NO_HEADROOM: &str = "the headroom is not known: there are fewer than 200 labelled rows, or 20 of a label, or too few clients of a label";

/// The options of the command `training`.
#[derive(Args, Debug)]
pub struct Options {
    /// Compare with boosted trees: what does it cost that each point of the model is explained?
    #[arg(long)]
    headroom: bool,
}

/// Fits a candidate as [`run`] does, and compares it with boosted trees if the options say so.
pub fn run_with(config: &Config, options: Options) -> anyhow::Result<TrainReport> {
    let Trained {
        mut report,
        model,
        table,
        rows,
    } = run_by_hand(config)?;
    if options.headroom {
        let clock = Instant::now();
        report.headroom = headroom::headroom(&model, &table, rows).map_err(as_failure)?;
        let has_shapes = |feature: &Feature| !feature.kind.effect().is_any();
        match &report.headroom {
            None => report.notes.push(NO_HEADROOM.into()),
            Some(_) if model.schema.features.iter().any(has_shapes) => {
                report.notes.push(FREE_TREES.into());
            }
            Some(_) => {}
        }
        let seconds = clock.elapsed().as_secs_f64();
        tracing::info!(seconds, "compared with boosted trees");
    }
    Ok(report)
}

/// Fits a candidate to the ingested data, for the command `training`. The model is written to the
/// candidate's file, and the duration is recorded in the history.
pub fn run(config: &Config) -> anyhow::Result<TrainReport> {
    Ok(run_by_hand(config)?.report)
}

/// The results of the command `training`.
struct Trained {
    report: TrainReport,
    model: Model,
    table: Table,
    /// Positions of the rows that the model was fitted to.
    rows: Range<usize>,
}

fn run_by_hand(config: &Config) -> anyhow::Result<Trained> {
    dataset::start_threads()?;
    let _lock = RunLock::acquire(&config.layout, "training")?;
    let timer = StageTimer::start("training");
    let history = History::open(&config.layout)?;
    history.settle_trainings(&config.layout)?;
    let (ledger, loaded) = ingested_data(config, &history)?;
    let rows = loaded.numbers.position(first_row_by_hand(config, &ledger))..loaded.table.rows();
    let (table, sample) = (loaded.table, loaded.sample);
    let data = DataPosition {
        sample,
        ..ledger.position()
    };
    let model = train(config, &table, rows.clone(), data).map_err(|error| match sample {
        Some(sample) => error.context(format!("the rows are {sample}")),
        None => error,
    })?;
    let digest = write_by_hand(config, &history, &model, timer)?;
    let mut report = TrainReport::of(&model, &config.layout.candidate_model(), digest);
    let note = match (config.training.form, report.form) {
        (TrainingForm::Curves | TrainingForm::Pairs, Form::Linear) => Some(NO_CURVES),
        (TrainingForm::Pairs, Form::Curves) => Some(NO_PAIRS),
        _ => None,
    };
    report.notes.extend(note.map(str::to_owned));
    let sampled = sample.map(|sample| format!("trained on {sample}"));
    report.notes.extend(sampled);
    Ok(Trained {
        report,
        model,
        table,
        rows,
    })
}

/// Writes the candidate and records who fitted it; returns the SHA-256 of the file.
///
/// The change is recorded before the write. If this process is killed in between, the next command
/// that writes compares the file with the recorded SHA-256.
fn write_by_hand(
    config: &Config,
    history: &History,
    model: &Model,
    timer: StageTimer,
) -> anyhow::Result<String> {
    let bytes = encoded(model)?;
    let digest = digest::of_bytes(&bytes);
    let change = NewChange {
        kind: ChangeKind::Training,
        from: None,
        to: None,
        note: Some(digest.clone()),
    };
    let change = history.begin_change(clock::now(), &change)?;
    write_candidate(config, &bytes)?;
    history.transaction(|history| {
        history.finish_change(change)?;
        history.record_stage(&timer.stop())
    })?;
    Ok(digest)
}

/// Number of the first row that the command `training` fits: the first row of the last batches if the
/// configuration names a number of batches, otherwise 0.
fn first_row_by_hand(config: &Config, ledger: &Ledger) -> u64 {
    match config.training.window {
        TrainingWindow::Batches(batches) => first_row_of_last(&ledger.batches(), batches),
        TrainingWindow::Auto | TrainingWindow::All => 0,
    }
}

/// The first row of the last batches; `starts` has the first row of each batch. It is 0 if there are
/// not as many batches.
pub fn first_row_of_last(starts: &[u64], batches: u32) -> u64 {
    let place = starts.len().checked_sub(batches as usize);
    place
        .and_then(|place| starts.get(place))
        .copied()
        .unwrap_or(0)
}

/// Fits a model to the labelled rows at these positions of a table. The table holds the ingested
/// data up to `data`.
///
/// The data is unusable (exit code 65) without labelled rows, with one label only, or if a category
/// has too many levels.
pub fn train(
    config: &Config,
    table: &Table,
    rows: Range<usize>,
    data: DataPosition,
) -> anyhow::Result<Model> {
    train_by(config, table, rows, data, |rows| {
        fit_form(&config.training, rows)
    })
}

/// Fits a model as [`train`] does, in the form and with the penalty of another model.
pub fn train_like(
    like: &Model,
    config: &Config,
    table: &Table,
    rows: Range<usize>,
    data: DataPosition,
) -> anyhow::Result<Model> {
    let model = train_by(config, table, rows, data, |rows| {
        fit_like(like, &config.training, rows)
    })?;
    // With too few rows for curves, the model has straight lines, which no comparison chose.
    let is_alike = model.predictor.form() == like.predictor.form();
    let forms = if is_alike {
        like.forms.clone()
    } else {
        Vec::new()
    };
    Ok(Model { forms, ..model })
}

fn train_by(
    config: &Config,
    table: &Table,
    rows: Range<usize>,
    data: DataPosition,
    fit: impl FnOnce(FormRows<'_>) -> Result<FormFit, FitError>,
) -> anyhow::Result<Model> {
    let clock = Instant::now();
    let labelled = Selection::rows(rows.clone()).labelled();
    let mut profile = profile(&config.schema, table, &labelled)?;
    if let [first, ..] = &profile.reasons_not_categories()[..] {
        return Err(Failure::data(format!("no model was fitted: {first}")).into());
    }
    let FormFit {
        settings,
        fit: fitted,
        results: forms,
    } = fit(FormRows {
        schema: &config.schema,
        profile: &profile,
        table,
        labelled: &labelled,
    })
    .map_err(as_failure)?;
    let fitted = with_effects(fitted, &settings, table, &labelled).map_err(as_failure)?;
    let check = checked(config, &settings, table, rows.clone(), &fitted)?;
    let Uncertainty {
        covariance,
        client_agreement,
    } = uncertainty(&fitted, table, &labelled).map_err(as_failure)?;
    if client_agreement.is_some() {
        profile.sample.of_clients = rows_of_clients(&config.schema, table, rows)?;
    }
    let predictor = Predictor::Linear(fitted.predictor);
    let model = Model {
        program: env!("CARGO_PKG_VERSION").into(),
        schema: config.schema.clone(),
        threshold: Threshold::HALF,
        recalibration: None,
        predictor,
        covariance,
        client_agreement,
        profile,
        data,
        rows: fitted.rows,
        positives: fitted.positives,
        c: settings.c,
        convergence: Convergence {
            iterations: fitted.iterations,
            gradient_norm: fitted.gradient_norm,
            loss: fitted.loss,
        },
        check,
        forms,
        windows: Vec::new(),
    };
    let groups =
        threshold::out_of_fold(&FittedForm::of(&model), table, &labelled).map_err(as_failure)?;
    let model = Model {
        recalibration: recalibration::recalibration(&groups),
        threshold: operating_threshold(config, &groups, table, &labelled)?,
        ..model
    };
    if let Some(flaw) = model.flaw() {
        return Err(Failure::data(format!(
            "the fitted model is unusable: {flaw}; look for extreme values in the features"
        ))
        .into());
    }
    let seconds = clock.elapsed().as_secs_f64();
    tracing::info!(
        rows = model.rows,
        iterations = model.convergence.iterations,
        check = %model.check,
        seconds,
        "trained"
    );
    Ok(model)
}

/// The independent check of a finished fit, unless it has too many rows.
fn checked(
    config: &Config,
    settings: &FitSettings,
    table: &Table,
    rows: Range<usize>,
    fit: &Fit,
) -> anyhow::Result<Check> {
    if fit.rows > config.training.verify_rows as u64 {
        return Ok(Check::NotChecked);
    }
    let clock = Instant::now();
    let labelled = Selection::rows(rows.clone()).labelled();
    let labelled = table.sample(&labelled, rows.len())?;
    let check = check(settings, &labelled, fit).context("the fit is wrong")?;
    tracing::debug!(seconds = clock.elapsed().as_secs_f64(), "checked the fit");
    Ok(check)
}

/// The threshold that the configuration sets, or chooses by the out-of-fold predictions for the training
/// rows.
fn operating_threshold(
    config: &Config,
    out_of_fold: &[ScoreGroup],
    table: &Table,
    labelled: &Selection,
) -> Result<Threshold, Failure> {
    Ok(match config.scoring.threshold {
        ThresholdRule::Auto => threshold::with_best_f1(out_of_fold),
        ThresholdRule::Fixed(probability) => Threshold::new(probability).unwrap_or_default(),
        ThresholdRule::Cost {
            false_negative,
            false_positive,
        } => threshold::of_costs(false_negative, false_positive),
        ThresholdRule::Capacity(capacity) => {
            threshold::of_capacity(out_of_fold, capacity, client_count(table, labelled)?)
        }
    })
}

/// Fits a predictor to the labelled rows at these positions of a table, to try a training window.
///
/// It is the predictor of the model that [`train_like`] fits to the same rows. The categories of the
/// table must have few enough levels for a model.
pub fn fit_window(
    like: &Model,
    training: &TrainingSettings,
    table: &Table,
    rows: Range<usize>,
) -> Result<FittedForm, FitError> {
    let (schema, labelled) = (&like.schema, Selection::rows(rows).labelled());
    let profile = profile(schema, table, &labelled)?;
    let rows = FormRows {
        schema,
        profile: &profile,
        table,
        labelled: &labelled,
    };
    let FormFit { settings, fit, .. } = fit_like(like, training, rows)?;
    let fit = with_effects(fit, &settings, table, &labelled)?;
    Ok(FittedForm {
        predictor: Predictor::Linear(fit.predictor),
        settings,
        parts: Design::parts(schema, &profile),
    })
}

/// Writes a model to the candidate's file, and returns the SHA-256 of the file.
pub fn write(config: &Config, model: &Model) -> anyhow::Result<String> {
    let bytes = encoded(model)?;
    write_candidate(config, &bytes)?;
    Ok(digest::of_bytes(&bytes))
}

fn encoded(model: &Model) -> anyhow::Result<Vec<u8>> {
    model.encode().context("failed to encode the model")
}

fn write_candidate(config: &Config, bytes: &[u8]) -> anyhow::Result<()> {
    files::create_folder(config.layout.models())?;
    files::replace(&config.layout.candidate_model(), bytes)
}

fn ingested_data(config: &Config, history: &History) -> anyhow::Result<(Ledger, LoadedRows)> {
    let ledger = history.ledger()?;
    if ledger.rows == 0 {
        return Err(Failure::data("nothing was ingested yet: run `ingestion` first").into());
    }
    let recent = match config.training.window {
        TrainingWindow::Batches(_) => first_row_by_hand(config, &ledger),
        TrainingWindow::Auto | TrainingWindow::All => ledger.evaluated_rows,
    };
    let loaded = dataset::load_within(config, &ledger, max_loaded_rows(config), recent)?;
    Ok((ledger, loaded))
}

fn as_failure(error: FitError) -> Failure {
    let remedy = match error {
        FitError::Failed(failure) => return failure,
        FitError::NoRows => {
            "a model needs rows with 0 or 1 in the target column: add input files that have them"
        }
        FitError::OneLabel { .. } => {
            "a model needs rows with either label: add input files with the other one"
        }
        FitError::NotConverged { .. } => {
            "look for extreme values in the features, or strengthen the penalty with a lower training.c"
        }
    };
    Failure::data(format!("no model was fitted: {error}; {remedy}"))
}

#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod tests;
