//! The model's file: the model in an envelope with a version and a checksum.
//!
//! Reading a model whose parts contradict each other is an error.

use std::path::Path;

use common::artifact::{self, Format, LoadError};
use common::{Failure, digest, files};
use dataset::passes::ColumnProfile;

use crate::covariance::covariance_flaw;
use crate::matrix::Matrix;
use crate::model::Model;

/// The format of a model's file.
pub const FORMAT: Format = Format {
    name: "dynamic risk assessment model",
    version: 1,
};

impl Model {
    /// The bytes of the model's file.
    pub fn encode(&self) -> anyhow::Result<Vec<u8>> {
        artifact::encode(FORMAT, self)
    }

    /// Reads a model from the bytes of its file. An error if the bytes are not a model's file, or
    /// if the model has a [flaw](Self::flaw).
    pub fn decode(bytes: &[u8]) -> Result<Self, LoadError> {
        Self::without_flaw(artifact::decode(FORMAT, bytes)?)
    }

    fn without_flaw(model: Self) -> Result<Self, LoadError> {
        match model.flaw() {
            Some(flaw) => Err(LoadError::Undecodable(flaw.into())),
            None => Ok(model),
        }
    }

    /// Reads a model's file. Also returns the SHA-256 of its bytes.
    pub fn load(path: &Path) -> anyhow::Result<(Self, String)> {
        let bytes = read(path)?;
        let model = Self::decode(&bytes).map_err(|error| unreadable(path, &error))?;
        Ok((model, digest::of_bytes(&bytes)))
    }

    /// Reads a model's file that was published with this SHA-256. `None` if the file has another
    /// SHA-256.
    pub fn load_published(path: &Path, sha256: &str) -> anyhow::Result<Option<Self>> {
        let bytes = read(path)?;
        if digest::of_bytes(&bytes) != sha256 {
            return Ok(None);
        }
        // The SHA-256 of the whole file matches, so the envelope's checksum need not be verified.
        let model = artifact::decode_verified(FORMAT, &bytes)
            .and_then(Self::without_flaw)
            .map_err(|error| unreadable(path, &error))?;
        Ok(Some(model))
    }

    /// The reason why the model is unusable; `None` if it is usable.
    pub fn flaw(&self) -> Option<&'static str> {
        if self.schema.features.is_empty() {
            return Some("it reads no column");
        }
        let size = || 1 + self.predictor.expression().terms.len();
        let of_covariance = |covariance: &Matrix| covariance_flaw(covariance, size());
        self.predictor
            .flaw(&self.schema)
            .or_else(|| self.covariance.as_ref().and_then(of_covariance))
            .or_else(|| self.flaw_of_profile())
            .or_else(|| self.flaw_of_numbers())
    }

    fn flaw_of_profile(&self) -> Option<&'static str> {
        let (profile, features) = (&self.profile, &self.schema.features);
        if profile.columns.len() != features.len() + 1
            || profile.sample.columns.len() != features.len() + 1
            || !have_equal_lengths(&profile.sample.columns)
        {
            return Some("its profile does not have one column per feature and one for the target");
        }
        let sampled = profile.sample.columns.first().map_or(0, Vec::len);
        let places = profile.sample.of_clients.iter().flatten();
        if places.clone().any(|place| *place as usize >= sampled) {
            return Some("its sample of clients names a row that is not in its sample");
        }
        let kinds = features.iter().map(|it| it.kind.is_category());
        let profiled = profile.columns.iter().map(|it| it.levels().is_some());
        if !kinds.chain([false]).eq(profiled) {
            return Some("its profile has columns of another kind");
        }
        let adds_up = |column: &ColumnProfile| {
            let is_category = column.levels().is_some();
            !is_category || column.present().saturating_add(column.missing) == profile.rows
        };
        if !profile.columns.iter().all(adds_up) {
            return Some("the counts of a category do not add up to its number of rows");
        }
        (self.positives > self.rows || profile.rows != self.rows)
            .then_some("its counts of rows contradict each other")
    }

    fn flaw_of_numbers(&self) -> Option<&'static str> {
        if !self.threshold.is_valid() {
            return Some("its threshold is not between 0 and 1");
        }
        if self.recalibration.is_some_and(|it| !it.is_valid()) {
            return Some("its recalibration is not valid");
        }
        let are_finite = self.numbers().all(f64::is_finite);
        (!are_finite).then_some("it holds a number that is not finite")
    }

    /// All numbers that must be finite. NaN in the profile's sample is left out, because it is a
    /// missing value.
    fn numbers(&self) -> impl Iterator<Item = f64> {
        let expression = self.predictor.expression();
        let single = [
            expression.intercept,
            self.c,
            self.convergence.gradient_norm,
            self.convergence.loss,
        ];
        let weights = expression.terms.into_iter();
        let weights = weights.flat_map(|weighted| [weighted.coefficient, weighted.imputed]);
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
            .chain(weights)
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

fn have_equal_lengths(columns: &[Vec<f64>]) -> bool {
    columns
        .windows(2)
        .all(|pair| pair[0].len() == pair[1].len())
}
