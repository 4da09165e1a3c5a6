//! The drift verdicts of a run: model drift, feature drift, and segments in which the model is wrong.
//!
//! A batch is compared with what the model stores about its training rows: covariance of the
//! coefficients, exact counts, and a sample. The training data itself is not needed.

mod batch;
mod coefficients;
mod features;
mod model_drift;
mod segments;
mod text;

use std::collections::BTreeMap;

use common::Failure;
use model::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::{Check, CheckedColumns, ColumnComparison, JointCheck, Verdict};
use crate::statistics::{CumulativeScore, ScoreTerms, Undecided};

pub use self::batch::Batch;
pub use self::coefficients::{BaseLevel, CoefficientChange, UntestedLevel, UntestedReason};
pub use self::model_drift::{ModelVerdict, RecentTest, TestAtLevel, model_verdict};
pub use self::segments::{MIN_ODDS_RATIO, Segment, SegmentCheck, SegmentPart};

/// Drift verdicts for a batch under a deployed model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdicts {
    /// The worst of all verdicts below.
    pub verdict: Verdict,
    /// Number of rows in the batch.
    pub rows: u64,
    /// Verdict on model drift.
    pub model: ModelVerdict,
    /// Joint test of all features; `None` where nothing can be tested.
    pub joint: Option<JointCheck>,
    /// The checks of each feature, in schema order.
    pub features: Vec<ColumnComparison>,
    /// Where the model is wrong. `None` without labelled rows, and in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<SegmentCheck>,
    /// Sums over the labelled rows of the batch. `None` where numbers are out of range, and in records
    /// of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<ScoreTerms>,
}

/// Minimum share of a feature's values that are new: unlike any value of the training rows.
const MIN_LEFT_SHARE: f64 = 0.05;

impl Verdicts {
    /// Names of the features with drift and new values: at least 1 in 20 values is unlike any training
    /// value ([`ColumnComparison::unlike_share`]). A missing value counts as unlike if no training value is
    /// missing. A feature that was constant in training is also named once it drifts.
    pub fn left_reference(&self) -> Vec<String> {
        let features = self.features.iter();
        let left = features.filter(|it| has_unlike_values(it) || newly_missing_share(it).is_some());
        left.map(|feature| feature.name.clone()).collect()
    }

    /// Shares of missing values, by feature name. Has the features of
    /// [`left_reference`](Self::left_reference) whose present values resemble training values, but which
    /// had no missing value in training.
    pub fn newly_missing(&self) -> BTreeMap<String, f64> {
        let features = self.features.iter().filter(|it| !has_unlike_values(it));
        let shares = features.filter_map(|it| Some((it.name.clone(), newly_missing_share(it)?)));
        shares.collect()
    }

    /// Adds the batch to the sums of the earlier batches under the same model. A batch with numbers out
    /// of range is left out. An error if the sums are of another number of coefficients.
    pub fn add_to(&self, sums: &mut CumulativeScore) -> Result<(), Undecided> {
        let is_tested = self.model.cumulative.is_some();
        let mut terms = self.terms.iter();
        terms.try_for_each(|terms| sums.add(terms, is_tested))
    }
}

fn is_drift(check: &Check) -> bool {
    check.verdict == Verdict::Drift
}

/// True if a feature has drift, and enough of its present values are unlike any training value.
fn has_unlike_values(feature: &ColumnComparison) -> bool {
    let part = feature.part.iter().map(|it| &it.check);
    let has_moved = part.chain([&feature.distribution]).any(is_drift);
    let unlike = feature.unlike_share.filter(|_| has_moved);
    let was_constant = feature.was_constant.is_some() && is_drift(&feature.distribution);
    was_constant || unlike.is_some_and(|share| share >= MIN_LEFT_SHARE)
}

/// Share of values that are missing in the batch, if it is large enough and no training value is missing.
fn newly_missing_share(feature: &ColumnComparison) -> Option<f64> {
    let is_new = is_drift(&feature.missing) && feature.missing_shares[0] == Some(0.0);
    let share = feature.missing_shares[1].filter(|_| is_new);
    share.filter(|share| *share >= MIN_LEFT_SHARE)
}

/// Tests a batch for model drift and feature drift.
///
/// `earlier` holds the sums of the earlier batches under the same model.
///
/// Probability of a false alarm without drift:
/// - model test of one batch: `alpha`
/// - tests of the last batches: at most 0.8 · `alpha`
/// - all tests of the sums since the deployment together: at most `alpha`
/// - all segments of a batch together: `alpha`
/// - all features of a batch together: [`ALPHA`](crate::ALPHA)
pub fn verdicts(
    model: &Model,
    batch: &Batch<'_>,
    earlier: &CumulativeScore,
    alpha: f64,
) -> Result<Verdicts, Failure> {
    let (model_drift, terms) = model_verdict(model, batch, earlier, alpha)?;
    let CheckedColumns {
        verdict,
        joint,
        columns,
    } = features::check_features(model, batch)?;
    let segments = segments::check_segments(model, batch, &terms, alpha)?;
    let of_segments = segments.iter().map(|check| check.verdict);
    Ok(Verdicts {
        verdict: Verdict::worst(of_segments.chain([model_drift.verdict, verdict])),
        rows: batch.rows.len() as u64,
        model: model_drift,
        joint,
        features: columns,
        segments,
        terms: Some(terms).filter(ScoreTerms::are_in_range),
    })
}

#[cfg(test)]
mod assumption_tests;
#[cfg(test)]
mod category_tests;
#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod curve_tests;
#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod tests;
