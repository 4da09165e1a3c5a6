//! The list of runs, read one record at a time to limit memory.

use std::ops::ControlFlow;

use anyhow::Context;
use rusqlite::Row;

use super::damage::unreadable;
use super::run_rows::StoredRun;
use super::store::{History, time};

impl History {
    /// Visits the finished runs, newest first, until `visit` breaks. With `before`, only runs with a
    /// lower number. With `member`, only runs whose record has an object of this name; a record that is
    /// not JSON is visited too, so that the damage is reported.
    ///
    /// `member` becomes part of the SQL statement, so it must be a word of the program, never input. One
    /// record at a time is in memory.
    pub fn visit_finished_runs(
        &self,
        member: Option<&str>,
        before: Option<i64>,
        visit: impl FnMut(StoredRun<&str>) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        let has_member = member.map_or_else(|| "1".to_owned(), has_object);
        // Numbers count up from 1, so no run has the largest.
        let before = before.unwrap_or(i64::MAX);
        let which = format!(
            "WHERE finished_at IS NOT NULL AND id < {before} AND {has_member} ORDER BY id DESC"
        );
        self.visit_runs(&which, visit)
    }

    /// The finished run of this number, with its record as text; `None` if there is none.
    pub fn finished_run(&self, id: i64) -> anyhow::Result<Option<StoredRun<String>>> {
        let mut found = None;
        let which = format!("WHERE finished_at IS NOT NULL AND id = {id}");
        self.visit_runs(&which, |run| {
            let record = run.record.to_owned();
            found = Some(run.with_record(record));
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Numbers of the finished runs before and after a number; `None` if there is none.
    pub fn neighbours_of_run(&self, id: i64) -> anyhow::Result<[Option<i64>; 2]> {
        let one = |what: &str| {
            let query = format!("SELECT {what} AND finished_at IS NOT NULL");
            let found = self.connection.query_row(&query, [id], |row| row.get(0));
            found.with_context(|| self.failed_to("read the runs"))
        };
        Ok([
            one("MAX(id) FROM runs WHERE id < ?1")?,
            one("MIN(id) FROM runs WHERE id > ?1")?,
        ])
    }

    /// Visits the runs of `SELECT … FROM runs {which}`, in its order, until `visit` breaks.
    pub(super) fn visit_runs(
        &self,
        which: &str,
        mut visit: impl FnMut(StoredRun<&str>) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        let context = || self.failed_to("read the runs");
        let columns = "id, started_at, finished_at, outcome, record";
        let mut statement = self
            .connection
            .prepare(&format!("SELECT {columns} FROM runs {which}"))
            .with_context(context)?;
        let mut rows = statement.query([]).with_context(context)?;
        while let Some(row) = rows.next().with_context(context)? {
            if visit(stored_run(row).with_context(context)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn stored_run<'r>(row: &'r Row<'_>) -> anyhow::Result<StoredRun<&'r str>> {
    let id = row.get(0)?;
    let started_at: String = row.get(1)?;
    let finished_at: Option<String> = row.get(2)?;
    let record = row.get_ref(4)?.as_str();
    Ok(StoredRun {
        id,
        started_at: time(&started_at)?,
        finished_at: finished_at.as_deref().map(time).transpose()?,
        outcome: row.get(3)?,
        record: record.map_err(|error| unreadable(&format!("record of run {id}"), &error))?,
    })
}

/// SQL condition that a record has an object under this name. A record that is not JSON also meets
/// the condition, so that the damage is reported.
fn has_object(member: &str) -> String {
    format!(
        "CASE WHEN json_valid(record) THEN json_type(record, '$.{member}') = 'object' ELSE 1 END"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::history::tests::{now, opened};

    /// The numbers of the visited runs, three at most.
    fn visited(history: &History, member: Option<&str>, before: Option<i64>) -> Vec<i64> {
        let mut ids = Vec::new();
        history
            .visit_finished_runs(member, before, |run| {
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
    fn every_page_continues_below_the_last_run_of_the_previous_page() {
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
            "the run that has not ended is not visited"
        );
        assert_eq!(visited(&history, None, Some(5)), [4, 3, 2]);
        assert_eq!(visited(&history, None, Some(2)), [1]);
        assert!(visited(&history, None, Some(1)).is_empty());
        assert_eq!(visited(&history, Some("evidence"), None), [6, 4, 2]);
        assert_eq!(visited(&history, Some("evidence"), Some(4)), [2]);
    }

    #[test]
    fn a_record_that_is_no_json_is_reported_with_the_number_of_its_run() {
        let (_folder, history) = opened();
        let run = history.begin_run(now(), &json!({})).unwrap();
        history
            .finish_run(run, now(), "steady", &json!({}))
            .unwrap();
        history
            .connection
            .execute("UPDATE runs SET record = '{'", [])
            .unwrap();
        let found = history.finished_run(run).unwrap().unwrap();
        assert_eq!(found.outcome.as_deref(), Some("steady"));
        let error = found.read::<Value>().unwrap_err().to_string();
        assert!(error.contains("run 1"), "{error}");
        assert_eq!(
            visited(&history, Some("evidence"), None),
            [run],
            "the damaged record is visited, not skipped"
        );
    }
}
