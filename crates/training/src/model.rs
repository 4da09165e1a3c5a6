//! The model: coefficients with everything that a reader of them needs, and its file.
//!
//! It holds no time and no run number: the same data gives the same bytes.

mod written;

use std::path::Path;

use common::artifact::{self, Format, LoadError};
use common::ledger::DataPosition;
use common::{Failure, Schema, digest, files};
use dataset::escaped;
use dataset::passes::{ColumnProfile, LinearPredictor, Profile, Reads, probability};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::covariance::{has_variances, is_finite};

pub use written::RowWriter;

/// What a model file is.
pub const FORMAT: Format = Format {
    name: "dynamic risk assessment model",
    version: 1,
};

/// A fitted logistic regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Version of the program that fitted it.
    pub program: String,
    /// The columns it was fitted to.
    pub schema: Schema,
    /// Intercept, coefficients in raw units, and what stands in for missing values.
    pub predictor: LinearPredictor,
    /// Sandwich covariance of intercept and coefficients in raw units, the intercept first.
    ///
    /// `None` where the curvature is singular within rounding, as with collinear columns and a
    /// penalty too weak to tell them apart: monitoring then has insufficient data.
    pub covariance: Option<Vec<Vec<f64>>>,
    /// The labelled training rows.
    pub profile: Profile,
    /// The ingested data it was fitted to.
    pub data: DataPosition,
    /// Labelled rows among them.
    pub rows: u64,
    /// Rows of class 1 among those.
    pub positives: u64,
    /// Inverse strength of the penalty.
    pub c: f64,
    /// How the fit ended.
    pub convergence: Convergence,
    /// What an independent solver said of it.
    pub check: Check,
}

/// How a fit ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Convergence {
    /// Newton steps taken on all rows.
    pub iterations: u32,
    /// Norm of the objective's gradient, features standardised.
    pub gradient_norm: f64,
    /// Value of the objective: sum of log-losses and penalty.
    pub loss: f64,
}

/// A coefficient and what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficient<'m> {
    /// The feature that it reads.
    pub feature: &'m str,
    /// What it makes of that: its value, or whether it is some level.
    pub reads: Reads<'m>,
    /// Log-odds per raw unit.
    pub value: f64,
    /// What stands in for a missing value: the mean of the training rows, which is a level's share.
    pub imputed: f64,
}

impl Coefficient<'_> {
    /// What it belongs to, for a person: `x`, `plan = basic` or `plan (any other)`.
    pub fn name(&self) -> String {
        let feature = self.feature;
        match self.reads {
            Reads::Number => feature.to_owned(),
            Reads::Level(level) => format!("{feature} = {}", escaped(level.text().as_bytes())),
            Reads::Other(_) => format!("{feature} (any other)"),
        }
    }
}

impl Model {
    /// The log-odds of class 1 for one row of raw values in schema order; NaN is a missing one, and
    /// a category stands there as the code of its level.
    pub fn log_odds(&self, values: &[f64]) -> f64 {
        self.predictor.log_odds(values.iter().copied())
    }

    /// The probability of class 1 for one row of raw values in schema order.
    pub fn probability(&self, values: &[f64]) -> f64 {
        probability(self.log_odds(values))
    }

