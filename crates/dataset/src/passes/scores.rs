//! Labelled rows by their log-odds: all that metrics, thresholds and recalibrations need to know
//! of predictions.

use super::engine::{Chunk, Pass, run};
use super::expression::LinearExpression;
use crate::parallel::{sort_by, sum_of};
use crate::table::{Selection, Table};
use common::Failure;

/// Labelled rows of equal log-odds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreGroup {
    /// Log-odds of the positive label; finite.
    pub log_odds: f64,
    /// Number of rows with a negative label.
    pub negatives: u64,
    /// Number of rows with a positive label.
    pub positives: u64,
}

impl ScoreGroup {
    fn of_row(log_odds: f64, label: bool) -> Self {
        Self {
            // −0 + 0 is 0, so both zeros are equal.
            log_odds: log_odds + 0.0,
            negatives: u64::from(!label),
            positives: u64::from(label),
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.negatives + self.positives
    }

    /// The sum of `of_row` over the rows. It gets the log-odds and the label of a row.
    pub fn sum(&self, of_row: impl Fn(f64, bool) -> f64) -> f64 {
        let of_label = |rows: u64, label: bool| match rows {
            0 => 0.0,
            rows => rows as f64 * of_row(self.log_odds, label),
        };
        of_label(self.negatives, false) + of_label(self.positives, true)
    }
}

/// The labelled rows of a selection by their log-odds, in ascending order. `expression` gives the
/// log-odds of a row.
pub fn score_groups(
    expression: &LinearExpression<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<Vec<ScoreGroup>, Failure> {
    let labelled = selection.clone().labelled();
    if let Some(engine) = table.engine("rows by log-odds")? {
        return engine.score_groups(expression, &labelled).map(merged);
    }
    Ok(merged(run(&ScoreGroups { expression }, table, &labelled)))
}

/// Rows by their log-odds, in ascending order. Each row has log-odds and a label.
pub fn groups_of_rows(rows: impl IntoIterator<Item = (f64, bool)>) -> Vec<ScoreGroup> {
    let rows = rows.into_iter();
    merged(
        rows.map(|(log_odds, label)| ScoreGroup::of_row(log_odds, label))
            .collect(),
    )
}

/// Groups of different log-odds in ascending order, from groups in any order.
pub fn merged(mut groups: Vec<ScoreGroup>) -> Vec<ScoreGroup> {
    sort_by(&mut groups, |a, b| a.log_odds.total_cmp(&b.log_odds));
    groups.dedup_by(|later, earlier| {
        let is_equal = later.log_odds == earlier.log_odds;
        if is_equal {
            earlier.negatives += later.negatives;
            earlier.positives += later.positives;
        }
        is_equal
    });
    groups
}

/// The mean of `of_row` over the rows of all groups, at most the largest finite number. `None`
/// without rows. `of_row` gets the log-odds and the label of a row.
pub fn mean_of_rows(
    groups: &[ScoreGroup],
    of_row: impl Fn(f64, bool) -> f64 + Sync,
) -> Option<f64> {
    let rows = groups.iter().map(ScoreGroup::rows).sum::<u64>() as f64;
    if rows == 0.0 {
        return None;
    }
    let total = sum_of(groups, |group| group.sum(&of_row));
    if total.is_finite() {
        return Some(total / rows);
    }
    // The sum overflows, but the mean of finite numbers is finite.
    let part = |group: &ScoreGroup| group.sum(|log_odds, label| of_row(log_odds, label) / rows);
    Some(sum_of(groups, part).min(f64::MAX))
}

struct ScoreGroups<'a> {
    expression: &'a LinearExpression<'a>,
}

impl Pass for ScoreGroups<'_> {
    type Value = Vec<ScoreGroup>;

    fn empty(&self) -> Self::Value {
        Vec::new()
    }

    fn add(&self, groups: &mut Self::Value, chunk: &Chunk<'_>) {
        for position in chunk.positions() {
            if let Some(label) = chunk.table.labels[position] {
                let log_odds = self.expression.value_at(chunk.table, position);
                groups.push(ScoreGroup::of_row(log_odds, label));
            }
        }
    }

    fn merge(&self, earlier: &mut Self::Value, later: Self::Value) {
        earlier.extend(later);
    }
}

#[cfg(test)]
mod tests {
    use common::Schema;

    use super::*;
    use crate::passes::{Term, WeightedTerm};

    #[test]
    fn equal_log_odds_are_one_group_and_rows_without_a_label_do_not_count() {
        let mut table = Table::new(&Schema {
            features: vec!["x".into()],
            ..Schema::default()
        });
        for (x, label) in [
            (2.0, Some(true)),
            (-0.0, Some(true)),
            (2.0, Some(false)),
            (0.0, Some(false)),
            (2.0, Some(true)),
            (7.0, None),
        ] {
            table.push(b"a", &[x], label);
        }
        let expression = LinearExpression {
            intercept: 0.0,
            terms: vec![WeightedTerm {
                term: Term::number(0),
                coefficient: 1.0,
                imputed: 0.0,
            }],
        };
        let found = score_groups(&expression, &table, &table.all()).unwrap();
        let groups = found.iter();
        let found: Vec<_> = groups
            .map(|it| (it.log_odds, it.negatives, it.positives))
            .collect();
        assert_eq!(found, [(0.0, 1, 1), (2.0, 1, 2)]);
    }

    #[test]
    fn a_mean_is_that_of_the_rows_and_finite() {
        let groups = groups_of_rows([(1.0, true), (1.0, true), (-2.0, false)]);
        let mean = mean_of_rows(&groups, |log_odds, _| log_odds);
        assert_eq!(mean, Some(0.0));
        assert_eq!(mean_of_rows(&[], |log_odds, _| log_odds), None);
        let huge = groups_of_rows([(f64::MAX, true), (f64::MAX / 2.0, true)]);
        let mean = mean_of_rows(&huge, |log_odds, _| log_odds).unwrap();
        assert!(mean.is_finite() && mean > f64::MAX / 2.0);
    }
}
