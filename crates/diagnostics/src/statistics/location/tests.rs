use super::*;
use crate::draws::Draws;
use crate::statistics::test_cases::{assert_close, cases};

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

fn batch(reference: &NormalScores, columns: &[Vec<f64>]) -> BatchLocation {
    let sorted: Vec<SortedColumn> = columns
        .iter()
        .map(|column| SortedColumn::of(column))
        .collect();
    reference.batch(&sorted, PairwiseCounts::of(&slices(columns)))
}

fn test(reference: &[Vec<f64>], current: &[Vec<f64>]) -> Option<Location> {
    let reference = NormalScores::of(&slices(reference));
    location_test(reference.moments(), &batch(&reference, current))
}

/// Deterministic numbers between −1 and 1 that look random.
fn wave(rows: usize, phase: f64) -> Vec<f64> {
    (0..rows)
        .map(|row| (row as f64 * (12.9898 + phase)).sin())
        .collect()
}

#[test]
fn the_test_matches_the_reference_cases() {
    for case in cases("location") {
        let found = test(&case.matrix("reference"), &case.matrix("current")).unwrap();
        assert_close(Some(found.statistic), case.number("statistic"), 1e-9, &case);
        assert_close(Some(found.p_value), case.number("p_value"), 1e-6, &case);
        assert_eq!(found.tested.len(), case.count("degrees"), "{}", case.name());
    }
}

#[test]
fn merged_batches_equal_one_batch() {
    let reference = [wave(300, 0.0), wave(300, 1.0)];
    let mut missing = wave(80, 3.0);
    missing[7] = f64::NAN;
    let all = [wave(80, 2.0), missing];
    let cut = |from: usize, to: usize| [all[0][from..to].to_vec(), all[1][from..to].to_vec()];
    let reference = NormalScores::of(&slices(&reference));
    let mut sum = batch(&reference, &cut(0, 30));
    sum.merge(&batch(&reference, &cut(30, 80))).unwrap();
    let at_once = location_test(reference.moments(), &batch(&reference, &all)).unwrap();
    let merged = location_test(reference.moments(), &sum).unwrap();
    assert!((at_once.statistic / merged.statistic - 1.0).abs() < 1e-12);
}

#[test]
fn sums_of_other_columns_are_not_tested() {
    let columns = [wave(80, 0.0), wave(80, 1.0)];
    let reference = NormalScores::of(&slices(&columns));
    let good = batch(&reference, &columns);
    let fewer = batch(&NormalScores::of(&slices(&columns[..1])), &columns[..1]);
    let damaged = BatchLocation {
        pairwise: PairwiseCounts::default(),
        ..good.clone()
    };
    for other in [fewer, damaged] {
        assert_eq!(location_test(reference.moments(), &other), None);
        let mut sum = good.clone();
        assert_eq!((sum.merge(&other), &sum), (None, &good));
    }
    for damage in ["means", "covariance", "pairwise", "mode_counts"] {
        let mut moments = serde_json::to_value(reference.moments()).unwrap();
        moments[damage].as_array_mut().unwrap().pop();
        let moments: ScoreMoments = serde_json::from_value(moments).unwrap();
        assert_eq!(location_test(&moments, &good), None, "{damage}");
    }
}

#[test]
fn a_bad_column_is_left_out_and_changes_nothing_for_the_others() {
    let (x, new) = (wave(200, 0.0), wave(40, 0.5));
    let alone = test(std::slice::from_ref(&x), std::slice::from_ref(&new)).unwrap();
    assert_eq!(alone.tested, [0]);
    let missing = |rows: usize| vec![f64::NAN; rows];
    let constant = |rows: usize| vec![7.0; rows];
    let doubled = |values: &[f64]| values.iter().map(|value| value * 2.0).collect::<Vec<f64>>();
    let table = [
        ("missing in the reference", missing(200), wave(40, 2.0)),
        ("missing in the batch", wave(200, 2.0), missing(40)),
        ("constant in the reference", constant(200), wave(40, 2.0)),
        ("made of another", doubled(&x), doubled(&new)),
    ];
    for (name, reference, current) in table {
        let both = test(&[x.clone(), reference], &[new.clone(), current]).unwrap();
        assert_eq!(both.tested, [0], "{name}");
        let difference = (both.statistic - alone.statistic).abs();
        assert!(
            difference < 1e-9 * alone.statistic,
            "{name}: {both:?} {alone:?}"
        );
    }
}

