use common::Schema;

use super::*;
use crate::level::level_code;
use crate::passes::{Axis, Term};

const HALF: f64 = 0.5;

/// Rows of clients: their number, their plan, and whether they left.
fn table(rows: &[(&str, f64, &str, Option<bool>)]) -> Table {
    let schema = Schema {
        features: vec!["x".into(), "plan".into()],
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for (client, x, plan, left) in rows {
        let plan = match *plan {
            "" => f64::NAN,
            plan => level_code(plan),
        };
        table.push(client.as_bytes(), &[*x, plan], *left);
    }
    table
}

fn divisions() -> [Division; 3] {
    [
        Division::Whole,
        Division::Bins {
            feature: 0,
            ends: vec![1.0, 4.0],
        },
        Division::Levels {
            feature: 1,
            levels: ["b", "a"].map(|it| Level::from(it.to_owned())).into(),
        },
    ]
}

/// The sums at log-odds of `slope`·x.
fn sums_at(slope: f64, table: &Table) -> Vec<Vec<GroupSums>> {
    let axis = Axis {
        scale: 1.0,
        shift: 0.0,
        imputed: 0.0,
    };
    let point = LogisticPoint {
        terms: &[Term::number(0)],
        axes: &[axis],
        weights: vec![0.0, slope].into(),
    };
    group_sums(&divisions(), &point, 20.0, table, &table.all()).unwrap()
}

#[test]
fn each_labelled_row_counts_in_one_group_of_each_division() {
    let table = table(&[
        ("1", 1.0, "a", Some(true)),
        ("2", 1.5, "b", Some(false)),
        ("3", 4.0, "c", Some(true)),
        ("4", 4.5, "", Some(false)),
        ("5", f64::NAN, "a", Some(true)),
        ("6", 0.0, "a", None),
    ]);
    let found = sums_at(0.0, &table);
    let counts: Vec<Vec<(u64, u64)>> = found
        .iter()
        .map(|groups| groups.iter().map(|it| (it.rows, it.positives)).collect())
        .collect();
    let wanted = [
        vec![(5, 3)],
        vec![(1, 1), (2, 1), (1, 0), (1, 1)],
        vec![(1, 0), (2, 2), (1, 1), (1, 0)],
    ];
    assert_eq!(counts, wanted);
    for (groups, division) in found.iter().zip(divisions()) {
        assert_eq!(groups.len(), division.groups());
        let expected: f64 = groups.iter().map(|it| it.expected).sum();
        assert_eq!(expected, 5.0 * HALF);
        let variance: f64 = groups.iter().map(|it| it.slopes[0]).sum();
        assert_eq!(variance, 5.0 * HALF * HALF);
    }
    assert_eq!(found[1][1].slopes[1], 0.25 * (1.5 + 4.0));
    assert!(found.iter().flatten().all(|it| it.pair_spreads == 0.0));
}

#[test]
fn rows_skew_the_sum_towards_their_less_likely_label() {
    let table = table(&[("1", 3.0, "a", Some(true)), ("2", -2.0, "a", Some(true))]);
    let found = &sums_at(1.0, &table)[0][0];
    let moment = |log_odds: f64| {
        let p = 1.0 / (1.0 + (-log_odds).exp());
        p * (1.0 - p) * (1.0 - 2.0 * p)
    };
    assert!((found.upward_skew - moment(-2.0)).abs() < 1e-12);
    assert!((found.downward_skew + moment(3.0)).abs() < 1e-12);
}

#[test]
fn pairs_are_rows_of_one_client_in_one_group() {
    let table = table(&[
        ("1", 0.0, "a", Some(true)),
        ("2", 0.0, "b", Some(true)),
        ("1", 5.0, "a", Some(false)),
        ("1", 0.5, "b", Some(false)),
        ("1", 0.5, "b", None),
    ]);
    let found = sums_at(0.0, &table);
    let spreads: Vec<Vec<f64>> = found
        .iter()
        .map(|groups| groups.iter().map(|it| it.pair_spreads).collect())
        .collect();
    // A pair counts in both orders, and each product of spreads is a quarter.
    let wanted = [
        vec![1.5],
        vec![0.5, 0.0, 0.0, 0.0],
        vec![0.0, 0.5, 0.0, 0.0],
    ];
    assert_eq!(spreads, wanted);
}

#[test]
fn the_sums_of_many_rows_are_those_of_their_parts() {
    let rows: Vec<(String, f64, bool)> = (0..5_000)
        .map(|row| (row.to_string(), f64::from(row % 97) / 20.0, row % 3 == 0))
        .collect();
    let rows: Vec<_> = rows
        .iter()
        .map(|(client, x, left)| (client.as_str(), *x, "a", Some(*left)))
        .collect();
    let whole = sums_at(0.4, &table(&rows));
    let parts = [&rows[..1_000], &rows[1_000..]].map(|rows| sums_at(0.4, &table(rows)));
    for (group, sums) in whole.iter().flatten().enumerate() {
        let [one, other] = parts
            .each_ref()
            .map(|part| part.iter().flatten().nth(group));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(sums.rows, one.rows + other.rows);
        assert!((sums.expected - one.expected - other.expected).abs() < 1e-9);
        assert!((sums.slopes[1] - one.slopes[1] - other.slopes[1]).abs() < 1e-9);
    }
}
