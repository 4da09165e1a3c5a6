//! What the history knows of runs, for the metrics.

use std::collections::BTreeMap;

use common::history::StoredRun;
use common::{Config, History, Manifest};
use diagnostics::Verdicts;
use jiff::Timestamp;
use serde::Deserialize;

use super::text::RunPage;
use crate::snapshot::ServedFigures;

/// Outcomes of runs that did not do their work.
const FAILURES: [&str; 2] = ["failed", "interrupted"];

/// The outcome of the runs that the history forgets, all but the newest; a counter must not.
const FORGOTTEN: &str = "nothing_new";

/// What the history knows of runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunFigures {
    /// When the newest run ended that did not fail, in seconds since 1970.
    pub(crate) last_success: Option<i64>,
    /// Seconds that each stage took last.
    pub(crate) stage_seconds: Vec<(String, f64)>,
    /// Runs by outcome.
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// The stability index of each feature, of the newest run that judged rows; features without
    /// one are left out.
    pub(crate) stability: Vec<(String, f64)>,
}

/// What is read of a run's record.
#[derive(Deserialize)]
struct Judged {
    evidence: Evidence,
}

#[derive(Deserialize)]
struct Evidence {
    #[serde(default)]
    verdicts: Option<Verdicts>,
}

impl RunFigures {
    /// Reads the history; all is empty before there is one.
    pub(crate) fn read(config: &Config, now: Timestamp) -> anyhow::Result<Self> {
        let Some(history) = History::read(&config.layout)? else {
            return Ok(Self::default());
        };
        let timings = diagnostics::stored(config, now)?.timings;
        let mut outcomes = history.runs_by_outcome()?;
        let forgotten = history.pruned_runs()?;
        if forgotten > 0 {
            *outcomes.entry(FORGOTTEN.into()).or_default() += forgotten;
        }
        let last_success = history.last_end_but_for(FAILURES)?;
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
    let newest: Vec<StoredRun<Judged>> = history.finished_runs_with("evidence", 1)?;
    let verdicts = newest
        .into_iter()
        .next()
        .and_then(|run| run.record.evidence.verdicts);
    let features = verdicts
        .map(|verdicts| verdicts.features)
        .unwrap_or_default();
    let indices = features
        .into_iter()
        .filter_map(|feature| Some((feature.name, feature.stability?.index)));
    Ok(indices.collect())
}

/// The live release and the runs as metrics, for a file that a collector of metrics reads.
pub fn run_metrics(config: &Config, now: Timestamp) -> anyhow::Result<String> {
    let live = Manifest::of_live_release(&config.layout)?;
    let served = live.map(|manifest| ServedFigures {
        release: manifest.release,
        created_at: manifest.created_at,
        score: manifest.score,
    });
    let page = RunPage {
        served: served.as_ref(),
        runs: &RunFigures::read(config, now)?,
        now: now.as_second(),
    };
    Ok(page.to_string())
}