#[test]
fn an_almost_constant_column_needs_five_other_values() {
    let mut nearly = vec![0.0; 190];
    nearly.extend((1..=10).map(f64::from));
    let reference = [wave(200, 0.0), nearly];
    let tested = |rows: usize| {
        let found = test(&reference, &[wave(rows, 0.5), wave(rows, 1.5)]);
        found.map(|found| found.tested)
    };
    assert_eq!(tested(5), None, "of the other column 4.975 are expected");
    assert_eq!(tested(99), Some(vec![0]));
    assert_eq!(tested(100), Some(vec![0, 1]));
}

#[test]
fn edge_cases() {
    let nan = f64::NAN;
    let infinite = [f64::NEG_INFINITY, f64::INFINITY, 0.0, 1.0];
    let table: [(&str, &[f64], &[f64], bool); 10] = [
        ("both empty", &[], &[], false),
        ("an empty batch", &[1.0, 2.0], &[], false),
        ("all missing", &[1.0, 2.0], &[nan], false),
        ("one row in the reference", &[1.0], &[2.0], false),
        ("constant", &[1.0; 9], &[1.0; 4], false),
        ("two rows in the reference", &[1.0, 2.0], &[2.0], false),
        ("one new row", &[1.0, 2.0, 3.0], &[9.0], false),
        ("new rows far away", &[1.0, 2.0, 3.0], &[9.0; 8], true),
        ("ties", &[0.0, 0.0, 0.0, 1.0], &[0.0; 20], true),
        ("infinities", &infinite, &[f64::INFINITY; 7], true),
    ];
    for (name, reference, current, is_there) in table {
        let found = test(&[reference.to_vec()], &[current.to_vec()]);
        assert_eq!(found.is_some(), is_there, "{name}: {found:?}");
        assert!(found.is_none_or(|found| found.p_value > 0.0 && found.p_value <= 1.0));
    }
    assert_eq!(test(&[], &[]), None, "no columns");
}

impl Draws {
    /// Columns of almost normal numbers: sums of twelve uniform ones.
    fn columns(&mut self, columns: usize, rows: usize) -> Vec<Vec<f64>> {
        let mut normal = || (0..12).map(|_| self.uniform()).sum::<f64>();
        let mut column = || (0..rows).map(|_| normal()).collect();
        (0..columns).map(|_| column()).collect()
    }
}

#[test]
fn a_small_reference_keeps_the_false_alarm_rate() {
    // Columns, rows of the reference, rows of the batch.
    for (columns, rows, new) in [(5, 10, 20), (3, 12, 12), (5, 30, 50)] {
        let mut draws = Draws(1);
        let alarms = (0..1000)
            .filter(|_| {
                let reference = draws.columns(columns, rows);
                let found = test(&reference, &draws.columns(columns, new)).unwrap();
                found.p_value < 0.01
            })
            .count();
        // Ten alarms are expected in 1,000. More than 20 occur in one of a thousand such tests.
        assert!(alarms <= 20, "{columns} columns of {rows} rows: {alarms}");
    }
}

#[test]
fn equal_samples_have_no_shift() {
    let mut zero_inflated = wave(500, 0.0);
    zero_inflated
        .iter_mut()
        .for_each(|value| *value = value.max(0.0));
    let columns = [zero_inflated, wave(500, 1.0)];
    let found = test(&columns, &columns).unwrap();
    assert!(
        found.statistic < 1e-20 && found.p_value > 0.999_999,
        "{found:?}"
    );
}
