//! What training has to say when it is done.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use common::cli;
use serde::Serialize;

use crate::check::Check;
use crate::model::Model;

/// A fitted model in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainReport {
    /// Log-odds where all features are 0.
    pub intercept: f64,
    /// Log-odds per raw unit of each feature, of a category of each level.
    pub coefficients: BTreeMap<String, f64>,
    /// Labelled rows.
    pub rows: u64,
    /// Rows of class 1 among them.
    pub positives: u64,
    /// Newton steps taken.
    pub iterations: u32,
    /// Norm of the objective's gradient, features standardised.
    pub gradient_norm: f64,
    /// Value of the objective: sum of log-losses and penalty.
    pub loss: f64,
    /// What an independent solver said of the fit.
    pub check: Check,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// The model file.
    pub model: PathBuf,
    /// SHA-256 of its bytes.
    pub digest: String,
}

impl TrainReport {
    /// The figures of a model that was written to `path` with the SHA-256 `digest`.
    pub fn of(model: &Model, path: &Path, digest: String) -> Self {
        Self {
            intercept: model.predictor.intercept,
            coefficients: model
                .coefficients()
                .map(|coefficient| (coefficient.name(), coefficient.value))
                .collect(),
            rows: model.rows,
            positives: model.positives,
            iterations: model.convergence.iterations,
            gradient_norm: model.convergence.gradient_norm,
            loss: model.convergence.loss,
            check: model.check,
            notes: notes(model),
            model: path.to_owned(),
            digest,
        }
    }
}

impl cli::Report for TrainReport {}

impl fmt::Display for TrainReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.coefficients.keys().map(|name| name.chars().count());
        let width = widest.max().unwrap_or(0).max("intercept".len());
        writeln!(
            to,
            "{:width$}  {}",
            "intercept",
            significant(self.intercept)
        )?;
        for (name, value) in &self.coefficients {
            writeln!(to, "{name:width$}  {}", significant(*value))?;
        }
        writeln!(
            to,
            "fitted to {} labelled rows ({} of class 1) in {} steps, loss {:.6}, gradient norm {:.1e}",
            self.rows, self.positives, self.iterations, self.loss, self.gradient_norm
        )?;
        writeln!(to, "independent check: {}", self.check)?;
        for note in &self.notes {
            writeln!(to, "note: {note}")?;
        }
        writeln!(to, "model: {}", self.model.display())
    }
}

impl fmt::Display for Check {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::Unconfirmed => "unconfirmed, the other solver stopped short of this loss",
            Self::NotChecked => "not checked, more rows than training.verify_rows",
        })
    }
}

fn notes(model: &Model) -> Vec<String> {
    let mut notes = Vec::new();
    if model.covariance.is_none() {
        notes.push(
            "the coefficients have no covariance: columns are collinear or beyond measure".into(),
        );
    }
    notes
}

/// A coefficient in raw units can be of any magnitude: small ones are shown in powers of ten.
fn significant(value: f64) -> String {
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        format!("{value:>16.9}")
    } else {
        format!("{value:>16.6e}")
    }
}
