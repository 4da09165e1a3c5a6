//! Named documents: saving a document replaces the one with the same name. Names shared by several
//! crates are defined here.

use anyhow::Context;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::damage::unreadable;
use super::store::History;

/// Summary statistics of the ingested data.
pub const SUMMARY: &str = "summary of the data";
/// SHA-256 of the live model that the ledger was last checked against.
pub const RECONCILED_MODEL: &str = "reconciled model";

impl History {
    /// Saves a document in place of the one with the same name.
    pub fn save_document<T: Serialize>(&self, name: &str, document: &T) -> anyhow::Result<()> {
        self.connection
            .execute(
                "INSERT INTO documents (name, content) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET content = excluded.content",
                params![name, serde_json::to_string(document)?],
            )
            .with_context(|| self.failed_to(&format!("record the {name}")))?;
        Ok(())
    }

    /// The document with this name; `None` if there is none.
    pub fn document<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let content: Option<String> = self
            .connection
            .query_row(
                "SELECT content FROM documents WHERE name = ?1",
                [name],
                |row| row.get(0),
            )
            .optional()
            .with_context(|| self.failed_to(&format!("read the {name}")))?;
        content
            .map(|content| {
                serde_json::from_str(&content).map_err(|error| unreadable(name, &error).into())
            })
            .transpose()
    }
}
