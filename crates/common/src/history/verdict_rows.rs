//! The verdicts of the runs, a row each, and what the runs expected of their predictions.

use anyhow::Context;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::History;
use super::damage::unreadable;

/// The version of the history that has a place for verdicts.
const FIRST_VERSION: usize = 3;

/// One verdict of a run on its model or on a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredVerdict {
    /// What it is about: `model`, `features` for all of them together, or `feature NAME`.
    pub subject: String,
    /// What was tested, for example `score_test_of_batch`; `both` for what both tests of the model
    /// say together.
    pub test: String,
    /// `ok`, `drift` or `insufficient_data`.
    pub verdict: String,
    /// Rows of the batch that it is made of.
    pub rows: u64,
    /// The statistic; `None` where none could be had.
    pub statistic: Option<f64>,
    /// How probable it is without drift, corrected for the number of tests where they are many.
    pub p_value: Option<f64>,
    /// A p-value below it is drift.
    pub level: Option<f64>,
    /// How large the difference is.
    pub effect: Option<f64>,
}

impl History {
    /// Keeps the verdicts of a run; those that it had are replaced.
    pub fn save_verdicts(&self, run: i64, verdicts: &[StoredVerdict]) -> anyhow::Result<()> {
        self.insert_verdicts(run, verdicts)
            .with_context(|| self.failed_to("record the verdicts"))
    }

    fn insert_verdicts(&self, run: i64, verdicts: &[StoredVerdict]) -> rusqlite::Result<()> {
        self.connection
            .execute("DELETE FROM verdicts WHERE run = ?1", [run])?;
        let mut insert = self.connection.prepare(
            "INSERT INTO verdicts (run, position, subject, test, verdict, rows, statistic,
                 p_value, level, effect)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        for (position, verdict) in verdicts.iter().enumerate() {
            insert.execute(params![
                run,
                position as i64,
                verdict.subject,
                verdict.test,
                verdict.verdict,
                verdict.rows as i64,
                verdict.statistic,
                verdict.p_value,
                verdict.level,
                verdict.effect,
            ])?;
        }
        Ok(())
    }

    /// The verdicts of a run, in the order in which they were reached; none of a run that ended
    /// before they were kept.
    pub fn verdicts_of(&self, run: i64) -> anyhow::Result<Vec<StoredVerdict>> {
        if self.versions()?.0 < FIRST_VERSION {
            return Ok(Vec::new());
        }
        let context = || self.failed_to("read the verdicts");
        let mut statement = self
            .connection
            .prepare(
                "SELECT subject, test, verdict, rows, statistic, p_value, level, effect
                 FROM verdicts WHERE run = ?1 ORDER BY position",
            )
            .with_context(context)?;
        let rows = statement
            .query_map([run], |row| {
                Ok(StoredVerdict {
                    subject: row.get(0)?,
                    test: row.get(1)?,
                    verdict: row.get(2)?,
                    rows: row.get::<_, i64>(3)?.unsigned_abs(),
                    statistic: row.get(4)?,
                    p_value: row.get(5)?,
                    level: row.get(6)?,
                    effect: row.get(7)?,
                })
            })
            .with_context(context)?;
        rows.map(|row| row.with_context(context)).collect()
    }

    /// Keeps what a run expected of its predictions, or what became of that.
    pub fn save_estimate<T: Serialize>(&self, run: i64, estimate: &T) -> anyhow::Result<()> {
        self.connection
            .execute(
                "INSERT INTO estimates (run, content) VALUES (?1, ?2)
                 ON CONFLICT (run) DO UPDATE SET content = excluded.content",
                params![run, serde_json::to_string(estimate)?],
            )
            .with_context(|| self.failed_to("record an estimate"))?;
        Ok(())
    }

    /// What a run expected of its predictions; `None` where it expected nothing.
    pub fn estimate_of<T: DeserializeOwned>(&self, run: i64) -> anyhow::Result<Option<T>> {
        let content: Option<String> = self
            .connection
            .query_row(
                "SELECT content FROM estimates WHERE run = ?1",
                [run],
                |row| row.get(0),
            )
            .optional()
            .with_context(|| self.failed_to("read an estimate"))?;
        content
            .map(|content| {
                serde_json::from_str(&content)
                    .map_err(|error| unreadable(&format!("estimate of run {run}"), &error).into())
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::{now, opened};

    #[test]
    fn verdicts_come_back_with_their_run_and_go_with_it() {
        let (_folder, history) = opened();
        let verdict = |test: &str, p_value| StoredVerdict {
            subject: "model".into(),
            test: test.into(),
            verdict: "ok".into(),
            rows: 7,
            statistic: Some(1.5),
            p_value,
            level: Some(0.005),
            effect: None,
        };
        let verdicts = [verdict("b", None), verdict("a", Some(1e-300))];
        let run = history.begin_run(now(), &"begun").unwrap();
        history.save_verdicts(run, &verdicts[1..]).unwrap();
        history.save_verdicts(run, &verdicts).unwrap();
        assert_eq!(history.verdicts_of(run).unwrap(), verdicts);
        history.finish_run(run, now(), "idle", &"idle").unwrap();
        history.prune_runs("idle", 0).unwrap();
        assert_eq!(history.verdicts_of(run).unwrap(), []);
    }

    #[test]
    fn an_estimate_is_replaced_by_what_became_of_it() {
        let (_folder, history) = opened();
        let run = history.begin_run(now(), &"begun").unwrap();
        assert_eq!(history.estimate_of::<String>(run).unwrap(), None);
        for content in ["estimated", "realised"] {
            history.save_estimate(run, &content).unwrap();
        }
        let kept = history.estimate_of::<String>(run).unwrap();
        assert_eq!(kept.as_deref(), Some("realised"));
    }
}
