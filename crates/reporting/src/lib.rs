//! Reporting: draws pictures from values.
//!
//! Drawing does no I/O: it takes values and returns the bytes of a PNG or the text of an
//! SVG. Only [`redraw`], which the
//! program of this name calls, reads the deployed model and writes a file.

mod canvas;
mod confusion_chart;
mod figure;

use std::fmt;
use std::path::PathBuf;

use common::cli::Report;
use common::history::StageTimer;
use common::numbers::{self, counted};
use common::{Config, Failure, History, RunLock, Schema, files};
use scoring::{ConfusionMatrix, DeployedScore};
use serde::Serialize;

pub use confusion_chart::{ConfusionChart, draw_confusion_matrix};
pub use figure::{
    Calibration, CalibrationBin, Distribution, DistributionBin, Durations, Effect, EffectShape,
    Figure, Gain, Lift, MissingShares, PALETTE, PairEffect, PaletteColor, PrecisionRecall, Profit,
    Roc, RunEvent, ScoreHistory, ScorePoint, dark_style,
};

/// Report of a drawn picture.
#[derive(Clone, Debug, Serialize)]
pub struct DrawReport {
    /// Path to the picture.
    pub picture: PathBuf,
    /// Release that the picture shows.
    pub release: String,
    /// F1 of its model on the test data. `None` if undefined.
    pub f1: Option<f64>,
    /// 95 % interval of that F1. `None` if undefined.
    pub f1_interval: Option<[f64; 2]>,
    /// Number of rows of the test data.
    pub rows: u64,
}

/// Draws the deployed model's confusion matrix. This is the command that a person runs. Returns an
/// error if nothing is deployed.
pub fn run(config: &Config) -> anyhow::Result<DrawReport> {
    let _lock = RunLock::acquire(&config.layout, "reporting")?;
    let history = History::open(&config.layout)?;
    let timer = StageTimer::start("reporting");
    let report = redraw(config)?.ok_or_else(|| {
        Failure::data("nothing is deployed: run `fullprocess`, or `deployment` by hand")
    })?;
    history.record_stage(&timer.stop())?;
    Ok(report)
}

/// Draws the deployed model's confusion matrix into the model folder. `None` if nothing is
/// deployed.
pub fn redraw(config: &Config) -> anyhow::Result<Option<DrawReport>> {
    let Some(deployed) = scoring::score_deployed(config)? else {
        return Ok(None);
    };
    let DeployedScore {
        release, metrics, ..
    } = deployed;
    let bytes = draw_release(&release, metrics.confusion, &config.schema)?;
    write(config, &bytes)?;
    Ok(Some(DrawReport {
        picture: config.layout.confusion_matrix(),
        release,
        f1: metrics.f1,
        f1_interval: metrics.f1_interval,
        rows: metrics.rows,
    }))
}

/// Writes the deployed model's picture into the model folder.
pub fn write(config: &Config, picture: &[u8]) -> anyhow::Result<()> {
    files::create_folder(config.layout.models())?;
    files::replace(&config.layout.confusion_matrix(), picture)
}

/// Draws the picture of a release on the test data.
pub fn draw_release(
    release: &str,
    matrix: ConfusionMatrix,
    schema: &Schema,
) -> anyhow::Result<Vec<u8>> {
    draw(matrix, schema, &format!("release {release}"), "test data")
}

/// Draws the picture of a model on some rows. The outcomes are named after the target column and its labels.
pub fn draw(
    matrix: ConfusionMatrix,
    schema: &Schema,
    model: &str,
    data: &str,
) -> anyhow::Result<Vec<u8>> {
    let name = |label| format!("{} = {}", schema.target, schema.labels.name(label));
    draw_confusion_matrix(&ConfusionChart {
        matrix,
        outcome_names: [&name(false), &name(true)],
        model,
        data,
    })
}

impl Report for DrawReport {}

impl fmt::Display for DrawReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f1 = numbers::score(self.f1, self.f1_interval);
        writeln!(
            to,
            "{}: release {}, F1 {f1} on {}",
            self.picture.display(),
            self.release,
            counted(self.rows, "test row")
        )
    }
}
