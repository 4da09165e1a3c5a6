//! The check of the part of a column that changed most: one level, one number, or the numbers
//! outside the range of the reference.
//!
//! A distribution may stay nearly the same while a few rows are wrong: a new level, a placeholder
//! such as -999, or numbers in another unit. The check of such a part finds a fault that the test
//! of the distribution misses.

use common::numbers::{count, counted, two_digits};
use dataset::Levels;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{Check, Method, Test, Unit, Verdict};
use super::column_checks::untested_check;
use super::limits::{CHECK_LEVEL, MIN_DISTANCE, MIN_NEW_SHARE, MIN_PART_SHARE};
use super::respelled::Respelled;
use super::sentence::p_text;
use crate::statistics::{
    ChangedPart, OutsideRange, SortedColumn, contingency_levels, most_changed_part, outside_range,
    steps,
};

/// Maximum number of characters of a level that a sentence shows.
const SHOWN_CHARACTERS: usize = 60;

/// Check of the part of a column that changed most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartCheck {
    /// The part.
    pub part: Part,
    /// Values with the part: reference, then current file.
    pub counts: [u64; 2],
    /// Its check. The p-value is corrected for the choice among all parts of the column.
    pub check: Check,
}

/// A part of the values of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ColumnPart")]
pub enum Part {
    /// One level. The empty text stands for all levels without a name of their own.
    Level(String),
    /// One number.
    Value(f64),
    /// The numbers well outside the range of the reference, measured in its standard deviations.
    OutsideRange {
        /// How many are below the smallest value of the reference.
        below: u64,
        /// How many are above the largest value of the reference.
        above: u64,
    },
}

/// Checks the level whose share changed most: one that is significant at `level` and matters, if there is
/// one. `None` if no level is frequent enough.
pub(super) fn check_part_of_levels(
    reference: &Levels,
    current: &Levels,
    level: f64,
) -> Option<PartCheck> {
    if reference.uncounted + current.uncounted > 0 {
        return None;
    }
    let rows = [reference.rows(), current.rows()];
    let levels = contingency_levels(&reference.counts, &current.counts);
    let matters = |counts, rows| matters(counts, rows, min_change_of_level(counts, rows));
    let ChangedPart {
        part,
        counts,
        p_value,
        min_p_value,
    } = most_changed_part(levels, level, matters)?;
    Some(PartCheck::new(
        Part::Level(part.clone()),
        (counts, rows),
        (Test::Fisher, [p_value, min_p_value]),
        min_change_of_level(counts, rows),
    ))
}

/// Checks the numbers outside the range of the reference, and the number whose share changed most.
/// Returns the check with the smaller p-value, which is doubled because two were made. One number
/// is more specific than a range: its check is returned if the number is as frequent and
/// significant at `level`. `None` if a file has no values.
pub(super) fn check_part_of_numbers(
    reference: &SortedColumn,
    current: &SortedColumn,
    level: f64,
) -> Option<PartCheck> {
    let rows = [reference.count(), current.count()];
    let OutsideRange {
        below,
        above,
        p_value,
        min_p_value,
    } = outside_range(reference, current, MIN_DISTANCE)?;
    let outside = PartCheck::new(
        Part::OutsideRange { below, above },
        ([0, below + above], rows),
        (Test::Range, [p_value, min_p_value]),
        MIN_NEW_SHARE,
    );
    let mut before = [0, 0];
    let values = steps(reference, current).map(|step| {
        let counts = [step.first - before[0], step.second - before[1]];
        before = [step.first, step.second];
        (step.value, counts)
    });
    let matters = |counts, rows| matters(counts, rows, min_change_of_value(counts, rows));
    let value = most_changed_part(values, level, matters);
    // JSON has no infinity, so an infinity is not named as a part. It counts as outside the range
    // of a finite reference.
    let Some(value) = value.filter(|found| found.part.is_finite()) else {
        return Some(outside);
    };
    let value_min = value.min_p_value;
    let value = PartCheck::new(
        Part::Value(value.part),
        (value.counts, rows),
        (Test::Fisher, [value.p_value, value.min_p_value]),
        min_change_of_value(value.counts, rows),
    );
    let order = |it: &PartCheck| {
        let p_value = it.check.p_value.unwrap_or(1.0);
        let is_drift = 2.0 * p_value < level && it.has_an_effect();
        (!is_drift, p_value)
    };
    let (one, other) = (order(&outside), order(&value));
    let is_first = one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)).is_le();
    let is_one_number = value.counts[1] >= outside.counts[1] && !other.0 && 2.0 * other.1 < level;
    let mut found = match is_first && !is_one_number {
        true => outside,
        false => value,
    };
    // Two tests were made, and either could have given the smaller p-value.
    let doubled = |p_value: Option<f64>| p_value.map(|p_value| (2.0 * p_value).min(1.0));
    found.check.min_p_value = doubled(Some(min_p_value.min(value_min)));
    found.check.p_value = doubled(found.check.p_value);
    Some(found)
}

/// The smallest change of the share of a level that matters. Any change matters for a level that
/// the reference does not have.
fn min_change_of_level(counts: [u64; 2], rows: [u64; 2]) -> f64 {
    match counts[0] {
        0 => 0.0,
        _ => min_change(counts, rows),
    }
}

