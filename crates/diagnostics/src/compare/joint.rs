//! The joint test of all columns: location, spread, relations, and shares.

use std::collections::{BTreeMap, BTreeSet};

use common::numbers::{self, listed, two_digits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Verdict;
use super::column::{CellsByRow, ColumnComparison, ColumnPair};
use super::limits::{
    CHECK_LEVEL, MIN_CORRELATION, MIN_DISTANCE, MIN_PART_SHARE, MIN_SPREAD_CHANGE,
};
use super::part::quoted;
use crate::statistics::{Change, JointColumn, JointKind, KindTest, SampledRows, joint_test};

/// Maximum number of changes that the joint test names for a kind.
const MAX_CHANGES: usize = 5;
/// Maximum number of changed shares of one column that are named, so that a category with many changed
/// levels leaves room for other columns.
const MAX_SHARES_OF_COLUMN: usize = 2;
/// A column counts as nearly constant if its spread has shrunk to less than this part of the spread before.
const CONSTANT_FACTOR: f64 = 0.01;
/// The places of the two ends of the middle of a column, as shares of its values. The quartiles say nothing
/// where half of the values are one number.
const MIDDLE_QUANTILES: [[f64; 2]; 2] = [[0.25, 0.75], [0.05, 0.95]];

/// Result of the joint test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JointCheck {
    /// Names of the tested columns.
    pub columns: Vec<String>,
    /// Numbers of compared rows of reference and current file. Of large files, a random part is
    /// compared.
    #[serde(default)]
    pub rows: [u64; 2],
    /// The smallest p-value that the test can give with these numbers of rows.
    #[serde(
        default,
        rename = "least_p_value",
        skip_serializing_if = "Option::is_none"
    )]
    pub min_p_value: Option<f64>,
    /// Columns whose location was not tested. They have no values, are constant or almost constant, or are
    /// combinations of other columns.
    pub left_out: Vec<String>,
    /// Hotelling's statistic of the location.
    pub statistic: f64,
    /// Degrees of freedom of the location: the number of tested columns of numbers.
    pub degrees: usize,
    /// Probability of a change at least this large without drift: the smallest p-value of a kind.
    pub p_value: f64,
    /// The largest shift of a tested column, in standard deviations of the reference. `None` when a
    /// shift is out of range.
    pub effect: Option<f64>,
    /// The verdict: drift if a kind has drifted.
    pub verdict: Verdict,
    /// The result for each tested kind of change. Empty in records of older programs, which tested the
    /// location only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<JointPart>,
}

/// What the joint test says about one kind of change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JointPart {
    /// What is compared.
    pub kind: JointKind,
    /// The statistic: the sum of the squares of all standardised differences, or the largest difference.
    pub statistic: f64,
    /// Probability of a statistic at least this large without drift, by random splits of the rows; corrected
    /// for the number of kinds.
    pub p_value: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// The significant changes that matter, the most significant one first. Empty unless the verdict is
    /// drift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<JointChange>,
}

/// A change that the joint test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JointChange {
    /// One column, or the two columns of a relation. A relation with a single column is its
    /// relation to all others.
    pub columns: Vec<String>,
    /// The value that changed: reference, then current file. It is a mean normal score, the width
    /// of the middle of the numbers, a correlation, or a share. The width is the distance of the
    /// quartiles, or else of the 5th and the 95th percentile. In records of older programs it is
    /// the standard deviation of the normal scores. `None` for the relation of a category, which
    /// has no single correlation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<[f64; 2]>,
    /// The level whose share changed. `None` for missing values, for other kinds, for a level
    /// without a name, and in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// True if the share of missing values changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_missing: bool,
}

impl JointCheck {
    /// True if the difference is significant, but too small to be drift.
    pub fn is_significant_but_small(&self) -> bool {
        self.p_value < CHECK_LEVEL && self.verdict == Verdict::Ok
    }

    /// What has drifted, in words; empty without drift. Without `with_values`, only columns are named.
    pub fn changes_in_words(&self, with_values: bool) -> Vec<String> {
        if self.verdict != Verdict::Drift {
            return Vec::new();
        }
        if self.parts.is_empty() {
            return vec![format!(
                "the location of {}",
                listed(&self.columns, MAX_CHANGES)
            )];
        }
        let drifted = self.drifted_parts();
        drifted.map(|part| part.in_words(with_values)).collect()
    }

