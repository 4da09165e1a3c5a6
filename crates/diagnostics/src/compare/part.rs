//! The check of the part of a column that changed most: one level, one number, or the numbers
//! outside the range of the reference.
//!
//! A distribution may stay nearly the same while a few rows are wrong: a new level, a placeholder
//! such as -999, or numbers in another unit. The check of such a part finds a fault that the test
//! of the distribution misses.

use common::is_invisible;
use common::numbers::{count, counted, two_digits};
use dataset::Levels;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{Check, Method, Test, Unit, Verdict};
use super::column_checks::untested_check;
use super::limits::{MIN_DISTANCE, MIN_NEW_SHARE, MIN_PART_SHARE};
use super::respelled::Respelled;
use super::sentence::made_in_words;
use crate::statistics::{
    ChangedPart, OutsideRange, SortedColumn, contingency_levels, most_changed_part, outside_range,
    steps, wasserstein,
};

/// Maximum number of characters of a level that a sentence shows.
const SHOWN_CHARACTERS: usize = 60;
/// Maximum number of further parts of a column that are named.
const MAX_FURTHER: usize = 3;
/// Maximum number of further parts of a column that are counted, but not named. Each costs a pass over the
/// values.
const MAX_COUNTED: u64 = 7;
/// A number outside the range of the reference stands out if it is at least this many times as frequent as
/// the numbers that are too many to be named one by one.
const STANDS_OUT: u64 = 3;

/// Check of the part of a column that changed most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartCheck {
    /// The part.
    pub part: Part,
    /// Values with the part: reference, then current file.
    pub counts: [u64; 2],
    /// Check of the part. The p-value is corrected for the choice among all parts of the column.
    pub check: Check,
    /// Further parts that changed, the most significant one first. Each is significant and matters among the
    /// values that have none of the parts before it. Empty in records of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<FurtherPart>,
    /// Number of further parts that changed and are not in `further`. No more than seven are counted. 0 in
    /// records of older programs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
    /// True if the named parts are the whole change: the distribution of the other numbers is the same as
    /// in the reference, or differs too little to matter. False for levels, and in records of older
    /// programs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_whole_change: bool,
}

/// A further part of a column that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FurtherPart {
    /// The part.
    pub part: Part,
    /// Values with the part: reference, then current file.
    pub counts: [u64; 2],
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
    let levels = contingency_levels(&reference.counts, &current.counts);
    let mut levels: Vec<(&String, [u64; 2])> = levels.collect();
    let first = most_changed_level(&levels, level)?;
    let next = |found: &PartCheck| {
        levels.retain(|(name, _)| !matches!(&found.part, Part::Level(level) if level == *name));
        most_changed_level(&levels, level)
    };
    Some(first.with_further(level, next))
}

fn most_changed_level(levels: &[(&String, [u64; 2])], level: f64) -> Option<PartCheck> {
    let rows = levels.iter().fold([0, 0], |[before, now], (_, counts)| {
        [before + counts[0], now + counts[1]]
    });
    let matters = |_, counts, rows| matters(counts, rows, min_change_of_level(counts, rows));
    let ChangedPart {
        part,
        counts,
        p_value,
        min_p_value,
    } = most_changed_part(levels.iter().copied(), level, matters)?;
    Some(PartCheck::new(
        Part::Level(part.clone()),
        (counts, rows),
        (Test::Fisher, [p_value, min_p_value]),
        min_change_of_level(counts, rows),
    ))
}

/// Checks the numbers outside the range of the reference, and the number whose share changed most.
/// Returns the check with the smaller p-value. The p-value is doubled, because two checks were made.
///
/// One number is more specific than a range. The check of a number is therefore returned if it is
/// significant at `level` and matters, and if at least half as many values have this number as are outside
/// the range. The same applies to a number that stands out from the others outside the range. `None` if a
/// file has no values.
pub(super) fn check_part_of_numbers(
    reference: &SortedColumn,
    current: &SortedColumn,
    level: f64,
) -> Option<PartCheck> {
    let first = most_changed_numbers(reference, current, level)?;
    let mut rest: Option<[SortedColumn; 2]> = None;
    let next = |found: &PartCheck| {
        let sides = rest
            .as_ref()
            .map_or([reference, current], |it| it.each_ref());
        let [reference, current] = rest.insert(without_part(sides, &found.part));
        most_changed_numbers(reference, current, level)
    };
    let found = first.with_further(level, next);
    let is_whole_change = found.is_whole_change_of([reference, current], level);
    Some(PartCheck {
        is_whole_change,
        ..found
    })
}

