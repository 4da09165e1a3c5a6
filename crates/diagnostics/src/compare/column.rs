//! The comparison of one column, as numbers or as categories.

use std::collections::BTreeMap;

use dataset::{Levels, level_code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{Check, CheckKind, Test, Unit, Verdict, correct};
use super::column_checks::{
    check_categories, check_missing, check_number_share, check_numbers, untested_check,
    why_untested_levels,
};
use super::histogram::{Histogram, histogram_of_levels, histogram_of_numbers};
use super::limits::{ALPHA, MIN_DISTANCE, MIN_MISSING, MIN_PART_SHARE};
use super::part::{PartCheck, check_part_of_levels, check_part_of_numbers};
use super::respelled::Respelled;
use super::sentence::{SentenceFacts, sentence};
use super::unlike::{unlike_share_of_levels, unlike_share_of_numbers};
use crate::statistics::{
    JointKind, SortedColumn, StabilityIndex, Tally, rarest_split, stability_index,
};

/// Maximum number of levels of each file whose names are kept for the joint test: the most frequent
/// ones.
const NAMED_LEVELS: usize = 200;

/// The comparison of one column of two files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnComparison {
    /// Name of the column.
    pub name: String,
    /// The worst verdict of the checks; insufficient data if nothing drifted and the distribution was
    /// not tested.
    pub verdict: Verdict,
    /// How the column was compared.
    pub kind: Kind,
    /// Cells of reference and current file that are text in a column of numbers. They count as
    /// missing.
    pub unreadable: [u64; 2],
    /// Why the distribution was not tested; `None` if it was, or if there are too few values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untested: Option<String>,
    /// How a column changed that has a single value in the reference. Its spread is 0, so a
    /// distance in standard deviations is undefined. `None` if the column still has only this
    /// value, or if the reference has several values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_constant: Option<String>,
    /// Check of the distribution of the values.
    pub distribution: Check,
    /// Check of the share of missing values.
    pub missing: Check,
    /// Check of the part of the values whose share changed most: a level, a number, or the numbers
    /// outside the range of the reference. `None` if no part is frequent enough, and in records of
    /// older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartCheck>,
    /// Share of the present values of the current file that are unlike any value of the reference.
    /// Such a value is outside the range of the reference, or it is a level or a frequent number
    /// that the reference does not have. The share of levels that are new by chance is subtracted.
    /// `None` if the share is unknown, and in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlike_share: Option<f64>,
    /// The most frequent levels that the reference has only in another spelling.
    #[serde(default, skip_serializing_if = "Respelled::is_empty")]
    pub respelled: Respelled,
    /// Population stability index of numbers. It is shown, and does not influence the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stability: Option<StabilityIndex>,
    /// Share of the cells that are missing: reference, then current file. `None` for a file without
    /// rows, and in records of older programs.
    #[serde(default)]
    pub missing_shares: [Option<f64>; 2],
    /// Shares of the present values by bin. `None` if the distribution is not compared by values,
    /// if a file has no values, and in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
}

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ColumnKind")]
pub enum Kind {
    /// As numbers: the values of both files are numbers.
    Number,
    /// As categories: the values of both files are text.
    Category,
    /// By the share of cells that are numbers: only one of the files has numbers.
    Mixed,
    /// By the share of missing values only: the cells are dates, or each file writes numbers in its
    /// own format.
    Untested,
}

/// A column of both files, reference first.
pub(crate) struct ColumnPair {
    pub(super) name: String,
    unreadable: [u64; 2],
    /// Missing and present values of all reference rows, where the cells are a sample of these
    /// rows.
    reference_tally: Option<Tally>,
    /// False if a client may have several rows.
    are_rows_independent: bool,
    values: Values,
    /// Codes of a category's levels by row, for the joint test; NaN is a missing value.
    codes: Option<[Vec<f64>; 2]>,
}

/// The cells of a column by row.
pub(super) struct CellsByRow<'a> {
    /// True if they are codes of levels.
    pub(super) is_category: bool,
    /// Cells of reference and current file; NaN is a missing value.
    pub(super) sides: [&'a [f64]; 2],
}

/// The cells of a column, reference first.
enum Values {
    /// Values by row; NaN is a missing value.
    Numbers([Vec<f64>; 2]),
    /// Counts of the levels.
    Categories([Levels; 2]),
    /// Numbers and texts of each file, and the missing cells of each file.
    Mixed([Tally; 2], [u64; 2]),
    /// Missing and present cells of each file, and why the values are not compared.
    Untested([Tally; 2], String),
}

