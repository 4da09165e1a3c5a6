//! Tests of the p-value by simulation.

use super::*;

/// A batch for a model of two columns. In the first column one client is far out, and the model
/// considers its label unlikely. The other labels are likely.
fn batch_with_a_client_at(x: f64, model: &Model) -> Table {
    let wave = |row: usize, phase: f64| (row as f64 * (7.31 + phase)).sin();
    let mut first: Vec<f64> = (0..26).map(|row| 0.2 * wave(row, 0.0)).collect();
    let other = (0..26).map(|row| wave(row, 1.0)).collect();
    let mut labels: Vec<f64> = (0..26).map(|row| f64::from(row % 2)).collect();
    (first[0], labels[0]) = (x, 1.0);
    table_of(&model.schema, &[first, other], &labels)
}

#[test]
fn one_outlier_in_few_rows_is_no_drift() {
    let (model, ..) = model_of_two();
    let deployed = DeployedCoefficients::of(&model);
    let tested = |x: f64, level: f64| {
        let batch = batch_with_a_client_at(x, &model);
        let terms = deployed.terms(&batch, &batch.all()).unwrap();
        let asymptotic = deployed.test(&terms).unwrap();
        let found = deployed
            .test_batch(&batch, 0..26, &terms, level)
            .unwrap()
            .unwrap();
        assert_eq!(found.statistic, asymptotic.statistic);
        (asymptotic.p_value, found)
    };
    let (chi_square, found) = tested(-2.2, 0.005);
    assert!(chi_square < 0.001, "{chi_square}");
    assert_eq!(found.method, ScoreTestMethod::Simulated);
    // The model gives this label a probability of 1.2 %.
    assert!((0.005..0.05).contains(&found.p_value), "{}", found.p_value);
    let again = tested(-2.2, 0.005).1;
    assert_eq!(again, found, "the same rows have the same p-value");
    // A level that needs too many simulations uses χ² alone.
    let (chi_square, found) = tested(-4.0, 1e-7);
    assert!(chi_square < 1e-7, "{chi_square}");
    assert_eq!(found.p_value, chi_square);
    assert_eq!(found.method, ScoreTestMethod::Asymptotic);
}

#[test]
fn the_simulated_p_value_matches_the_exact_one() {
    const ROWS: usize = 12;
    const DRAWS: u32 = 9_999;
    let (mut model, ..) = model_of_two();
    // Without standard errors of the coefficients every probability is known.
    model.covariance = Some(Array2::zeros((3, 3)).into());
    let deployed = DeployedCoefficients::of(&model);
    let x: Vec<f64> = (0..ROWS).map(|row| (row as f64 - 5.5) / 10.0).collect();
    let other: Vec<f64> = (0..ROWS).map(|row| f64::from(row == 3) * 4.0).collect();
    let batch_of = |labels: usize| {
        let label = |row: usize| f64::from(u8::from(labels >> row & 1 == 1));
        let labels: Vec<f64> = (0..ROWS).map(label).collect();
        table_of(&model.schema, &[x.clone(), other.clone()], &labels)
    };
    let terms = |labels: usize| {
        let batch = batch_of(labels);
        deployed.terms(&batch, &batch.all()).unwrap()
    };
    let probability = |labels: usize| -> f64 {
        let chances = (0..ROWS).map(|row| {
            let of_one = 1.0 / (1.0 + (-(2.0 * x[row] + 0.1 * other[row])).exp());
            if labels >> row & 1 == 1 {
                of_one
            } else {
                1.0 - of_one
            }
        });
        chances.product()
    };
    let mut all: Vec<(f64, f64, usize)> = (0..1 << ROWS)
        .map(|labels| {
            let statistic = deployed.test(&terms(labels)).unwrap().statistic;
            (statistic, probability(labels), labels)
        })
        .collect();
    all.sort_by(|one, other| other.0.total_cmp(&one.0));
    // The labels with the largest statistics, until their total probability is `wanted`.
    for wanted in [0.003, 0.01, 0.05, 0.3] {
        let mut probable = 0.0;
        let (least, _, labels) = *all
            .iter()
            .find(|(_, probability, _)| {
                probable += probability;
                probable >= wanted
            })
            .unwrap();
        let as_large = all.iter().filter(|row| row.0 >= least * (1.0 - 1e-9));
        let exact: f64 = as_large.map(|(_, probability, _)| probability).sum();
        let terms = terms(labels);
        let tested = deployed.tested_coefficients(&terms).unwrap();
        let batch = batch_of(labels);
        let simulation = deployed
            .label_simulation(&batch, 0..ROWS, 0.0)
            .unwrap()
            .unwrap();
        let found = simulation.p_value(&tested, &terms.score, DRAWS).unwrap();
        let error = (exact * (1.0 - exact) / f64::from(DRAWS)).sqrt();
        assert!((found - exact).abs() < 4.0 * error, "{found}, {exact}");
    }
}
