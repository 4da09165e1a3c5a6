//! Tests of the part of a column that changed most: a level, a number, or numbers out of range.

use dataset::Levels;

use super::*;

fn number(row: usize) -> String {
    format!("{:.6}", wave(row, 0.0))
}

fn city(row: usize) -> String {
    format!("City {}", row * 7919 % 40)
}

/// Compares 3,000 rows with 500 rows.
fn compared(before: Cell<'_>, now: Cell<'_>) -> ColumnComparison {
    let current = |row| now(row + 3000);
    let other = |row| wave(row, 1.7).to_string();
    let reference = file(3000, &[("x", before), ("y", &other)]);
    let current = file(500, &[("x", &current), ("y", &other)]);
    let report = comparison(&reference, &current);
    let column = report.columns[0].clone();
    assert_eq!(
        report.columns[1].verdict,
        Verdict::Ok,
        "the other column stays"
    );
    let is_drift = column.verdict == Verdict::Drift;
    assert_eq!(report.verdict == Verdict::Drift, is_drift, "{report}");
    let part = &column.part.as_ref().unwrap().check;
    let is_shown = report.to_string().contains(&part.sentence);
    let is_said = part.verdict == Verdict::Drift || part.is_significant_but_small();
    assert_eq!(is_shown, is_said, "{report}");
    let json = serde_json::to_value(&column).unwrap();
    let read: ColumnComparison = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(read, column, "{json}");
    column
}

/// What is wrong, cells before and now, and the beginning of the sentence.
type Fault<'a> = (&'a str, Cell<'a>, Cell<'a>, &'a str);

#[test]
fn a_part_that_is_wrong_is_found_and_named() {
    let of_share = |wrong: &'static str, one_in: usize, right: fn(usize) -> String| {
        move |row: usize| match row % one_in {
            0 => wrong.to_owned(),
            _ => right(row),
        }
    };
    let new_level = of_share("Elsewhere", 20, city);
    let placeholder = of_share("-999", 50, number);
    let zero = of_share("0", 20, number);
    let hundredfold = |row: usize| match row % 50 {
        0 => format!("{:.6}", 100.0 * wave(row, 0.0)),
        _ => number(row),
    };
    let upper = |row: usize| city(row).to_uppercase();
    let faults: [Fault<'_>; 5] = [
        (
            "a new level",
            &city,
            &new_level,
            "x has a new level \"Elsewhere\": 5.0 % of the values (fisher of 3000 and 500, p ",
        ),
        (
            "a placeholder",
            &number,
            &placeholder,
            "the share of the number -999 among the values of x has moved from 0 % to 2.0 % (fisher of",
        ),
        (
            "another unit",
            &number,
            &hundredfold,
            "1.8 % of the values of x are outside the range (4 below, 5 above) of the reference (range",
        ),
        (
            "zero-filled",
            &number,
            &zero,
            "the share of the number 0 among the values of x has moved from 0.033 % to 5.0 % (fisher of",
        ),
        (
            "another spelling",
            &city,
            &upper,
            "x has a new level \"CITY ",
        ),
    ];
    for (name, before, now, begins) in faults {
        let found = compared(before, now);
        let part = found.part.unwrap().check;
        assert_eq!(part.verdict, Verdict::Drift, "{name}: {part:?}");
        assert!(
            part.sentence.starts_with(begins),
            "{name}: {}",
            part.sentence
        );
        let has_spelling = part.sentence.contains("\" looks like \"City ")
            && part.sentence.ends_with("; so do 39 more levels");
        assert_eq!(
            has_spelling,
            name == "another spelling",
            "{}",
            part.sentence
        );
    }
}

#[test]
fn an_unchanged_column_has_no_part_that_moved() {
    for cell in [&number as Cell<'_>, &city] {
        let found = compared(cell, cell);
        let part = found.part.unwrap().check;
        assert_eq!((found.verdict, part.verdict), (Verdict::Ok, Verdict::Ok));
        assert!(
            part.sentence
                .starts_with("no part of the values of x has become significantly"),
            "{}",
            part.sentence
        );
    }
}

#[test]
fn a_small_change_is_reported_as_too_small() {
    // The share of a level grows from 50 % to 53 % of many rows.
    let level = |yes: usize| move |row: usize| ["no", "yes"][usize::from(row % 100 < yes)].into();
    let (before, now) = (level(50), level(53));
    let reference = file(20_000, &[("x", &before)]);
    let report = comparison(&reference, &file(20_000, &[("x", &now)]));
    let part = &report.columns[0].part.as_ref().unwrap().check;
    assert_eq!((report.verdict, part.verdict), (Verdict::Ok, Verdict::Ok));
    let sentence = &part.sentence;
    assert!(
        sentence.contains("among the values of x has moved from ")
            && sentence.contains(" %, which is too little to matter (")
            && sentence.contains("and from a change of 5.0 % on"),
        "{sentence}"
    );
}

#[test]
fn a_few_missing_values_are_drift_where_there_were_none() {
    let with_gaps = |one_in: usize| {
        move |row: usize| match row % one_in {
            0 => String::new(),
            _ => number(row),
        }
    };
    let some = with_gaps(67);
    let missing = compared(&number, &some).missing;
    assert_eq!((missing.verdict, missing.min_effect), (Verdict::Drift, 0.0));
    assert!(
        missing.sentence.ends_with("; drift is below 0.005)"),
        "{}",
        missing.sentence
    );
    // Where values were missing before, the same change is too small.
    let (few, more) = (with_gaps(100), with_gaps(40));
    let reference = file(30_000, &[("x", &few), ("y", &number)]);
    let report = comparison(&reference, &file(9000, &[("x", &more), ("y", &number)]));
    let missing = &report.columns[0].missing;
    assert!(missing.is_significant_but_small(), "{missing:?}");
    assert_eq!(missing.verdict, Verdict::Ok);
}