impl ColumnPair {
    /// A column that both files hold as numbers.
    pub(crate) fn numbers(name: &str, unreadable: [u64; 2], numbers: [Vec<f64>; 2]) -> Self {
        Self {
            name: name.to_owned(),
            unreadable,
            reference_tally: None,
            are_rows_independent: true,
            values: Values::Numbers(numbers),
            codes: None,
        }
    }

    /// A column that both files hold as categories.
    pub(crate) fn categories(name: &str, levels: [Levels; 2]) -> Self {
        Self {
            name: name.to_owned(),
            // Every text is a valid level.
            unreadable: [0, 0],
            reference_tally: None,
            are_rows_independent: true,
            values: Values::Categories(levels),
            codes: None,
        }
    }

    /// A column that only one file holds as numbers. Levels say nothing about numbers that all
    /// differ, so the files are compared by the share of cells that are numbers.
    pub(super) fn mixed(
        name: &str,
        rows: [u64; 2],
        readable: [u64; 2],
        unreadable: [u64; 2],
    ) -> Self {
        let tallies = [0, 1].map(|side| Tally {
            with: readable[side],
            without: unreadable[side],
        });
        let missing = [0, 1].map(|side| rows[side].saturating_sub(tallies[side].rows()));
        Self {
            name: name.to_owned(),
            unreadable: [0, 0],
            reference_tally: None,
            are_rows_independent: true,
            values: Values::Mixed(tallies, missing),
            codes: None,
        }
    }

    /// A column whose values cannot be compared for this reason. `present` counts the cells that are
    /// not missing.
    pub(super) fn untested(name: &str, rows: [u64; 2], present: [u64; 2], reason: String) -> Self {
        let tallies = [0, 1].map(|side| Tally {
            with: rows[side].saturating_sub(present[side]),
            without: present[side],
        });
        Self {
            name: name.to_owned(),
            unreadable: [0, 0],
            reference_tally: None,
            are_rows_independent: true,
            values: Values::Untested(tallies, reason),
            codes: None,
        }
    }

    /// Replaces the reference's counts of missing values by those of all rows that its cells were
    /// sampled from.
    pub(crate) fn with_missing(self, reference_tally: Tally) -> Self {
        Self {
            reference_tally: Some(reference_tally),
            ..self
        }
    }

    /// The same column, marked as having several rows of one client.
    pub(crate) fn with_repeated_clients(self) -> Self {
        Self {
            are_rows_independent: false,
            ..self
        }
    }

    /// The same category with the codes of its levels by row.
    pub(crate) fn with_codes(self, codes: [Vec<f64>; 2]) -> Self {
        Self {
            codes: Some(codes),
            ..self
        }
    }

