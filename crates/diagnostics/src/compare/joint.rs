//! The joint test of all columns: location, spread, relations, and shares.

use common::numbers::{listed, two_digits};
use serde::{Deserialize, Serialize};

use super::check::Verdict;
use super::column::{CellsByRow, ColumnComparison, ColumnPair};
use super::limits::{
    CHECK_LEVEL, MIN_CORRELATION, MIN_DISTANCE, MIN_PART_SHARE, MIN_SPREAD_CHANGE,
};
use crate::statistics::{Change, JointColumn, JointKind, KindTest, SampledRows, joint_test};

/// Changes that a part of the joint test names at most.
const MAX_CHANGES: usize = 5;

/// Result of the joint test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Probability of so large a change without drift: the smallest p-value of a part.
    pub p_value: f64,
    /// The largest shift of a tested column, in standard deviations of the reference. `None` when a
    /// shift is out of range.
    pub effect: Option<f64>,
    /// The verdict: drift if a part has drifted.
    pub verdict: Verdict,
    /// The parts of the test. Empty in records of older programs, which tested the location only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<JointPart>,
}

/// What the joint test says about one kind of change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointPart {
    /// What is compared.
    pub kind: JointKind,
    /// The statistic: the sum of the squares of all standardised differences, or the largest difference.
    pub statistic: f64,
    /// Probability of so large a statistic without drift, by random splits of the rows; corrected for the
    /// number of parts.
    pub p_value: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// The significant changes that matter, the most significant one first. Empty unless the verdict is
    /// drift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<JointChange>,
}

/// A change that the joint test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointChange {
    /// One column, or the two columns of a relation. The relation of one column is the one to all others.
    pub columns: Vec<String>,
    /// Mean normal score, standard deviation of the normal scores, correlation, or share: reference, then
    /// current file.
    pub values: [f64; 2],
}

impl JointCheck {
    /// True if the difference is significant, but too small to be drift.
    pub fn has_moved_little(&self) -> bool {
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
        let drifted = self.parts.iter().filter(|it| it.verdict == Verdict::Drift);
        drifted.map(|part| part.in_words(with_values)).collect()
    }
}

impl JointPart {
    fn in_words(&self, with_values: bool) -> String {
        let columns = |change: &JointChange| change.columns.join(" and ");
        let each = |what: &str, shown: fn(&JointChange) -> String| {
            let changes = self.changes.iter().map(|change| match with_values {
                true => format!("{} ({})", columns(change), shown(change)),
                false => columns(change),
            });
            let changes: Vec<String> = changes.collect();
            format!("{what} of {}", changes.join(", "))
        };
        match self.kind {
            JointKind::Location => {
                let names: Vec<String> = self.changes.iter().map(columns).collect();
                format!("the location of {}", names.join(", "))
            }
            JointKind::Spread => each("the spread", |change| {
                let factor = change.values[1] / change.values[0];
                format!("about {} times as large", two_digits(factor))
            }),
            JointKind::Relation => {
                let changes = self.changes.iter().map(|change| {
                    let relation = match &change.columns[..] {
                        [column] => format!("{column} to the other columns"),
                        _ => columns(change),
                    };
                    let [before, now] = change.values.map(|it| format!("{it:.2}"));
                    match with_values {
                        true => format!("{relation} (correlation {before}, now {now})"),
                        false => relation,
                    }
                });
                let changes: Vec<String> = changes.collect();
                format!("the relation of {}", changes.join(", of "))
            }
            JointKind::Shares => each("the shares of levels or missing values", |change| {
                let [before, now] = change.values.map(|it| two_digits(it * 100.0));
                format!("{before} %, now {now} %")
            }),
        }
    }
}

/// The cells that the joint test compares: those of all columns for which `is_input` is true.
pub(super) struct JointCells {
    rows: SampledRows,
    columns: Vec<JointColumn>,
    /// Places of the columns among all columns.
    places: Vec<usize>,
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
        Some(Self {
            rows,
            columns,
            places,
        })
    }

    /// Tests all columns jointly. `compared` has all columns. `None` when nothing can be tested.
    pub(super) fn check(&self, compared: &[ColumnComparison]) -> Option<JointCheck> {
        let test = joint_test(&self.columns, &self.rows)?;
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
        let has_shifted = effect.is_none_or(|effect: f64| effect >= MIN_DISTANCE);
        let parts: Vec<JointPart> = test
            .kinds
            .iter()
            .map(|kind| part(kind, has_shifted, test.min_p_value, name))
            .collect();
        let location = test.kinds.iter().find(|it| it.kind == JointKind::Location);
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
}

/// The verdict on one kind. `has_shifted` is true if the location of a column has moved far enough to
/// matter.
fn part(
    test: &KindTest,
    has_shifted: bool,
    min_p_value: f64,
    name: impl Fn(usize) -> String,
) -> JointPart {
    let is_significant = test.p_value < CHECK_LEVEL;
    let matters = |change: &&Change| {
        let has_enough = change.p_value.is_none_or(|p_value| p_value < CHECK_LEVEL);
        has_enough
            && (test.kind == JointKind::Location && has_shifted || matters(test.kind, change))
    };
    let mut changes: Vec<&Change> = test.changes.iter().filter(matters).collect();
    changes.retain(|_| is_significant);
    // A pair of columns says more than one column's relation to all others.
    let paired: Vec<usize> = changes
        .iter()
        .filter(|it| it.columns.len() == 2)
        .flat_map(|it| it.columns.clone())
        .collect();
    changes.retain(|it| it.columns.len() == 2 || !paired.contains(&it.columns[0]));
    let mut named: Vec<JointChange> = Vec::new();
    for change in changes {
        let columns: Vec<String> = change.columns.iter().map(|it| name(*it)).collect();
        // Of several levels of a column, the one that changed most is named.
        if named.iter().all(|it| it.columns != columns) && named.len() < MAX_CHANGES {
            named.push(JointChange {
                columns,
                values: change.values,
            });
        }
    }
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

/// True if a change is large enough to matter. A location matters by the distance of its column.
fn matters(kind: JointKind, change: &Change) -> bool {
    let [before, now] = change.values;
    match kind {
        JointKind::Location => false,
        JointKind::Spread => {
            let factor = (now / before).max(before / now);
            factor >= 1.0 + MIN_SPREAD_CHANGE
        }
        JointKind::Relation => (now - before).abs() >= MIN_CORRELATION,
        JointKind::Shares => {
            let deviation = (before * (1.0 - before)).sqrt();
            (now - before).abs() >= MIN_PART_SHARE.max(MIN_DISTANCE * deviation)
        }
    }
}
