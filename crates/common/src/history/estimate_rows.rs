//! The estimated performance of the runs' predictions, one row per run.

use anyhow::Context;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::damage::unreadable;
use super::store::History;

impl History {
    /// Stores the estimate for a run's predictions. An earlier estimate of the run is replaced.
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

    /// The estimate for a run's predictions; `None` if the run predicted nothing.
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
    use crate::history::tests::{now, opened};

    #[test]
    fn an_estimate_is_replaced_by_a_later_one() {
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
