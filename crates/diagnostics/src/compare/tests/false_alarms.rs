//! Tests that files without drift raise no more false alarms than the significance level allows.

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

/// Rows of reference and current file.
pub(super) const SIZES: [[usize; 2]; 6] = [
    [8, 8],
    [12, 40],
    [30, 10],
    [100, 20],
    [20, 300],
    [1000, 100],
];

/// Columns of every kind: skewed, zero-inflated, discrete, and with missing values. The categories
/// have a long tail of levels, or two levels of which one is rare.
pub(super) fn columns_without_drift(draws: &mut Draws, rows: [usize; 2]) -> Vec<ColumnPair> {
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
fn a_comparison_without_drift_keeps_its_false_alarm_rate() {
    for rows in SIZES {
        let mut draws = Draws(7);
        let alarms = (0..200).filter(|_| {
            let pairs = columns_without_drift(&mut draws, rows);
            check_columns(pairs, |_| true).verdict == Verdict::Drift
        });
        let alarms = alarms.count();
        // At most two alarms are expected in 200. More than seven occur in one of a thousand such
        // tests.
        assert!(alarms <= 7, "{rows:?}: {alarms}");
    }
}

/// A level drawn from two common levels and a long tail of rare ones with 0.25 % each.
fn long_tail(row: usize, phase: f64) -> String {
    let share = (wave(row, phase) * 1e4).rem_euclid(1.0);
    match share {
        ..0.3 => "a".into(),
        0.3..0.5 => "b".into(),
        _ => format!("{:.0}", share * 400.0),
    }
}

#[test]
fn a_long_tail_of_rare_levels_keeps_its_false_alarm_rate() {
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
        let mut column = ColumnPair::categories("x", levels).compare(1);
        column.distribution.p_value.take().unwrap() < 0.01
    });
    let alarms = alarms.count();
    // Five alarms are expected. More than 13 occur in one of a thousand such tests.
    assert!(alarms <= 13, "{alarms}");
}

/// Compares 5,000 levels of 20 rows each. In the current file the share of every other level grows
/// by the factor `by`, and the remaining shares shrink.
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
fn the_expected_variation_of_many_levels_is_no_effect() {
    let same = many_levels(0.0);
    assert_eq!(same.verdict, Verdict::Ok, "{same:?}");
    // Significant, but too small: a total variation of 0.045.
    let trifle = many_levels(0.09);
    assert!(trifle.p_value.unwrap() < 1e-3, "{trifle:?}");
    assert!(trifle.effect.unwrap() > 0.1, "{trifle:?}");
    assert_eq!(trifle.verdict, Verdict::Ok, "{trifle:?}");
    let much = many_levels(0.6);
    assert_eq!(much.verdict, Verdict::Drift, "{much:?}");
}
