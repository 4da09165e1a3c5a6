//! The coefficients that a score test leaves out, and the one that has changed most.

use std::collections::BTreeMap;

use model::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statistics::{ExclusionReason, ScoreTest};

/// A coefficient that was not tested: that of a level, or of a number with a rare value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UntestedLevel {
    /// Name of the feature.
    pub feature: String,
    /// Name of the coefficient, such as `plan = basic`. `None` where levels must not be named; the
    /// entry then stands for the whole feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<String>,
    /// Reason why it was not tested.
    pub why: UntestedReason,
}

/// Reason why a coefficient was not tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UntestedReason {
    /// Too few rows have this level, or too few have another one.
    Rare,
    /// Too few training rows have the rarer value of the column.
    RareInTraining,
    /// The rows cannot distinguish it from other columns.
    #[serde(rename = "alike")]
    Collinear,
}

/// A coefficient that has changed since the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CoefficientChange {
    /// Feature of the coefficient; `None` for the intercept.
    pub feature: Option<String>,
    /// Name of the coefficient where its category has several, such as `plan = basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<String>,
    /// For the intercept: base levels of categories. The test cannot distinguish them from the
    /// intercept, so one of them may have changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base_levels: Vec<BaseLevel>,
    /// Component of the coefficient in the test; standard normal without drift. Above 0 when the
    /// coefficient has become larger.
    pub component: f64,
}

/// The level of a category that a test uses as its base level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaseLevel {
    /// Name of the category.
    pub feature: String,
    /// Name of the coefficient, such as `plan = basic`. `None` where levels must not be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<String>,
}

/// Features and levels that were not tested.
#[derive(Default)]
pub(super) struct UntestedCoefficients {
    pub(super) features: Vec<String>,
    pub(super) levels: Vec<UntestedLevel>,
}

/// Lists the coefficients that were not tested, with the reasons. `left_out` holds those that the
/// test left out.
///
/// A base level is tested together with the intercept, so it is not listed.
pub(super) fn untested_coefficients(
    model: &Model,
    test: &ScoreTest,
    left_out: &BTreeMap<usize, ExclusionReason>,
) -> UntestedCoefficients {
    let mut found = UntestedCoefficients::default();
    let components = test.components.iter().enumerate().skip(1);
    let untested = model
        .coefficients()
        .zip(components)
        .filter(|(_, (_, component))| component.is_none());
    for (coefficient, (position, _)) in untested {
        let feature = match coefficient.other_feature {
            Some(_) => coefficient.name(),
            None => coefficient.feature.to_owned(),
        };
        let why = match left_out.get(&position) {
            Some(ExclusionReason::Base | ExclusionReason::Unwatched | ExclusionReason::Absent) => {
                continue;
            }
            Some(ExclusionReason::Rare) => UntestedReason::Rare,
            Some(ExclusionReason::RareInTraining) => UntestedReason::RareInTraining,
            None if coefficient.encoding.is_indicator() => UntestedReason::Collinear,
            Some(ExclusionReason::Missing) | None => {
                if found.features.last() != Some(&feature) {
                    found.features.push(feature);
                }
                continue;
            }
        };
        found.levels.push(UntestedLevel {
            feature,
            coefficient: Some(coefficient.name()),
            why,
        });
    }
    found
}

/// The coefficient with the largest component in a test that left out some levels.
pub(super) fn largest_change(
    model: &Model,
    test: &ScoreTest,
    left_out: &BTreeMap<usize, ExclusionReason>,
) -> Option<CoefficientChange> {
    let components = test.components.iter().enumerate();
    let (position, component) = components
        .filter_map(|(position, component)| Some((position, (*component)?)))
        .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    let Some(position) = position.checked_sub(1) else {
        return Some(CoefficientChange {
            feature: None,
            coefficient: None,
            base_levels: base_levels(model, left_out),
            component,
        });
    };
    let coefficient = model.coefficients().nth(position)?;
    let is_of_feature = !coefficient.encoding.is_indicator() && coefficient.other_feature.is_none();
    Some(CoefficientChange {
        feature: Some(coefficient.feature.to_owned()),
        coefficient: (!is_of_feature).then(|| coefficient.name()),
        base_levels: Vec::new(),
        component,
    })
}

fn base_levels(model: &Model, left_out: &BTreeMap<usize, ExclusionReason>) -> Vec<BaseLevel> {
    let is_base = |position: &usize| left_out.get(position) == Some(&ExclusionReason::Base);
    let coefficients = model.coefficients().zip(1..);
    coefficients
        .filter(|(_, position)| is_base(position))
        .map(|(coefficient, _)| BaseLevel {
            feature: coefficient.feature.to_owned(),
            coefficient: Some(coefficient.name()),
        })
        .collect()
}
