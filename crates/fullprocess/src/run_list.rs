//! The list of runs in the history.

use std::fmt;

use common::{Config, History};
use record::{Outcome, RunFilter, RunRecord};
use serde::Serialize;

/// The newest runs, newest first.
#[derive(Serialize)]
#[serde(transparent)]
pub struct RunList {
    /// Their records.
    pub runs: Vec<RunRecord>,
}

/// Lists the newest finished runs.
pub(crate) fn run_list(config: &Config, limit: u32) -> anyhow::Result<RunList> {
    let runs = match History::read(&config.layout)? {
        Some(history) => record::newest_runs(&history, RunFilter::All, limit)?,
        None => Vec::new(),
    };
    Ok(RunList { runs })
}

impl fmt::Display for RunList {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            return writeln!(to, "no run has ended yet");
        }
        writeln!(
            to,
            "{:>5} {:20} {:17} {:7} {:>7} {:>8} {:>9} {:>8} {:>8}  why",
            "run",
            "ended",
            "outcome",
            "release",
            "new F1",
            "deployed",
            "candidate",
            "new rows",
            "seconds"
        )?;
        for run in &self.runs {
            write_run(to, run)?;
        }
        Ok(())
    }
}

fn write_run(to: &mut fmt::Formatter<'_>, run: &RunRecord) -> fmt::Result {
    let score = |score: Option<f64>| score.map_or("-".into(), |score| format!("{score:.4}"));
    let ended = run.finished_at.map_or("-".into(), |at| {
        at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
    });
    // Adding 0.0 turns the sum of an empty list, which is -0, into 0.
    let seconds = run.seconds.values().sum::<f64>() + 0.0;
    writeln!(
        to,
        "{:>5} {ended:20} {:17} {:7} {:>7} {:>8} {:>9} {:>8} {seconds:>8.3}  {}",
        run.run_id.unwrap_or_default(),
        run.outcome.as_ref().map_or("open", Outcome::name),
        run.release.as_deref().unwrap_or("-"),
        score(run.new_score),
        score(run.deployed_score),
        score(run.candidate_score),
        run.rows.new,
        run.reason
    )
}
