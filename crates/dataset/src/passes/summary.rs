//! Summary statistics of a profile, as they are stored and shown.

use serde::{Deserialize, Serialize};

use super::profile::{Profile, SAMPLE_ROWS};

/// Summary statistics of the ingested data, as they are stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows.
    pub rows: u64,
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
}

impl Profile {
    /// The statistics that are stored and shown.
    pub fn summary(&self) -> Summary {
        Summary {
            rows: self.rows,
            columns: self
                .columns
                .iter()
                .zip(&self.sample.columns)
                .map(|(column, sample)| ColumnSummary {
                    name: column.name.clone(),
                    count: column.moments.count,
                    missing: column.missing,
                    mean: column.moments.mean(),
                    median: median(sample),
                    std: column.moments.standard_deviation(),
                    min: column.moments.minimum(),
                    max: column.moments.maximum(),
                })
                .collect(),
            medians_are_exact: self.rows as usize <= SAMPLE_ROWS,
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
