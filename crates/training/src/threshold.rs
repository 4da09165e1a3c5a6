//! The choice of a model's operating threshold. It is the one with the highest F1, or the one that follows
//! from the costs of wrong predictions. Or it flags as many clients as can be called.
//!
//! F1 is computed from out-of-fold predictions for the training rows. Its curve is noisy. The
//! threshold therefore stays one half unless the best F1 is higher by more than its standard error.

use dataset::passes::{ScoreGroup, merged, probability, score_groups};
use dataset::{FOLDS, Fold, Selection, Table};
use model::Threshold;

use crate::fit::{FitError, if_possible};
use crate::out_of_fold::{FittedForm, OutOfFold};

/// Approximate maximum number of rows that choose the threshold. If there are more, a spread sample
/// is used.
const MAX_ROWS: usize = 1 << 17;

/// Minimum distance of a threshold that follows from costs to 0 and to 1.
const NEAREST_TO_END: f64 = 1e-9;

/// Out-of-fold predictions for the labelled rows of a selection, or for a spread sample of them.
/// The form was fitted to these rows. Empty if a fold cannot be fitted.
pub(crate) fn out_of_fold(
    form: &FittedForm,
    table: &Table,
    selection: &Selection,
) -> Result<Vec<ScoreGroup>, FitError> {
    let sample = selection.clone().labelled();
    let sample = match selection.rows.len().div_ceil(MAX_ROWS) {
        0 | 1 => sample,
        share => sample.one_in(share),
    };
    let folds = OutOfFold::new(form, table, &sample)?;
    let mut groups = Vec::new();
    for fold in 0..FOLDS {
        let Some(predictor) = if_possible(folds.without(fold))? else {
            return Ok(Vec::new());
        };
        let rows = sample.clone().of_fold(Fold::Inside(fold));
        groups.extend(score_groups(&predictor.expression(), table, &rows)?);
    }
    Ok(merged(groups))
}

/// The threshold at which both kinds of wrong predictions have the same expected cost: false
/// positive / (false positive + false negative). The costs are above 0.
///
/// If probabilities are calibrated and right predictions cost nothing, this threshold minimises the
/// expected cost (Elkan, The Foundations of Cost-Sensitive Learning, 2001, equation 2).
pub(crate) fn of_costs(false_negative: f64, false_positive: f64) -> Threshold {
    // The quotient is computed first, because the sum of both costs could overflow.
    let probability = 1.0 / (1.0 + false_negative / false_positive);
    let probability = probability.clamp(NEAREST_TO_END, 1.0 - NEAREST_TO_END);
    Threshold::new(probability).unwrap_or_default()
}

/// Threshold that flags the share `capacity` / `clients` of the rows. Rows with equal log-odds are all
/// flagged or all not. Without rows the threshold is one half. If the capacity is enough for all
/// clients, it is below the lowest probability. Groups are in ascending order of log-odds.
pub(crate) fn of_capacity(groups: &[ScoreGroup], capacity: u64, clients: u64) -> Threshold {
    let share = (capacity as f64 / clients as f64).min(1.0);
    let n_rows: u64 = groups.iter().map(ScoreGroup::rows).sum();
    let n_flagged = n_rows as f64 * share;
    let mut flagged = 0;
    let mut threshold = Threshold::HALF;
    let mut descending = groups.iter().rev().peekable();
    while let Some(group) = descending.next() {
        flagged += group.rows();
        // The first group is always flagged, because a threshold above all probabilities would flag nobody.
        let is_first = flagged == group.rows();
        if flagged as f64 > n_flagged && !is_first {
            break;
        }
        let lowest = probability(group.log_odds);
        let next = descending
            .peek()
            .map_or(0.0, |next| probability(next.log_odds));
        threshold = Threshold::new(lowest / 2.0 + next / 2.0).unwrap_or(threshold);
    }
    threshold
}

/// Counts of the rows that are predicted to be positive.
#[derive(Clone, Copy, Default)]
struct Flagged {
    true_positives: f64,
    false_positives: f64,
}

impl Flagged {
    fn count(&mut self, group: &ScoreGroup) {
        self.true_positives += group.positives as f64;
        self.false_positives += group.negatives as f64;
    }

    /// Number of rows other than true negatives. `positives` counts the positive labels.
    fn not_true_negatives(self, positives: f64) -> f64 {
        positives + self.false_positives
    }

    /// F1, which is 0 without true positives.
    fn f1(self, positives: f64) -> f64 {
        2.0 * self.true_positives / (self.true_positives + self.not_true_negatives(positives))
    }

    /// Standard error of F1 = 2q / (1 + q), where q is the share of true positives among all rows
    /// other than true negatives.
    fn standard_error(self, positives: f64) -> f64 {
        let rows = self.not_true_negatives(positives);
        let share = self.true_positives / rows;
        2.0 / (1.0 + share).powi(2) * (share * (1.0 - share) / rows).sqrt()
    }
}

