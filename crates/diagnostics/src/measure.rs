//! Measures how long ingestion and training take now, in a temporary folder.

use std::time::Instant;

use anyhow::Context;
use common::{Config, Layout};
use serde::Serialize;

/// Durations of ingestion and training, measured now.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredDurations {
    /// Seconds to ingest all input files into an empty folder.
    pub ingestion_seconds: f64,
    /// Seconds to fit a model to the ingested rows.
    pub training_seconds: f64,
}

/// Ingests all input files and fits a model in a temporary folder. The files of the pipeline stay
/// untouched.
pub(crate) fn measure(config: &Config) -> anyhow::Result<MeasuredDurations> {
    let scratch = tempfile::Builder::new()
        .prefix("risk-scratch-")
        .tempdir()
        .context("failed to make a scratch folder")?;
    let config = Config {
        layout: Layout::in_scratch(scratch.path()),
        ..config.clone()
    };
    let clock = Instant::now();
    ingestion::run(&config).context("failed to time the ingestion")?;
    let ingestion_seconds = clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    training::run(&config).context("failed to time the training")?;
    Ok(MeasuredDurations {
        ingestion_seconds,
        training_seconds: clock.elapsed().as_secs_f64(),
    })
}