/// The smallest change of the share of a number that matters.
fn min_change_of_value(counts: [u64; 2], rows: [u64; 2]) -> f64 {
    match counts[0] {
        0 => MIN_NEW_SHARE,
        _ => min_change(counts, rows),
    }
}

/// The smallest change of a share that matters: two in a hundred rows, and a tenth of the standard
/// deviation √(p(1 − p)) of having the part or not.
fn min_change([before, _]: [u64; 2], [n, _]: [u64; 2]) -> f64 {
    let share = before as f64 / n as f64;
    MIN_PART_SHARE.max(MIN_DISTANCE * (share * (1.0 - share)).sqrt())
}

fn matters(counts: [u64; 2], rows: [u64; 2], min_change: f64) -> bool {
    change_of_share(counts, rows).abs() >= min_change
}

fn change_of_share(counts: [u64; 2], rows: [u64; 2]) -> f64 {
    let [before, now] = [0, 1].map(|side| counts[side] as f64 / rows[side] as f64);
    now - before
}

impl PartCheck {
    fn new(
        part: Part,
        (counts, rows): ([u64; 2], [u64; 2]),
        (test, [p_value, min_p_value]): (Test, [f64; 2]),
        min_effect: f64,
    ) -> Self {
        Self {
            part,
            counts,
            check: Check {
                method: Some(Method::Exact),
                p_value: Some(p_value),
                min_p_value: Some(min_p_value),
                effect: Some(change_of_share(counts, rows)),
                ..untested_check(test, Unit::ValueShare, min_effect, rows)
            },
        }
    }

    fn has_an_effect(&self) -> bool {
        let effect = self.check.effect.unwrap_or(0.0);
        effect.abs() >= self.check.min_effect
    }

    /// Shares of the values with the part, in percent: reference, then current file.
    fn percent(&self) -> [String; 2] {
        [0, 1].map(|side: usize| {
            let rows = self.check.rows[side].max(1);
            two_digits(self.counts[side] as f64 * 100.0 / rows as f64)
        })
    }

    /// What changed, as a sentence about the column `name`. Without `with_values`, neither a level
    /// nor a number is named.
    pub(crate) fn change_in_words(&self, name: &str, with_values: bool) -> String {
        let [before, now] = self.percent();
        let shown = |value: String, other: &str| match with_values {
            true => value,
            false => other.to_owned(),
        };
        match &self.part {
            Part::OutsideRange { below, above } => {
                let sides = match (below, above) {
                    (0, _) => "above the range".to_owned(),
                    (_, 0) => "below the range".to_owned(),
                    (below, above) => format!(
                        "outside the range ({} below, {} above)",
                        count(*below),
                        count(*above)
                    ),
                };
                format!("{now} % of the values of {name} are {sides} of the reference")
            }
            Part::Level(level) if self.counts[0] == 0 => match level.as_str() {
                "" => format!("{name} has new levels: {now} % of the values"),
                level => {
                    let level = shown(format!(" {:?}", shortened(level)), "");
                    format!("{name} has a new level{level}: {now} % of the values")
                }
            },
            Part::Level(level) => {
                let level = match level.as_str() {
                    "" => "all other levels".to_owned(),
                    level => shown(format!("{:?}", shortened(level)), "one level"),
                };
                format!(
                    "the share of {level} among the values of {name} has moved from {before} % to {now} %"
                )
            }
            Part::Value(value) => {
                let value = shown(format!("the number {value}"), "one number");
                format!(
                    "the share of {value} among the values of {name} has moved from {before} % to {now} %"
                )
            }
        }
    }

    /// The result as a sentence about the column `name`.
    pub(super) fn sentence(&self, name: &str, respelled: &Respelled) -> String {
        let check = &self.check;
        let [reference, current] = check.rows;
        let from = match check.min_effect {
            0.0 => String::new(),
            floor => format!(" and from a change of {} % on", two_digits(floor * 100.0)),
        };
        let made = format!(
            "{} of {reference} and {current}, p {}, corrected {}; drift is below {CHECK_LEVEL}{from}",
            check.test,
            p_text(check.p_value),
            p_text(check.corrected_p_value),
        );
        let change = self.change_in_words(name, true);
        let spelling = respelled.in_words();
        let spelling = spelling.map_or_else(String::new, |it| format!("; {it}"));
        match check.verdict {
            Verdict::Drift => format!("{change} ({made}){spelling}"),
            Verdict::Ok if check.is_significant_but_small() => {
                format!("{change}, which is too little to matter ({made}){spelling}")
            }
            Verdict::Ok => format!(
                "no part of the values of {name} has become significantly more or less frequent ({made}){spelling}"
            ),
            Verdict::InsufficientData => format!(
                "{} and {} are too few to tell whether a part of the values of {name} has moved ({made}){spelling}",
                count(reference),
                counted(current, "value")
            ),
        }
    }
}

/// The beginning of a long level.
pub(super) fn shortened(level: &str) -> String {
    match level.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &level[..end]),
        None => level.to_owned(),
    }
}
