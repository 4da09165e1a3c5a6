use dataset::passes::groups_of_rows;
use serde_json::Value;

use super::*;

fn metrics(rows: &[(f64, bool)]) -> Metrics {
    let groups = groups_of_rows(rows.iter().copied());
    evaluate(&groups, Threshold::HALF).unwrap()
}

fn numbers(value: &Value) -> impl Iterator<Item = f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|number| number.as_f64().unwrap())
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../testdata/metrics.json")).unwrap();
    for case in cases {
        let labels = numbers(&case["classes"]).map(|label| label == 1.0);
        let rows: Vec<(f64, bool)> = numbers(&case["log_odds"]).zip(labels).collect();
        let found = metrics(&rows);
        for (name, value) in [
            ("f1", found.f1),
            ("precision", found.precision),
            ("recall", found.recall),
            ("specificity", found.specificity),
            ("accuracy", Some(found.accuracy)),
            ("roc_auc", found.roc_auc),
            ("log_loss", Some(found.log_loss)),
            ("brier", Some(found.brier)),
            ("always_one_f1", found.baselines.always_one_f1),
        ] {
            let wanted = case[name].as_f64().unwrap();
            let difference = (value.unwrap() - wanted).abs();
            assert!(
                difference < 1e-12,
                "{} {name}: {value:?}, {wanted}",
                case["name"]
            );
        }
    }
}

#[test]
fn metrics_that_are_undefined_are_none() {
    assert_eq!(evaluate(&[], Threshold::HALF), None);

    let stayed = metrics(&[(-1.0, false), (-2.0, false)]);
    assert_eq!(
        (stayed.f1, stayed.recall, stayed.precision),
        (None, None, None)
    );
    assert_eq!((stayed.roc_auc, stayed.specificity), (None, Some(1.0)));
    assert_eq!(stayed.baselines.always_one_f1, Some(0.0));
    assert_eq!(stayed.baselines.majority.f1, None);

    let left = metrics(&[(1.0, true)]);
    assert_eq!(
        (left.f1, left.roc_auc, left.specificity),
        (Some(1.0), None, None)
    );
    assert_eq!(left.baselines.majority.class, 1);
}

#[test]
fn a_probability_of_one_half_predicts_label_0() {
    assert_eq!(metrics(&[(0.0, true)]).confusion.false_negative, 1);
    assert_eq!(metrics(&[(1e-300, true)]).confusion.true_positive, 1);
}

#[test]
fn log_loss_is_exact_where_probabilities_are_rounded_away() {
    assert!((metrics(&[(-800.0, true)]).log_loss - 800.0).abs() < 1e-12);
    assert!((metrics(&[(-50.0, false)]).log_loss / (-50.0_f64).exp() - 1.0).abs() < 1e-12);
    let worst = metrics(&[(f64::MAX, false), (-f64::MAX, true), (1.0, true)]);
    assert!(worst.log_loss.is_finite() && worst.log_loss > 1e308);
    assert_eq!(worst.roc_auc, Some(0.0));
}

#[test]
fn zero_and_minus_zero_have_the_same_rank() {
    assert_eq!(metrics(&[(-0.0, false), (0.0, true)]).roc_auc, Some(0.5));
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let rows: Vec<(f64, bool)> = (0..500)
        .map(|row| ((f64::from(row) * 0.7).sin() * 3.0, row % 3 == 0))
        .collect();
    let back: Vec<(f64, bool)> = rows.iter().rev().copied().collect();
    assert_eq!(metrics(&rows), metrics(&back));
}

#[test]
fn the_baseline_of_always_1_is_shown_once() {
    let shown = |rows: &[(f64, bool)]| metrics(rows).to_string();
    let mostly_left = shown(&[(1.0, true), (1.0, true), (-1.0, false)]);
    assert!(
        mostly_left.contains("F1 baselines   always 1: 0.8000\n"),
        "{mostly_left}"
    );
    let mostly_stayed = shown(&[(1.0, true), (-1.0, false), (-1.0, false)]);
    assert!(
        mostly_stayed.contains("always 1: 0.5000, always 0: 0.0000\n"),
        "{mostly_stayed}"
    );
}
