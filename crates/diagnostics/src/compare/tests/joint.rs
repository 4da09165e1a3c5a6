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

/// The named spread of a column, before and now.
fn spread_of(joint: &JointCheck, column: &str) -> [f64; 2] {
    let mut changes = joint.parts.iter().flat_map(|part| &part.changes);
    let change = changes.find(|it| it.columns == [column]).unwrap();
    change.values.unwrap()
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
        words[0].starts_with("the spread of spend (about 1."),
        "{words:?}"
    );
    let [before, now] = spread_of(&spread, "spend");
    assert!((now / before / 1.4 - 1.0).abs() < 0.15, "{before} {now}");
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
    assert!(found.is_significant_but_small(), "{found:?}");
    assert!(found.parts.iter().all(|part| part.changes.is_empty()));
}

/// Five unrelated columns of numbers, named a to e.
fn five(seed: u64, rows: usize) -> Vec<Vec<f64>> {
    let mut draws = Draws(seed);
    (0..5)
        .map(|_| (0..rows).map(|_| draws.normal()).collect())
        .collect()
}

fn joint_of_five(current: Vec<Vec<f64>>) -> JointCheck {
    let names = ["a", "b", "c", "d", "e"].into_iter();
    let sides = five(11, 2000).into_iter().zip(current);
    let pairs = names.zip(sides);
    let pairs = pairs.map(|(name, (before, now))| ColumnPair::numbers(name, [0, 0], [before, now]));
    check_columns(pairs.collect(), |_| true).joint.unwrap()
}

#[test]
fn only_moved_columns_are_named_and_only_their_location() {
    for seed in 20..40 {
        let mut current = five(seed, 500);
        current[0].iter_mut().for_each(|it| *it = *it * 0.8 + 2.0);
        let joint = joint_of_five(current);
        assert_eq!(
            joint.changes_in_words(false),
            ["the location of a"],
            "{seed}"
        );
    }
}

#[test]
fn each_part_has_its_own_p_value_and_a_spread_is_of_the_numbers_themselves() {
    let mut current = five(41, 500);
    current[0].iter_mut().for_each(|it| *it += 1.0);
    current[1].iter_mut().for_each(|it| *it *= 3.0);
    current[2].iter_mut().for_each(|it| *it *= 0.001);
    let joint = joint_of_five(current);
    let words = joint.changes_beyond_columns(&[], true);
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].starts_with("the location of a (p "), "{words:?}");
    let [before, now] = spread_of(&joint, "b");
    assert!((now / before / 3.0 - 1.0).abs() < 0.15, "{before} {now}");
    assert!(words[1].contains("c (nearly constant now)"), "{words:?}");
    assert!(words.iter().all(|it| it.contains("(p ")), "{words:?}");
}

/// A number and a category that depends on it, with codes of the levels.
fn category(seed: u64, rows: usize, written: &dyn Fn(usize) -> Option<String>) -> Vec<ColumnCells> {
    let mut draws = Draws(seed);
    let (mut x, mut levels) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let z = draws.normal();
        let level = ((z + 0.1 * draws.normal() + 3.0).clamp(0.0, 5.9)) as usize;
        x.push(z);
        levels.push(written(level));
    }
    vec![ColumnCells::Numbers(x), ColumnCells::Levels(levels)]
}

enum ColumnCells {
    Numbers(Vec<f64>),
    Levels(Vec<Option<String>>),
}

fn joint_with_category(current: Vec<ColumnCells>) -> JointCheck {
    let known = category(51, 3000, &|level| Some(format!("l{level}")));
    let sides = known.into_iter().zip(current);
    let pairs = sides.map(|sides| match sides {
        (ColumnCells::Numbers(before), ColumnCells::Numbers(now)) => {
            ColumnPair::numbers("x", [0, 0], [before, now])
        }
        (ColumnCells::Levels(before), ColumnCells::Levels(now)) => {
            let sides = [before, now];
            let counts = sides.each_ref().map(|side| {
                let mut levels = dataset::Levels::default();
                for level in side {
                    match level {
                        Some(level) => *levels.counts.entry(level.clone()).or_default() += 1,
                        None => levels.missing += 1,
                    }
                }
                levels
            });
            let code = |it: &Option<String>| it.as_deref().map_or(f64::NAN, dataset::level_code);
            let codes = sides.map(|side| side.iter().map(code).collect());
            ColumnPair::categories("region", counts).with_codes(codes)
        }
        _ => unreachable!("both sides have the same kinds"),
    });
    check_columns(pairs.collect(), |_| true).joint.unwrap()
}

