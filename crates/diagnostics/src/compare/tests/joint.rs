//! Tests of the joint test: what single columns do not show, and which columns are left out.

use super::*;
use crate::draws::Draws;

#[test]
fn the_joint_test_names_the_columns_it_leaves_out() {
    let cell = |phase: f64| move |row| wave(row, phase).to_string();
    let (a, b) = (cell(0.0), cell(1.0));
    let seven = |_| "7".to_owned();
    let columns: [(&str, Cell<'_>); 4] =
        [("a", &a), ("b", &b), ("a copy", &a), ("constant", &seven)];
    let reference = file(500, &columns);
    // The constant has moved by 7,000 of the smallest spread, which is no effect of a and b.
    let (a, b, nine) = (cell(0.3), cell(1.3), |_| "9".to_owned());
    let columns: [(&str, Cell<'_>); 4] =
        [("a", &a), ("b", &b), ("a copy", &a), ("constant", &nine)];
    let current = file(100, &columns);
    let joint = comparison(&reference, &current).joint.unwrap();
    assert_eq!(joint.columns, ["a", "b"]);
    assert_eq!(joint.left_out, ["a copy", "constant"]);
    assert_eq!((joint.degrees, joint.verdict), (2, Verdict::Ok));
    assert!(joint.effect.unwrap() < MIN_DISTANCE, "{joint:?}");
}

#[test]
fn a_shift_out_of_range_is_joint_drift() {
    let x = |row| (wave(row, 0.0) / 10.0).to_string();
    let far = |row| (wave(row, 0.3) / 10.0 + 1e308).to_string();
    let y = |row| wave(row, 1.0).to_string();
    let reference = file(100, &[("x", &x), ("y", &y)]);
    let current = file(100, &[("x", &far), ("y", &y)]);
    let joint = comparison(&reference, &current).joint.unwrap();
    assert_eq!(joint.columns, ["x", "y"]);
    assert_eq!((joint.effect, joint.verdict), (None, Verdict::Drift));
}

#[test]
fn many_small_shifts_are_found_jointly() {
    let cell = |phase: f64, by: f64| move |row| (wave(row, phase) + by).to_string();
    let (a, b, c) = (cell(0.0, 0.0), cell(1.0, 0.0), cell(2.0, 0.0));
    let reference = file(2000, &[("a", &a), ("b", &b), ("c", &c)]);
    let (a, b, c) = (cell(0.3, 0.3), cell(1.3, 0.3), cell(2.3, 0.3));
    let current = file(40, &[("a", &a), ("b", &b), ("c", &c)]);
    let report = comparison(&reference, &current);
    let joint = report.joint.as_ref().unwrap();
    assert_eq!(joint.columns, ["a", "b", "c"]);
    assert_eq!(joint.verdict, Verdict::Drift, "{joint:?}");
    assert!(
        verdicts(&report).iter().all(|found| found.1 == Verdict::Ok),
        "{report}"
    );
}

/// Pairs of numbers with a correlation of 0.6.
fn related(seed: u64, rows: usize) -> [Vec<f64>; 2] {
    let mut draws = Draws(seed);
    let x: Vec<f64> = (0..rows).map(|_| draws.normal()).collect();
    let y = x.iter().map(|x| 0.6 * x + 0.8 * draws.normal()).collect();
    [x, y]
}

fn joint_of(current: [Vec<f64>; 2]) -> JointCheck {
    let [x, y] = related(1, 2000);
    let [new_x, new_y] = current;
    let pairs = vec![
        ColumnPair::numbers("income", [0, 0], [x, new_x]),
        ColumnPair::numbers("spend", [0, 0], [y, new_y]),
    ];
    check_columns(pairs, |_| true).joint.unwrap()
}

#[test]
fn a_changed_relation_and_a_changed_spread_are_named() {
    let [x, mut y] = related(2, 500);
    let unchanged = joint_of([x.clone(), y.clone()]);
    assert_eq!(unchanged.verdict, Verdict::Ok, "{unchanged:?}");
    assert!(unchanged.changes_in_words(true).is_empty());
    let spread = joint_of([x.clone(), y.iter().map(|y| y * 1.4).collect()]);
    let words = spread.changes_in_words(true);
    assert!(
        words[0].starts_with("the spread of spend (about 1.3 times as large)"),
        "{words:?}"
    );
    assert_eq!(spread.changes_in_words(false), ["the spread of spend"]);
    let flipped = joint_of([x.iter().map(|x| -x).collect(), y.clone()]);
    let words = flipped.changes_in_words(true);
    let signs = ["income and spend (correlation 0.", ", now -0."];
    assert!(
        signs.iter().all(|sign| words[0].contains(sign)),
        "{words:?}"
    );
    // Each row has the spending of another client.
    y.rotate_left(1);
    let joined = joint_of([x, y]);
    assert_eq!(
        joined.changes_in_words(false),
        ["the relation of income and spend"]
    );
    let words = joined.changes_in_words(true);
    assert!(
        words[0].starts_with("the relation of income and spend (correlation 0."),
        "{words:?}"
    );
    assert_eq!(
        (joined.verdict, joined.p_value < CHECK_LEVEL),
        (Verdict::Drift, true)
    );
}

#[test]
fn a_change_that_is_too_small_to_matter_is_no_joint_drift() {
    let mut draws = Draws(3);
    let mut side = |rows: usize, spread: f64| -> [Vec<f64>; 2] {
        let mut number = || (0..rows).map(|_| spread * draws.normal()).collect();
        [number(), number()]
    };
    let pair = |[x, y]: [Vec<f64>; 2], [new_x, new_y]: [Vec<f64>; 2]| {
        let pairs = vec![
            ColumnPair::numbers("x", [0, 0], [x, new_x]),
            ColumnPair::numbers("y", [0, 0], [y, new_y]),
        ];
        check_columns(pairs, |_| true).joint.unwrap()
    };
    let found = pair(side(20_000, 1.0), side(20_000, 1.05));
    assert!(found.has_moved_little(), "{found:?}");
    assert!(found.parts.iter().all(|part| part.changes.is_empty()));
}
