//! The joint test of location over all columns of numbers.

use serde::{Deserialize, Serialize};

use super::check::Verdict;
use super::column::{ColumnComparison, Scores};
use super::limits::{CHECK_LEVEL, MIN_DISTANCE};
use crate::statistics::{
    BatchLocation, Location, PairwiseCounts, ScoreMoments, location_test, smallest_p_value,
};

/// Result of the joint test of location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointCheck {
    /// Names of the tested columns.
    pub columns: Vec<String>,
    /// Numbers of values in reference and current file, each the largest of all tested columns.
    #[serde(default)]
    pub rows: [u64; 2],
    /// The smallest p-value that a valid test can give with these numbers of rows.
    #[serde(
        default,
        rename = "least_p_value",
        skip_serializing_if = "Option::is_none"
    )]
    pub min_p_value: Option<f64>,
    /// Columns of numbers that were not tested. They have no values, are constant or almost
    /// constant in the reference, or are combinations of other columns.
    pub left_out: Vec<String>,
    /// Hotelling's statistic.
    pub statistic: f64,
    /// Degrees of freedom: the number of tested columns.
    pub degrees: usize,
    /// Probability of so large a statistic without drift.
    pub p_value: f64,
    /// The largest shift of a tested column, in standard deviations of the reference. `None` when a
    /// shift is out of range.
    pub effect: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
}

impl JointCheck {
    /// True if the difference is significant, but too small to be drift.
    pub fn has_moved_little(&self) -> bool {
        self.p_value < CHECK_LEVEL && self.verdict == Verdict::Ok
    }
}

/// Tests all columns of numbers jointly. `pairwise` counts the rows of the current file. `None`
/// when nothing can be tested.
pub(super) fn joint_check(
    columns: &[&ColumnComparison],
    scores: Vec<Scores>,
    pairwise: PairwiseCounts,
) -> Option<JointCheck> {
    let sums = scores.iter().map(|scores| scores.sum).collect();
    let (reference, mode_counts): (Vec<Vec<f64>>, Vec<u64>) = scores
        .into_iter()
        .map(|scores| (scores.reference, scores.mode_count))
        .unzip();
    let Location {
        statistic,
        tested,
        p_value,
    } = location_test(
        &ScoreMoments::of(&reference, mode_counts),
        &BatchLocation::of(sums, pairwise),
    )?;
    let (tested_columns, left_out): (Vec<_>, Vec<_>) = columns
        .iter()
        .enumerate()
        .partition(|(index, _)| tested.contains(index));
    let names = |columns: &[(usize, &&ColumnComparison)]| -> Vec<String> {
        columns
            .iter()
            .map(|(_, column)| column.name.clone())
            .collect()
    };
    let mut distances = tested_columns
        .iter()
        .map(|(_, column)| column.distribution.effect);
    let effect = distances.try_fold(0.0, |largest, distance| Some(distance?.max(largest)));
    let matters = effect.is_none_or(|effect: f64| effect >= MIN_DISTANCE);
    let rows = tested_columns.iter().fold([0, 0], |[n, m], (_, column)| {
        let [more_n, more_m] = column.distribution.rows;
        [n.max(more_n), m.max(more_m)]
    });
    let min_p_value = smallest_p_value(rows[0], rows[1]);
    Some(JointCheck {
        rows,
        min_p_value: Some(min_p_value),
        columns: names(&tested_columns),
        left_out: names(&left_out),
        statistic,
        degrees: tested.len(),
        p_value,
        effect,
        verdict: if min_p_value >= CHECK_LEVEL {
            // With so few rows even the rarest split of the rows is likely by chance.
            Verdict::InsufficientData
        } else if p_value < CHECK_LEVEL && matters {
            Verdict::Drift
        } else {
            Verdict::Ok
        },
    })
}