#[test]
fn rare_levels_are_tested_by_simulation() {
    // 600 levels, five rows each in the reference. Half of the levels are renamed.
    let level = |row: usize| format!("level {}", row % 600);
    let renamed = |row: usize| match row % 2 {
        0 => format!("level {}", row % 600),
        _ => format!("renamed {}", row % 600),
    };
    let same = compared(&level, &level);
    assert_eq!(same.distribution.method, Some(Method::Simulated));
    assert_eq!((same.verdict, same.untested), (Verdict::Ok, None));
    let found = compared(&level, &renamed).distribution;
    assert_eq!(found.verdict, Verdict::Drift, "{found:?}");
    assert_eq!(found.p_value, found.min_p_value);
}

#[test]
fn a_respelled_level_is_mentioned_without_drift() {
    let upper_once = |row: usize| match row {
        3000 => "CITY 0".into(),
        _ => city(row),
    };
    let reference = file(3000, &[("x", &city)]);
    let current = file(500, &[("x", &|row| upper_once(row + 3000))]);
    let report = comparison(&reference, &current);
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
    let text = report.to_string();
    assert!(
        text.contains("\"CITY 0\" looks like \"City 0\" in another spelling"),
        "{text}"
    );
}

/// Levels by name and rows.
fn levels(counts: impl IntoIterator<Item = (String, u64)>) -> Levels {
    Levels {
        counts: counts.into_iter().collect(),
        ..Levels::default()
    }
}

/// The check of one column together with `others` columns without change.
fn checked(pair: ColumnPair, others: usize) -> ColumnComparison {
    let same = || levels([("a".to_owned(), 50), ("b".to_owned(), 50)]);
    let others = (0..others).map(|_| ColumnPair::categories("same", [same(), same()]));
    let pairs = std::iter::once(pair).chain(others).collect();
    check_columns(pairs, |_| true).columns.remove(0)
}

#[test]
fn levels_that_chance_alone_makes_differ_can_still_drift() {
    // 5,000 levels of ten rows each; the batch has 500 rows of 100 of them, five rows each.
    let reference = levels((0..5_000).map(|it| (format!("level {it}"), 10)));
    let current = levels((0..100).map(|it| (format!("level {it}"), 5)));
    let found = checked(ColumnPair::categories("x", [reference, current]), 0);
    let check = &found.distribution;
    assert!(
        check.min_effect < 1.0 && check.effect > Some(0.9),
        "{check:?}"
    );
    assert_eq!(found.verdict, Verdict::Drift, "{check:?}");
}

#[test]
fn a_column_that_cannot_be_simulated_says_why() {
    // Each of 600 levels is rare in the batch, and there are too many rows for enough splits.
    let reference = levels((0..600).map(|it| (format!("level {it}"), 50)));
    let current = levels((0..600).map(|it| (format!("level {it}"), 3)));
    let found = checked(ColumnPair::categories("x", [reference, current]), 60);
    assert_eq!(found.distribution.p_value, None);
    let why = found.untested.expect("a reason");
    assert!(why.contains("too many rows for a simulated test"), "{why}");
    let reference = levels([("a".to_owned(), 60), ("b".to_owned(), 40)]);
    let current = levels([("a".to_owned(), 1)]);
    let found = checked(ColumnPair::categories("x", [reference, current]), 0);
    assert_eq!(found.untested.as_deref(), Some("it has too few rows"));
}

#[test]
fn a_part_that_is_not_significant_hides_no_other() {
    let reference = [("a", 7_000), ("b", 10_000), ("c", 3_000)];
    let current = [("a", 6_391), ("b", 10_000), ("c", 3_600), ("new", 11)];
    let owned = |(level, rows): (&str, u64)| (level.to_owned(), rows);
    let pair = [levels(reference.map(owned)), levels(current.map(owned))];
    let found = checked(ColumnPair::categories("x", pair), 9);
    let part = found.part.expect("a part");
    assert_ne!(part.part, Part::Level("new".into()), "{part:?}");
}

#[test]
fn rows_of_one_client_are_no_evidence_of_a_new_level() {
    let reference = || levels([("a".to_owned(), 1_500), ("b".to_owned(), 1_500)]);
    let current = || {
        levels([
            ("a".to_owned(), 244),
            ("b".to_owned(), 244),
            ("c".to_owned(), 12),
        ])
    };
    let pair = || ColumnPair::categories("x", [reference(), current()]);
    assert_eq!(checked(pair(), 0).verdict, Verdict::Drift);
    let found = checked(pair().with_repeated_clients(), 0);
    assert_eq!((found.verdict, found.part), (Verdict::Ok, None));
}

#[test]
fn eight_rows_compared_with_eight_are_too_few_for_a_part() {
    let cell = |row: usize| (row % 3).to_string();
    let columns: [(&str, Cell<'_>); 3] = [("a", &cell), ("b", &cell), ("c", &cell)];
    let report = comparison(&file(8, &columns), &file(8, &columns));
    for column in &report.columns {
        let part = &column.part.as_ref().unwrap().check;
        assert_eq!(part.verdict, Verdict::InsufficientData, "{part:?}");
    }
}
