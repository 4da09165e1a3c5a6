//! The explanations in an answer: how much each feature adds to a prediction's log-odds, and how
//! much it changes the probability.

use std::collections::BTreeMap;

use dataset::passes::probability;
use model::{Model, Scorer};
use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::Serializer;

use crate::payload::RequestRows;

/// Unit of the base and the contributions.
const UNIT: &str = "log-odds";

/// Explains the predictions of one model.
#[derive(Debug)]
pub(super) struct Explainer<'m> {
    /// The names of the features, in schema order, and then those of pairs.
    pub(super) names: Vec<String>,
    scorer: Scorer<'m>,
}

/// The numbers of one explanation. The log-odds are the sum of `base` and all contributions.
#[derive(Debug, PartialEq)]
pub(super) struct Explained {
    /// Log-odds of the mean training row.
    pub(super) base: f64,
    /// Probability of the mean training row.
    pub(super) base_probability: f64,
    /// What each feature, and then each pair, adds to the log-odds.
    pub(super) contributions: Vec<f64>,
    /// The probability minus the one without the contribution.
    pub(super) probability_changes: Vec<f64>,
}

impl<'m> Explainer<'m> {
    pub(super) fn new(model: &'m Model, scorer: Scorer<'m>) -> Self {
        Self {
            names: model.contribution_names(),
            scorer,
        }
    }

    /// The explanation of a row.
    pub(super) fn explain(&self, row: &[f64]) -> Explained {
        Explained::of(self.scorer.base(), self.scorer.contributions(row))
    }
}

impl Explained {
    fn of(base: f64, contributions: Vec<f64>) -> Self {
        let add = |sum: f64, term: f64| (sum + term).clamp(f64::MIN, f64::MAX);
        let log_odds = contributions.iter().copied().fold(base, add);
        let predicted = probability(log_odds);
        let change = |contribution: &f64| predicted - probability(add(log_odds, -contribution));
        Self {
            base,
            base_probability: probability(base),
            probability_changes: contributions.iter().map(change).collect(),
            contributions,
        }
    }
}

/// The explanation of each row. Each is made while it is written, because all of them together take
/// more memory than the rows.
#[derive(Debug)]
pub(super) struct Explanations<'a> {
    explainer: Explainer<'a>,
    rows: &'a RequestRows,
}

impl<'a> Explanations<'a> {
    pub(super) fn new(explainer: Explainer<'a>, rows: &'a RequestRows) -> Self {
        Self { explainer, rows }
    }
}

impl Serialize for Explanations<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let names = &self.explainer.names;
        to.collect_seq(self.rows.iter().map(|row| {
            let explained = self.explainer.explain(row);
            Explanation {
                unit: UNIT,
                base: explained.base,
                contributions: Named(names, explained.contributions),
                base_probability: explained.base_probability,
                probability_changes: Named(names, explained.probability_changes),
            }
        }))
    }
}

/// The explanation of one row.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explanation<'a> {
    /// Unit of `base` and `contributions`.
    #[schemars(extend("const" = UNIT))]
    unit: &'static str,
    /// Log-odds of a row whose features are the means of the training rows.
    base: f64,
    /// What each feature, or pair of features, adds to the log-odds.
    #[schemars(with = "BTreeMap<String, f64>")]
    contributions: Named<'a>,
    /// Probability of a row whose features are the means of the training rows, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    base_probability: f64,
    /// Change in the probability by each feature, or pair of features: the probability minus the
    /// one without the contribution, -1 to 1.
    #[schemars(with = "BTreeMap<String, f64>")]
    probability_changes: Named<'a>,
}

/// A number for each name, in their order.
#[derive(Debug)]
struct Named<'a>(&'a [String], Vec<f64>);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().zip(&self.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_change_is_the_probability_minus_the_one_without_the_contribution() {
        let explained = Explained::of(-1.0, vec![1.0, 0.0, 2.0]);
        assert_eq!(explained.base_probability, probability(-1.0));
        let all = probability(2.0);
        let changes = [all - probability(1.0), 0.0, all - probability(0.0)];
        assert_eq!(explained.probability_changes, changes);
    }

    #[test]
    fn changes_are_finite_whatever_the_contributions() {
        for contributions in [
            vec![f64::MAX, f64::MAX],
            vec![f64::MAX, f64::MIN],
            vec![f64::MIN, f64::MIN, 1.0],
        ] {
            let explained = Explained::of(f64::MIN, contributions);
            for change in explained.probability_changes {
                assert!((-1.0..=1.0).contains(&change), "{change}");
            }
        }
    }
}