    /// The coefficients in raw units, feature by feature in schema order.
    pub fn coefficients(&self) -> impl Iterator<Item = Coefficient<'_>> {
        let LinearPredictor {
            coefficients,
            imputed,
            design,
            ..
        } = &self.predictor;
        let columns = design.columns(self.schema.features.len()).into_iter();
        let weights = coefficients.iter().zip(imputed);
        columns
            .zip(weights)
            .map(|(column, (value, imputed))| Coefficient {
                feature: &self.schema.features[column.feature].name,
                reads: column.reads,
                value: *value,
                imputed: *imputed,
            })
    }

    /// Whether it reads and predicts the columns of a schema, as what it was fitted to; the id is
    /// free, and so are the values that the columns may have.
    pub fn fits_schema(&self, schema: &Schema) -> bool {
        let mut pairs = self.schema.features.iter().zip(&schema.features);
        self.schema.features.len() == schema.features.len()
            && pairs.all(|(mine, other)| mine.name == other.name && mine.kind.is_as(&other.kind))
            && self.schema.target == schema.target
    }

    /// The bytes of its file.
    pub fn encode(&self) -> anyhow::Result<Vec<u8>> {
        artifact::encode(FORMAT, self)
    }

    /// The model of a file's bytes; one that does not hold together is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, LoadError> {
        Self::whole(artifact::decode(FORMAT, bytes)?)
    }

    fn whole(model: Self) -> Result<Self, LoadError> {
        match model.flaw() {
            Some(flaw) => Err(LoadError::Undecodable(flaw.into())),
            None => Ok(model),
        }
    }

    /// Reads a model file; the second value is the SHA-256 of its bytes.
    pub fn load(path: &Path) -> anyhow::Result<(Self, String)> {
        let bytes = read(path)?;
        let model = Self::decode(&bytes).map_err(|error| unreadable(path, &error))?;
        Ok((model, digest::of_bytes(&bytes)))
    }

    /// Reads a model file that was published with this SHA-256; `None` when its bytes are others.
    pub fn load_published(path: &Path, sha256: &str) -> anyhow::Result<Option<Self>> {
        let bytes = read(path)?;
        if digest::of_bytes(&bytes) != sha256 {
            return Ok(None);
        }
        // The checksum within would say no more than the one of the whole file.
        let model = artifact::decode_verified(FORMAT, &bytes)
            .and_then(Self::whole)
            .map_err(|error| unreadable(path, &error))?;
        Ok(Some(model))
    }

    /// What makes it unusable, if anything does.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let features = self.schema.features.len();
        if features == 0 {
            return Some("it reads no column");
        }
        let predictor = &self.predictor;
        if let Some(flaw) = predictor.design.flaw(&self.schema) {
            return Some(flaw);
        }
        let width = predictor.design.width(features);
        let weights = [&predictor.coefficients, &predictor.imputed];
        if weights.iter().any(|values| values.len() != width) {
            return Some("its coefficients are not one per feature");
        }
        if let Some(covariance) = &self.covariance {
            if !is_square(covariance, width + 1) {
                return Some("its covariance is not one row and column per coefficient");
            }
            if !is_finite(covariance) {
                return Some("its covariance is not finite");
            }
            if !has_variances(covariance) {
                return Some("its covariance has a variance below 0");
            }
        }
        let profile = &self.profile;
        if profile.columns.len() != features + 1
            || profile.sample.columns.len() != features + 1
            || !have_equal_lengths(&profile.sample.columns)
        {
            return Some("its profile is not one column per feature and target");
        }
        let kinds = self.schema.features.iter().map(|it| it.kind.is_category());
        let profiled = profile.columns.iter().map(|it| it.levels().is_some());
        if !kinds.chain([false]).eq(profiled) {
            return Some("its profile is of columns of another kind");
        }
        let adds_up = |column: &ColumnProfile| {
            let is_category = column.levels().is_some();
            !is_category || column.present().saturating_add(column.missing) == profile.rows
        };
        if !profile.columns.iter().all(adds_up) {
            return Some("the levels of a category contradict its rows");
        }
        if self.positives > self.rows || profile.rows != self.rows {
            return Some("its counts of rows contradict each other");
        }
        if !self.numbers().all(f64::is_finite) {
            return Some("it holds a number that is not finite");
        }
        None
    }

    /// All numbers that must be finite; in the profile's sample NaN stands for a missing value.
    fn numbers(&self) -> impl Iterator<Item = f64> {
        let single = [
            self.predictor.intercept,
            self.c,
            self.convergence.gradient_norm,
            self.convergence.loss,
        ];
        let of_numbers = self.profile.columns.iter();
        let of_numbers = of_numbers.filter_map(ColumnProfile::moments);
        let moments = of_numbers.flat_map(|moments| {
            [
                moments.mean(),
                moments.standard_deviation(),
                moments.minimum(),
                moments.maximum(),
            ]
        });
        let sample = self.profile.sample.columns.iter().flatten();
        single
            .into_iter()
            .chain(self.predictor.coefficients.iter().copied())
            .chain(self.predictor.imputed.iter().copied())
            .chain(moments.flatten())
            .chain(sample.copied().filter(|value| !value.is_nan()))
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = files::read_if_present(path)?;
    bytes.ok_or_else(|| {
        Failure::input_output(format!("there is no model at {}", path.display())).into()
    })
}

fn unreadable(path: &Path, error: &LoadError) -> Failure {
    Failure::input_output(format!(
        "failed to read the model {}: {error}",
        path.display()
    ))
}

fn is_square(rows: &[Vec<f64>], size: usize) -> bool {
    rows.len() == size && rows.iter().all(|row| row.len() == size)
}

fn have_equal_lengths(columns: &[Vec<f64>]) -> bool {
    columns
        .windows(2)
        .all(|pair| pair[0].len() == pair[1].len())
}

#[cfg(test)]
mod tests;