    /// What has drifted beyond the columns for which `is_named` is true, in words without values. A moved
    /// location, a spread, or a share of such a column is left out: a reader already knows that the column
    /// has changed. A relation is not left out, because it is new to the reader.
    pub fn changes_beyond(&self, is_named: impl Fn(&str) -> bool) -> Vec<String> {
        if self.parts.is_empty() {
            return self.changes_in_words(false);
        }
        let is_new = |kind: JointKind, change: &JointChange| {
            kind == JointKind::Relation || !change.columns.iter().all(|it| is_named(it))
        };
        let beyond = self
            .drifted_parts()
            .filter_map(|part| part.with_changes(|change| is_new(part.kind, change)));
        beyond.map(|part| part.in_words(false)).collect()
    }

    /// Drift that no column shows by itself, in words, each part with its p-value. `columns` has the checks
    /// of all columns. Their sentences say the rest.
    pub fn changes_beyond_columns(
        &self,
        columns: &[ColumnComparison],
        with_values: bool,
    ) -> Vec<String> {
        if self.verdict != Verdict::Drift {
            return Vec::new();
        }
        // Older programs tested one part only.
        if self.parts.is_empty() {
            let changes = self.changes_in_words(with_values).into_iter();
            return changes.map(|it| with_p_value(&it, self.p_value)).collect();
        }
        let beyond = self.drifted_parts().filter_map(|part| {
            part.with_changes(|change| {
                let of_change = |it: &&ColumnComparison| change.columns == [it.name.as_str()];
                let column = columns.iter().find(of_change);
                !column.is_some_and(|column| column.says(part.kind, change.is_missing))
            })
        });
        beyond
            .map(|part| with_p_value(&part.in_words(with_values), part.p_value))
            .collect()
    }

    /// What has drifted and concerns a column, except what the sentences of the column say, in words.
    pub fn changes_beyond_column(
        &self,
        column: &ColumnComparison,
        with_values: bool,
    ) -> Vec<String> {
        let name = column.name.as_str();
        if self.parts.is_empty() {
            return self.changes_of(name, with_values);
        }
        let is_new = |part: &JointPart, change: &JointChange| {
            let is_of_column = change.columns.iter().any(|it| it == name);
            let is_reported = change.columns == [name] && column.says(part.kind, change.is_missing);
            is_of_column && !is_reported
        };
        let beyond = self
            .drifted_parts()
            .filter_map(|part| part.with_changes(|change| is_new(part, change)));
        beyond.map(|part| part.in_words(with_values)).collect()
    }

    /// How the spread of a column has changed, in words; `None` if it has not drifted.
    pub(crate) fn spread_in_words(&self, column: &str) -> Option<String> {
        let mut parts = self.drifted_parts();
        let spread = parts.find(|part| part.kind == JointKind::Spread)?;
        let change = spread.changes.iter().find(|it| it.columns == [column])?;
        Some(match change.values {
            Some(values) => match spread_factor(values) {
                Some(factor) => format!("its spread is {factor}"),
                None => "it is nearly constant now".to_owned(),
            },
            None => "its spread has changed".to_owned(),
        })
    }

    /// What has drifted and concerns a column, in words, as in [`Self::changes_in_words`].
    pub fn changes_of(&self, column: &str, with_values: bool) -> Vec<String> {
        if self.parts.is_empty() && self.columns.iter().any(|it| it == column) {
            return self.changes_in_words(with_values);
        }
        let is_of_column = |change: &JointChange| change.columns.iter().any(|it| it == column);
        let of_column = self
            .drifted_parts()
            .filter_map(|part| part.with_changes(is_of_column));
        of_column.map(|part| part.in_words(with_values)).collect()
    }

    fn drifted_parts(&self) -> impl Iterator<Item = &JointPart> {
        self.parts.iter().filter(|it| it.verdict == Verdict::Drift)
    }
}

impl JointPart {
    /// The same part with the changes for which `keep` is true; `None` if there are none.
    fn with_changes(&self, keep: impl Fn(&JointChange) -> bool) -> Option<Self> {
        let changes = self.changes.iter().filter(|change| keep(change));
        let changes: Vec<JointChange> = changes.cloned().collect();
        (!changes.is_empty()).then(|| Self {
            changes,
            ..self.clone()
        })
    }

    /// A changed share without its value. Two levels of a column are named together.
    fn share_of_a_column(&self, change: &JointChange) -> String {
        let levels = self.changes.iter();
        let levels = levels.filter(|it| !it.is_missing && it.columns == change.columns);
        match change.is_missing || levels.count() < 2 {
            true => change.share_in_words(false),
            false => format!("some levels of {}", change.columns.join(" and ")),
        }
    }