    /// The cells by row; `None` if they are not known.
    pub(super) fn cells_by_row(&self) -> Option<CellsByRow<'_>> {
        let (is_category, [reference, current]) = match (&self.values, &self.codes) {
            (Values::Numbers(cells), _) => (false, cells),
            (Values::Categories(_), Some(codes)) => (true, codes),
            _ => return None,
        };
        Some(CellsByRow {
            is_category,
            sides: [reference, current],
        })
    }

    /// Names of the most frequent levels by their codes; empty for numbers.
    pub(super) fn frequent_levels(&self) -> BTreeMap<u64, String> {
        let Values::Categories(levels) = &self.values else {
            return BTreeMap::new();
        };
        let by_rows = |levels: &Levels| {
            let counts = levels.counts.iter();
            let mut counts: Vec<(u64, String)> =
                counts.map(|(level, rows)| (*rows, level.clone())).collect();
            counts.sort_unstable_by(|a, b| b.cmp(a));
            counts.truncate(NAMED_LEVELS);
            counts
        };
        let frequent = levels.iter().flat_map(by_rows);
        // The empty text stands for levels without a name.
        let named = frequent.filter(|(_, level)| !level.is_empty());
        named
            .map(|(_, level)| (level_code(&level) as u64, level))
            .collect()
    }

    /// Compares both files.
    ///
    /// The part that changed most is checked only if each client has one row: the rows of one client may
    /// all have a level or a number that no other client has.
    ///
    /// `columns` is the number of columns that are compared. With more columns, the test must be able to give
    /// smaller p-values.
    pub(super) fn compare(self, columns: usize) -> ColumnComparison {
        let level = CheckKind::Part.level(columns);
        let are_independent = self.are_rows_independent;
        let mut untested = None;
        let mut was_constant = None;
        let mut histogram = None;
        let mut part = None;
        let mut unlike_share = None;
        let mut respelled = Respelled::default();
        let (kind, distribution, stability, tallies) = match self.values {
            Values::Numbers([reference, current]) => {
                let [reference, current] = [reference, current].map(SortedColumn::from);
                was_constant = change_of_constant(&reference, &current);
                histogram = histogram_of_numbers(&reference, &current);
                part = are_independent
                    .then(|| check_part_of_numbers(&reference, &current, level))
                    .flatten();
                unlike_share = are_independent
                    .then(|| unlike_share_of_numbers(&reference, &current))
                    .flatten();
                (
                    Kind::Number,
                    check_numbers(&reference, &current),
                    stability_index(&reference, &current, ALPHA),
                    [&reference, &current].map(|column| Tally {
                        with: column.missing(),
                        without: column.count(),
                    }),
                )
            }
            Values::Categories(levels) => {
                histogram = histogram_of_levels(&levels[0], &levels[1]);
                part = are_independent
                    .then(|| check_part_of_levels(&levels[0], &levels[1], level))
                    .flatten();
                unlike_share = are_independent
                    .then(|| unlike_share_of_levels(&levels[0], &levels[1]))
                    .flatten();
                let level = CheckKind::Distribution.level(columns);
                let check = check_categories(&levels[0], &levels[1], level, are_independent);
                untested = why_untested_levels(&levels[0], &levels[1], &check);
                respelled = Respelled::of(&levels[0].counts, &levels[1].counts);
                (
                    Kind::Category,
                    check,
                    None,
                    [&levels[0], &levels[1]].map(|levels| Tally {
                        with: levels.missing,
                        without: levels.rows(),
                    }),
                )
            }
            Values::Mixed(readable, missing) => (
                Kind::Mixed,
                check_number_share(readable),
                None,
                [0, 1].map(|side| Tally {
                    with: missing[side],
                    without: readable[side].rows(),
                }),
            ),
            Values::Untested(tallies, reason) => {
                untested = Some(reason);
                let check = untested_check(
                    Test::KolmogorovSmirnov,
                    Unit::StandardDeviations,
                    MIN_DISTANCE,
                    tallies.map(|tally| tally.without),
                );
                (Kind::Untested, check, None, tallies)
            }
        };
        let tallies = [self.reference_tally.unwrap_or(tallies[0]), tallies[1]];
        ColumnComparison {
            name: self.name,
            verdict: Verdict::InsufficientData,
            kind,
            unreadable: self.unreadable,
            untested,
            was_constant,
            distribution,
            missing: check_missing(tallies, are_independent),
            part,
            unlike_share,
            respelled,
            stability,
            missing_shares: tallies.map(|tally| tally.share()),
            histogram,
        }
    }
}

/// How a column changed that has a single value in the reference; `None` for any other column.
fn change_of_constant(reference: &SortedColumn, current: &SortedColumn) -> Option<String> {
    let only = |column: &SortedColumn| match (column.present().first(), column.present().last()) {
        (Some(first), Some(last)) if first == last => Some(*first),
        _ => None,
    };
    let before = only(reference)?;
    match only(current) {
        Some(now) if now == before => None,
        Some(now) => Some(format!("it was always {before} and is always {now} now")),
        None if current.count() == 0 => None,
        None => Some(format!("it was always {before} and is not now")),
    }
}

impl ColumnComparison {
    /// True if the column has drifted and many of its values are levels that the reference does not have.
    pub(super) fn has_new_levels(&self) -> bool {
        let is_new = self.unlike_share.is_some_and(|it| it >= MIN_PART_SHARE);
        self.kind == Kind::Category && self.verdict == Verdict::Drift && is_new
    }

