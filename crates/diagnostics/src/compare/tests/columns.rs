//! Tests of single columns: each verdict is independent of other columns, and each check says how
//! it was made.

use super::*;

/// Name, reference, current file, expected verdicts on distribution and on missing values.
type BadColumn<'a> = (&'a str, Cell<'a>, Cell<'a>, Verdict, Verdict);

#[test]
fn a_bad_column_gets_its_own_verdict_and_changes_no_other() {
    use Verdict::{Drift, InsufficientData, Ok};
    let x = |row| wave(row, 0.0).to_string();
    let new = |row| wave(row, 0.3).to_string();
    let region = |row: usize| ["north", "south", "east"][row % 3].to_owned();
    let table: [BadColumn<'_>; 9] = [
        ("the same", &x, &new, Ok, Ok),
        ("empty now", &x, &|_| String::new(), InsufficientData, Drift),
        (
            "always empty",
            &|_| String::new(),
            &|_| "NA".into(),
            InsufficientData,
            Ok,
        ),
        ("constant", &|_| "7".into(), &|_| "7".into(), Ok, Ok),
        ("constant now", &x, &|_| "0".into(), Drift, Ok),
        (
            "another type",
            &x,
            &|row| ["low", "high"][row % 2].to_owned(),
            Drift,
            Ok,
        ),
        ("categories", &region, &region, Ok, Ok),
        (
            "a new level",
            &region,
            &|row| {
                if row % 2 == 0 {
                    "west".into()
                } else {
                    region(row)
                }
            },
            Drift,
            Ok,
        ),
        ("one level", &|_| "all".into(), &|_| "all".into(), Ok, Ok),
    ];
    for (name, before, after, distribution, missing) in table {
        let id = |row: usize| format!("c{row}");
        let reference = file(600, &[("client", &id), ("x", &x), ("bad", before)]);
        let current = file(200, &[("client", &id), ("x", &new), ("bad", after)]);
        let report = comparison(&reference, &current);
        assert_eq!(
            verdicts(&report),
            [("x", Ok, Ok), ("bad", distribution, missing)],
            "{name}"
        );
        let has_drifted = [distribution, missing].contains(&Drift);
        assert_eq!(report.verdict == Drift, has_drifted, "{name}");
        assert!(!report.to_string().contains("NaN"), "{name}");
    }
}

#[test]
fn a_shift_out_of_range_is_drift() {
    let reference = file(100, &[("x", &|_| "7".into())]);
    let current = file(100, &[("x", &|_| "1e308".into())]);
    let check = comparison(&reference, &current)
        .columns
        .remove(0)
        .distribution;
    assert_eq!((check.effect, check.verdict), (None, Verdict::Drift));
}

#[test]
fn an_empty_column_counts_in_the_correction_like_a_constant_one() {
    let x = |row| wave(row, 0.0).to_string();
    let moved = |row| (wave(row, 0.3) + 0.2).to_string();
    let corrected = |bad: Cell<'_>| {
        let reference = file(300, &[("x", &x), ("bad", bad)]);
        let current = file(100, &[("x", &moved), ("bad", bad)]);
        let report = comparison(&reference, &current);
        report.columns[0].distribution.corrected_p_value.unwrap()
    };
    assert_eq!(corrected(&|_| String::new()), corrected(&|_| "7".into()));
}

#[test]
fn a_tiny_shift_in_a_large_sample_is_no_drift() {
    let reference = file(9000, &[("x", &|row| wave(row, 0.0).to_string())]);
    // A shift of 0.085 standard deviations: highly significant, but too small to matter.
    let current = file(9000, &[("x", &|row| (wave(row, 0.3) + 0.06).to_string())]);
    let report = comparison(&reference, &current);
    let check = &report.columns[0].distribution;
    assert!(check.p_value.unwrap() < 1e-4, "{check:?}");
    assert_eq!((check.verdict, report.verdict), (Verdict::Ok, Verdict::Ok));
    let sentence = &check.sentence;
    assert!(
        sentence.starts_with("the distribution of x has moved, but too little to matter (")
            && sentence.contains("; the change is 0.0"),
        "{sentence}"
    );
    let text = report.to_string();
    assert!(
        text.contains(sentence)
            && text.contains("; the change is significant, but too small to matter"),
        "{text}"
    );
    assert!(!text.contains("not moved"), "{text}");
}