    fn in_words(&self, with_values: bool) -> String {
        let changes = self.changes.iter();
        let mut changes: Vec<String> = changes
            .map(|change| match self.kind {
                JointKind::Location => change.columns.join(" and "),
                JointKind::Spread => change.spread_in_words(with_values),
                JointKind::Relation => change.relation_in_words(with_values),
                JointKind::Shares if !with_values => self.share_of_a_column(change),
                JointKind::Shares => change.share_in_words(true),
            })
            .collect();
        // Without values, two levels of a column have the same words.
        let mut said = BTreeSet::new();
        changes.retain(|change| said.insert(change.clone()));
        match self.kind {
            JointKind::Location => format!("the location of {}", changes.join(", ")),
            JointKind::Spread => format!("the spread of {}", changes.join(", ")),
            JointKind::Relation => format!("the relation of {}", changes.join(", of ")),
            JointKind::Shares => format!("the share of {}", changes.join(", of ")),
        }
    }
}

/// How many times as large a spread is; `None` if hardly anything is left of it.
fn spread_factor([before, now]: [f64; 2]) -> Option<String> {
    let factor = now / before;
    (factor >= CONSTANT_FACTOR).then(|| format!("about {} times as large", two_digits(factor)))
}

fn with_p_value(change: &str, p_value: f64) -> String {
    format!("{change} ({})", numbers::p_value(p_value))
}

impl JointChange {
    fn with_shown(
        &self,
        text: String,
        shown: impl Fn([f64; 2]) -> String,
        is_shown: bool,
    ) -> String {
        match self.values.filter(|_| is_shown) {
            Some(values) => format!("{text} ({})", shown(values)),
            None => text,
        }
    }

    fn spread_in_words(&self, with_values: bool) -> String {
        let shown =
            |values| spread_factor(values).unwrap_or_else(|| "nearly constant now".to_owned());
        self.with_shown(self.columns.join(" and "), shown, with_values)
    }

    fn relation_in_words(&self, with_values: bool) -> String {
        let relation = match &self.columns[..] {
            [column] => format!("{column} to the other columns"),
            columns => columns.join(" and "),
        };
        let shown = |values: [f64; 2]| {
            let [before, now] = values.map(|it| format!("{it:.2}"));
            format!("correlation {before}, now {now}")
        };
        self.with_shown(relation, shown, with_values)
    }

    fn share_in_words(&self, with_values: bool) -> String {
        let column = self.columns.join(" and ");
        let part = match (&self.level, self.is_missing) {
            (_, true) => "missing values".to_owned(),
            (Some(level), _) if with_values => quoted(level),
            _ => "a level".to_owned(),
        };
        let shown = |values: [f64; 2]| {
            let [before, now] = values.map(|it| two_digits(it * 100.0));
            format!("{before} %, now {now} %")
        };
        self.with_shown(format!("{part} of {column}"), shown, with_values)
    }
}

/// The cells that the joint test compares: those of all columns for which `is_input` is true.
pub(super) struct JointCells {
    rows: SampledRows,
    columns: Vec<JointColumn>,
    /// Places of the columns among all columns.
    places: Vec<usize>,
    /// Names of the levels of each column by their codes; empty for numbers.
    level_names: Vec<BTreeMap<u64, String>>,
}

impl JointCells {
    /// `None` if no column has cells by row, or if a side has no rows.
    pub(super) fn of(pairs: &[ColumnPair], is_input: impl Fn(&str) -> bool) -> Option<Self> {
        let inputs = pairs.iter().enumerate();
        let inputs = inputs.filter(|(_, pair)| is_input(&pair.name));
        let cells = inputs.filter_map(|(place, pair)| Some((place, pair.cells_by_row()?)));
        let (places, cells): (Vec<usize>, Vec<CellsByRow<'_>>) = cells.unzip();
        // All columns have the rows of the same two files.
        let count = cells.first()?.sides.map(<[f64]>::len);
        let rows = SampledRows::of(count, cells.len())?;
        let column = |cells: &CellsByRow<'_>| JointColumn {
            is_category: cells.is_category,
            cells: rows.cells(cells.sides),
        };
        let columns = cells.iter().map(column).collect();
        let level_names = places.iter().map(|place| pairs[*place].frequent_levels());
        Some(Self {
            level_names: level_names.collect(),
            rows,
            columns,
            places,
        })
    }

