//! Which coefficients a score test speaks of, and which it does not.

use std::collections::BTreeMap;

use dataset::passes::Encoding;
use model::Model;
use serde::{Deserialize, Serialize};

use crate::statistics::{LeftOut, ScoreTest};

/// A level of a category whose coefficient a test says nothing about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntestedLevel {
    /// The category.
    pub feature: String,
    /// The coefficient's name, `plan = basic`; `None` where no level may be named, and then it
    /// stands for all of the category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<String>,
    /// Why nothing is said.
    pub why: WhyUntested,
}

/// Why a test says nothing about a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyUntested {
    /// Too few rows have it, or too few have another.
    Rare,
    /// The rows cannot tell it from other columns.
    Alike,
}

/// A coefficient that is no longer what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// Its feature; `None` for the intercept.
    pub feature: Option<String>,
    /// Its own name, where a category has several: `plan = basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<String>,
    /// Of the intercept, the levels that the test tells from it in no way: it may be one of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base_levels: Vec<BaseLevel>,
    /// Its part of the statistic's root, standard normal while the model holds; above 0 where the
    /// coefficient has become larger.
    pub component: f64,
}

/// The level of a category that its others are held against in a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseLevel {
    /// The category.
    pub feature: String,
    /// The coefficient's name, `plan = basic`; `None` where no level may be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<String>,
}

/// What a test says nothing about.
#[derive(Default)]
pub(super) struct Untested {
    pub(super) features: Vec<String>,
    pub(super) levels: Vec<UntestedLevel>,
}

/// The coefficients that have no part in a test, and why: `left_out` are the levels that it did not
/// ask about.
///
/// What the other levels of its category are held against is tested with the intercept.
pub(super) fn untested(
    model: &Model,
    test: &ScoreTest,
    left_out: &BTreeMap<usize, LeftOut>,
) -> Untested {
    let mut found = Untested::default();
    let parts = test.components.iter().enumerate().skip(1);
    let open = model
        .coefficients()
        .zip(parts)
        .filter(|(_, (_, part))| part.is_none());
    for (coefficient, (place, _)) in open {
        let feature = coefficient.feature.to_owned();
        let why = match left_out.get(&place) {
            Some(LeftOut::Base | LeftOut::Absent) => continue,
            Some(LeftOut::Rare) => WhyUntested::Rare,
            None if coefficient.encoding != Encoding::Number => WhyUntested::Alike,
            Some(LeftOut::Missing) | None => {
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

/// The coefficient that has moved most in a test that left out some levels.
pub(super) fn most_moved(
    model: &Model,
    test: &ScoreTest,
    left_out: &BTreeMap<usize, LeftOut>,
) -> Option<Moved> {
    let parts = test.components.iter().enumerate();
    let (place, component) = parts
        .filter_map(|(place, part)| Some((place, (*part)?)))
        .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    let Some(place) = place.checked_sub(1) else {
        return Some(Moved {
            feature: None,
            coefficient: None,
            base_levels: base_levels(model, left_out),
            component,
        });
    };
    let moved = model.coefficients().nth(place)?;
    let is_of_category = moved.encoding != Encoding::Number;
    Some(Moved {
        feature: Some(moved.feature.to_owned()),
        coefficient: is_of_category.then(|| moved.name()),
        base_levels: Vec::new(),
        component,
    })
}

fn base_levels(model: &Model, left_out: &BTreeMap<usize, LeftOut>) -> Vec<BaseLevel> {
    let is_base = |place: &usize| left_out.get(place) == Some(&LeftOut::Base);
    let coefficients = model.coefficients().zip(1..);
    coefficients
        .filter(|(_, place)| is_base(place))
        .map(|(coefficient, _)| BaseLevel {
            feature: coefficient.feature.to_owned(),
            coefficient: Some(coefficient.name()),
        })
        .collect()
}
