//! Durations of the stages, from the records of the runs.

use common::History;
use common::history::{STAGES, StageDuration};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Newest durations of a stage that the quantiles are computed from.
const RECENT_DURATIONS: i64 = 100;

/// Durations of one stage.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StageTiming {
    /// Name of the stage.
    pub stage: String,
    /// Start of the newest execution.
    #[schemars(with = "common::DateTime")]
    pub last_started_at: Timestamp,
    /// Seconds that the newest execution took.
    pub last_seconds: f64,
    /// Median of the newest 100 durations, in seconds.
    pub p50_seconds: f64,
    /// 95th percentile of the newest 100 durations, in seconds.
    pub p95_seconds: f64,
    /// Number of durations that the quantiles are computed from, at most 100.
    pub recorded: usize,
}

/// Durations of every stage that a run has recorded.
pub(crate) fn timings(history: &History) -> anyhow::Result<Vec<StageTiming>> {
    let mut timings = Vec::new();
    for stage in STAGES {
        timings.extend(timing(&history.stage_durations(stage, RECENT_DURATIONS)?));
    }
    Ok(timings)
}

/// Summarises the durations of one stage, newest first. `None` without durations.
fn timing(durations: &[StageDuration]) -> Option<StageTiming> {
    let last = durations.first()?;
    let mut seconds: Vec<f64> = durations.iter().map(|duration| duration.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    Some(StageTiming {
        stage: last.stage.clone(),
        last_started_at: last.started_at,
        last_seconds: last.seconds,
        p50_seconds: nearest_rank(&seconds, 50)?,
        p95_seconds: nearest_rank(&seconds, 95)?,
        recorded: durations.len(),
    })
}

/// The nearest-rank percentile: the smallest value that is at least as large as `percent` % of the
/// values.
fn nearest_rank(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_recorded_durations() {
        let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(nearest_rank(&sorted, 50), Some(10.0));
        assert_eq!(nearest_rank(&sorted, 95), Some(19.0));
        assert_eq!(nearest_rank(&sorted[..1], 95), Some(1.0));
        assert_eq!(nearest_rank(&[], 50), None);
        assert_eq!(timing(&[]), None);
    }
}
