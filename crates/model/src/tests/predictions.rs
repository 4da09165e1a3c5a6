//! Tests of predictions and contributions.

use super::*;

#[test]
fn predictions_follow_the_coefficients_by_name() {
    let mut model = model();
    let LinearPredictor {
        intercept, imputed, ..
    } = linear(&mut model).clone();
    let named: Vec<(String, f64)> = model
        .coefficients()
        .map(|coefficient| (coefficient.name(), coefficient.value))
        .collect();
    let scorer = model.scorer();
    let log_odds = intercept + 2.0 * named[0].1 + 3.0 * named[1].1;
    assert_eq!((named[0].0.as_str(), named[1].0.as_str()), ("x", "y"));
    assert!((scorer.log_odds(&[2.0, 3.0]) - log_odds).abs() < 1e-14);
    assert!((scorer.probability(&[2.0, 3.0]) - 1.0 / (1.0 + (-log_odds).exp())).abs() < 1e-15);
    let (first, second) = ([f64::NAN, imputed[1]], [imputed[0], f64::NAN]);
    assert_eq!(scorer.log_odds(&first), scorer.log_odds(&second));
}

#[test]
fn base_and_contributions_add_up_to_the_log_odds() {
    let model = model_with_category();
    let scorer = model.scorer();
    for row in [
        [2.0, level_code("basic")],
        [-4.0, level_code("never seen")],
        [f64::NAN, f64::NAN],
    ] {
        let contributions = scorer.contributions(&row);
        assert_eq!(contributions.len(), 2);
        let sum = scorer.base() + contributions.iter().sum::<f64>();
        assert!((sum - scorer.log_odds(&row)).abs() < 1e-12, "{row:?}");
    }
    assert_eq!(scorer.contributions(&[f64::NAN; 2]), [0.0, 0.0]);
}

#[test]
fn many_rows_at_once_have_the_same_probabilities_as_one_by_one() {
    let model = model_with_category();
    let scorer = model.scorer();
    let levels = [level_code("basic"), level_code("never seen"), f64::NAN];
    for n_rows in [0, 1, 64, 65, 200] {
        let row = |row: usize| [row as f64 * 0.37 - 30.0, levels[row % 3]];
        let rows: Vec<[f64; 2]> = (0..n_rows).map(row).collect();
        let found: Vec<f64> = scorer.probabilities(rows.as_flattened()).collect();
        let wanted: Vec<f64> = rows.iter().map(|row| scorer.probability(row)).collect();
        assert_eq!(found, wanted);
    }
}

#[test]
fn levels_without_a_coefficient_are_counted_and_missing_ones_are_not() {
    let model = model_with_category();
    let scorer = model.scorer();
    let counts = [level_code("basic"), level_code("rare"), f64::NAN]
        .map(|cell| scorer.unseen_levels(&[1.0, cell]));
    assert_eq!(counts, [0, 1, 0]);
}
