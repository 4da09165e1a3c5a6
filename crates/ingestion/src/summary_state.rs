//! Rows that the summary statistics count. An unlabelled row stops counting once a later row brings
//! its label, so that a client with a known outcome counts once.
//!
//! A labelled row replaces the latest earlier unlabelled row with the same client and values,
//! otherwise the latest unlabelled row of the same client. Rows are matched one by one in the order
//! of finaldata.csv. The result therefore does not depend on blocks or on the number of ingestions.
//! Only the latest unlabelled rows can be matched, within a limit; older ones count for good.

#[cfg(test)]
pub(crate) mod tests;
mod waiting;

use std::ops::Range;

use common::Schema;
use dataset::Table;
use dataset::passes::{Profile, RunningProfile, Summary};
use serde::{Deserialize, Serialize};

use self::waiting::WaitingRows;

/// Memory limit for rows that wait for a label. Each ingestion reads and writes all of these rows.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// Running summary of the rows of finaldata.csv.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SummaryState {
    /// Number of all rows, including the rows that no longer count.
    rows: u64,
    /// Profile of the rows that count for good, in the order in which this was decided.
    settled: RunningProfile,
    /// Unlabelled rows that count until a later row brings their label.
    waiting: WaitingRows,
}

impl SummaryState {
    /// The state of zero rows.
    pub(crate) fn new(schema: &Schema) -> Self {
        Self {
            rows: 0,
            settled: RunningProfile::new(schema),
            waiting: WaitingRows::new(schema),
        }
    }

    /// True if the state fits this number of rows and this schema. A state that was read from disk
    /// may not.
    pub(crate) fn fits(&self, rows: u64, schema: &Schema) -> bool {
        let settled = self.settled.rows();
        let counted = settled.checked_add(self.waiting.rows() as u64);
        self.rows == rows
            && counted.is_some_and(|counted| counted <= rows)
            && self.settled.can_be_of(settled, schema)
            && self.waiting.fits(schema)
    }

    /// Number of rows of finaldata.csv so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds these rows of a table.
    pub(crate) fn add(&mut self, table: &Table, rows: Range<usize>) {
        self.add_within(table, rows, max_waiting_rows(table));
    }

    fn add_within(&mut self, table: &Table, rows: Range<usize>, max_waiting: usize) {
        self.rows += rows.len() as u64;
        if table.in_memory().labels[rows.clone()]
            .iter()
            .all(Option::is_some)
        {
            self.remove_labelled(table, rows.clone());
            self.settled.add(table, rows);
        } else {
            let settling = self.settle(table, rows, max_waiting);
            self.settled.add(&settling, 0..settling.rows());
        }
    }

    /// Removes the waiting rows whose labels these rows bring. All of these rows are labelled.
    fn remove_labelled(&mut self, table: &Table, rows: Range<usize>) {
        if self.waiting.rows() == 0 {
            return;
        }
        // Most clients have no waiting row, so their rows need not be hashed.
        let clients = table.in_memory().clients;
        let is_awaited = |row: &usize| self.waiting.holds(clients[*row]);
        let positions: Vec<usize> = rows.filter(is_awaited).collect();
        let hashes = table.row_hashes(&positions);
        for (row, hash) in positions.into_iter().zip(hashes) {
            self.waiting.remove_match(clients[row], hash);
        }
    }

    /// Adds the unlabelled rows to the waiting rows. Returns, in order, the rows that now count for
    /// good.
    fn settle(&mut self, table: &Table, rows: Range<usize>, max_waiting: usize) -> Table {
        let columns = table.in_memory();
        // Level names of all rows, because waiting rows are stored without names.
        let mut settling = table.filtered(|_| false);
        let positions: Vec<usize> = rows.collect();
        let hashes = table.row_hashes(&positions);
        for (row, hash) in positions.into_iter().zip(hashes) {
            if columns.labels[row].is_some() {
                self.waiting.remove_match(columns.clients[row], hash);
                settling.push_from(table, row);
            } else {
                while self.waiting.rows() >= max_waiting {
                    self.waiting.move_oldest(&mut settling);
                }
                self.waiting.push(table, row, hash);
            }
        }
        settling
    }

    /// Removes data that is no longer needed. Useful before the state is stored.
    pub(crate) fn shrink(&mut self) {
        self.settled.shrink();
        self.waiting.shrink();
    }

    /// The profile of the rows that are counted.
    pub(crate) fn profile(&self, schema: &Schema) -> Profile {
        if self.waiting.rows() == 0 {
            return self.settled.profile(schema);
        }
        let waiting = self.waiting.table();
        let mut counted = self.settled.clone();
        counted.add(&waiting, 0..waiting.rows());
        counted.profile(schema)
    }

    /// The statistics of the profile, as stored and shown.
    pub(crate) fn summary(&self, profile: &Profile) -> Summary {
        Summary {
            superseded: self.rows.saturating_sub(profile.rows),
            ..profile.summary()
        }
    }
}

/// Maximum number of waiting rows of a table within the memory limit.
fn max_waiting_rows(table: &Table) -> usize {
    let row_bytes = size_of::<f64>() * (table.n_features() + 1) + 1;
    (MAX_WAITING_BYTES / row_bytes).max(1)
}