/// The threshold with the highest F1 on labelled rows. The result is one half if there are no rows, or if
/// F1 at one half is within one standard error of the highest F1. Groups are in ascending order of
/// log-odds.
pub(crate) fn with_best_f1(groups: &[ScoreGroup]) -> Threshold {
    let positives = groups.iter().map(|group| group.positives).sum::<u64>() as f64;
    if positives == 0.0 {
        return Threshold::HALF;
    }
    let (mut flagged, mut at_half) = (Flagged::default(), Flagged::default());
    let (mut highest, mut threshold) = (Flagged::default(), Threshold::HALF);
    let mut descending = groups.iter().rev().peekable();
    while let Some(group) = descending.next() {
        flagged.count(group);
        if group.log_odds > Threshold::HALF.log_odds() {
            at_half = flagged;
        }
        // A threshold below all probabilities would flag everybody.
        let Some(next) = descending.peek() else { break };
        let middle = probability(group.log_odds) / 2.0 + probability(next.log_odds) / 2.0;
        if flagged.f1(positives) > highest.f1(positives)
            && let Some(middle) = Threshold::new(middle)
        {
            (highest, threshold) = (flagged, middle);
        }
    }
    let enough = highest.f1(positives) - highest.standard_error(positives);
    if at_half.f1(positives) >= enough {
        return Threshold::HALF;
    }
    threshold
}

#[cfg(test)]
mod tests {
    use dataset::passes::groups_of_rows;

    use super::*;

    /// Rows of log-odds and label.
    fn rows(of: &[(f64, bool)]) -> Vec<ScoreGroup> {
        groups_of_rows(of.iter().copied())
    }

    /// Number of rows above a threshold.
    fn flagged(groups: &[ScoreGroup], threshold: Threshold) -> u64 {
        let above = |group: &&ScoreGroup| group.log_odds > threshold.log_odds();
        groups.iter().filter(above).map(ScoreGroup::rows).sum()
    }

    /// Rare leavers whose probabilities are all below one half: `n` clients, every 20th leaves.
    fn rare(n: usize) -> Vec<ScoreGroup> {
        let row = |row: usize| {
            let leaves = row.is_multiple_of(20);
            let noise = (row as f64 * 1.7).sin();
            (if leaves { -1.5 } else { -3.5 } + noise * 0.9, leaves)
        };
        rows(&(0..n).map(row).collect::<Vec<_>>())
    }

    #[test]
    fn rare_leavers_get_a_threshold_that_finds_them() {
        let found = with_best_f1(&rare(2_000));
        // The log-odds at which the groups meet are about -2.5, a probability of 0.076.
        assert!((0.06..0.1).contains(&found.probability()), "{found:?}");
        let flagged = flagged(&rare(2_000), found);
        assert!((95..=105).contains(&flagged), "{flagged}");
    }

    #[test]
    fn one_half_stays_unless_another_is_better_by_a_standard_error() {
        // One more true positive among forty rows.
        let mut few = Vec::new();
        for row in 0..20 {
            few.push((1.0 + f64::from(row) * 0.01, row % 4 != 0));
            few.push((-1.0 - f64::from(row) * 0.01, row % 7 == 0));
        }
        assert_eq!(with_best_f1(&rows(&few)), Threshold::HALF);
        assert_eq!(with_best_f1(&rows(&[])), Threshold::HALF);
        assert_eq!(
            with_best_f1(&rows(&[(1.0, false), (-1.0, false)])),
            Threshold::HALF
        );
        assert_eq!(
            with_best_f1(&rows(&[(-2.0, true), (-2.0, false)])),
            Threshold::HALF
        );
    }

    #[test]
    fn equal_rows_get_the_same_prediction() {
        let mut all = vec![(-1.0, true); 50];
        all.extend(vec![(-1.0, false); 10]);
        all.extend(vec![(-2.0, false); 400]);
        let found = with_best_f1(&rows(&all));
        assert!(found.log_odds() < -1.0 && found.log_odds() > -2.0);
    }

    #[test]
    fn the_threshold_of_costs_is_where_a_wrong_call_costs_as_much_as_a_missed_leaver() {
        // A missed leaver costs as much as nineteen wrong calls, so a call pays from 5 % on.
        assert!((of_costs(190.0, 10.0).probability() - 0.05).abs() < 1e-15);
        assert_eq!(of_costs(1.0, 1.0), Threshold::HALF);
        for (missed, wrong) in [(f64::MAX, 1e-300), (1e-300, f64::MAX), (f64::MAX, f64::MAX)] {
            let found = of_costs(missed, wrong).probability();
            assert!(found > 0.0 && found < 1.0, "{found}");
        }
    }

    #[test]
    fn the_threshold_of_a_capacity_flags_its_share_of_the_rows() {
        let all = rare(2_000);
        // Each of the thousand clients has two rows.
        let found = of_capacity(&all, 50, 1_000);
        assert_eq!(flagged(&all, found), 100);
        assert_eq!(flagged(&all, of_capacity(&all, 5_000, 1_000)), 2_000);
        assert_eq!(of_capacity(&[], 5, 0), Threshold::HALF);
        // Equal rows are all flagged or all not flagged, and at least one row is flagged.
        let mut equal = vec![(-1.0, true); 30];
        equal.extend(vec![(-2.0, false); 70]);
        let equal = rows(&equal);
        for (capacity, wanted) in [(10, 30), (30, 30), (99, 30), (100, 100)] {
            let found = of_capacity(&equal, capacity, 100);
            assert_eq!(flagged(&equal, found), wanted, "{capacity}");
        }
    }
}
