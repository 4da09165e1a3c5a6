//! Tests of the p-value of drawn classes.

use super::*;

/// A batch of a model of two columns, with a client so far out in the first that the model holds its
/// class for unlikely; the classes of the others are as likely as any.
fn batch_with_a_client_at(x: f64, model: &Model) -> Table {
    let wave = |row: usize, phase: f64| (row as f64 * (7.31 + phase)).sin();
    let mut first: Vec<f64> = (0..26).map(|row| 0.2 * wave(row, 0.0)).collect();
    let other = (0..26).map(|row| wave(row, 1.0)).collect();
    let mut classes: Vec<f64> = (0..26).map(|row| f64::from(row % 2)).collect();
    (first[0], classes[0]) = (x, 1.0);
    table_of(&model.schema, &[first, other], &classes)
}

#[test]
fn one_client_far_out_is_no_drift_of_a_few_rows() {
    let (model, ..) = model_of_two();
    let deployed = DeployedCoefficients::of(&model);
    let tested = |x: f64, level: f64| {
        let batch = batch_with_a_client_at(x, &model);
        let terms = deployed.terms(&batch, &batch.all());
        let asymptotic = deployed.test(&terms).unwrap();
        let found = deployed.test_batch(&batch, 0..26, &terms, level).unwrap();
        assert_eq!(found.statistic, asymptotic.statistic);
        (asymptotic.p_value, found)
    };
    let (chi_square, found) = tested(-2.2, 0.005);
    assert!(chi_square < 0.001, "{chi_square}");
    assert_eq!(found.method, ScoreTestMethod::Simulated);
    // The model gives that class a chance of 1.2 %.
    assert!((0.005..0.05).contains(&found.p_value), "{}", found.p_value);
    let again = tested(-2.2, 0.005).1;
    assert_eq!(again, found, "the same rows have the same p-value");
    // A level that takes too many draws leaves it to χ².
    let (chi_square, found) = tested(-4.0, 1e-7);
    assert!(chi_square < 1e-7, "{chi_square}");
    assert_eq!(found.p_value, chi_square);
    assert_eq!(found.method, ScoreTestMethod::Asymptotic);
}

#[test]
fn the_p_value_of_drawn_classes_is_that_of_all_classes_there_could_be() {
    const ROWS: usize = 12;
    const DRAWS: u32 = 9_999;
    let (mut model, ..) = model_of_two();
    // Without errors of the coefficients every probability is known.
    model.covariance = Some(vec![vec![0.0; 3]; 3]);
    let deployed = DeployedCoefficients::of(&model);
    let x: Vec<f64> = (0..ROWS).map(|row| (row as f64 - 5.5) / 10.0).collect();
    let other: Vec<f64> = (0..ROWS).map(|row| f64::from(row == 3) * 4.0).collect();
    let batch_of = |classes: usize| {
        let class = |row: usize| f64::from(u8::from(classes >> row & 1 == 1));
        let classes: Vec<f64> = (0..ROWS).map(class).collect();
        table_of(&model.schema, &[x.clone(), other.clone()], &classes)
    };
    let terms = |classes: usize| {
        let batch = batch_of(classes);
        deployed.terms(&batch, &batch.all())
    };
    let probability = |classes: usize| -> f64 {
        let chances = (0..ROWS).map(|row| {
            let of_one = 1.0 / (1.0 + (-(2.0 * x[row] + 0.1 * other[row])).exp());
            if classes >> row & 1 == 1 {
                of_one
            } else {
                1.0 - of_one
            }
        });
        chances.product()
    };
    let mut all: Vec<(f64, f64, usize)> = (0..1 << ROWS)
        .map(|classes| {
            let statistic = deployed.test(&terms(classes)).unwrap().statistic;
            (statistic, probability(classes), classes)
        })
        .collect();
    all.sort_by(|one, other| other.0.total_cmp(&one.0));
    // The classes with the largest statistics, until they are as probable as this together.
    for wanted in [0.003, 0.01, 0.05, 0.3] {
        let mut probable = 0.0;
        let (least, _, classes) = *all
            .iter()
            .find(|(_, probability, _)| {
                probable += probability;
                probable >= wanted
            })
            .unwrap();
        let as_large = all.iter().filter(|row| row.0 >= least * (1.0 - 1e-9));
        let exact: f64 = as_large.map(|(_, probability, _)| probability).sum();
        let terms = terms(classes);
        let tested = deployed.tested(&terms).unwrap();
        let batch = batch_of(classes);
        let drawn = deployed.drawn_classes(&batch, 0..ROWS).unwrap();
        let found = drawn.p_value(&tested, &terms.score, DRAWS).unwrap();
        let error = (exact * (1.0 - exact) / f64::from(DRAWS)).sqrt();
        assert!((found - exact).abs() < 4.0 * error, "{found}, {exact}");
    }
}
