//! Files that have not drifted are said to have no more often than the level promises.

use super::*;
use crate::draws::Draws;

impl Draws {
    fn numbers(&mut self, rows: usize, value: fn(&mut Self) -> f64) -> Vec<f64> {
        (0..rows).map(|_| value(self)).collect()
    }

    fn levels(&mut self, rows: usize, level: fn(&mut Self) -> Option<usize>) -> dataset::Levels {
        let mut levels = dataset::Levels::default();
        for _ in 0..rows {
            match level(self) {
                Some(level) => *levels.counts.entry(format!("{level:03}")).or_default() += 1,
                None => levels.missing += 1,
            }
        }
        levels
    }
}

/// Columns of every kind: skewed, zero-inflated, with few values, with holes; categories with a
/// long tail, and two of which one is rare.
fn columns_of_the_same(draws: &mut Draws, rows: [usize; 2]) -> Vec<ColumnPair> {
    let numbers: [fn(&mut Draws) -> f64; 5] = [
        |draws| (0..4).map(|_| draws.uniform()).sum(),
        |draws| -draws.uniform().ln(),
        |draws| (draws.uniform() - 0.9).max(0.0),
        |draws| (draws.uniform() * 4.0).floor(),
        |draws| match draws.uniform() {
            share if share < 0.1 => f64::NAN,
            share => share.powi(-2),
        },
    ];
    let levels: [fn(&mut Draws) -> Option<usize>; 2] = [
        |draws| Some((draws.uniform().powi(-2) as usize).min(300)),
        |draws| match draws.uniform() {
            share if share < 0.03 => None,
            share => Some(usize::from(share < 0.06)),
        },
    ];
    let numbers = numbers.map(|value| {
        let sides = rows.map(|rows| draws.numbers(rows, value));
        ColumnPair::numbers("number", [0, 0], sides)
    });
    let levels = levels.map(|level| {
        let sides = rows.map(|rows| draws.levels(rows, level));
        ColumnPair::categories("category", sides)
    });
    numbers.into_iter().chain(levels).collect()
}

#[test]
fn a_whole_comparison_of_the_same_raises_no_more_false_alarms_than_its_level() {
    for rows in [
        [8, 8],
        [12, 40],
        [30, 10],
        [100, 20],
        [20, 300],
        [1000, 100],
    ] {
        let mut draws = Draws(7);
        let alarms = (0..200).filter(|_| {
            let pairs = columns_of_the_same(&mut draws, rows);
            check_columns(pairs, |_| true).verdict == Verdict::Drift
        });
        let alarms = alarms.count();
        // Two are expected of 200 at most; more than 7 in one of a thousand such tests.
        assert!(alarms <= 7, "{rows:?}: {alarms}");
    }
}

/// Shares in quarters of a percent: few common levels and a long tail of rare ones.
fn long_tail(row: usize, phase: f64) -> String {
    let share = (wave(row, phase) * 1e4).rem_euclid(1.0);
    match share {
        ..0.3 => "a".into(),
        0.3..0.5 => "b".into(),
        _ => format!("{:.0}", share * 400.0),
    }
}

#[test]
fn a_long_tail_of_rare_levels_raises_no_more_false_alarms_than_its_level() {
    let alarms = (0..500).filter(|trial| {
        let cells = |rows: usize, phase: f64| {
            let mut levels = dataset::Levels::default();
            for row in 1..=rows {
                *levels.counts.entry(long_tail(row, phase)).or_default() += 1;
            }
            levels
        };
        let phase = f64::from(*trial) * 0.017;
        let levels = [cells(400, phase), cells(40, phase + 0.0071)];
        let (mut column, _) = ColumnPair::categories("x", levels).compare();
        column.distribution.p_value.take().unwrap() < 0.01
    });
    let alarms = alarms.count();
    // Five are expected; more than 13 in one of a thousand such tests.
    assert!(alarms <= 13, "{alarms}");
}

/// 5,000 levels of 20 rows each, of which every other became more frequent by this share of its own
/// and the rest less.
fn many_levels(by: f64) -> Check {
    let mut draws = Draws(11);
    let mut side = |by: f64| {
        let mut levels = dataset::Levels::default();
        for _ in 0..100_000 {
            let pair = (draws.uniform() * 2500.0).floor();
            let is_second = draws.uniform() < (1.0 - by) / 2.0;
            let level = format!("{pair} {is_second}");
            *levels.counts.entry(level).or_default() += 1;
        }
        levels
    };
    let pair = ColumnPair::categories("x", [side(0.0), side(by)]);
    let mut columns = check_columns(vec![pair], |_| true).columns;
    columns.remove(0).distribution
}

#[test]
fn what_chance_makes_of_many_levels_is_no_effect() {
    let same = many_levels(0.0);
    assert_eq!(same.verdict, Verdict::Ok, "{same:?}");
    // Beyond doubt, and of no account: shares of 0.045 in all have moved.
    let trifle = many_levels(0.09);
    assert!(trifle.p_value.unwrap() < 1e-3, "{trifle:?}");
    assert!(trifle.effect.unwrap() > 0.1, "{trifle:?}");
    assert_eq!(trifle.verdict, Verdict::Ok, "{trifle:?}");
    let much = many_levels(0.6);
    assert_eq!(much.verdict, Verdict::Drift, "{much:?}");
}
