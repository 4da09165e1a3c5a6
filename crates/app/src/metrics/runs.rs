//! Metrics of runs, read from the history.

use std::collections::BTreeMap;

use common::{Config, History};
use jiff::Timestamp;
use record::{Outcome, RunFilter};

/// Outcomes of unsuccessful runs.
const FAILURES: [Outcome; 2] = [Outcome::Failed, Outcome::Interrupted];

/// Outcome whose runs the history prunes. Pruned runs are still counted, because a counter must not
/// go down.
const PRUNED: Outcome = Outcome::NothingNew;

/// Metrics of runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunMetrics {
    /// End of the newest run that did not fail, in seconds since 1970.
    pub(crate) last_success: Option<i64>,
    /// Last duration of each stage in seconds.
    pub(crate) stage_seconds: Vec<(String, f64)>,
    /// Number of runs by outcome.
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// Stability index by feature, from the newest run that evaluated rows. Features without an
    /// index are left out.
    pub(crate) stability: Vec<(String, f64)>,
}

impl RunMetrics {
    /// Reads the history; everything is empty if there is none.
    pub(crate) fn read(config: &Config, now: Timestamp) -> anyhow::Result<Self> {
        let Some(history) = History::read(&config.layout)? else {
            return Ok(Self::default());
        };
        let timings = diagnostics::stored(config, now)?.timings;
        let mut outcomes = history.runs_by_outcome()?;
        let pruned = history.pruned_runs()?;
        if pruned > 0 {
            *outcomes.entry(PRUNED.name().into()).or_default() += pruned;
        }
        let last_success = history.last_end_except(FAILURES.each_ref().map(Outcome::name))?;
        Ok(Self {
            last_success: last_success.map(|end| end.as_second()),
            stage_seconds: timings
                .into_iter()
                .map(|timing| (timing.stage, timing.last_seconds))
                .collect(),
            outcomes,
            stability: stability(&history)?,
        })
    }
}

fn stability(history: &History) -> anyhow::Result<Vec<(String, f64)>> {
    let newest = record::newest_runs(history, RunFilter::WithEvidence, 1)?;
    let verdicts = newest.first().and_then(|run| run.verdicts());
    let features = verdicts.map_or(&[][..], |verdicts| &verdicts.features);
    let indices = features
        .iter()
        .filter_map(|feature| Some((feature.name.clone(), feature.stability.as_ref()?.index)));
    Ok(indices.collect())
}
