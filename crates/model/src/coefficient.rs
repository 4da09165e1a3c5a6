//! The coefficients of a model, by name.

use dataset::escaped;
use dataset::passes::Encoding;

use crate::model::Model;

/// A coefficient and the part of a feature that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficient<'m> {
    /// Name of the feature.
    pub feature: &'m str,
    /// The part of the feature: a number, a curve of it, a level, all other levels, or its missing
    /// cells.
    pub encoding: Encoding<'m>,
    /// Log-odds per raw unit.
    pub value: f64,
    /// The value that is imputed for a missing one: the mean of the training rows. For an indicator
    /// it is the share of the training rows where it is 1.
    pub imputed: f64,
}

impl Coefficient<'_> {
    /// The coefficient's name for people: `x`, `plan = basic`, `plan (any other)` or
    /// `plan (missing)`.
    pub fn name(&self) -> String {
        let feature = self.feature;
        match self.encoding {
            Encoding::Number => feature.to_owned(),
            Encoding::Trend(_) => format!("{feature} (trend)"),
            Encoding::Curve(_) => format!("{feature} (curve)"),
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
        terms.map(|weighted| Coefficient {
            feature: &self.schema.features[weighted.term.feature].name,
            encoding: weighted.term.encoding,
            value: weighted.coefficient,
            imputed: weighted.imputed,
        })
    }
}
