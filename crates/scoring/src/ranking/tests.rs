use model::Threshold;
use serde_json::Value;

use super::*;
use crate::metrics::{Metrics, evaluate};
use crate::reference::numbers;
use dataset::passes::groups_of_rows;

fn metrics(rows: &[(f64, bool)]) -> Metrics {
    let groups = groups_of_rows(rows.iter().copied());
    evaluate(&groups, Threshold::HALF).unwrap()
}

fn ranking(rows: &[(f64, bool)]) -> Ranking {
    metrics(rows).ranking.unwrap()
}

fn rows_of(case: &Value) -> Vec<(f64, bool)> {
    let labels = numbers(&case["classes"]).into_iter();
    let labels = labels.map(|label| label == 1.0);
    numbers(&case["log_odds"]).into_iter().zip(labels).collect()
}

#[test]
fn figures_are_those_of_scikit_learn_and_scipy() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../testdata/ranking.json")).unwrap();
    for case in cases {
        let rows = rows_of(&case);
        let found = ranking(&rows);
        for (name, value, tolerance) in [
            ("ks", found.ks, 1e-12),
            ("gini", found.gini, 1e-12),
            ("average_precision", found.average_precision, 1e-12),
            ("calibration_slope", found.calibration_slope, 1e-9),
            ("calibration_intercept", found.calibration_intercept, 1e-9),
        ] {
            let wanted = case[name].as_f64().unwrap();
            let difference = (value.unwrap() - wanted).abs();
            assert!(
                difference < tolerance,
                "{} {name}: {value:?}, {wanted}",
                case["name"]
            );
        }
        // The reference averaged the deciles over random orders of rows with equal log-odds.
        let wanted = numbers(&case["positives_by_decile"]);
        let mut n_rows = 0;
        for decile in &found.deciles {
            let of_reference = wanted[decile.decile as usize - 1];
            let difference = (decile.positives - of_reference).abs();
            assert!(
                difference < 0.03,
                "{}: {decile:?}, {of_reference}",
                case["name"]
            );
            assert!(decile.rows.abs_diff(rows.len() as u64 / 10) <= 1);
            n_rows += decile.rows;
        }
        assert_eq!(n_rows, rows.len() as u64);
    }
}

#[test]
fn rows_of_equal_log_odds_are_shared_between_deciles() {
    // Each decile has two rows. Three of the six rows in the second group have positive labels.
    let groups = [(3.0, 4, 4), (1.0, 6, 3), (-1.0, 10, 1)];
    let rows: Vec<(f64, bool)> = groups
        .into_iter()
        .flat_map(|(log_odds, n_rows, positives)| {
            (0..n_rows).map(move |row| (log_odds, row < positives))
        })
        .collect();
    let found = ranking(&rows);
    let positives: Vec<f64> = found.deciles.iter().map(|it| it.positives).collect();
    let expected = [2.0, 2.0, 1.0, 1.0, 1.0, 0.2, 0.2, 0.2, 0.2, 0.2];
    for (found, expected) in positives.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{positives:?}");
    }
    let third = found.deciles[2];
    assert_eq!((third.rows, third.rate), (2, 0.5));
    assert!((third.cumulative_gain.unwrap() - 5.0 / 8.0).abs() < 1e-12);
    assert!((third.lift.unwrap() - 0.5 / 0.4).abs() < 1e-12);
    assert_eq!(found.deciles[9].cumulative_gain, Some(1.0));
    // A threshold below the first group has 4 of 8 positive and 0 of 12 negative rows above it. A
    // threshold below the second group has 7 of 8 positive and 3 of 12 negative rows above it.
    assert!((found.ks.unwrap() - (7.0 / 8.0 - 3.0 / 12.0)).abs() < 1e-12);
    let precision = 4.0 / 8.0 + 3.0 / 8.0 * 0.7 + 1.0 / 8.0 * 0.4;
    assert!((found.average_precision.unwrap() - precision).abs() < 1e-12);
    let back: Vec<(f64, bool)> = rows.iter().rev().copied().collect();
    assert_eq!(ranking(&back), found);
}

