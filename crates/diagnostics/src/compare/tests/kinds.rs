//! Columns that are not numbers in both files: categories, levels, and what is some of each.

use super::*;

#[test]
fn a_column_without_values_is_of_the_other_files_kind() {
    let text = |row: usize| ["north", "south"][row % 2].to_owned();
    let empty = |_: usize| String::new();
    // A row of empty cells only would be no row.
    let with = |rows: usize, cell: Cell<'_>| file(rows, &[("x", cell), ("y", &|_| "1".into())]);
    let (full, bare) = (with(300, &text), with(100, &empty));
    for (reference, current) in [(&full, &bare), (&bare, &full)] {
        let report = compared(reference, current);
        let column = &report.columns[0];
        assert_eq!(column.kind, Kind::Category);
        assert_eq!(column.distribution.verdict, Verdict::InsufficientData);
        assert_eq!(column.missing.verdict, Verdict::Drift);
        assert!(
            !report.to_string().contains("one file has numbers"),
            "{report}"
        );
    }
}

#[test]
fn numbers_that_have_become_texts_are_drift_however_many_there_are() {
    let number = |row| wave(row, 0.0).to_string();
    let text = |row: usize| match row % 10 {
        0 => wave(row, 0.3).to_string(),
        _ => format!("text {row}"),
    };
    let before = file(300, &[("x", &number)]);
    let after = file(100, &[("x", &text)]);
    for (reference, current) in [(&before, &after), (&after, &before)] {
        let column = compared(reference, current).columns.remove(0);
        let check = &column.distribution;
        assert_eq!((column.kind, check.test), (Kind::Mixed, Test::Fisher));
        assert_eq!((check.effect, check.verdict), (Some(0.9), Verdict::Drift));
    }
}

#[test]
fn a_twentieth_of_texts_more_or_less_is_no_drift() {
    let with_texts = |every: usize| {
        move |row: usize| match row % every {
            0 => "unknown".to_owned(),
            _ => wave(row, 0.0).to_string(),
        }
    };
    // Of one side a little fewer than a twentieth are texts, of the other a little more.
    let (fewer, more) = (with_texts(21), with_texts(19));
    let report = compared(&file(2100, &[("x", &fewer)]), &file(1900, &[("x", &more)]));
    let column = &report.columns[0];
    assert_eq!((column.kind, column.verdict), (Kind::Mixed, Verdict::Ok));
}

#[test]
fn hundreds_of_levels_of_a_row_each_are_no_drift_and_nothing_to_test() {
    let before = |row: usize| format!("before {row}");
    let after = |row: usize| format!("after {row}");
    let report = compared(&file(300, &[("x", &before)]), &file(100, &[("x", &after)]));
    let check = &report.columns[0].distribution;
    assert_eq!(
        (check.p_value, check.verdict),
        (None, Verdict::InsufficientData)
    );
    let effect = check.effect.unwrap();
    assert!((effect - 1.0).abs() < 1e-12, "of the whole table: {effect}");
}

#[test]
fn a_new_level_of_a_row_or_two_is_no_drift() {
    let before = |_: usize| "all".to_owned();
    let after = |row: usize| ["new", "all"][usize::from(row > 0)].to_owned();
    let report = compared(&file(300, &[("x", &before)]), &file(10, &[("x", &after)]));
    let check = &report.columns[0].distribution;
    assert_eq!((check.test, check.verdict), (Test::Fisher, Verdict::Ok));
    // One of 310 rows, which is among the ten with a chance of 10 / 310.
    assert!(
        (check.p_value.unwrap() - 10.0 / 310.0).abs() < 1e-12,
        "{check:?}"
    );
}
