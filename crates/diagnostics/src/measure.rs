//! Timing ingestion and training now, in a scratch folder that goes again.

use std::time::Instant;

use anyhow::Context;
use common::{Config, Layout};
use serde::Serialize;

/// How long the two stages take now, in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Taking in all input files from nothing.
    pub ingestion_seconds: f64,
    /// Fitting a model to them.
    pub training_seconds: f64,
}

/// Ingests all input files and fits a model to them, away from the pipeline's own files.
pub(crate) fn measure(config: &Config) -> anyhow::Result<Measured> {
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
    Ok(Measured {
        ingestion_seconds,
        training_seconds: clock.elapsed().as_secs_f64(),
    })
}