/// The numbers of both files that do not have the part.
fn without_part([reference, current]: [&SortedColumn; 2], part: &Part) -> [SortedColumn; 2] {
    match part {
        Part::OutsideRange { below, above } => {
            let above_from = current.count() - above;
            let is_inside = |place: usize, _| (*below..above_from).contains(&(place as u64));
            [reference.clone(), current.filtered(is_inside)]
        }
        Part::Value(part) => [reference, current].map(|it| it.filtered(|_, value| value != *part)),
        Part::Level(_) => [reference.clone(), current.clone()],
    }
}

fn most_changed_numbers(
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
    let matters = |counts, rows| matters(counts, rows, min_change_of_value(counts, rows));
    let value = most_changed_part(values(reference, current), level, |_, counts, rows| {
        matters(counts, rows)
    });
    // JSON has no infinity, so an infinity is not named as a part. It counts as outside the range
    // of a finite reference.
    let Some(value) = value.filter(|found| found.part.is_finite()) else {
        return Some(outside);
    };
    let value_min = value.min_p_value;
    let check_of = |value: ChangedPart<f64>| {
        PartCheck::new(
            Part::Value(value.part),
            (value.counts, rows),
            (Test::Fisher, [value.p_value, value.min_p_value]),
            min_change_of_value(value.counts, rows),
        )
    };
    let value = check_of(value);
    let order = |it: &PartCheck| {
        let p_value = it.check.p_value.unwrap_or(1.0);
        let is_drift = 2.0 * p_value < level && it.check.has_an_effect();
        (!is_drift, p_value)
    };
    let (one, other) = (order(&outside), order(&value));
    let is_first = one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)).is_le();
    // The numbers outside the range that differ from it are found among the rest.
    let is_one_number = 2 * value.counts[1] >= outside.counts[1] && !other.0;
    let mut found = match is_first && !is_one_number {
        true => {
            let standing_out = numbers_that_stand_out(reference, current, [below, above]);
            let is_wanted = |value: f64| standing_out.contains(&value);
            // All numbers are compared, so that the p-value is corrected for the choice among all.
            let number = standing_out.first().and_then(|_| {
                most_changed_part(values(reference, current), level, |value, counts, rows| {
                    is_wanted(value) && matters(counts, rows)
                })
            });
            let number = number.filter(|it| is_wanted(it.part)).map(check_of);
            number.filter(|it| !order(it).0).unwrap_or(outside)
        }
        false => value,
    };
    // Two tests were made, and either could have given the smaller p-value.
    let doubled = |p_value: Option<f64>| p_value.map(|p_value| (2.0 * p_value).min(1.0));
    found.check.min_p_value = doubled(Some(min_p_value.min(value_min)));
    found.check.p_value = doubled(found.check.p_value);
    Some(found)
}

/// The numbers of both files, with their counts, in ascending order.
fn values<'c>(
    reference: &'c SortedColumn,
    current: &'c SortedColumn,
) -> impl Iterator<Item = (f64, [u64; 2])> {
    let mut before = [0, 0];
    steps(reference, current).map(move |step| {
        let counts = [step.first - before[0], step.second - before[1]];
        before = [step.first, step.second];
        (step.value, counts)
    })
}

