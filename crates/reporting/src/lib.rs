//! Reporting: the picture of a release, figures, and the report of a run or a release as a page.
//!
//! Drawing does no I/O: it takes values and returns text or the bytes of a PNG. [`make_run_report`] and
//! [`newest_report`] only read. Only [`run`], [`redraw`] and [`write()`] write files.

mod canvas;
mod confusion_chart;
pub mod dashboard;
mod figure;
mod page;
mod policy;
mod report;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::cli::Report;
use common::cli::clap::{self, Args};
use common::history::StageTimer;
use common::numbers::{self, counted};
use common::{Config, Failure, History, RunLock, Schema, files};
use scoring::{DeployedScore, Metrics};
use serde::Serialize;

use self::report::NamedFigure;
pub use confusion_chart::{ConfusionChart, draw_confusion_matrix};
pub use policy::{style_of, style_policy};

pub use figure::{
    Calibration, CalibrationBin, Distribution, DistributionBin, Durations, Effect, EffectChange,
    EffectShape, Figure, Gain, Lift, MissingShares, PALETTE, PairEffect, PaletteColor,
    PrecisionRecall, Profit, Roc, RunEvent, ScoreHistory, ScorePoint, dark_style,
};
pub use report::{
    DeployedModel, EarlierRuns, EvaluatedRun, MAX_RUNS, Part, ReleaseReport, RunReport,
    make_run_report, newest_report,
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
    /// Files of the figures that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<PathBuf>,
}

/// Command-line options of the program.
#[derive(Args, Debug)]
pub struct Options {
    /// Also draw the figures of the deployed model as SVG and PNG files in FOLDER
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
}

/// Draws the deployed model's confusion matrix. This is the command that a person runs. Returns an
/// error if nothing is deployed.
pub fn run(config: &Config, options: &Options) -> anyhow::Result<DrawReport> {
    let _lock = RunLock::acquire(&config.layout, "reporting")?;
    let history = History::open(&config.layout)?;
    let timer = StageTimer::start("reporting");
    let deployed = scoring::score_deployed(config)?.ok_or_else(|| {
        Failure::data("nothing is deployed: run `fullprocess`, or `deployment` by hand")
    })?;
    let mut report = redraw_scored(config, &deployed)?;
    if let Some(folder) = &options.figures {
        let figures = report::figures(config, &history, &deployed.metrics)?;
        report.figures = write_figures(folder, &figures)?;
    }
    history.record_stage(&timer.stop())?;
    Ok(report)
}

/// Draws the deployed model's confusion matrix into the model folder. `None` if nothing is
/// deployed.
pub fn redraw(config: &Config) -> anyhow::Result<Option<DrawReport>> {
    match scoring::score_deployed(config)? {
        Some(deployed) => redraw_scored(config, &deployed).map(Some),
        None => Ok(None),
    }
}

fn redraw_scored(config: &Config, deployed: &DeployedScore) -> anyhow::Result<DrawReport> {
    let DeployedScore {
        release, metrics, ..
    } = deployed;
    let bytes = draw_release(release, metrics, &config.schema)?;
    write(config, &bytes)?;
    Ok(DrawReport {
        picture: config.layout.confusion_matrix(),
        release: release.clone(),
        f1: metrics.f1,
        f1_interval: metrics.f1_interval,
        rows: metrics.rows,
        figures: Vec::new(),
    })
}

/// Writes each figure as an SVG and a PNG file, and returns their paths.
fn write_figures(folder: &Path, figures: &[NamedFigure]) -> anyhow::Result<Vec<PathBuf>> {
    let folder = std::path::absolute(folder)
        .with_context(|| format!("failed to resolve {}", folder.display()))?;
    files::create_folder(&folder)?;
    let mut written = Vec::new();
    for figure in figures {
        for (ending, content) in [
            ("svg", figure.figure.svg()?.into_bytes()),
            ("png", figure.figure.png()?),
        ] {
            let path = folder.join(format!("{}.{ending}", figure.name));
            files::replace(&path, &content)?;
            written.push(path);
        }
    }
    Ok(written)
}

/// Writes the deployed model's picture into the model folder.
pub fn write(config: &Config, picture: &[u8]) -> anyhow::Result<()> {
    files::create_folder(config.layout.models())?;
    files::replace(&config.layout.confusion_matrix(), picture)
}

/// Draws the picture of a release on the test data.
pub fn draw_release(release: &str, metrics: &Metrics, schema: &Schema) -> anyhow::Result<Vec<u8>> {
    draw(metrics, schema, &format!("release {release}"), "test data")
}

/// Draws the picture of a model on some rows. The outcomes are named after the target column and its labels.
pub fn draw(
    metrics: &Metrics,
    schema: &Schema,
    model: &str,
    data: &str,
) -> anyhow::Result<Vec<u8>> {
    let name = |label| format!("{} = {}", schema.target, schema.labels.name(label));
    draw_confusion_matrix(&ConfusionChart {
        matrix: metrics.confusion,
        f1_interval: metrics.f1_interval,
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
        )?;
        let mut figures = self.figures.iter();
        figures.try_for_each(|figure| writeln!(to, "{}", figure.display()))
    }
}
