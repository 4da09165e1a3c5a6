//! Summary statistics of a profile, in the form in which they are stored and shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::categories::{CategoryCounts, LevelCount};
use super::moments::Moments;
use super::profile::{ColumnProfile, Profile, SAMPLE_ROWS};

/// Summary statistics of the ingested data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Number of rows that the statistics include.
    pub rows: u64,
    /// Number of unlabelled rows that are left out because a later row has their label. Default 0.
    #[serde(default)]
    pub superseded: u64,
    /// The features in schema order, then the target.
    pub columns: Vec<ColumnSummary>,
    /// True if the medians are computed from all rows; false if from the sample.
    pub medians_are_exact: bool,
}

/// Summary statistics of one column. A statistic is undefined (`null` in JSON) if there are too few
/// values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnSummary {
    /// Name of the column.
    pub name: String,
    /// Number of present values.
    pub count: u64,
    /// Number of missing values.
    pub missing: u64,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Median: the middle value, or the mean of the two middle values.
    pub median: Option<f64>,
    /// Standard deviation with the divisor n − 1.
    pub std: Option<f64>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// The levels of a category, instead of mean, median and extremes; `None` for a column of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<LevelSummary>,
}

/// Summary of the levels of a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelSummary {
    /// Number of different levels that are counted one by one.
    pub distinct: u64,
    /// True if every level is counted; false if there are more than `distinct`. Default true.
    #[serde(default = "yes")]
    pub distinct_is_exact: bool,
    /// The most frequent of these levels.
    #[schemars(length(max = SHOWN_LEVELS))]
    pub top: Vec<LevelCount>,
    /// Number of rows whose level is not in `top`.
    pub others: u64,
}

/// The default of `distinct_is_exact` in summaries of older programs.
fn yes() -> bool {
    true
}

/// Maximum number of levels that a summary lists.
pub const SHOWN_LEVELS: usize = 20;

impl Profile {
    /// The summary statistics of the profiled rows.
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
        let rows = top.iter().map(|level| level.rows);
        // Counts that were read from a file may overflow.
        let shown = rows.fold(0, u64::saturating_add);
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
    let (middle, is_even) = (present.len() / 2, present.len().is_multiple_of(2));
    let (below, &mut upper, _) = present.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    match lower.filter(|_| is_even) {
        Some(lower) => Some(lower / 2.0 + upper / 2.0),
        None => Some(upper),
    }
}
