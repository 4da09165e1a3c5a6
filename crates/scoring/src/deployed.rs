//! Scores of the deployed model and of a candidate on the current test data.
//!
//! Nothing is written or recorded here.

use anyhow::Context;
use common::layout::names;
use common::numbers::counted;
use common::{Config, Failure, Manifest};
use dataset::passes::log_odds;
use dataset::{FingerprintKey, TestData};
use model::Model;
use serde::Serialize;

use crate::metrics::{Metrics, score};

/// The score of the deployed model on the test data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeployedScore {
    /// Name of the live release.
    pub release: String,
    /// SHA-256 of the release's model file.
    pub model_digest: String,
    /// Digest of the current test data.
    pub data_digest: String,
    /// F1 on the test data when the model was deployed.
    pub deployed_score: f64,
    /// 95 % interval of `deployed_score`; `None` in releases of older programs.
    pub deployed_score_interval: Option<[f64; 2]>,
    /// Metrics on the current test data.
    pub metrics: Metrics,
    /// Prediction for each row of the test data, 0 or 1.
    pub predictions: Vec<u8>,
}

/// The score of a model on the test data.
#[derive(Clone, Debug, PartialEq)]
pub struct TestScore {
    /// F1 of the positive label.
    pub f1: f64,
    /// All metrics on the labelled rows.
    pub metrics: Metrics,
}

/// Scores the deployed model on the test data; `None` if nothing is deployed.
///
/// An error if the release is damaged, or if the model reads other columns than the configuration
/// names. Also an error if the test data has no labelled row.
pub fn score_deployed(config: &Config) -> anyhow::Result<Option<DeployedScore>> {
    let Some((manifest, model)) = load_release(config)? else {
        return Ok(None);
    };
    dataset::start_threads()?;
    score_release(config, &manifest, &model).map(Some)
}

/// Name and model of the live release; `None` if nothing is deployed.
///
/// An error if the release is damaged, or if the model reads other columns than the configuration
/// names.
pub(crate) fn load_live(config: &Config) -> anyhow::Result<Option<(String, Model)>> {
    let Some((manifest, model)) = load_release(config)? else {
        return Ok(None);
    };
    expect_columns(config, &manifest, &model)?;
    Ok(Some((manifest.release, model)))
}

fn load_release(config: &Config) -> anyhow::Result<Option<(Manifest, Model)>> {
    let layout = &config.layout;
    let Some(manifest) = Manifest::of_live_release(layout)? else {
        return Ok(None);
    };
    // This path names the release instead of the link `current`, which may change meanwhile.
    // Manifest and model therefore belong to the same release.
    let path = layout.release(&manifest.release).join(names::MODEL);
    let is_damaged = || {
        format!(
            "release {} is damaged; `fullprocess --doctor` names the command that repairs it",
            manifest.release
        )
    };
    let (model, model_digest) = Model::load(&path).with_context(is_damaged)?;
    if model_digest != manifest.model_digest() {
        let flaw = format!("{} is not the model of its manifest", path.display());
        return Err(Failure::input_output(flaw)).with_context(is_damaged);
    }
    Ok(Some((manifest, model)))
}

/// Scores the loaded model of a release on the test data.
///
/// An error if the model reads other columns than the configuration names, or if the test data has
/// no labelled row.
pub fn score_release(
    config: &Config,
    manifest: &Manifest,
    model: &Model,
) -> anyhow::Result<DeployedScore> {
    expect_columns(config, manifest, model)?;
    let test = load_test(config)?;
    let expression = model.predictor.expression();
    let (table, rows) = (&test.table, test.table.all());
    let log_odds = log_odds(&expression, table, &rows)?;
    let metrics = score(model, table, &rows)?
        .ok_or_else(|| Failure::data("the test data has no row with a label"))?;
    let cut = model.threshold.log_odds();
    Ok(DeployedScore {
        release: manifest.release.clone(),
        model_digest: manifest.model_digest().to_owned(),
        data_digest: test.digest,
        deployed_score: manifest.score,
        deployed_score_interval: manifest.score_interval,
        metrics,
        predictions: log_odds.iter().map(|row| u8::from(*row > cut)).collect(),
    })
}

/// Rejects a model that reads other columns than the configuration names.
fn expect_columns(config: &Config, manifest: &Manifest, model: &Model) -> anyhow::Result<()> {
    if model.fits_schema(&config.schema) {
        return Ok(());
    }
    Err(Failure::configuration(format!(
        "release {} reads the columns {}, the schema names others: correct the schema, or deploy a model for it",
        manifest.release,
        model.schema.features_as_text()
    ))
    .into())
}

/// Scores a candidate, which is not deployed, on the test data.
///
/// An error if the test data has no labelled row, or if F1 is undefined on it.
pub fn score_candidate(config: &Config, model: &Model) -> anyhow::Result<TestScore> {
    dataset::start_threads()?;
    let (f1, metrics) = score_on_test(model, &load_test(config)?)?;
    Ok(TestScore { f1, metrics })
}

/// F1 and the other metrics of a model on the test data.
///
/// A failure of the data (exit code 65) if no row has a label, or if F1 is undefined.
pub fn score_on_test(model: &Model, test: &TestData) -> anyhow::Result<(f64, Metrics)> {
    let metrics = score(model, &test.table, &test.table.all())?
        .ok_or_else(|| Failure::data("the test data has no row with a label"))?;
    let f1 = metrics.f1.ok_or_else(|| {
        Failure::data(format!(
            "F1 is undefined on the test data: none of its {} has label 1, and label 1 is never predicted; add rows with label 1",
            counted(metrics.rows, "labelled row")
        ))
    })?;
    Ok((f1, metrics))
}

fn load_test(config: &Config) -> anyhow::Result<TestData> {
    // The fingerprints are not compared with those of other files, so any key will do.
    dataset::load_test_data(config, &FingerprintKey::PUBLIC)
}
