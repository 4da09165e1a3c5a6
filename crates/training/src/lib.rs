//! Training: fits a model to the ingested data.
//!
//! A logistic regression is solved to its optimum and checked by an independent solver. The model
//! and its file are in the crate `model`; its metrics are in `scoring`.

mod check;
mod covariance;
mod fit;
mod linear;
mod report;

use std::time::Instant;

use anyhow::Context;
use common::history::StageTimer;
use common::ledger::DataPosition;
use common::{Config, Failure, History, Ledger, RunLock, digest, files};
use dataset::Table;
use dataset::passes::profile;
use model::{Check, Convergence, Design, Model, Predictor};

use self::fit::fit_profiled;

pub use check::{Beaten, check};
pub use covariance::covariance;
pub use fit::{Fit, FitError, FitSettings, OutOfFold, fit};
pub use report::{FittedCoefficient, FittedTo, TrainReport};

/// Fits a candidate to the ingested data, for the command `training`. The model is written to the
/// candidate's file, and the duration is recorded in the history.
pub fn run(config: &Config) -> anyhow::Result<TrainReport> {
    let _lock = RunLock::acquire(&config.layout, "training")?;
    let timer = StageTimer::start("training");
    let history = History::open(&config.layout)?;
    let (ledger, table) = ingested_data(config, &history)?;
    let model = train(config, &table, ledger.position())?;
    let digest = write(config, &model)?;
    history.record_stage(&timer.stop())?;
    Ok(TrainReport::of(
        &model,
        &config.layout.candidate_model(),
        digest,
    ))
}

/// Fits a model to the labelled rows of a table. The table holds the ingested data up to `data`.
///
/// The data is unusable (exit code 65) without labelled rows, with one label only, or if a category
/// has too many levels.
pub fn train(config: &Config, table: &Table, data: DataPosition) -> anyhow::Result<Model> {
    let clock = Instant::now();
    let settings = FitSettings {
        c: config.training.c,
    };
    let labelled = table.labelled();
    let profile = profile(&config.schema, table, &labelled);
    if let [first, ..] = &profile.why_no_categories()[..] {
        return Err(Failure::data(format!("no model was fitted: {first}")).into());
    }
    let design = Design::choose(&config.schema, &profile);
    let fitted =
        fit_profiled(&settings, &design, &profile, table, &labelled).map_err(as_failure)?;
    let check = if fitted.rows <= config.training.verify_rows as u64 {
        check(&settings, table, &fitted).context("the fit is wrong")?
    } else {
        Check::NotChecked
    };
    let covariance = covariance(&fitted, table, &labelled);
    let model = Model {
        program: env!("CARGO_PKG_VERSION").into(),
        schema: config.schema.clone(),
        predictor: Predictor::Linear(fitted.predictor),
        covariance,
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

/// Writes a model to the candidate's file, and returns the SHA-256 of the file.
pub fn write(config: &Config, model: &Model) -> anyhow::Result<String> {
    let bytes = model.encode().context("failed to encode the model")?;
    files::create_folder(config.layout.models())?;
    files::replace(&config.layout.candidate_model(), &bytes)?;
    Ok(digest::of_bytes(&bytes))
}

fn ingested_data(config: &Config, history: &History) -> anyhow::Result<(Ledger, Table)> {
    let ledger = history.ledger()?;
    if ledger.rows == 0 {
        return Err(Failure::data("nothing was ingested yet: run `ingestion` first").into());
    }
    let table = dataset::load_final_data(config, &ledger)?;
    Ok((ledger, table))
}

fn as_failure(error: FitError) -> Failure {
    let remedy = match error {
        FitError::NoRows => {
            "a model needs rows with 0 or 1 in the target column: add input files that have them"
        }
        FitError::OneClass { .. } => {
            "a model needs rows of both classes: add input files with the other one"
        }
        FitError::NotConverged { .. } => {
            "look for extreme values in the features, or strengthen the penalty with a lower training.c"
        }
    };
    Failure::data(format!("no model was fitted: {error}; {remedy}"))
}

#[cfg(test)]
mod tests;