    /// Tests all columns jointly. `compared` has all columns. `None` when nothing can be tested.
    pub(super) fn check(&self, compared: &[ColumnComparison]) -> Option<JointCheck> {
        let has_new_levels = self.places.iter();
        let has_new_levels: Vec<bool> = has_new_levels
            .map(|place| compared[*place].has_new_levels())
            .collect();
        let test = joint_test(&self.columns, &has_new_levels, &self.rows)?;
        let name = |column: usize| compared[self.places[column]].name.clone();
        let is_tested =
            |column: &usize| self.columns[*column].is_category || test.tested.contains(column);
        let (tested, left_out): (Vec<usize>, Vec<usize>) =
            (0..self.columns.len()).partition(is_tested);
        let mut distances = test
            .tested
            .iter()
            .map(|column| compared[self.places[*column]].distribution.effect);
        let effect = distances.try_fold(0.0, |largest, distance| Some(distance?.max(largest)));
        let location = test.kinds.iter().find(|it| it.kind == JointKind::Location);
        let moved = location.map_or_else(Vec::new, |it| {
            self.columns_of(self.changes(it, compared, &[]))
        });
        let part = |kind: &KindTest| self.part(kind, compared, &moved, test.min_p_value);
        let parts: Vec<JointPart> = test.kinds.iter().map(part).collect();
        Some(JointCheck {
            rows: self.rows.compared(),
            min_p_value: Some(test.min_p_value),
            columns: tested.into_iter().map(name).collect(),
            left_out: left_out.into_iter().map(name).collect(),
            statistic: location.map_or(0.0, |it| it.statistic),
            degrees: location.map_or(0, |it| it.features),
            p_value: parts.iter().map(|it| it.p_value).fold(1.0, f64::min),
            effect,
            verdict: Verdict::worst(parts.iter().map(|it| it.verdict)),
            parts,
        })
    }
    /// The significant changes of a kind that matter. `moved` has the columns whose location has drifted.
    ///
    /// If the changes are significant only together, the largest one that matters is returned for
    /// all.
    fn changes<'t>(
        &self,
        test: &'t KindTest,
        compared: &[ColumnComparison],
        moved: &[usize],
    ) -> Vec<&'t Change> {
        if test.p_value >= CHECK_LEVEL {
            return Vec::new();
        }
        let column = |place: &usize| &compared[self.places[*place]];
        let has_shifted = |change: &Change| {
            let mut distances = change
                .columns
                .iter()
                .map(|it| column(it).distribution.effect);
            distances.any(|distance| distance.is_none_or(|distance| distance >= MIN_DISTANCE))
        };
        let matters = |change: &&Change| match test.kind {
            JointKind::Location => has_shifted(change),
            kind => matters(kind, change),
        };
        // A moved location also changes the spread of the column's scores, and their relation to
        // all other columns.
        let is_reported = |change: &&Change| match test.kind {
            JointKind::Spread => {
                let column = change.columns[0];
                moved.contains(&column) || self.width(column, change.values) == Width::Small
            }
            JointKind::Relation => change.columns.len() == 1 && moved.contains(&change.columns[0]),
            JointKind::Location | JointKind::Shares => false,
        };
        let mattering: Vec<&Change> = test.changes.iter().filter(matters).collect();
        let is_significant = |change: &&&Change| change.p_value < CHECK_LEVEL;
        let significant = mattering.iter().filter(is_significant).copied();
        let mut changes: Vec<&Change> = significant.collect();
        if changes.is_empty() && test.kind.is_tested_by_sum() {
            changes.extend(mattering.first());
        }
        changes.retain(|change| !is_reported(change));
        changes
    }

    fn columns_of(&self, changes: Vec<&Change>) -> Vec<usize> {
        changes.iter().flat_map(|it| it.columns.clone()).collect()
    }

    /// The verdict on one kind. `moved` has the columns whose location has drifted.
    fn part(
        &self,
        test: &KindTest,
        compared: &[ColumnComparison],
        moved: &[usize],
        min_p_value: f64,
    ) -> JointPart {
        let mut changes = self.changes(test, compared, moved);
        // A relation of two columns is more specific than the relation of one column to all others.
        let paired: Vec<usize> = changes
            .iter()
            .filter(|it| it.columns.len() == 2)
            .flat_map(|it| it.columns.clone())
            .collect();
        changes.retain(|it| it.columns.len() == 2 || !paired.contains(&it.columns[0]));
        let named: Vec<JointChange> = each_column_first(changes)
            .map(|change| {
                let columns = change.columns.iter();
                let columns = columns.map(|it| compared[self.places[*it]].name.clone());
                self.named(test.kind, change, columns.collect())
            })
            .collect();
        JointPart {
            kind: test.kind,
            statistic: test.statistic,
            p_value: test.p_value,
            verdict: match named.is_empty() {
                false => Verdict::Drift,
                // With so few rows even the rarest split of the rows is likely by chance.
                true if min_p_value >= CHECK_LEVEL => Verdict::InsufficientData,
                true => Verdict::Ok,
            },
            changes: named,
        }
    }

    fn named(&self, kind: JointKind, change: &Change, columns: Vec<String>) -> JointChange {
        let first = change.columns[0];
        let is_of_one_category = columns.len() == 1 && self.columns[first].is_category;
        let level = change.level;
        JointChange {
            columns,
            values: match kind {
                JointKind::Spread => match self.width(first, change.values) {
                    Width::Changed(widths) => Some(widths),
                    Width::Small | Width::Unknown => None,
                },
                JointKind::Relation if is_of_one_category => None,
                _ => Some(change.values),
            },
            level: level.and_then(|code| self.level_names[first].get(&code).cloned()),
            is_missing: kind == JointKind::Shares && level.is_none(),
        }
    }

    /// How the width of the middle of a column of numbers changed in the direction of `deviations`, the
    /// standard deviations of the normal scores.
    fn width(&self, column: usize, deviations: [f64; 2]) -> Width {
        let present = [0, 1].map(|side: usize| {
            let cells = self.columns[column].cells[self.rows.side(side)].iter();
            let mut values: Vec<f64> = cells.copied().filter(|cell| !cell.is_nan()).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        });
        let is_wider = |[before, now]: [f64; 2]| now > before;
        let width = |values: &[f64], [low, high]: [f64; 2]| {
            let at = |share: f64| values.get((share * values.len() as f64) as usize).copied();
            Some(at(high)? - at(low)?)
        };
        let mut found = Width::Unknown;
        for ends in MIDDLE_QUANTILES {
            let widths = [0, 1].map(|side: usize| width(&present[side], ends));
            let [Some(before), Some(now)] = widths else {
                continue;
            };
            if !(before.is_finite() && now.is_finite() && before > 0.0) {
                continue;
            }
            let widths = [before, now];
            if is_wider(widths) == is_wider(deviations) && is_large_spread_change(widths) {
                return Width::Changed(widths);
            }
            found = Width::Small;
        }
        found
    }
}

