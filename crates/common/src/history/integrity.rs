//! The integrity of the history, and the numbers of its runs. Reads only.

use std::collections::BTreeSet;

use anyhow::Context;

use super::schema;
use super::seal;
use super::store::History;

/// Upper limit of listed problems; the first ones suffice.
const MAX_PROBLEMS: u32 = 5;

impl History {
    /// Problems of the file or of its references; empty if there are none.
    pub fn integrity_problems(&self) -> anyhow::Result<Vec<String>> {
        let mut problems = self
            .content_problems()
            .context("failed to check the history")?;
        // If pages are damaged, problems of references mean nothing.
        if problems.is_empty() {
            problems = self
                .dangling_references()
                .context("failed to check the references of the history")?;
        }
        if problems.is_empty()
            && self._copy.is_none()
            && let Err(error) = seal::verify(&self.path)
        {
            problems.push(format!("{error:#}"));
        }
        Ok(problems)
    }

    /// Version of the tables, and the newest version that this program knows.
    pub fn versions(&self) -> anyhow::Result<(usize, usize)> {
        let version = schema::version(&self.connection)
            .with_context(|| self.failed_to("look for the version of the tables"))?;
        Ok((version, schema::VERSION))
    }

    /// The numbers of all runs.
    pub fn run_ids(&self) -> anyhow::Result<BTreeSet<i64>> {
        let context = "failed to read the runs of the history";
        let mut statement = self
            .connection
            .prepare("SELECT id FROM runs")
            .context(context)?;
        statement
            .query_map([], |row| row.get(0))
            .context(context)?
            .collect::<Result<_, _>>()
            .context(context)
    }

    fn content_problems(&self) -> rusqlite::Result<Vec<String>> {
        let mut statement = self
            .connection
            .prepare(&format!("PRAGMA integrity_check({MAX_PROBLEMS})"))?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        lines
            .filter(|line| !matches!(line, Ok(line) if line == "ok"))
            .collect()
    }

    fn dangling_references(&self) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.connection.prepare("PRAGMA foreign_key_check")?;
        let rows = statement.query_map([], |row| {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(format!(
                "a row of {table} names a row of {parent} that is not there"
            ))
        })?;
        rows.take(MAX_PROBLEMS as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::history::tests::layout;

    #[test]
    fn a_whole_history_has_no_problem_and_names_its_runs() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let history = History::open(&layout).unwrap();
        for _ in 0..2 {
            let now = "2026-03-01T12:00:00Z".parse().unwrap();
            history.begin_run(now, &"begun").unwrap();
        }
        let reader = History::read(&layout).unwrap().unwrap();
        assert_eq!(reader.integrity_problems().unwrap(), Vec::<String>::new());
        assert_eq!(reader.run_ids().unwrap(), BTreeSet::from([1, 2]));
        let (version, newest) = reader.versions().unwrap();
        assert_eq!(version, newest);
    }

    #[test]
    fn a_reference_to_a_run_that_is_gone_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::open(&layout(folder.path())).unwrap();
        history
            .connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 INSERT INTO stages (run, stage, started_at, seconds) VALUES (7, 'gate', '', 0)",
            )
            .unwrap();
        let problems = history.integrity_problems().unwrap();
        assert_eq!(
            problems,
            ["a row of stages names a row of runs that is not there"]
        );
    }

    #[test]
    fn an_overwritten_page_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        drop(History::open(&layout).unwrap());
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(layout.history())
            .unwrap();
        // The first page holds the header and the list of tables; the other pages hold the tables.
        file.write_all_at(&[0xff; 2000], 4096).unwrap();
        let reader = History::read(&layout).unwrap().unwrap();
        let found = reader.integrity_problems();
        assert!(!found.is_ok_and(|problems| problems.is_empty()));
    }
}