#[test]
fn too_few_rows_for_any_drift_are_insufficient_data() {
    let low = |row: usize| row.to_string();
    let high = |row: usize| (row + 100).to_string();
    let few = |cell: Cell<'_>| file(3, &[("x", cell)]);
    for current in [&low as Cell<'_>, &high] {
        let report = comparison(&few(&low), &few(current));
        let check = &report.columns[0].distribution;
        assert_eq!(report.verdict, Verdict::InsufficientData, "{report}");
        assert!((check.min_p_value.unwrap() - 0.1).abs() < 1e-12);
        assert!(
            check
                .sentence
                .contains("there are too few rows to tell whether"),
            "{}",
            check.sentence
        );
    }
    // With 18 rows, some splits of the rows are rare enough.
    let enough = |cell: Cell<'_>| file(9, &[("x", cell)]);
    assert_eq!(
        comparison(&enough(&low), &enough(&low)).verdict,
        Verdict::Ok
    );
    assert_eq!(
        comparison(&enough(&low), &enough(&high)).verdict,
        Verdict::Drift
    );
}

#[test]
fn each_check_describes_its_test() {
    let x = |row| wave(row, 0.0).to_string();
    let region = |row: usize| ["north", "south", "east"][row % 3].to_owned();
    let moved = |row| (wave(row, 0.3) + 0.8).to_string();
    let reference = file(600, &[("x", &x), ("region", &region)]);
    let current = file(200, &[("x", &moved), ("region", &region)]);
    let report = comparison(&reference, &current);
    let [x, region] = &report.columns[..] else {
        panic!("two columns");
    };
    assert_eq!(x.distribution.rows, [600, 200]);
    assert_eq!(x.distribution.method, Some(Method::Exact));
    let sentence = &x.distribution.sentence;
    assert!(
        sentence.starts_with("the distribution of x has moved by 1."),
        "{sentence}"
    );
    assert!(
        sentence.contains("Kolmogorov-Smirnov test of 600 and 200 values, p "),
        "{sentence}"
    );
    assert_eq!(region.distribution.degrees, Some(2));
    assert_eq!(region.distribution.method, Some(Method::Asymptotic));
    assert_eq!(
        (region.missing.method, region.missing.rows),
        (Some(Method::Exact), [600, 200])
    );
    let sentence = &region.missing.sentence;
    assert!(
        sentence.starts_with(
            "the share of region that is missing has not moved (Fisher's exact test of 600 and 200 rows, p "
        ),
        "{sentence}"
    );
    let text = report.to_string();
    // The last one is the p-value of the first part of the joint test.
    for part in ["600 / 200", "2 df", "exact", "(location 0.0003"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    // The change is said once, by the line of the column.
    assert_eq!(text.matches(" has moved by ").count(), 1, "{text}");
    assert!(
        text.contains("the columns below say what has changed")
            && !text.contains("the location of"),
        "{text}"
    );
}

#[test]
fn levels_that_changed_are_reported_once_and_in_plain_words() {
    let region = |row: usize| ["north", "south", "east"][row * 7919 % 3].to_owned();
    let moved = |row: usize| match row % 5 {
        0 => "north".to_owned(),
        _ => region(row),
    };
    let reference = file(900, &[("region", &region)]);
    let report = comparison(&reference, &file(300, &[("region", &moved)]));
    let text = report.to_string();
    assert_eq!(text.matches("has moved from 33 % to").count(), 1, "{text}");
    assert!(
        !text.contains("the shares of the levels of region have moved"),
        "{text}"
    );
    assert!(
        text.contains(" percentage points of all levels: drift"),
        "{text}"
    );
    let sentence = &report.columns[0].distribution.sentence;
    assert!(
        sentence.starts_with("the shares of the levels of region have moved by ")
            && sentence
                .contains(" percentage points in total (chi-square test of 900 and 300 values, p "),
        "{sentence}"
    );
    for technical in ["total variation", "missing share", "chi_square of"] {
        assert!(
            !text.contains(technical) && !sentence.contains(technical),
            "{text}"
        );
    }
}

#[test]
fn a_spread_is_reported_in_the_line_of_its_column() {
    let x = |row| wave(row, 0.0).to_string();
    let y = |row| wave(row, 1.7).to_string();
    let wider = |row| (wave(row, 0.3) * 1.6).to_string();
    let reference = file(900, &[("x", &x), ("y", &y)]);
    let report = comparison(&reference, &file(500, &[("x", &wider), ("y", &y)]));
    let text = report.to_string();
    assert_eq!(text.matches("spread is about 1.").count(), 1, "{text}");
    assert!(!text.contains("the spread of x"), "{text}");
}

#[test]
fn a_constant_column_that_changes_is_reported_without_a_distance() {
    let five = |_: usize| "5".to_owned();
    let seven = |_: usize| "7".to_owned();
    let number = |row: usize| wave(row, 0.0).to_string();
    let reference = file(300, &[("x", &five)]);
    let says = |cell: Cell<'_>| {
        let report = comparison(&reference, &file(200, &[("x", cell)]));
        assert_eq!(report.verdict, Verdict::Drift);
        let text = report.to_string();
        assert!(
            text.contains("was constant: drift") && !text.contains("standard"),
            "{text}"
        );
        report.columns[0].distribution.sentence.clone()
    };
    let (other, varied) = (says(&seven), says(&number));
    assert!(
        other.contains("has moved: it was always 5 and is always 7 now"),
        "{other}"
    );
    assert!(
        varied.contains("it was always 5 and is not now"),
        "{varied}"
    );
    let same = comparison(&reference, &reference);
    assert_eq!(
        (same.verdict, &same.columns[0].was_constant),
        (Verdict::Ok, &None)
    );
}