    /// The checks of the column.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        let part = self.part.iter().map(|part| &part.check);
        [&self.distribution, &self.missing].into_iter().chain(part)
    }

    /// True if the sentence about a part says how the distribution has changed: it names the levels whose
    /// shares have changed, or the distribution of all numbers but the named ones is the same.
    pub(crate) fn is_reported_by_part(&self) -> bool {
        let part = self.part.iter();
        let mut drifted = part.filter(|part| part.check.verdict == Verdict::Drift);
        drifted.any(|part| self.kind == Kind::Category || part.is_whole_change)
    }

    /// True if a sentence about this column already says what the joint test found about it. No such sentence
    /// says anything about a relation to other columns.
    pub(super) fn says(&self, kind: JointKind, is_missing: bool) -> bool {
        let is_drift = |check: &Check| check.verdict == Verdict::Drift;
        match kind {
            JointKind::Location | JointKind::Spread => is_drift(&self.distribution),
            JointKind::Shares if is_missing => is_drift(&self.missing),
            JointKind::Shares => is_drift(&self.distribution) || self.is_reported_by_part(),
            JointKind::Relation => false,
        }
    }

    /// Rows of both files with and without a missing value.
    fn missing_in_both(&self) -> Tally {
        let rows = self.missing.rows;
        let with = [0, 1].map(|side: usize| {
            let share = self.missing_shares[side].unwrap_or(0.0);
            (share * rows[side] as f64).round() as u64
        });
        let with = with.iter().sum();
        Tally {
            with,
            without: rows.iter().sum::<u64>().saturating_sub(with),
        }
    }

    /// Sets the column's verdict and the sentences of its checks. All checks must have their
    /// verdicts. A column whose distribution was not tested is not ok.
    pub(super) fn conclude(&mut self) {
        self.verdict = match (self.distribution.verdict, self.missing.verdict) {
            (Verdict::InsufficientData, Verdict::Ok) => Verdict::InsufficientData,
            (distribution, missing) => Verdict::worst([distribution, missing]),
        };
        if let Some(part) = &mut self.part {
            part.check.sentence = part.sentence(&self.name, &self.respelled);
            if part.check.verdict == Verdict::Drift {
                self.verdict = Verdict::Drift;
            }
        }
        let facts = SentenceFacts {
            kind: self.kind,
            untested: self.untested.as_deref(),
            was_constant: self.was_constant.as_deref(),
        };
        let of_missing = SentenceFacts {
            untested: None,
            was_constant: None,
            ..facts
        };
        self.distribution.sentence = sentence(&self.name, &self.distribution, facts);
        self.missing.sentence = sentence(&self.name, &self.missing, of_missing);
    }
}

/// Corrects the p-values of all columns for the number of checks, and sets the verdict and the sentences of each
/// check and column.
///
/// Missing values in one column do not change the correction of the distribution or of a part of another one.
pub(super) fn correct_and_conclude(columns: &mut [ColumnComparison]) {
    let distributions = columns.iter_mut().map(|it| Some(&mut it.distribution));
    CheckKind::Distribution.correct(distributions.collect());
    let parts = columns.iter_mut();
    let parts = parts.map(|it| it.part.as_mut().map(|part| &mut part.check));
    CheckKind::Part.correct(parts.collect());
    correct_missing(columns);
    columns.iter_mut().for_each(ColumnComparison::conclude);
}

/// Columns with few missing values get this share of the significance level of all checks of missing values,
/// if other columns have many missing values.
///
/// If few values are missing, one row more or less decides whether a fault is found. If many values are
/// missing, the smallest change that is found hardly depends on the level.
const SHARE_WHERE_FEW_ARE_MISSING: f64 = 2.0 / 3.0;

/// Corrects the p-values of the checks of missing values.
///
/// The groups of columns follow from the missing values of both files together, which say nothing about a
/// change. So the correction stays valid. A column counts only if its missing values could be drift, that
/// is, if all of them in one file would be significant.
fn correct_missing(columns: &mut [ColumnComparison]) {
    let (mut few, mut many, mut none) = (Vec::new(), Vec::new(), Vec::new());
    for column in columns {
        let missing = column.missing_in_both();
        let rarest = rarest_split(column.missing.rows, missing.with);
        let group = match missing.share() {
            _ if rarest >= CheckKind::Missing.level(1) => &mut none,
            Some(share) if share < MIN_MISSING => &mut few,
            _ => &mut many,
        };
        group.push(Some(&mut column.missing));
    }
    let share = CheckKind::Missing.share();
    let of_few = match (few.is_empty(), many.is_empty()) {
        (_, true) => 1.0,
        (true, _) => 0.0,
        (false, false) => SHARE_WHERE_FEW_ARE_MISSING,
    };
    correct(share * of_few, few);
    correct(share * (1.0 - of_few), many);
    for check in none {
        // No correction makes such a p-value significant.
        correct(share, vec![check]);
    }
}