#[test]
fn figures_that_are_undefined_are_none() {
    let stayed = ranking(&[(-1.0, false), (-2.0, false)]);
    assert_eq!(
        (stayed.ks, stayed.gini, stayed.average_precision),
        (None, None, None)
    );
    assert_eq!(
        (stayed.calibration_slope, stayed.calibration_intercept),
        (None, None)
    );
    assert_eq!(stayed.deciles.len(), 2);
    assert_eq!(
        (stayed.deciles[0].rate, stayed.deciles[0].lift),
        (0.0, None)
    );
    assert_eq!(stayed.deciles[0].cumulative_gain, None);

    let left = ranking(&[(1.0, true)]);
    assert_eq!(
        (left.ks, left.gini, left.average_precision),
        (None, None, Some(1.0))
    );
    assert_eq!(left.deciles[0].lift, Some(1.0));

    // A threshold separates the labels: the slope is not finite, but the intercept is.
    for rows in [
        &[(-1.0, false), (0.0, false), (0.0, true), (2.0, true)],
        &[(-1.0, true), (0.0, false), (0.0, true), (2.0, false)],
        &[(1.0, true), (1.0, false), (1.0, true), (1.0, false)],
    ] {
        let found = ranking(rows);
        assert_eq!(found.calibration_slope, None, "{rows:?}");
        assert!(found.calibration_intercept.is_some(), "{rows:?}");
    }
    let equal = ranking(&[(1.0, true), (1.0, false), (1.0, false), (1.0, false)]);
    let expected = (1.0_f64 / 3.0).ln() - 1.0;
    assert!((equal.calibration_intercept.unwrap() - expected).abs() < 1e-12);
}

#[test]
fn each_figure_of_any_rows_is_finite_or_none() {
    let large = [0.0, -0.0, 1.0, -800.0, 800.0, 1e200, f64::MAX, -f64::MAX];
    for first in large {
        for second in large {
            let rows = [(first, true), (second, false), (0.5, true), (first, false)];
            let json = serde_json::to_value(metrics(&rows)).unwrap();
            let ranking: Ranking = serde_json::from_value(json["ranking"].clone()).unwrap();
            for value in [
                ranking.ks,
                ranking.gini,
                ranking.average_precision,
                ranking.calibration_slope,
                ranking.calibration_intercept,
            ] {
                assert!(value.is_none_or(f64::is_finite), "{rows:?}: {ranking:?}");
            }
        }
    }
}

#[test]
fn metrics_of_older_programs_have_no_ranking() {
    let rows = [(1.0, true), (-1.0, false), (0.5, false)];
    let mut json = serde_json::to_value(metrics(&rows)).unwrap();
    json.as_object_mut().unwrap().remove("ranking");
    let old: Metrics = serde_json::from_value(json).unwrap();
    assert_eq!(old.ranking, None);
    assert!(!old.to_string().contains("Gini"));
    assert!(metrics(&rows).to_string().contains("\ndecile "));
}

#[test]
fn the_area_under_the_curve_is_the_stated_roc_auc() {
    let rows: Vec<(f64, bool)> = (0..20_000_u64)
        .map(|row| {
            let noise = row * 7919 % 1000;
            (row as f64 / 5000.0, noise < row / 25)
        })
        .collect();
    let found = metrics(&rows);
    let curve = found.ranking.unwrap().curve;
    assert!((50..=101).contains(&curve.len()), "{}", curve.len());
    let (positives, negatives) = (
        found.positives as f64,
        (found.rows - found.positives) as f64,
    );
    let rates = curve
        .iter()
        .map(|[hits, alarms]| (*alarms as f64 / negatives, *hits as f64 / positives));
    let mut area = 0.0;
    let mut before = (0.0, 0.0);
    for point in rates {
        area += (point.0 - before.0) * (point.1 + before.1) / 2.0;
        before = point;
    }
    assert_eq!(before, (1.0, 1.0));
    assert!((area - found.roc_auc.unwrap()).abs() < 1e-3, "{area}");
}

#[test]
fn the_curve_of_few_rows_has_a_point_for_each_threshold() {
    let found = ranking(&[(1.0, true), (1.0, false), (0.0, true), (-1.0, false)]);
    assert_eq!(found.curve, [[1, 1], [2, 1], [2, 2]]);
    assert_eq!(ranking(&[(1.0, true), (0.0, true)]).curve, [[1, 0], [2, 0]]);
    let calibration = found.calibration.unwrap();
    assert_eq!(calibration.curve.iter().map(|bin| bin.rows).sum::<u64>(), 4);
}