/// Name of a column, its cells before and after, and the text of its bins.
type PicturedColumn<'a> = (&'a str, Cell<'a>, Cell<'a>, Option<&'a [&'a str]>);

#[test]
fn a_column_has_missing_shares_and_a_histogram_of_its_present_values() {
    let flag = |row: usize| ["0", "1", "", "1"][row % 4].to_owned();
    let plan = |row: usize| ["basic", "basic", "pro", "basic"][row % 4].to_owned();
    let day = |row: usize| format!("2026-01-{:02}", row % 28 + 1);
    let table: [PicturedColumn<'_>; 5] = [
        ("flag", &flag, &flag, Some(&["0", "1"])),
        ("empty", &flag, &|_| String::new(), None),
        (
            "plan",
            &plan,
            &|_| "trial".into(),
            Some(&["basic", "pro", "trial"]),
        ),
        ("mixed", &flag, &plan, None),
        ("day", &day, &day, None),
    ];
    let before: Vec<_> = table.iter().map(|row| (row.0, row.1)).collect();
    let after: Vec<_> = table.iter().map(|row| (row.0, row.2)).collect();
    let report = comparison(&file(200, &before), &file(40, &after));
    for (column, (name, .., wanted)) in report.columns.iter().zip(table) {
        let histogram = column.histogram.as_ref();
        let bins = histogram.map(|it| it.bins.iter().map(|bin| bin.bin.to_string()).collect());
        assert_eq!(
            bins,
            wanted.map(|bins| bins.iter().map(|&it| it.to_owned()).collect::<Vec<_>>()),
            "{name}"
        );
    }
    let missing: Vec<[Option<f64>; 2]> = report
        .columns
        .iter()
        .map(|column| column.missing_shares)
        .collect();
    let none = [Some(0.0), Some(0.0)];
    let wanted = [
        [Some(0.25); 2],
        [Some(0.25), Some(1.0)],
        none,
        [Some(0.25), Some(0.0)],
        none,
    ];
    assert_eq!(missing, wanted);
}

#[test]
fn a_column_of_an_older_program_is_read() {
    let x = |row: usize| (row % 3).to_string();
    let data = file(30, &[("x", &x)]);
    let column = comparison(&data, &data).columns.remove(0);
    let mut json = serde_json::to_value(&column).unwrap();
    assert_eq!(
        column,
        serde_json::from_value(json.clone()).unwrap(),
        "{json}"
    );
    let members = json.as_object_mut().unwrap();
    for member in ["missing_shares", "histogram", "part"] {
        assert!(members.remove(member).is_some(), "{member}");
    }
    let older: ColumnComparison = serde_json::from_value(json).unwrap();
    assert_eq!((older.missing_shares, older.histogram), ([None; 2], None));
    assert_eq!((older.part, older.respelled.is_empty()), (None, true));
}
