//! The choice of a model's operating threshold: the one with the highest F1.
//!
//! F1 is that of out-of-fold predictions for the training rows. Its curve is noisy, so one half
//! stays unless the best F1 is higher by more than its standard error.

use dataset::passes::{ScoredRow, log_odds, probability};
use dataset::{FOLDS, Fold, Selection, Table, sort_by};
use model::Threshold;

use crate::out_of_fold::{FittedForm, OutOfFold};

/// Approximate number of rows beyond which a spread sample of them chooses the threshold.
const MAX_ROWS: usize = 1 << 17;

/// Chooses the threshold of a form that was fitted to the labelled rows of a selection. It is one half
/// if a fold cannot be fitted.
pub(crate) fn choose(form: &FittedForm, table: &Table, selection: &Selection) -> Threshold {
    let sample = selection.clone().labelled();
    let sample = match selection.rows.len().div_ceil(MAX_ROWS) {
        0 | 1 => sample,
        share => sample.one_in(share),
    };
    let folds = OutOfFold::new(form, table, &sample);
    let mut scored = Vec::new();
    for fold in 0..FOLDS {
        let Ok(predictor) = folds.without(fold) else {
            return Threshold::HALF;
        };
        let rows = sample.clone().of_fold(Fold::Inside(fold));
        scored.extend(log_odds(&predictor.expression(), table, &rows));
    }
    best(scored)
}

/// Counts of the rows that are predicted to be positive.
#[derive(Clone, Copy, Default)]
struct Flagged {
    right: f64,
    wrong: f64,
}

impl Flagged {
    fn count(&mut self, row: &ScoredRow) {
        match row.label {
            Some(true) => self.right += 1.0,
            _ => self.wrong += 1.0,
        }
    }

    /// The rows other than true negatives.
    fn with_missed(self, positives: f64) -> f64 {
        positives + self.wrong
    }

    /// F1, which is 0 without true positives.
    fn f1(self, positives: f64) -> f64 {
        2.0 * self.right / (self.right + self.with_missed(positives))
    }

    /// Standard error of F1 = 2q / (1 + q), where q is the share of true positives among all rows
    /// other than true negatives.
    fn standard_error(self, positives: f64) -> f64 {
        let rows = self.with_missed(positives);
        let share = self.right / rows;
        2.0 / (1.0 + share).powi(2) * (share * (1.0 - share) / rows).sqrt()
    }
}

/// The threshold with the highest F1 on labelled rows. One half if its own F1 is within one standard
/// error of the highest.
fn best(mut scored: Vec<ScoredRow>) -> Threshold {
    let positives = scored.iter().filter(|row| row.label == Some(true)).count() as f64;
    if positives == 0.0 {
        return Threshold::HALF;
    }
    sort_by(&mut scored, |a, b| b.log_odds.total_cmp(&a.log_odds));
    let (mut flagged, mut at_half) = (Flagged::default(), Flagged::default());
    let (mut highest, mut threshold) = (Flagged::default(), Threshold::HALF);
    let mut groups = scored.chunk_by(|a, b| a.log_odds == b.log_odds).peekable();
    while let Some(equal) = groups.next() {
        equal.iter().for_each(|row| flagged.count(row));
        if equal[0].log_odds > Threshold::HALF.log_odds() {
            at_half = flagged;
        }
        // A threshold below all rows would tell nobody apart.
        let Some(next) = groups.peek() else { break };
        let middle = probability(equal[0].log_odds) / 2.0 + probability(next[0].log_odds) / 2.0;
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
    use super::*;

    /// Rows of log-odds and label.
    fn rows(of: &[(f64, bool)]) -> Vec<ScoredRow> {
        let row = |(log_odds, label): &(f64, bool)| ScoredRow {
            log_odds: *log_odds,
            label: Some(*label),
        };
        of.iter().map(row).collect()
    }

    /// Rare leavers whose probabilities are all below one half: `n` clients, every 20th leaves.
    fn rare(n: usize) -> Vec<ScoredRow> {
        let row = |row: usize| {
            let leaves = row.is_multiple_of(20);
            let noise = (row as f64 * 1.7).sin();
            (if leaves { -1.5 } else { -3.5 } + noise * 0.9, leaves)
        };
        rows(&(0..n).map(row).collect::<Vec<_>>())
    }

    #[test]
    fn rare_leavers_get_a_threshold_that_finds_them() {
        let found = best(rare(2_000));
        // The groups meet at log-odds of about -2.5, a probability of 0.076.
        assert!((0.06..0.1).contains(&found.probability()), "{found:?}");
        let flagged = rare(2_000)
            .iter()
            .filter(|row| row.log_odds > found.log_odds())
            .count();
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
        assert_eq!(best(rows(&few)), Threshold::HALF);
        assert_eq!(best(rows(&[])), Threshold::HALF);
        assert_eq!(best(rows(&[(1.0, false), (-1.0, false)])), Threshold::HALF);
        assert_eq!(best(rows(&[(-2.0, true), (-2.0, false)])), Threshold::HALF);
    }

    #[test]
    fn equal_rows_are_never_told_apart() {
        let mut all = vec![(-1.0, true); 50];
        all.extend(vec![(-1.0, false); 10]);
        all.extend(vec![(-2.0, false); 400]);
        let found = best(rows(&all));
        assert!(found.log_odds() < -1.0 && found.log_odds() > -2.0);
    }
}
