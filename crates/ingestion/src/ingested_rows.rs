//! The rows that an ingestion wrote, with their fingerprints.

use common::Schema;
use dataset::{Fingerprint, ParsedRows, Table};

/// Rows and, in the same order, their fingerprints.
#[derive(Default)]
pub struct IngestedRows {
    /// The rows.
    pub table: Table,
    /// Fingerprint of each row under the key of the state folder.
    pub fingerprints: Vec<Fingerprint>,
}

impl IngestedRows {
    /// An empty set of rows with the columns of the schema.
    pub fn new(schema: &Schema) -> Self {
        Self {
            table: Table::new(schema),
            ..Self::default()
        }
    }

    /// Adds all accepted rows of a block at the end.
    pub(crate) fn append_all(&mut self, rows: &ParsedRows) {
        self.table.append_all(rows);
        self.fingerprints.extend_from_slice(&rows.fingerprints);
    }

    /// Appends the accepted rows of a block that are at these places.
    pub(crate) fn append(&mut self, rows: &ParsedRows, places: &[usize]) {
        self.table.append(rows, places);
        self.fingerprints
            .extend(places.iter().map(|place| rows.fingerprints[*place]));
    }

    /// Removes all rows and keeps the allocated memory.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.fingerprints.clear();
    }
}
