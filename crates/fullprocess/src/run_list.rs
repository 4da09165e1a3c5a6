//! The list of runs in the history, with the changes that people made in between.

mod sparkline;

use std::fmt;

use common::history::ChangeByHand;
use common::numbers::{Scores, count};
use common::{Config, Failure, History};
use jiff::Timestamp;
use record::{Outcome, RunFilter, RunOrChange, RunRecord};
use serde::Serialize;

/// The newest runs and the changes by hand since the oldest of them began, newest first.
#[derive(Serialize)]
#[serde(transparent)]
pub struct RunList {
    /// The entries.
    pub entries: Vec<RunOrChange<RunRecord>>,
}

/// Lists the newest `limit` finished runs, and at most `limit` changes by hand since the oldest of them.
/// If all runs are listed, older changes are listed, too.
pub(crate) fn run_list(config: &Config, limit: u32) -> anyhow::Result<RunList> {
    let Some(history) = History::read(&config.layout)? else {
        // A lost history is an error. An empty list would say that no run has ended.
        History::check_seal(&config.layout)?;
        if let Some(loss) = History::loss(&config.layout)? {
            return Err(Failure::input_output(format!(
                "{loss}: put a backup in its place, or let the next run begin a new history"
            ))
            .into());
        }
        return Ok(RunList {
            entries: Vec::new(),
        });
    };
    let runs = record::newest_runs(&history, RunFilter::All, limit)?;
    let first = match runs.last() {
        Some(oldest) if runs.len() == limit as usize => oldest.run_id.unwrap_or_default(),
        _ => 0,
    };
    let changes = history.changes_between(first, i64::MAX, limit)?;
    let number = |run: &RunRecord| run.run_id.unwrap_or_default();
    Ok(RunList {
        entries: record::with_changes(runs, number, changes),
    })
}

impl fmt::Display for RunList {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return writeln!(to, "no run has ended yet");
        }
        let runs = self.entries.iter().filter_map(|entry| match entry {
            RunOrChange::Run(run) => Some(run),
            RunOrChange::Change(_) => None,
        });
        if let Some(line) = sparkline::sparkline(runs) {
            writeln!(to, "{line}")?;
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
        for entry in &self.entries {
            match entry {
                RunOrChange::Run(run) => write_run(to, run)?,
                RunOrChange::Change(change) => write_change(to, change)?,
            }
        }
        Ok(())
    }
}

fn write_change(to: &mut fmt::Formatter<'_>, change: &ChangeByHand) -> fmt::Result {
    let made_at = shown_time(change.made_at);
    let release = change.to.as_deref().unwrap_or("-");
    writeln!(
        to,
        "{:>5} {made_at:20} {:17} {release:7} {:>11} {:>11} {:>12} {:>8} {:>8}  {change}",
        "hand",
        change.kind.name(),
        "-",
        "-",
        "-",
        "-",
        "-"
    )
}

fn shown_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn write_run(to: &mut fmt::Formatter<'_>, run: &RunRecord) -> fmt::Result {
    let scores = [run.new_score, run.deployed_score, run.candidate_score];
    let shown = Scores::of(scores.into_iter().flatten());
    let score = |score: Option<f64>| score.map_or("-".into(), |score| shown.number(score));
    let ended = run.finished_at.map_or("-".into(), shown_time);
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
            shortened("no model was deployed when the run began"),
            "no model was deployed when the run began"
        );
        let long = "the model still fits 399 new rows with a label (no model drift, p = 0.92)";
        assert_eq!(
            shortened(long),
            "the model still fits 399 new rows with a label (no model …"
        );
    }
}
