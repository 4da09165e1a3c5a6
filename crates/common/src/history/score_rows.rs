//! The scores of models on the test data, one row per score.

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::store::History;

/// F1 of one model on the test data.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredScore {
    /// SHA-256 of the model file.
    pub model: String,
    /// F1 of the positive label.
    pub f1: f64,
}

impl History {
    /// Records a model's score on the test data.
    pub fn record_score(&self, now: Timestamp, score: &StoredScore) -> anyhow::Result<()> {
        self.connection
            .execute(
                "INSERT INTO scores (recorded_at, model, f1) VALUES (?1, ?2, ?3)",
                params![now.to_string(), score.model, score.f1],
            )
            .with_context(|| self.failed_to("record a score"))?;
        Ok(())
    }

    /// The score recorded last.
    pub fn latest_score(&self) -> anyhow::Result<Option<StoredScore>> {
        self.connection
            .query_row(
                "SELECT model, f1 FROM scores ORDER BY id DESC LIMIT 1",
                [],
                |row| {
                    Ok(StoredScore {
                        model: row.get(0)?,
                        f1: row.get(1)?,
                    })
                },
            )
            .optional()
            .with_context(|| self.failed_to("read the scores"))
    }
}
