//! The metrics that a run writes to a file.

use common::{Config, Manifest};
use jiff::Timestamp;

use super::runs::RunMetrics;
use super::text::RunPage;
use crate::snapshot::ServedModelMetrics;

/// Metrics of the live release and the runs, as text for a file that a collector reads.
pub fn run_metrics(config: &Config, now: Timestamp) -> anyhow::Result<String> {
    let live = Manifest::of_live_release(&config.layout)?;
    let served = live.map(|manifest| ServedModelMetrics {
        release: manifest.release,
        created_at: manifest.created_at,
        score: manifest.score,
    });
    let page = RunPage {
        served: served.as_ref(),
        runs: &RunMetrics::read(config, now)?,
        now: now.as_second(),
    };
    Ok(page.to_string())
}