/// The numbers outside the range of the reference that are frequent by themselves, such as a placeholder among
/// numbers in another unit: at most as many as can be named. `below` and `above` are the numbers of values on
/// each side.
///
/// A number stands out if it is three times as frequent as the most frequent one on its side that cannot be
/// named any more. Where many numbers are as frequent as each other, the range says more.
fn numbers_that_stand_out(
    reference: &SortedColumn,
    current: &SortedColumn,
    [below, above]: [u64; 2],
) -> Vec<f64> {
    let above_from = current.count() - above;
    let mut most_frequent: [Vec<(u64, f64)>; 2] = [Vec::new(), Vec::new()];
    let mut place = 0;
    for (value, [_, count]) in values(reference, current) {
        let side = match place {
            place if place < below => Some(0),
            place if place >= above_from => Some(1),
            _ => None,
        };
        place += count;
        if let Some(side) = side.filter(|_| count > 1) {
            let numbers: &mut Vec<(u64, f64)> = &mut most_frequent[side];
            numbers.push((count, value));
            numbers.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
            numbers.truncate(MAX_FURTHER + 2);
        }
    }
    let of_side = most_frequent.into_iter().flat_map(|numbers| {
        let unnamed = numbers.get(MAX_FURTHER + 1).map_or(0, |it| it.0);
        let standing_out = numbers.into_iter().take(MAX_FURTHER + 1);
        standing_out.filter(move |(count, _)| *count >= STANDS_OUT * unnamed)
    });
    of_side
        .map(|(_, value)| value)
        .filter(|it| it.is_finite())
        .collect()
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
            further: Vec::new(),
            more: 0,
            is_whole_change: false,
            check: Check {
                method: Some(Method::Exact),
                p_value: Some(p_value),
                min_p_value: Some(min_p_value),
                effect: Some(change_of_share(counts, rows)),
                ..untested_check(test, Unit::ValueShare, min_effect, rows)
            },
        }
    }

    /// True if the part is significant at `level` and matters.
    fn is_drift(&self, level: f64) -> bool {
        self.check.p_value.is_some_and(|p| p < level) && self.check.has_an_effect()
    }

    /// True if the part is drift, and the numbers that have none of the named parts differ by less than
    /// matters.
    fn is_whole_change_of(&self, sides: [&SortedColumn; 2], level: f64) -> bool {
        if !self.is_drift(level) {
            return false;
        }
        let further = self.further.iter().map(|it| &it.part);
        let rest = further.fold(without_part(sides, &self.part), |rest, part| {
            without_part(rest.each_ref(), part)
        });
        let distance = wasserstein(&rest[0], &rest[1]);
        distance.is_some_and(|it| it.normalised < MIN_DISTANCE)
    }

    /// Adds the further parts that are significant at `level` and matter. `next` returns the part that changed
    /// most among the values that have neither the given part nor one before it.
    fn with_further(mut self, level: f64, mut next: impl FnMut(&Self) -> Option<Self>) -> Self {
        let mut last = self.is_drift(level).then(|| next(&self)).flatten();
        while let Some(found) = last.filter(|it| it.is_drift(level) && self.more < MAX_COUNTED) {
            last = next(&found);
            let PartCheck { part, counts, .. } = found;
            match self.further.len() < MAX_FURTHER {
                true => self.further.push(FurtherPart { part, counts }),
                false => self.more += 1,
            }
        }
        self
    }

    /// What changed, as a sentence about the column `name`. Without `with_values`, neither a level
    /// nor a number is named.
    pub(crate) fn change_in_words(&self, name: &str, with_values: bool) -> String {
        let shares = shares_in_percent(self.counts, self.check.rows);
        let [before, now] = &shares;
        let subject = self.part.in_words(with_values);
        let sentence = match &self.part {
            Part::OutsideRange { .. } => format!("{now} % of the values of {name} are {subject}"),
            Part::Level(level) if self.counts[0] == 0 && level.is_empty() => {
                format!("{name} has new levels: {now} % of the values")
            }
            Part::Level(_) if self.counts[0] == 0 => {
                let level = if with_values {
                    format!(" {subject}")
                } else {
                    String::new()
                };
                format!("{name} has a new level{level}: {now} % of the values")
            }
            Part::Level(_) | Part::Value(_) => format!(
                "the share of {subject} among the values of {name} has moved from {before} % to {now} %"
            ),
        };
        let rows = self.check.rows;
        let mut further: Vec<String> = match with_values {
            true => self.further.iter().map(|it| it.in_words(rows)).collect(),
            false => groups_in_words(&self.further, rows),
        };
        match self.more {
            _ if further.is_empty() => return sentence,
            0 => {}
            MAX_COUNTED => further.push(format!("and at least {MAX_COUNTED} more")),
            more => further.push(format!("and {} more", count(more))),
        }
        format!("{sentence}; also: {}", further.join(", "))
    }

    /// The result as a sentence about the column `name`.
    pub(super) fn sentence(&self, name: &str, respelled: &Respelled) -> String {
        let check = &self.check;
        let [reference, current] = check.rows;
        let made = made_in_words(check);
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

impl FurtherPart {
    /// The change as a part of a sentence. `rows` are the values of both files.
    fn in_words(&self, rows: [u64; 2]) -> String {
        let [before, now] = shares_in_percent(self.counts, rows);
        let subject = self.part.in_words(true);
        match &self.part {
            Part::OutsideRange { .. } => format!("{now} % of the values {subject}"),
            Part::Level(level) if self.counts[0] == 0 && level.is_empty() => {
                format!("new levels ({now} %)")
            }
            Part::Level(_) if self.counts[0] == 0 => {
                format!("the new level {subject} ({now} %)")
            }
            Part::Level(_) | Part::Value(_) => {
                format!("the share of {subject} (from {before} % to {now} %)")
            }
        }
    }
}

/// What parts that are not named have in common.
#[derive(Clone, Copy, PartialEq)]
enum PartGroup {
    OutsideRange,
    NewLevel,
    /// A level; true if its share has grown.
    Level(bool),
    /// A number; true if its share has grown.
    Value(bool),
}

impl PartGroup {
    fn of(part: &FurtherPart, rows: [u64; 2]) -> Self {
        let has_grown = change_of_share(part.counts, rows) > 0.0;
        match part.part {
            Part::OutsideRange { .. } => Self::OutsideRange,
            Part::Level(_) if part.counts[0] == 0 => Self::NewLevel,
            Part::Level(_) => Self::Level(has_grown),
            Part::Value(_) => Self::Value(has_grown),
        }
    }

    /// The parts in words: their number, and the sum of their shares.
    fn in_words(self, parts: &[&FurtherPart], rows: [u64; 2]) -> String {
        let counts = parts.iter().fold([0, 0], |[before, now], part| {
            [before + part.counts[0], now + part.counts[1]]
        });
        let [before, now] = shares_in_percent(counts, rows);
        let moved = |one: &str, several: &str| match parts.len() {
            1 => format!("the share of one {one} (from {before} % to {now} %)"),
            n => format!("the shares of {n} {several} (together from {before} % to {now} %)"),
        };
        match (self, parts) {
            (Self::OutsideRange, [part]) => {
                format!("{now} % of the values {}", part.part.in_words(false))
            }
            (Self::OutsideRange, _) => {
                format!("{now} % of the values outside the range of the reference")
            }
            (Self::NewLevel, [part]) if part.part != Part::Level(String::new()) => {
                format!("a new level ({now} %)")
            }
            (Self::NewLevel, [_]) => format!("new levels ({now} %)"),
            (Self::NewLevel, _) => {
                format!("{} new levels (together {now} %)", parts.len())
            }
            (Self::Level(_), _) => moved("level", "levels"),
            (Self::Value(_), _) => moved("number", "numbers"),
        }
    }
}

/// The changes of parts without their names. Parts of a kind have the same words, so a sentence has their
/// number and the sum of their shares.
fn groups_in_words(parts: &[FurtherPart], rows: [u64; 2]) -> Vec<String> {
    let mut groups: Vec<(PartGroup, Vec<&FurtherPart>)> = Vec::new();
    for part in parts {
        let group = PartGroup::of(part, rows);
        match groups.iter_mut().find(|it| it.0 == group) {
            Some((_, parts)) => parts.push(part),
            None => groups.push((group, vec![part])),
        }
    }
    let groups = groups.iter();
    groups
        .map(|(group, parts)| group.in_words(parts, rows))
        .collect()
}

impl Part {
    /// The part in words. Without `with_values`, neither a level nor a number is named.
    fn in_words(&self, with_values: bool) -> String {
        match self {
            Self::OutsideRange { below: 0, .. } => "above the range of the reference".into(),
            Self::OutsideRange { above: 0, .. } => "below the range of the reference".into(),
            Self::OutsideRange { below, above } => format!(
                "outside the range ({} below, {} above) of the reference",
                count(*below),
                count(*above)
            ),
            Self::Level(level) if level.is_empty() => "all other levels".into(),
            Self::Level(level) if with_values => quoted(level),
            Self::Level(_) => "one level".into(),
            Self::Value(value) if with_values => format!("the number {value}"),
            Self::Value(_) => "one number".into(),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Shares of the values with a part, in percent: reference, then current file.
fn shares_in_percent(counts: [u64; 2], rows: [u64; 2]) -> [String; 2] {
    [0, 1].map(|side: usize| {
        let share = counts[side] as f64 / rows[side].max(1) as f64;
        two_digits(share * 100.0)
    })
}

/// A level in quotes, cut where it is long. Characters that nobody sees are written out, so that levels that
/// differ only in such a character look different.
pub(super) fn quoted(level: &str) -> String {
    let shown = match level.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}", format!("{}…", &level[..end])),
        None => format!("{level:?}"),
    };
    // Rust writes out most of them, but takes some for letters.
    let mut quoted = String::with_capacity(shown.len());
    for character in shown.chars() {
        match is_invisible(character) {
            true => quoted.extend(character.escape_unicode()),
            false => quoted.push(character),
        }
    }
    quoted
}
