//! Summary statistics of a profile, as they are stored and shown.

use serde::{Deserialize, Serialize};

use super::categories::{CategoryCounts, LevelCount};
use super::moments::Moments;
use super::profile::{ColumnProfile, Profile, SAMPLE_ROWS};

/// Summary statistics of the ingested data, as they are stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows that are counted.
    pub rows: u64,
    /// Rows without a class that are left out, because a later row brought it.
    #[serde(default)]
    pub superseded: u64,
    /// The features in schema order, then the target.
    pub columns: Vec<ColumnSummary>,
    /// Whether the medians are those of all rows; else they are the sample's.
    pub medians_are_exact: bool,
}

/// Summary statistics of one column; a statistic of too few values is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    /// Name.
    pub name: String,
    /// Present values.
    pub count: u64,
    /// Missing values.
    pub missing: u64,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Middle value, or the mean of the two middle ones.
    pub median: Option<f64>,
    /// Standard deviation with n − 1.
    pub std: Option<f64>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Of a category, which has no other statistics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<LevelSummary>,
}

/// The levels of a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelSummary {
    /// Different levels that are counted one by one.
    pub distinct: u64,
    /// Whether there are no others; else there are more than `distinct`.
    #[serde(default = "yes")]
    pub distinct_is_exact: bool,
    /// The most frequent ones of those, at most [`SHOWN_LEVELS`].
    pub top: Vec<LevelCount>,
    /// Rows with any other level.
    pub others: u64,
}

/// What a summary that does not say it had.
fn yes() -> bool {
    true
}

/// Levels that a summary lists at most.
pub const SHOWN_LEVELS: usize = 20;

impl Profile {
    /// The statistics that are stored and shown, of these rows and no others.
    pub fn summary(&self) -> Summary {
        Summary {
            rows: self.rows,
            superseded: 0,
            columns: self
                .columns
                .iter()
                .zip(&self.sample.columns)
                .map(|(column, sample)| column.summary(sample))
                .collect(),
            medians_are_exact: self.rows as usize <= SAMPLE_ROWS,
        }
    }
}

impl ColumnProfile {
    fn summary(&self, sample: &[f64]) -> ColumnSummary {
        let moments = self.moments();
        ColumnSummary {
            name: self.name.clone(),
            count: self.present(),
            missing: self.missing,
            mean: moments.and_then(Moments::mean),
            median: moments.and_then(|_| median(sample)),
            std: moments.and_then(Moments::standard_deviation),
            min: moments.and_then(Moments::minimum),
            max: moments.and_then(Moments::maximum),
            levels: self.levels().map(LevelSummary::of),
        }
    }
}

impl LevelSummary {
    fn of(counts: &CategoryCounts) -> Self {
        let top: Vec<LevelCount> = counts.levels.iter().take(SHOWN_LEVELS).cloned().collect();
        let of_shown = top.iter().map(|level| level.rows);
        let shown = of_shown.fold(0, u64::saturating_add);
        Self {
            distinct: counts.levels.len() as u64,
            distinct_is_exact: counts.are_of_all_levels(),
            others: counts.rows() - shown,
            top,
        }
    }
}

fn median(sample: &[f64]) -> Option<f64> {
    let mut present: Vec<f64> = sample.iter().copied().filter(|x| !x.is_nan()).collect();
    if present.is_empty() {
        return None;
    }
    let middle = present.len() / 2;
    let (below, upper, _) = present.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if below.len() > middle || present.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = present[..middle]
        .iter()
        .copied()
        .max_by(f64::total_cmp)
        .unwrap_or(upper);
    Some(lower / 2.0 + upper / 2.0)
}