#[test]
fn the_relation_of_a_category_has_no_number() {
    let mut current = category(52, 800, &|level| Some(format!("l{level}")));
    if let ColumnCells::Numbers(x) = &mut current[0] {
        x.rotate_left(1);
    }
    let words = joint_with_category(current).changes_in_words(true);
    let is_named = |it: &String| it.contains("region to the other columns");
    assert!(words.iter().any(is_named), "{words:?}");
    assert!(
        !words
            .iter()
            .any(|it| it.contains("region to the other columns (")),
        "{words:?}"
    );
}

#[test]
fn new_levels_have_no_relation_and_a_share_names_its_level_or_missing_values() {
    let renamed = category(53, 800, &|level| Some(format!("L{level}")));
    let words = joint_with_category(renamed).changes_in_words(true);
    assert!(
        !words.iter().any(|it| it.contains("relation of region")),
        "{words:?}"
    );
    assert!(
        words
            .iter()
            .any(|it| it.starts_with("the share of \"l") || it.starts_with("the share of \"L")),
        "{words:?}"
    );
    let missing = category(54, 800, &|level| (level != 2).then(|| format!("l{level}")));
    let joint = joint_with_category(missing);
    let words = joint.changes_in_words(true);
    // The level that is missing now and the missing values are two parts of one column; both are named.
    for named in ["missing values of region (0 %, now", "\"l2\" of region ("] {
        let has_part = |it: &String| it.starts_with("the share of ") && it.contains(named);
        assert!(words.iter().any(has_part), "{named}: {words:?}");
    }
    let hidden = joint.changes_in_words(false);
    assert!(!hidden.iter().any(|it| it.contains("l2")), "{hidden:?}");
    for named in ["missing values of region", "a level of region"] {
        assert!(hidden.iter().any(|it| it.contains(named)), "{hidden:?}");
    }
}

#[test]
fn two_changed_levels_of_one_column_are_both_named() {
    let swapped = |level: usize| match level {
        1 => 0,
        other => other,
    };
    let current = category(55, 800, &|level| Some(format!("l{}", swapped(level))));
    let joint = joint_with_category(current);
    let words = joint.changes_in_words(true);
    for named in ["\"l0\" of region (", "\"l1\" of region ("] {
        assert!(words.iter().any(|it| it.contains(named)), "{words:?}");
    }
    let of_region = joint.changes_of("region", true);
    assert!(of_region.iter().all(|it| it.contains("region")) && !of_region.is_empty());
    assert!(joint.changes_of("no column", true).is_empty());
    let hidden = joint.changes_in_words(false);
    let has_levels = |it: &String| it.contains("the share of some levels of region");
    assert!(hidden.iter().any(has_levels), "{hidden:?}");
    // Where the region is named already, only what it has to do with other columns is new.
    let beyond = joint.changes_beyond(|name| name == "region");
    assert!(
        beyond.iter().all(|it| it.contains("the relation of")),
        "{beyond:?}"
    );
    assert_eq!(joint.changes_beyond(|_| false), hidden);
}

/// What happens to a region: the cells of a region and a row become a name.
type Named<'a> = &'a dyn Fn(usize, usize) -> String;

/// Region, plan and use of clients. Both the plan and the use follow the region.
fn regions(seed: u64, rows: usize, name: Named<'_>) -> [Vec<String>; 3] {
    let mut draws = Draws(seed);
    let mut sides = [const { Vec::new() }; 3];
    for row in 0..rows {
        let region = (draws.normal().abs() * 2.0).min(3.9);
        let mut follows = |noise: f64| (region + noise * draws.normal()).clamp(0.0, 3.9) as usize;
        sides[1].push(format!("p{}", follows(0.3)));
        sides[2].push(format!("u{}", follows(1.0)));
        sides[0].push(name(region as usize, row));
    }
    sides
}

