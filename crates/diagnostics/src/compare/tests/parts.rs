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
    let is_reported = part.verdict == Verdict::Drift || part.is_significant_but_small();
    assert_eq!(is_shown, is_reported, "{report}");
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
            "x has a new level \"Elsewhere\": 5.0 % of the values; also: the share of \"City 0\" (from 2.5 % to 0 %), the share of \"City 20\" (from 2.5 % to 0 %) (Fisher's exact test of 3,000 and 500 values, p ",
        ),
        (
            "a placeholder",
            &number,
            &placeholder,
            "the share of the number -999 among the values of x has moved from 0 % to 2.0 % (Fisher's exact test of",
        ),
        (
            "another unit",
            &number,
            &hundredfold,
            "1.8 % of the values of x are outside the range (4 below, 5 above) of the reference (exact test of 3,000 and 500 values",
        ),
        (
            "zero-filled",
            &number,
            &zero,
            "the share of the number 0 among the values of x has moved from 0.033 % to 5.0 % (Fisher's exact test of",
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
            && sentence.contains("and from 5.0 percentage points on"),
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

/// A column of 3,000 and 500 numbers around 0.
fn numbers_of(column: usize) -> [Vec<f64>; 2] {
    let phase = 0.1 + 0.001 * column as f64;
    let side = |rows: std::ops::Range<usize>| rows.map(|row| wave(row, phase)).collect();
    [side(0..3000), side(3000..3500)]
}

/// The check of the first of 60 columns of numbers. `change` gets the values of a column and its place.
fn first_of_60(change: impl Fn(&mut [Vec<f64>; 2], usize)) -> ColumnComparison {
    let pair = |column: usize| {
        let mut numbers = numbers_of(column);
        change(&mut numbers, column);
        ColumnPair::numbers(&format!("number {column}"), [0, 0], numbers)
    };
    check_columns((0..60).map(pair).collect(), |_| true)
        .columns
        .remove(0)
}

#[test]
fn four_missing_values_are_found_among_60_columns_where_few_others_miss_as_few() {
    // The columns after the first one that miss values, and how many in each file.
    let verdict = |others: std::ops::Range<usize>, [n_before, n_now]: [usize; 2]| {
        let found = first_of_60(|[before, now], column| {
            if column == 0 {
                now[..4].fill(f64::NAN);
            } else if others.contains(&column) {
                before[..n_before].fill(f64::NAN);
                now[..n_now].fill(f64::NAN);
            }
        });
        found.missing.verdict
    };
    assert_eq!(verdict(0..0, [0, 0]), Verdict::Drift);
    // Three missing values are never drift, so the columns that have them do not count.
    assert_eq!(verdict(1..60, [2, 1]), Verdict::Drift);
    // Where a tenth is missing, no four values decide.
    assert_eq!(verdict(1..60, [300, 50]), Verdict::Drift);
    // Where every column misses a few values, chance explains four of them in one column.
    assert_eq!(verdict(1..60, [6, 1]), Verdict::Ok);
    assert_eq!(verdict(1..2, [6, 1]), Verdict::Ok);
}

#[test]
fn three_missing_values_are_no_drift() {
    let found = first_of_60(|[_, now], column| {
        if column == 0 {
            now[..3].fill(f64::NAN);
        }
    });
    assert_eq!(found.missing.verdict, Verdict::Ok, "{:?}", found.missing);
}

#[test]
fn six_values_of_another_unit_are_found_among_60_columns() {
    let with_wrong = |wrong: usize| {
        let found = first_of_60(|[_, now], column| {
            let wrong = &mut now[..if column == 0 { wrong } else { 0 }];
            wrong.iter_mut().for_each(|it| *it += 500.0);
        });
        found.part.unwrap().check.verdict
    };
    assert_eq!(
        [with_wrong(5), with_wrong(6)],
        [Verdict::Ok, Verdict::Drift]
    );
}

#[test]
fn six_placeholders_are_found_among_60_columns_with_many_zeros() {
    let found = first_of_60(|sides, column| {
        for value in sides.iter_mut().flatten() {
            *value = value.max(0.0);
        }
        if column == 0 {
            sides[1][..6].fill(-999.0);
        }
    });
    let part = found.part.unwrap();
    assert_eq!(part.check.verdict, Verdict::Drift, "{part:?}");
    assert_eq!(part.part, Part::Value(-999.0));
}

/// The part of a comparison with one other column, with its sentence.
fn part_of(pair: ColumnPair) -> PartCheck {
    let part = checked(pair, 1).part.expect("a part");
    let json = serde_json::to_value(&part).unwrap();
    assert_eq!(serde_json::from_value::<PartCheck>(json).unwrap(), part);
    part
}

#[test]
fn each_part_of_a_column_that_changed_is_named() {
    let counts = |rows: [u64; 5]| {
        let names = ["a", "b", "c", "new", "other"].map(str::to_owned);
        levels(names.into_iter().zip(rows).filter(|it| it.1 > 0))
    };
    let two_new = [
        counts([1500, 900, 600, 0, 0]),
        counts([240, 144, 96, 12, 8]),
    ];
    let part = part_of(ColumnPair::categories("x", two_new));
    assert_eq!(
        part.change_in_words("x", true),
        "x has a new level \"new\": 2.4 % of the values; also: the new level \"other\" (1.6 %)"
    );
    assert_eq!(
        part.change_in_words("x", false),
        "x has a new level: 2.4 % of the values; also: a new level (1.6 %)"
    );
    // The shares of all other levels shrink where a level is new: nothing else has changed.
    let one_new = [
        counts([1500, 900, 600, 0, 0]),
        counts([200, 120, 80, 100, 0]),
    ];
    assert_eq!(part_of(ColumnPair::categories("x", one_new)).further, []);
    // With two levels, the one says what the other does.
    let two = [counts([1500, 1500, 0, 0, 0]), counts([350, 150, 0, 0, 0])];
    assert_eq!(part_of(ColumnPair::categories("x", two)).further, []);
}

#[test]
fn each_wrong_number_of_a_column_is_named() {
    let [before, now] = numbers_of(0);
    let damaged = |damage: fn(u32, &mut f64)| {
        let mut now = now.clone();
        (0..)
            .zip(&mut now)
            .for_each(|(row, value)| damage(row, value));
        part_of(ColumnPair::numbers("x", [0, 0], [before.clone(), now]))
    };
    let part = damaged(|row, value| match row % 25 {
        0 => *value = -999.0,
        12 => *value = 100.0 + value.abs() * 1000.0,
        _ => {}
    });
    assert_eq!(
        part.change_in_words("x", true),
        "the share of the number -999 among the values of x has moved from 0 % to 4.0 %; also: 4.0 % of the values above the range of the reference"
    );
    let part = damaged(|row, value| match row % 25 {
        0 => *value = -999.0,
        12 => *value = 0.0,
        _ => {}
    });
    assert_eq!(
        part.change_in_words("x", false),
        "the share of one number among the values of x has moved from 0 % to 4.0 %; also: the share of one number (from 0.033 % to 4.0 %)"
    );
    assert!(
        part.check.verdict == Verdict::Drift
            && part.check.sentence.contains("; also: the share of")
    );
    assert_eq!(damaged(|_, _| {}).further, []);
    // Where every value is wrong, their range says more than the most frequent number.
    let part = damaged(|row, value| *value = 1000.0 + f64::from(row % 10));
    assert_eq!(
        part.change_in_words("x", true),
        "100 % of the values of x are above the range of the reference"
    );
}

#[test]
fn a_placeholder_is_named_beside_a_more_frequent_fault_outside_the_range() {
    let [before, now] = numbers_of(0);
    let damaged = |damage: &dyn Fn(u32, &mut f64)| {
        let mut now = now.clone();
        (0..)
            .zip(&mut now)
            .for_each(|(row, value)| damage(row, value));
        part_of(ColumnPair::numbers("x", [0, 0], [before.clone(), now])).change_in_words("x", true)
    };
    let hundredfold = |row: u32| 100.0 + f64::from(row) * 1.7;
    // The other fault is on the other side of the range, or on the same side.
    for (sign, side) in [(1.0, "above"), (-1.0, "below")] {
        for others in [5, 6, 12] {
            let found = damaged(&|row, value| match row % 25 {
                0 => *value = -999.0,
                rest if rest <= others => *value = sign * hundredfold(row),
                _ => {}
            });
            let share = common::numbers::two_digits(f64::from(4 * others));
            let says = format!(
                "the share of the number -999 among the values of x has moved from 0 % to 4.0 %; also: {share} % of the values {side} the range of the reference"
            );
            assert_eq!(found, says);
        }
    }
    // Three placeholders are named, each by itself.
    let found = damaged(&|row, value| match row % 25 {
        0 => *value = -999.0,
        5 => *value = 999.0,
        10 => *value = 9999.0,
        _ => {}
    });
    for number in ["number -999", "number 999 ", "number 9999"] {
        assert!(found.contains(number), "{found}");
    }
    assert!(!found.contains("range"), "{found}");
    // Many numbers that are equally frequent hide no number that is more frequent than they are.
    let found = damaged(&|row, value| match row % 3 {
        0 => *value = -999.0,
        _ => *value = -1000.0 - f64::from(row % 12),
    });
    assert!(
        found.starts_with("the share of the number -999") && found.contains("; also: 67 % of"),
        "{found}"
    );
}

#[test]
fn a_placeholder_is_the_whole_change_if_the_other_numbers_stay() {
    let [before, now] = numbers_of(0);
    let part = |change: fn(f64) -> f64| {
        let now = now.iter().enumerate();
        let now = now.map(|(row, value)| if row % 5 == 0 { -999.0 } else { change(*value) });
        let pair = ColumnPair::numbers("x", [0, 0], [before.clone(), now.collect()]);
        let found = checked(pair, 1);
        assert_eq!(found.distribution.verdict, Verdict::Drift);
        assert_eq!(found.part.as_ref().unwrap().part, Part::Value(-999.0));
        found
    };
    let alone = part(|value| value);
    assert!(alone.part.as_ref().unwrap().is_whole_change && alone.is_reported_by_part());
    let moved = part(|value| value + 0.3);
    assert!(!moved.part.as_ref().unwrap().is_whole_change && !moved.is_reported_by_part());
    // Without a significant part there is nothing to say.
    let pair = ColumnPair::numbers("x", [0, 0], [before.clone(), now.clone()]);
    assert!(!checked(pair, 1).is_reported_by_part());
}

#[test]
fn changed_parts_that_are_not_named_are_counted() {
    let names: Vec<String> = (0..12).map(|it| format!("new {it}")).collect();
    let check = |n_new: usize| {
        let known = |rows| [("a".to_owned(), 2 * rows), ("b".to_owned(), rows)];
        let new = names.iter().take(n_new).map(|it| (it.clone(), 12));
        let pair = [
            levels(known(1000)),
            levels(known(500).into_iter().chain(new)),
        ];
        part_of(ColumnPair::categories("x", pair))
    };
    let two = check(2);
    assert!(!two.change_in_words("x", true).contains("more"), "{two:?}");
    for (n_new, ends) in [
        (5, ", and 1 more"),
        (6, ", and 2 more"),
        (12, ", and at least 7 more"),
    ] {
        let found = check(n_new);
        for with_values in [true, false] {
            let words = found.change_in_words("x", with_values);
            assert!(words.ends_with(ends), "{n_new}: {words}");
        }
        let words = found.change_in_words("x", false);
        assert!(words.contains("; also: 3 new levels (together "), "{words}");
        assert!(!words.contains("new 1"), "{words}");
    }
    // Shares that grew are not added to shares that shrank.
    let four = |rows: [u64; 4]| {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        levels(names.into_iter().zip(rows))
    };
    let pair = [four([1000; 4]), four([900, 550, 330, 220])];
    let words = part_of(ColumnPair::categories("x", pair)).change_in_words("x", false);
    assert!(!words.contains("together"), "{words}");
}
