//! Warnings about models with uninformative metrics or useless predictions.

use common::numbers::{SCORE_TOLERANCE, Scores, count, counted};

use crate::metrics::Metrics;

/// Warnings about a model, from its metrics; empty if there is nothing to warn about.
///
/// Warns if all labelled rows have one label, or if the model never predicts the positive label.
/// Also warns if F1 is not higher than with the positive label predicted for every row.
///
/// `model` names the model, such as "the candidate". `place` names the rows, such as "on the test
/// data".
pub fn model_warnings(metrics: &Metrics, model: &str, place: &str) -> Vec<String> {
    let confusion = &metrics.confusion;
    let labelled = metrics.rows;
    let only = |label: u8, other: u8| {
        format!(
            "{place} all {} have label {label}, so F1 says little about {model}: add rows with label {other}",
            counted(labelled, "labelled row")
        )
    };
    let warning = match (confusion.positives(), confusion.negatives()) {
        (0, _) => Some(only(0, 1)),
        (_, 0) => Some(only(1, 0)),
        (positives, _) if confusion.true_positive + confusion.false_positive == 0 => Some(format!(
            "{place} {model} flags nobody, and {} of {} have label 1",
            count(positives),
            counted(labelled, "labelled row")
        )),
        _ => not_above_baseline(metrics, model, place),
    };
    warning.into_iter().collect()
}

fn not_above_baseline(metrics: &Metrics, model: &str, place: &str) -> Option<String> {
    let (f1, baseline) = metrics.f1.zip(metrics.baselines.always_one_f1)?;
    let scores = Scores::of(
        [f1, baseline]
            .into_iter()
            .chain(metrics.f1_interval.into_iter().flatten()),
    );
    let compared = match f1 - baseline {
        above if above > SCORE_TOLERANCE => return None,
        below if below < -SCORE_TOLERANCE => "worse than",
        _ => "no better than",
    };
    Some(format!(
        "{place} {model} is {compared} flagging everyone: its F1 is {}, that of flagging everyone {}",
        scores.show(metrics.f1, metrics.f1_interval),
        scores.number(baseline)
    ))
}

#[cfg(test)]
mod tests {
    use dataset::passes::groups_of_rows;
    use model::Threshold;

    use super::*;
    use crate::evaluate;

    /// Warnings about a model with these counts of rows: true positives, false positives, false
    /// negatives, true negatives.
    fn warnings(cells: [usize; 4]) -> Vec<String> {
        let kinds = [(1.0, true), (1.0, false), (-1.0, true), (-1.0, false)];
        let rows = kinds
            .into_iter()
            .zip(cells)
            .flat_map(|(row, count)| std::iter::repeat_n(row, count));
        model_warnings(
            &evaluate(&groups_of_rows(rows), Threshold::HALF).unwrap(),
            "the model",
            "on the test data",
        )
    }

    #[test]
    fn a_model_that_says_nothing_useful_is_a_warning() {
        for (cells, says) in [
            (
                [0, 3, 0, 9],
                "on the test data all 12 labelled rows have label 0",
            ),
            ([3, 0, 9, 0], "have label 1, so"),
            ([0, 0, 9, 0], "have label 1, so"),
            ([0, 0, 4, 96], "flags nobody, and 4 of 100"),
            // The model predicts the positive label for every row, so its F1 equals the baseline.
            ([30, 70, 0, 0], "is no better than flagging everyone"),
            (
                [10, 20, 30, 40],
                "is worse than flagging everyone: its F1 is 0.29 (95 %",
            ),
        ] {
            let found = warnings(cells);
            assert_eq!(found.len(), 1, "{cells:?}: {found:?}");
            assert!(found[0].contains(says), "{cells:?}: {found:?}");
        }
    }

    #[test]
    fn a_model_better_than_the_baseline_has_no_warning() {
        assert!(warnings([30, 10, 10, 50]).is_empty());
    }
}
