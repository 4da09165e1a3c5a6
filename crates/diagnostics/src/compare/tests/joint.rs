//! Tests of the joint test: what single columns do not show, and which columns are left out.

use super::*;

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
