//! The list of runs in the history.

use std::fmt;

use common::numbers::{Scores, count};
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
            "{:>5} {:20} {:17} {:7} {:>11} {:>11} {:>12} {:>8} {:>8}  why",
            "run",
            "ended",
            "outcome",
            "release",
            "F1 new rows",
            "deployed F1",
            "candidate F1",
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
    let scores = [run.new_score, run.deployed_score, run.candidate_score];
    let shown = Scores::of(scores.into_iter().flatten());
    let score = |score: Option<f64>| score.map_or("-".into(), |score| shown.number(score));
    let ended = run.finished_at.map_or("-".into(), |at| {
        at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
    });
    // Adding 0.0 turns the sum of an empty list, which is -0, into 0.
    let seconds = run.seconds.values().sum::<f64>() + 0.0;
    writeln!(
        to,
        "{:>5} {ended:20} {:17} {:7} {:>11} {:>11} {:>12} {:>8} {seconds:>8.3}  {}",
        run.run_id.unwrap_or_default(),
        run.outcome.as_ref().map_or("open", Outcome::name),
        run.release.as_deref().unwrap_or("-"),
        score(run.new_score),
        score(run.deployed_score),
        score(run.candidate_score),
        count(run.rows.new),
        shortened(&run.reason)
    )
}

/// Upper limit of characters of a reason in the list; a run's report has all of it.
const MAX_CHARACTERS: usize = 60;

/// The beginning of a reason, cut after a word.
fn shortened(reason: &str) -> String {
    if reason.chars().count() <= MAX_CHARACTERS {
        return reason.to_owned();
    }
    let beginning: String = reason.chars().take(MAX_CHARACTERS).collect();
    let words = beginning
        .rsplit_once(' ')
        .map_or(beginning.as_str(), |it| it.0);
    format!("{} …", words.trim_end_matches([':', ';', ',']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_after_a_word() {
        assert_eq!(
            shortened("nothing is deployed yet"),
            "nothing is deployed yet"
        );
        let long = "the model still fits 399 new rows with a label (no model drift, p = 0.92)";
        assert_eq!(
            shortened(long),
            "the model still fits 399 new rows with a label (no model …"
        );
    }
}
