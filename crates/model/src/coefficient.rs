//! The coefficients of a model, by name.

use dataset::escaped;
use dataset::passes::{Encoding, Grid, Parts, Surface};
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Model;

/// A coefficient and the part of a feature that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficient<'m> {
    /// Name of the feature; for a pair, the name of its first feature.
    pub feature: &'m str,
    /// Name of the second feature of a pair.
    pub other_feature: Option<&'m str>,
    /// The part of the feature: a number, a curve of it, a level, all other levels, its missing cells,
    /// or the effect of a pair.
    pub encoding: Encoding<'m>,
    /// Log-odds per raw unit.
    pub value: f64,
    /// The value that is imputed for a missing one: the mean of the training rows. For an indicator
    /// it is the share of the training rows where it is 1.
    pub imputed: f64,
}

impl<'m> Coefficient<'m> {
    /// The effect of a pair as a table; `None` if this is not the coefficient of a pair.
    pub fn pair_table(&self) -> Option<PairTable<'m>> {
        match (self.encoding, self.other_feature) {
            (Encoding::Surface(surface), Some(other)) => {
                Some(PairTable::of([self.feature, other], surface))
            }
            _ => None,
        }
    }

    /// The coefficient's name for people: `x`, `plan = basic`, `plan (any other)`, `plan (missing)` or
    /// `x × plan`.
    pub fn name(&self) -> String {
        let feature = self.feature;
        if let Some(other) = self.other_feature {
            return pair_name(feature, other);
        }
        match self.encoding {
            Encoding::Number => feature.to_owned(),
            Encoding::Trend(_) => format!("{feature} (trend)"),
            Encoding::Curve(_) | Encoding::Step(..) => format!("{feature} (curve)"),
            Encoding::Cell(..) | Encoding::Surface(_) => format!("{feature} (pair)"),
            Encoding::Level(level) => format!("{feature} = {}", escaped(level.text().as_bytes())),
            Encoding::OtherThan(_) => format!("{feature} (any other)"),
            Encoding::Missing => format!("{feature} (missing)"),
        }
    }
}

impl Model {
    /// The coefficients in raw units, without the intercept, in the order of the features.
    pub fn coefficients(&self) -> impl Iterator<Item = Coefficient<'_>> {
        let terms = self.predictor.expression().terms.into_iter();
        let name = |feature: usize| self.schema.features[feature].name.as_str();
        terms.map(move |weighted| Coefficient {
            feature: name(weighted.term.feature),
            other_feature: match weighted.term.encoding {
                Encoding::Surface(surface) => Some(name(surface.grid.second.feature)),
                _ => None,
            },
            encoding: weighted.term.encoding,
            value: weighted.coefficient,
            imputed: weighted.imputed,
        })
    }

    /// Names of the [contributions](crate::Scorer::contributions) to a prediction: the features in
    /// schema order, then the pairs.
    pub fn contribution_names(&self) -> Vec<String> {
        let features = self.schema.feature_names().map(str::to_owned);
        features.chain(self.pair_names()).collect()
    }

    /// Names of the pairs of features that have an effect of their own, in the order of their
    /// coefficients.
    pub fn pair_names(&self) -> Vec<String> {
        let pairs = self.coefficients();
        let pairs = pairs.filter(|it| it.other_feature.is_some());
        pairs.map(|pair| pair.name()).collect()
    }
}

/// The effect of a pair of features as a table, for people and programs that read JSON.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PairTable<'m> {
    /// The first feature and its parts: the rows of the table.
    pub first: PairSide<'m>,
    /// The second feature and its parts: the columns of the table.
    pub second: PairSide<'m>,
    /// Log-odds by row and column. Values between knots are interpolated. A value outside the knots
    /// has the log-odds of the outer knot. A level that is not listed has no effect.
    pub effect: Vec<&'m [f64]>,
}

/// A feature of a pair: its name, and its `knots` or `levels`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PairSide<'m> {
    /// Name of the feature.
    pub feature: &'m str,
    /// Knots or levels of the feature.
    #[serde(flatten)]
    pub parts: &'m Parts,
}

impl<'m> PairTable<'m> {
    /// The table for a pair of features with these names.
    pub fn of(names: [&'m str; 2], surface: &'m Surface) -> Self {
        let [first, second] = names;
        let Grid {
            first: rows,
            second: columns,
        } = &surface.grid;
        Self {
            effect: surface.values.chunks(columns.parts.len().max(1)).collect(),
            first: PairSide {
                feature: first,
                parts: &rows.parts,
            },
            second: PairSide {
                feature: second,
                parts: &columns.parts,
            },
        }
    }
}

/// The name of a pair for people.
fn pair_name(feature: &str, other: &str) -> String {
    format!("{feature} × {other}")
}