/// How the width of the middle of a column changed.
#[derive(Clone, Copy, PartialEq)]
enum Width {
    /// The widths in reference and current file, which differ enough to matter.
    Changed([f64; 2]),
    /// The change is too small to matter, or has the opposite direction.
    Small,
    /// There is no width to compare: most values are one number, or a width is out of range.
    Unknown,
}

/// The changes to name: the most significant one of each column or pair, then the second one. Only a column
/// with levels or missing values has several: shares.
fn each_column_first(changes: Vec<&Change>) -> impl Iterator<Item = &Change> {
    let mut ranked: Vec<(usize, &Change)> = Vec::new();
    for change in changes {
        let of_same = |(_, earlier): &&(usize, &Change)| earlier.columns == change.columns;
        let rank = ranked.iter().filter(of_same).count();
        ranked.push((rank, change));
    }
    ranked.retain(|(rank, _)| *rank < MAX_SHARES_OF_COLUMN);
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, it)| it).take(MAX_CHANGES)
}

/// True if a change is large enough to matter. A location matters by the distance of its column.
fn matters(kind: JointKind, change: &Change) -> bool {
    let [before, now] = change.values;
    match kind {
        JointKind::Location => false,
        JointKind::Spread => is_large_spread_change(change.values),
        JointKind::Relation => (now - before).abs() >= MIN_CORRELATION,
        JointKind::Shares => {
            let deviation = (before * (1.0 - before)).sqrt();
            (now - before).abs() >= MIN_PART_SHARE.max(MIN_DISTANCE * deviation)
        }
    }
}

fn is_large_spread_change([before, now]: [f64; 2]) -> bool {
    (now / before).max(before / now) >= 1.0 + MIN_SPREAD_CHANGE
}
