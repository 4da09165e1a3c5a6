//! Reads run records from the history.

use std::ops::ControlFlow;

use common::History;
use common::history::StoredRun;

use crate::outcome::Outcome;
use crate::run_record::RunRecord;

/// Choice of the runs that are read. Only runs that ended are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFilter {
    /// All runs.
    All,
    /// Runs whose record has evidence: they evaluated the deployed model.
    WithEvidence,
}

impl RunFilter {
    /// The member of the record that must be an object; `None` for all runs.
    fn member(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::WithEvidence => Some("evidence"),
        }
    }
}

impl RunRecord {
    /// The record of a stored run. If it cannot be read, for example because a newer program wrote it, the
    /// record holds only the columns of the history (start, end, outcome). Its reason is the error.
    pub fn of_stored<T: AsRef<str>>(run: &StoredRun<T>) -> Self {
        let record = run.read().unwrap_or_else(|error| Self {
            outcome: run.outcome.as_deref().map(Outcome::of_name),
            reason: format!("{error:#}"),
            is_unreadable: true,
            finished_at: run.finished_at,
            ..Self::begin(run.started_at)
        });
        Self {
            // A run gets its number after its record was created.
            run_id: Some(run.id),
            ..record
        }
    }
}

/// Visits the runs that ended, newest first, until `visit` breaks. If there is a `before`, only
/// runs with a lower number are visited. One record at a time is in memory.
pub fn visit_runs(
    history: &History,
    filter: RunFilter,
    before: Option<i64>,
    mut visit: impl FnMut(RunRecord) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<()> {
    history.visit_finished_runs(filter.member(), before, |run| {
        visit(RunRecord::of_stored(&run))
    })
}

/// The newest runs that ended, newest first, at most `limit`.
pub fn newest_runs(
    history: &History,
    filter: RunFilter,
    limit: u32,
) -> anyhow::Result<Vec<RunRecord>> {
    let mut runs = Vec::new();
    let limit = limit as usize;
    history.visit_finished_runs(filter.member(), None, |run| {
        if runs.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        runs.push(RunRecord::of_stored(&run));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use common::Config;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::Evidence;

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn history() -> (tempfile::TempDir, History) {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod"}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).unwrap();
        let history = History::open(&config.layout).unwrap();
        (folder, history)
    }

    /// Ends a run with this record.
    fn end(history: &History, outcome: &str, record: &Value) {
        let run = history.begin_run(now(), record).unwrap();
        history.finish_run(run, now(), outcome, record).unwrap();
    }

    /// A record that all current programs can read.
    fn readable() -> Value {
        let record = RunRecord {
            outcome: Some(Outcome::Steady),
            evidence: Some(Evidence::default()),
            ..RunRecord::begin(now())
        };
        serde_json::to_value(record).unwrap()
    }

    fn readable_with(member: &str, value: Value) -> Value {
        let mut record = readable();
        record[member] = value;
        record
    }

    #[test]
    fn a_record_that_cannot_be_read_is_named_and_hides_no_other() {
        let (_folder, history) = history();
        end(&history, "steady", &readable());
        let newer = readable_with("effects", json!(["archived"]));
        end(&history, "candidate_praised", &newer);
        end(&history, "steady", &json!("no record"));
        end(&history, "steady", &readable());
        let runs = newest_runs(&history, RunFilter::All, 20).unwrap();
        let ids: Vec<i64> = runs.iter().filter_map(|run| run.run_id).collect();
        assert_eq!(ids, [4, 3, 2, 1]);
        for (run, outcome) in [(&runs[1], "steady"), (&runs[2], "candidate_praised")] {
            assert_eq!(run.outcome.as_ref().map(Outcome::name), Some(outcome));
            assert_eq!((run.started_at, run.finished_at), (now(), Some(now())));
            let id = run.run_id.unwrap();
            let says = format!("the record of run {id} in the history cannot be read");
            assert!(run.reason.starts_with(&says), "{}", run.reason);
            // The release is not known, which does not mean that none is deployed.
            let answers = run.answers();
            let nothing = answers.iter().find(|(_, it)| it.contains("no model"));
            assert!(run.is_unreadable && nothing.is_none(), "{answers:?}");
            assert!(answers[0].1.contains(&says), "{answers:?}");
        }
        assert_eq!(runs[3].evidence, Some(Evidence::default()));
        // A record that is only a text has no evidence.
        let evaluated = newest_runs(&history, RunFilter::WithEvidence, 2).unwrap();
        let ids: Vec<i64> = evaluated.iter().filter_map(|run| run.run_id).collect();
        assert_eq!(ids, [4, 2]);
    }

    #[test]
    fn an_unknown_outcome_and_unknown_members_leave_a_record_readable() {
        let (_folder, history) = history();
        let mut newer = readable_with("outcome", json!("candidate_praised"));
        newer["priority"] = json!("low");
        newer["reason"] = json!("somebody has to say yes");
        end(&history, "candidate_praised", &newer);
        let runs = newest_runs(&history, RunFilter::All, 1).unwrap();
        assert_eq!(
            runs[0].outcome,
            Some(Outcome::Other("candidate_praised".into()))
        );
        assert_eq!(runs[0].reason, "somebody has to say yes");
    }
}
