//! Counts of labels and of clients.

use super::engine::{Chunk, Pass, run};
use crate::table::{Selection, Table};
use common::Failure;

/// Counts of rows by label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelCounts {
    /// Rows with a positive label.
    pub positives: u64,
    /// Rows with a negative label.
    pub negatives: u64,
    /// Rows without a label.
    pub unlabelled: u64,
}

impl LabelCounts {
    /// Number of rows with a label.
    pub fn labelled(self) -> u64 {
        self.positives + self.negatives
    }

    /// Number of rows of the less frequent label.
    pub fn rarer(self) -> u64 {
        self.positives.min(self.negatives)
    }
}

/// Counts the selected rows by label.
pub fn label_counts(table: &Table, selection: &Selection) -> Result<LabelCounts, Failure> {
    Ok(run(&CountLabels, table, selection))
}

struct CountLabels;

impl Pass for CountLabels {
    type Value = LabelCounts;

    fn empty(&self) -> LabelCounts {
        LabelCounts::default()
    }

    fn add(&self, counts: &mut LabelCounts, chunk: &Chunk<'_>) {
        for position in chunk.positions() {
            match chunk.table.labels[position] {
                Some(true) => counts.positives += 1,
                Some(false) => counts.negatives += 1,
                None => counts.unlabelled += 1,
            }
        }
    }

    fn merge(&self, earlier: &mut LabelCounts, later: LabelCounts) {
        earlier.positives += later.positives;
        earlier.negatives += later.negatives;
        earlier.unlabelled += later.unlabelled;
    }
}

/// Number of different clients of the selected rows.
pub fn client_count(table: &Table, selection: &Selection) -> Result<u64, Failure> {
    let mut clients = run(&Clients, table, selection);
    clients.sort_unstable();
    clients.dedup();
    Ok(clients.len() as u64)
}

struct Clients;

impl Pass for Clients {
    type Value = Vec<u64>;

    fn empty(&self) -> Vec<u64> {
        Vec::new()
    }

    fn add(&self, clients: &mut Vec<u64>, chunk: &Chunk<'_>) {
        clients.extend(chunk.positions().map(|row| chunk.table.clients[row]));
    }

    fn merge(&self, earlier: &mut Vec<u64>, later: Vec<u64>) {
        earlier.extend(later);
    }
}

#[cfg(test)]
mod tests {
    use common::Schema;

    use super::*;

    #[test]
    fn rows_are_counted_by_label_and_clients_once() {
        let mut table = Table::new(&Schema::default());
        for (id, label) in [
            ("a", Some(true)),
            ("b", None),
            ("a", Some(false)),
            ("c", Some(false)),
        ] {
            table.push(id.as_bytes(), &[1.0; 3], label);
        }
        let counts = label_counts(&table, &table.all()).unwrap();
        let wanted = LabelCounts {
            positives: 1,
            negatives: 2,
            unlabelled: 1,
        };
        assert_eq!(counts, wanted);
        assert_eq!((counts.labelled(), counts.rarer()), (3, 1));
        assert_eq!(client_count(&table, &table.all()).unwrap(), 3);
        assert_eq!(client_count(&table, &table.labelled()).unwrap(), 2);
        let none = Selection::rows(0..0);
        assert_eq!(label_counts(&table, &none).unwrap(), LabelCounts::default());
        assert_eq!(client_count(&table, &none).unwrap(), 0);
    }
}
