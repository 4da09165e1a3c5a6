//! The list of runs one record at a time, so that a reader holds no more of it than it wants.

use std::ops::ControlFlow;

use anyhow::Context;
use serde::de::DeserializeOwned;

use super::damage::unreadable;
use super::{History, StoredRun};

impl<T: DeserializeOwned> StoredRun<T> {
    /// Reads a record as the history keeps it.
    pub fn parse(id: i64, record: &str) -> anyhow::Result<Self> {
        let record = serde_json::from_str(record)
            .map_err(|error| unreadable(&format!("record of run {id}"), &error))?;
        Ok(Self { id, record })
    }
}

impl History {
    /// Visits the runs that ended, newest first, until `visit` breaks: those with a number below
    /// `before`, and whose record has an object under the name `member`, where these are given.
    ///
    /// `member` is a plain word of ours. One record at a time is in memory.
    pub fn visit_finished_runs(
        &self,
        member: Option<&str>,
        before: Option<i64>,
        mut visit: impl FnMut(i64, &str) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        let context = || self.failed_to("read the runs");
        let has_member = member.map_or_else(|| "1".to_owned(), has_object);
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT id, record FROM runs
                 WHERE finished_at IS NOT NULL AND id < ?1 AND {has_member} ORDER BY id DESC"
            ))
            .with_context(context)?;
        // Numbers count up from 1, so no run has the largest.
        let mut rows = statement
            .query([before.unwrap_or(i64::MAX)])
            .with_context(context)?;
        while let Some(row) = rows.next().with_context(context)? {
            let id = row.get(0).with_context(context)?;
            let record = row.get_ref(1).with_context(context)?;
            let record = record
                .as_str()
                .map_err(|error| unreadable(&format!("record of run {id}"), &error))?;
            if visit(id, record)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The condition that a record has an object under this name. A record that is no JSON is taken,
/// so that it is reported.
pub(super) fn has_object(member: &str) -> String {
    format!(
        "CASE WHEN json_valid(record) THEN json_type(record, '$.{member}') = 'object' ELSE 1 END"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::history::tests::{now, opened};

    /// The numbers of the runs that are visited, three at most.
    fn visited(history: &History, member: Option<&str>, before: Option<i64>) -> Vec<i64> {
        let mut ids = Vec::new();
        history
            .visit_finished_runs(member, before, |id, record| {
                let run: StoredRun<Value> = StoredRun::parse(id, record)?;
                ids.push(run.id);
                Ok(if ids.len() == 3 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })
            .unwrap();
        ids
    }

    #[test]
    fn each_page_goes_on_below_the_last_run_of_the_one_before() {
        let (_folder, history) = opened();
        for run in 1..=7 {
            let record = match run % 2 {
                0 => json!({"evidence": {"rows": run}}),
                _ => json!({"evidence": null}),
            };
            let id = history.begin_run(now(), &record).unwrap();
            history.finish_run(id, now(), "steady", &record).unwrap();
        }
        history.begin_run(now(), &json!({})).unwrap();
        assert_eq!(
            visited(&history, None, None),
            [7, 6, 5],
            "the open one is none"
        );
        assert_eq!(visited(&history, None, Some(5)), [4, 3, 2]);
        assert_eq!(visited(&history, None, Some(2)), [1]);
        assert!(visited(&history, None, Some(1)).is_empty());
        assert_eq!(visited(&history, Some("evidence"), None), [6, 4, 2]);
        assert_eq!(visited(&history, Some("evidence"), Some(4)), [2]);
    }

    #[test]
    fn a_record_that_is_no_json_is_reported_with_the_number_of_its_run() {
        let error = StoredRun::<Value>::parse(3, "{").unwrap_err().to_string();
        assert!(error.contains("run 3"), "{error}");
    }
}
