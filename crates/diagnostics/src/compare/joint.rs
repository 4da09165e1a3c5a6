//! All columns of numbers at once: the joint test of location.

use serde::{Deserialize, Serialize};

use super::column::{ColumnComparison, Scores};
use super::{CHECK_LEVEL, LEAST_DISTANCE, Verdict};
use crate::statistics::{
    BatchLocation, Location, PresentTogether, ScoreMoments, location_test, separation,
};

/// The joint test of location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointCheck {
    /// The columns that were tested.
    pub columns: Vec<String>,
    /// Values of reference and current file, of the column that has most.
    #[serde(default)]
    pub rows: [u64; 2],
    /// The smallest p that a test of so many rows can rightly give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_p_value: Option<f64>,
    /// Columns of numbers that say nothing of their own: without values, constant in the
    /// reference or so nearly that too few other values are expected, or made of others.
    pub left_out: Vec<String>,
    /// Hotelling's statistic.
    pub statistic: f64,
    /// Degrees of freedom, one a tested column.
    pub degrees: usize,
    /// How probable a statistic as large is without drift.
    pub p_value: f64,
    /// The largest distance that one of the tested columns has moved, in standard deviations;
    /// `None` where one has moved beyond a float.
    pub effect: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

/// Tests all columns of numbers at once; `together` is that of the current file.
pub(super) fn joint_check(
    columns: &[&ColumnComparison],
    scores: Vec<Scores>,
    together: PresentTogether,
) -> Option<JointCheck> {
    let sums = scores.iter().map(|scores| scores.sum).collect();
    let (mine, commonest): (Vec<Vec<f64>>, Vec<u64>) = scores
        .into_iter()
        .map(|scores| (scores.reference, scores.commonest))
        .unzip();
    let Location {
        statistic,
        tested,
        p_value,
    } = location_test(
        &ScoreMoments::of(&mine, commonest),
        &BatchLocation::of(sums, together),
    )?;
    let (inside, outside): (Vec<_>, Vec<_>) = columns
        .iter()
        .enumerate()
        .partition(|(place, _)| tested.contains(place));
    let names = |columns: &[(usize, &&ColumnComparison)]| -> Vec<String> {
        columns
            .iter()
            .map(|(_, column)| column.name.clone())
            .collect()
    };
    let mut distances = inside.iter().map(|(_, column)| column.distribution.effect);
    let effect = distances.try_fold(0.0, |most, distance| Some(distance?.max(most)));
    let matters = effect.is_none_or(|effect: f64| effect >= LEAST_DISTANCE);
    let rows = inside.iter().fold([0, 0], |[n, m], (_, column)| {
        let [more_n, more_m] = column.distribution.rows;
        [n.max(more_n), m.max(more_m)]
    });
    let least_p_value = separation(rows[0], rows[1]);
    Some(JointCheck {
        rows,
        least_p_value: Some(least_p_value),
        columns: names(&inside),
        left_out: names(&outside),
        statistic,
        degrees: tested.len(),
        p_value,
        effect,
        verdict: if least_p_value >= CHECK_LEVEL {
            // Of all ways to deal so few rows to two sides even one is no rarity.
            Verdict::InsufficientData
        } else if p_value < CHECK_LEVEL && matters {
            Verdict::Drift
        } else {
            Verdict::Ok
        },
    })
}
