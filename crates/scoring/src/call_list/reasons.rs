//! The reasons for a client's probability, as text.

use dataset::{LevelNames, escaped, shortest};
use model::{Model, Scorer};

use super::entry::MAX_REASONS;

/// Contributions smaller than this are not reasons: they would be shown as 0.00.
const MIN_CONTRIBUTION: f64 = 0.005;
/// Contributions from this size on are written with an exponent.
const HUGE_CONTRIBUTION: f64 = 1e6;

/// Finds the reasons for the probability of a client.
pub(super) struct Reasons<'a> {
    scorer: Scorer<'a>,
    /// The feature or pair of features behind each contribution of a row, in the order of
    /// contributions.
    parts: Vec<Part>,
    /// Name of each feature, and true if the feature is a category.
    features: Vec<(String, bool)>,
    levels: &'a LevelNames,
}

/// A feature, or a pair of features, by position in the schema.
enum Part {
    One(usize),
    Pair(usize, usize),
}

impl<'a> Reasons<'a> {
    /// Reasons of a model. `levels` names the levels of the rows.
    pub(super) fn new(model: &'a Model, levels: &'a LevelNames) -> Self {
        let features = &model.schema.features;
        let place = |name: &str| features.iter().position(|feature| feature.name == name);
        let pairs = model
            .coefficients()
            .filter_map(|it| Some(Part::Pair(place(it.feature)?, place(it.other_feature?)?)));
        let named = features.iter().map(|feature| {
            let name = escaped(feature.name.as_bytes());
            (name, feature.kind.is_category())
        });
        Self {
            scorer: model.scorer(),
            // In the order of `Scorer::contributions`: the features, then the pairs.
            parts: (0..features.len()).map(Part::One).chain(pairs).collect(),
            features: named.collect(),
            levels,
        }
    }

    /// The largest contributions to the log-odds of a row, the largest first. Example:
    /// `number_of_employees 12: +0.84`. Contributions that would be shown as 0.00 are left out.
    pub(super) fn of(&self, row: &[f64]) -> Vec<String> {
        let contributions = self.scorer.contributions(row);
        let mut parts: Vec<(&Part, f64)> = self.parts.iter().zip(contributions).collect();
        parts.retain(|(_, contribution)| contribution.abs() >= MIN_CONTRIBUTION);
        // The sort is stable: equal contributions stay in schema order.
        parts.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
        let largest = parts.into_iter().take(MAX_REASONS);
        largest
            .map(|(part, contribution)| {
                format!("{}: {}", self.in_words(part, row), signed(contribution))
            })
            .collect()
    }

    fn in_words(&self, part: &Part, row: &[f64]) -> String {
        match part {
            Part::One(feature) => self.with_value(*feature, row),
            Part::Pair(first, second) => format!(
                "{} × {}",
                self.with_value(*first, row),
                self.with_value(*second, row)
            ),
        }
    }

    /// Name of a feature and its value in a row, such as `plan gold`.
    pub(super) fn with_value(&self, feature: usize, row: &[f64]) -> String {
        let (name, is_category) = &self.features[feature];
        let cell = row.get(feature).copied().unwrap_or(f64::NAN);
        let cell = match (cell.is_nan(), is_category) {
            (true, _) => "missing".into(),
            (false, false) => shortest(cell),
            (false, true) => match self.levels.name(feature, cell) {
                Some(level) => escaped(level.as_bytes()),
                // Names are kept for a limited number of levels of a column.
                None => "another level".into(),
            },
        };
        format!("{name} {cell}")
    }
}

fn signed(contribution: f64) -> String {
    match contribution.abs() < HUGE_CONTRIBUTION {
        true => format!("{contribution:+.2}"),
        false => format!("{contribution:+.2e}"),
    }
}