/// The joint test of 800 clients, with the verdicts on the columns.
fn joint_of_regions(seed: u64, current: [Vec<String>; 3]) -> (JointCheck, Vec<Verdict>) {
    let pair = |(name, sides): (&str, [Vec<String>; 2])| {
        let counts = sides.each_ref().map(|side| {
            let mut levels = dataset::Levels::default();
            for level in side {
                *levels.counts.entry(level.clone()).or_default() += 1;
            }
            levels
        });
        let codes = sides.map(|side| side.iter().map(|it| dataset::level_code(it)).collect());
        ColumnPair::categories(name, counts).with_codes(codes)
    };
    let known = regions(seed, 2500, &|region, _| format!("r{region}"));
    let sides = known.into_iter().zip(current).map(|(a, b)| [a, b]);
    let pairs = ["region", "plan", "use"].into_iter().zip(sides).map(pair);
    let found = check_columns(pairs.collect(), |_| true);
    let verdicts = found.columns.iter().map(|it| it.verdict);
    (found.joint.unwrap(), verdicts.collect())
}

/// What the joint test says about relations.
fn relations_of(joint: &JointCheck) -> Vec<String> {
    let words = joint.changes_in_words(false).into_iter();
    words.filter(|it| it.contains("the relation of")).collect()
}

#[test]
fn new_levels_are_no_changed_relation() {
    let a_third: Named<'_> = &|region, row| match row % 3 {
        0 => "New".to_owned(),
        _ => format!("r{region}"),
    };
    // A region under another name, alone or beside the old one.
    let renamed: Named<'_> = &|region, _| match region {
        1 => "R1".to_owned(),
        _ => format!("r{region}"),
    };
    let half_renamed: Named<'_> = &|region, row| match (region, row % 2) {
        (0, 0) => "R0".to_owned(),
        _ => format!("r{region}"),
    };
    let all_renamed: Named<'_> = &|region, _| format!("R{region}");
    for (place, name) in [a_third, renamed, half_renamed, all_renamed]
        .iter()
        .enumerate()
    {
        for seed in 60..66 {
            let (joint, verdicts) = joint_of_regions(seed, regions(seed + 100, 800, *name));
            assert_eq!(
                verdicts,
                [Verdict::Drift, Verdict::Ok, Verdict::Ok],
                "{place} {seed}"
            );
            assert_eq!(relations_of(&joint), [""; 0], "{place} {seed}");
        }
    }
}

#[test]
fn a_changed_relation_is_found_beside_new_levels() {
    let a_tenth: Named<'_> = &|region, row| match row % 10 {
        0 => "New".to_owned(),
        _ => format!("r{region}"),
    };
    let all: Named<'_> = &|region, _| format!("R{region}");
    for seed in 70..76 {
        // The regions of other clients.
        let mut current = regions(seed + 100, 800, a_tenth);
        current[0].rotate_left(1);
        let (joint, _) = joint_of_regions(seed, current);
        let found = relations_of(&joint).join("; ");
        assert!(
            found.contains("region to the other columns"),
            "{seed}: {found}"
        );
        // No region has its name any more, and the use is that of other clients.
        let mut current = regions(seed + 100, 800, all);
        current[2].rotate_left(1);
        let (joint, _) = joint_of_regions(seed, current);
        let found = relations_of(&joint).join("; ");
        assert!(
            found.contains("use to the other columns"),
            "{seed}: {found}"
        );
        assert!(!found.contains("region"), "{seed}: {found}");
    }
}

#[test]
fn a_spread_is_reported_only_with_a_factor_that_matters() {
    for seed in 200..230 {
        let [x, mut y] = related(seed, 800);
        // One row in twenty is wrong, so the ends of the numbers change and their middle does not.
        for (row, value) in y.iter_mut().enumerate() {
            match row % 40 {
                0 => *value = 300.0,
                20 => *value = -300.0,
                _ => {}
            }
        }
        let joint = joint_of([x, y]);
        let changes = joint
            .parts
            .iter()
            .filter(|it| it.kind == crate::statistics::JointKind::Spread);
        for change in changes.flat_map(|it| &it.changes) {
            let [before, now] = change.values.expect("a width");
            let factor = (now / before).max(before / now);
            assert!(factor >= 1.0 + MIN_SPREAD_CHANGE, "{seed}: {change:?}");
        }
    }
}
