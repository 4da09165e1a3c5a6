use super::*;
use crate::draws::Draws;

fn number(cells: Vec<f64>) -> JointColumn {
    JointColumn {
        is_category: false,
        cells,
    }
}

/// The test of columns that have `first` rows of the reference and then those of the batch.
fn test(columns: &[JointColumn], first: usize) -> Option<JointTest> {
    let rows = columns[0].cells.len();
    let sampled = SampledRows::of([first, rows - first], columns.len())?;
    let columns: Vec<JointColumn> = columns
        .iter()
        .map(|column| {
            let (reference, batch) = column.cells.split_at(first);
            JointColumn {
                is_category: column.is_category,
                cells: sampled.cells([reference, batch]),
            }
        })
        .collect();
    joint_test(&columns, &vec![false; columns.len()], &sampled)
}

fn p_values(test: &JointTest) -> Vec<(JointKind, f64)> {
    test.kinds.iter().map(|it| (it.kind, it.p_value)).collect()
}

/// A row of dependent cells of all kinds: numbers with ties, skewed numbers, a level, missing cells.
fn row(draws: &mut Draws) -> [f64; 6] {
    let z = draws.normal();
    let level = (draws.uniform() * 2.0 + z.clamp(0.0, 2.0)).floor();
    let is_missing = draws.uniform() < 0.2;
    [
        z,
        (z + draws.normal()).exp(),
        (z - 1.0).max(0.0),
        (draws.uniform() * 3.0).floor(),
        if is_missing {
            f64::NAN
        } else {
            draws.normal() - z
        },
        level,
    ]
}

fn columns(draws: &mut Draws, rows: usize) -> Vec<JointColumn> {
    let rows: Vec<[f64; 6]> = (0..rows).map(|_| row(draws)).collect();
    let column = |place: usize| JointColumn {
        is_category: place == 5,
        cells: rows.iter().map(|row| row[place]).collect(),
    };
    (0..6).map(column).collect()
}

/// Without drift, a p-value is below any limit with at most that probability.
#[test]
fn p_values_are_valid_with_ties_missing_cells_and_dependent_columns() {
    for (first, batch) in [(12, 12), (200, 26), (30, 90), (300, 150)] {
        let mut draws = Draws(3);
        let mut below = [[0_u32; 2]; 4];
        let trials = 400;
        for _ in 0..trials {
            let found = test(&columns(&mut draws, first + batch), first).unwrap();
            let weights: f64 = found.kinds.iter().map(|it| it.kind.weight()).sum();
            for (below, kind) in below.iter_mut().zip(&found.kinds) {
                let p_value = kind.p_value * kind.kind.weight() / weights;
                below[0] += u32::from(p_value <= 0.05);
                below[1] += u32::from(p_value <= 0.01);
            }
        }
        for counts in below {
            // 20 and 4 are expected at most. More than 35 and 11 occur in one of a thousand such tests.
            assert!(
                counts[0] <= 35 && counts[1] <= 11,
                "{first} {batch}: {below:?}"
            );
        }
    }
}

#[test]
fn each_kind_of_change_is_found_and_named() {
    let mut draws = Draws(7);
    let mut unchanged = columns(&mut draws, 1200);
    let first = 900;
    let found = test(&unchanged, first).unwrap();
    assert!(found.kinds.iter().all(|it| it.p_value > 0.05), "{found:?}");
    let change = |column: usize, change: &dyn Fn(usize, f64) -> f64| {
        let mut columns = unchanged.clone();
        let cells = columns[column].cells.iter_mut().enumerate().skip(first);
        cells.for_each(|(row, cell)| *cell = change(row, *cell));
        let found = test(&columns, first).unwrap();
        let kinds = found.kinds.into_iter();
        kinds
            .filter(|it| it.p_value < 0.005)
            .map(|it| (it.kind, it.changes[0].columns.clone()))
            .collect::<Vec<_>>()
    };
    let moved = change(0, &|_, cell| cell + 0.4);
    assert_eq!(moved[0], (JointKind::Location, vec![0]));
    let spread = change(4, &|_, cell| cell * 1.6);
    assert_eq!(spread[0], (JointKind::Spread, vec![4]));
    let shares = change(5, &|row, cell| if row % 4 == 0 { 0.0 } else { cell });
    assert!(shares.contains(&(JointKind::Shares, vec![5])), "{shares:?}");
    // The cells of other rows: a wrong join.
    let cells = unchanged[1].cells.clone();
    let joined = change(1, &|row, _| cells[first + (row - first + 7) % 300]);
    assert_eq!(joined.len(), 1, "{joined:?}");
    assert_eq!(joined[0].0, JointKind::Relation);
    assert!(joined[0].1.contains(&1), "{joined:?}");
    let cells = unchanged[5].cells.clone();
    let joined = change(5, &|row, _| cells[first + (row - first + 7) % 300]);
    assert_eq!(joined, [(JointKind::Relation, vec![5])]);
    unchanged.truncate(1);
    let alone = test(&unchanged, first).unwrap();
    let kinds: Vec<JointKind> = alone.kinds.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [JointKind::Location, JointKind::Spread]);
}

#[test]
fn uninformative_columns_are_left_out() {
    let mut draws = Draws(9);
    let x: Vec<f64> = (0..300).map(|_| draws.normal()).collect();
    let of = |change: &dyn Fn(usize, f64) -> f64| -> JointColumn {
        number(
            x.iter()
                .enumerate()
                .map(|(row, x)| change(row, *x))
                .collect(),
        )
    };
    let nan = f64::NAN;
    let table: [(&str, JointColumn); 6] = [
        ("constant", of(&|_, _| 7.0)),
        (
            "was constant",
            of(&|row, _| if row < 200 { 7.0 } else { 9.0 }),
        ),
        ("missing", of(&|_, _| nan)),
        (
            "missing in the batch",
            of(&|row, x| if row < 200 { x } else { nan }),
        ),
        (
            "almost constant",
            of(&|row, _| if row % 100 == 0 { 1.0 } else { 0.0 }),
        ),
        ("made of another", of(&|_, x| 2.0 * x)),
    ];
    for (name, column) in table {
        let found = test(&[number(x.clone()), column], 200).unwrap();
        assert_eq!(found.tested, [0], "{name}");
    }
    assert!(test(&[of(&|_, _| 7.0)], 200).is_none());
    assert!(test(&[number(x)], 300).is_none(), "an empty batch");
}

#[test]
fn tiny_batches_and_extreme_numbers_give_a_p_value_or_none() {
    let infinite = [f64::NEG_INFINITY, f64::INFINITY, 0.0, 1.0, 1e308, -1e308];
    let cells: Vec<f64> = (0..60).map(|row| infinite[row % 6]).collect();
    for first in [1, 30, 59] {
        if let Some(found) = test(&[number(cells.clone()), number(cells.clone())], first) {
            for (kind, p_value) in p_values(&found) {
                assert!(
                    p_value > 0.0 && p_value <= 1.0,
                    "{first} {kind:?} {p_value}"
                );
            }
        }
    }
}

#[test]
fn the_same_rows_have_the_same_p_values() {
    let columns = columns(&mut Draws(11), 500);
    let of = || p_values(&test(&columns, 300).unwrap());
    assert_eq!(of(), of());
}
