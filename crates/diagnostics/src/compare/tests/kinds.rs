//! Tests of columns that are not numbers in both files: categories, levels and mixed columns.

use super::*;

#[test]
fn a_column_without_values_takes_the_kind_of_the_other_file() {
    let text = |row: usize| ["north", "south"][row % 2].to_owned();
    let empty = |_: usize| String::new();
    // The second column is needed: a row of empty cells only is no row.
    let with = |rows: usize, cell: Cell<'_>| file(rows, &[("x", cell), ("y", &|_| "1".into())]);
    let (full, bare) = (with(300, &text), with(100, &empty));
    for (reference, current) in [(&full, &bare), (&bare, &full)] {
        let report = comparison(reference, current);
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
fn numbers_replaced_by_text_are_drift() {
    let number = |row| wave(row, 0.0).to_string();
    let text = |row: usize| match row % 10 {
        0 => wave(row, 0.3).to_string(),
        _ => format!("text {row}"),
    };
    let before = file(300, &[("x", &number)]);
    let after = file(100, &[("x", &text)]);
    for (reference, current) in [(&before, &after), (&after, &before)] {
        let column = comparison(reference, current).columns.remove(0);
        let check = &column.distribution;
        assert_eq!((column.kind, check.test), (Kind::Mixed, Test::Fisher));
        assert_eq!((check.effect, check.verdict), (Some(0.9), Verdict::Drift));
    }
}

#[test]
fn a_small_change_in_the_share_of_text_is_no_drift() {
    let with_texts = |every: usize| {
        move |row: usize| match row % every {
            0 => "unknown".to_owned(),
            _ => wave(row, 0.0).to_string(),
        }
    };
    // In one file slightly less than 5 % of the cells are text, in the other slightly more.
    let (fewer, more) = (with_texts(21), with_texts(19));
    let report = comparison(&file(2100, &[("x", &fewer)]), &file(1900, &[("x", &more)]));
    let column = &report.columns[0];
    assert_eq!((column.kind, column.verdict), (Kind::Mixed, Verdict::Ok));
}

#[test]
fn levels_of_one_row_each_cannot_be_tested() {
    let before = |row: usize| format!("before {row}");
    let after = |row: usize| format!("after {row}");
    let report = comparison(&file(300, &[("x", &before)]), &file(100, &[("x", &after)]));
    let check = &report.columns[0].distribution;
    assert_eq!(
        (check.p_value, check.verdict),
        (None, Verdict::InsufficientData)
    );
    let effect = check.effect.unwrap();
    assert!((effect - 1.0).abs() < 1e-12, "of the whole table: {effect}");
}

#[test]
fn a_new_level_with_one_row_is_no_drift() {
    let before = |_: usize| "all".to_owned();
    let after = |row: usize| ["new", "all"][usize::from(row > 0)].to_owned();
    let report = comparison(&file(300, &[("x", &before)]), &file(10, &[("x", &after)]));
    let check = &report.columns[0].distribution;
    assert_eq!((check.test, check.verdict), (Test::Fisher, Verdict::Ok));
    // One row of 310 has the new level. The chance that it is among the ten is 10 / 310.
    assert!(
        (check.p_value.unwrap() - 10.0 / 310.0).abs() < 1e-12,
        "{check:?}"
    );
}

#[test]
fn two_levels_are_tested_even_if_both_are_rare() {
    let before = |row: usize| ["stays", "leaves"][row % 2].to_owned();
    let after = |_: usize| "leaves".to_owned();
    let report = comparison(&file(1000, &[("x", &before)]), &file(9, &[("x", &after)]));
    let column = &report.columns[0];
    let check = &column.distribution;
    assert_eq!((column.untested.as_ref(), check.test), (None, Test::Fisher));
    assert!((check.p_value.unwrap() - 0.003_9).abs() < 2e-4, "{check:?}");
    assert!((check.effect.unwrap() - 0.5).abs() < 1e-12, "{check:?}");
    // The variation by chance is that of both levels.
    assert!(check.min_effect > 0.1, "{check:?}");
}

#[test]
fn percent_cells_are_compared_as_numbers() {
    let percent =
        |shift: f64| move |row: usize| format!("{:.1}%", 50.0 + shift + 9.0 * wave(row, shift));
    let (before, moved) = (percent(0.0), percent(30.0));
    let plain = |row: usize| (0.5 + 0.1 * wave(row, 0.0)).to_string();
    let reference = file(300, &[("share", &before)]);
    let column = comparison(&reference, &file(200, &[("share", &moved)]))
        .columns
        .remove(0);
    assert_eq!(
        (column.kind, column.verdict),
        (Kind::Number, Verdict::Drift)
    );

    let report = comparison(&reference, &file(200, &[("share", &plain)]));
    let column = &report.columns[0];
    assert_eq!(
        (column.kind, column.verdict),
        (Kind::Untested, Verdict::InsufficientData)
    );
    assert_eq!(report.verdict, Verdict::InsufficientData);
    let why = "format percent in the reference and plain in the current file";
    assert!(column.distribution.sentence.contains(why), "{report}");
    assert!(
        report.to_string().contains("\nnot tested share\n"),
        "{report}"
    );
}

#[test]
fn dates_are_not_tested_and_hide_no_other_column() {
    let date = |row: usize| format!("2024-05-{:02}", row % 28 + 1);
    let number = |row: usize| wave(row, 0.0).to_string();
    let with = |rows, columns: &[(&str, Cell<'_>)]| file(rows, columns);
    let dates = [("joined", &date as Cell<'_>)];
    let report = comparison(&with(300, &dates), &with(300, &dates));
    assert_eq!(report.verdict, Verdict::InsufficientData);
    let why = r#"it holds dates or times in the reference, such as "2024-05-01""#;
    assert!(report.to_string().contains(why), "{report}");
    let both = [("joined", &date as Cell<'_>), ("x", &number)];
    let report = comparison(&with(300, &both), &with(300, &both));
    assert_eq!(report.verdict, Verdict::Ok);
    let verdicts: Vec<Verdict> = report.columns.iter().map(|column| column.verdict).collect();
    assert_eq!(verdicts, [Verdict::InsufficientData, Verdict::Ok]);
}

#[test]
fn commas_that_may_separate_thousands_are_not_tested() {
    let sales = |row: usize| format!("{},{:03}", row % 90 + 1, row % 1000);
    let cells: String = (0..300)
        .map(|row| format!("{row};a;{}\n", sales(row)))
        .collect();
    let mut both = NamedTempFile::new().unwrap();
    write!(both, "row;plan;sales\n{cells}").unwrap();
    let report = comparison(&both, &both);
    let column = &report.columns[2];
    assert_eq!(column.kind, Kind::Untested);
    assert!(
        column.untested.as_ref().unwrap().contains("decimal mark"),
        "{report}"
    );
}

#[test]
fn a_comparison_that_tested_no_distribution_is_not_ok() {
    let before = |row: usize| format!("before {row}");
    let after = |row: usize| format!("after {row}");
    let report = comparison(&file(500, &[("x", &before)]), &file(500, &[("x", &after)]));
    assert_eq!(report.columns[0].missing.verdict, Verdict::Ok);
    assert_eq!(report.verdict, Verdict::InsufficientData);
    let why = "more than half of its rows have a level of their own";
    assert!(report.to_string().contains(why), "{report}");
}
