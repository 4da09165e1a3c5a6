//! How long the stages take, from what the runs recorded.

use common::History;
use common::history::{STAGES, StageDuration};
use jiff::Timestamp;
use serde::Serialize;

/// Durations that the quantiles are taken over.
const RECENT: i64 = 100;

/// How long one stage takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageTiming {
    /// Name of the stage.
    pub stage: String,
    /// When it last began.
    pub last_started_at: Timestamp,
    /// Seconds it took then.
    pub last_seconds: f64,
    /// Median of the newest 100 durations, in seconds.
    pub p50_seconds: f64,
    /// 95th percentile of them, in seconds.
    pub p95_seconds: f64,
    /// Durations that these are taken over.
    pub recorded: usize,
}

/// The timings of all stages that were ever recorded.
pub(crate) fn timings(history: &History) -> anyhow::Result<Vec<StageTiming>> {
    let mut timings = Vec::new();
    for stage in STAGES {
        timings.extend(timing(&history.stage_durations(stage, RECENT)?));
    }
    Ok(timings)
}

/// `None` without durations; they come newest first.
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

/// The smallest value that at least `percent` of the values do not exceed.
fn nearest_rank(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_durations_that_were_recorded() {
        let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(nearest_rank(&sorted, 50), Some(10.0));
        assert_eq!(nearest_rank(&sorted, 95), Some(19.0));
        assert_eq!(nearest_rank(&sorted[..1], 95), Some(1.0));
        assert_eq!(nearest_rank(&[], 50), None);
        assert_eq!(timing(&[]), None);
    }
}
