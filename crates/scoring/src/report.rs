//! The report of the command `scoring`, and metrics as text.

use std::fmt;

use common::cli;
use common::numbers::count;
use serde::Serialize;

use crate::call_list::RankReport;
use crate::metrics::Metrics;
use crate::ranking::{Decile, Ranking};

/// A model's score on the test data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreReport {
    /// F1 of the positive label.
    pub f1: f64,
    /// All metrics on the labelled rows of the test data.
    pub metrics: Metrics,
    /// SHA-256 of the model file.
    pub model: String,
    /// Digest of the test data.
    pub test_data: String,
    /// Warnings about the test data and the model, one sentence each.
    pub warnings: Vec<String>,
}

/// Result of the program.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ScoringReport {
    /// The candidate was scored.
    Score(Box<ScoreReport>),
    /// Clients were ranked.
    Ranked(Box<RankReport>),
}

impl cli::Report for ScoringReport {}

impl fmt::Display for ScoringReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score(report) => report.fmt(to),
            Self::Ranked(report) => report.fmt(to),
        }
    }
}

impl fmt::Display for ScoreReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.metrics)?;
        writeln!(to, "model SHA-256  {}", self.model)
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let baselines = &self.baselines;
        let confusion = &self.confusion;
        writeln!(
            to,
            "rows           {} ({} with label 1, {:.1} %)",
            count(self.rows),
            count(self.positives),
            self.prevalence * 100.0
        )?;
        writeln!(
            to,
            "F1             {}",
            with_interval(self.f1, self.f1_interval)
        )?;
        write!(
            to,
            "F1 baselines   always 1: {}",
            shown(baselines.always_one_f1)
        )?;
        match baselines.majority.class {
            1 => writeln!(to)?,
            class => writeln!(to, ", always {class}: {}", shown(baselines.majority.f1))?,
        }
        writeln!(to, "precision      {}", shown(self.precision))?;
        writeln!(to, "recall         {}", shown(self.recall))?;
        writeln!(to, "specificity    {}", shown(self.specificity))?;
        writeln!(
            to,
            "accuracy       {:.4} (always {}: {:.4})",
            self.accuracy, baselines.majority.class, baselines.majority.accuracy
        )?;
        writeln!(to, "ROC-AUC        {}", shown(self.roc_auc))?;
        if let Some(ranking) = &self.ranking {
            write!(to, "{ranking}")?;
        }
        writeln!(to, "log-loss       {:.4}", self.log_loss)?;
        writeln!(to, "Brier score    {:.4}", self.brier)?;
        writeln!(
            to,
            "confusion      true 1: {}, false 1: {}, false 0: {}, true 0: {}",
            confusion.true_positive,
            confusion.false_positive,
            confusion.false_negative,
            confusion.true_negative
        )?;
        match &self.ranking {
            Some(ranking) => write_deciles(to, &ranking.deciles),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Ranking {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "Gini           {}", shown(self.gini))?;
        writeln!(to, "KS             {}", shown(self.ks))?;
        writeln!(to, "avg. precision {}", shown(self.average_precision))?;
        writeln!(
            to,
            "calibration    slope {} (best: 1), intercept {} (best: 0)",
            shown(self.calibration_slope),
            shown(self.calibration_intercept)
        )
    }
}

/// A table of the deciles, the highest predictions first.
fn write_deciles(to: &mut fmt::Formatter<'_>, deciles: &[Decile]) -> fmt::Result {
    writeln!(
        to,
        "{:<8} {:>10} {:>12} {:>8} {:>8} {:>6}",
        "decile", "rows", "with label 1", "rate", "gain", "lift"
    )?;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    for decile in deciles {
        writeln!(
            to,
            "{:<8} {:>10} {:>12.1} {:>8} {:>8} {:>6}",
            decile.decile,
            count(decile.rows),
            decile.positives,
            percent(decile.rate),
            or_dash(decile.cumulative_gain.map(percent)),
            or_dash(decile.lift.map(|lift| format!("{lift:.2}"))),
        )?;
    }
    Ok(())
}

/// A metric as text, with its 95 % interval if there is one.
fn with_interval(score: Option<f64>, interval: Option<[f64; 2]>) -> String {
    let interval = interval.map_or(String::new(), |[lower, upper]| {
        format!(" (95 % interval {lower:.4} to {upper:.4})")
    });
    format!("{}{interval}", shown(score))
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "undefined".into(), |value| format!("{value:.4}"))
}
