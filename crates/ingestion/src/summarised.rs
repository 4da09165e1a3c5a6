//! Which rows of finaldata.csv the summary statistics count: all but those without a class whose
//! class a later row brought, so that a client whose outcome is known by now counts once.
//!
//! A row with a class takes the latest row above it that waits for one and has its client and
//! values, else the latest one of its client. That is asked row by row, in the order of
//! finaldata.csv, so it makes no difference in how many ingestions or blocks the rows came. It is
//! asked of the latest rows only, within a bound: older ones count for good.

#[cfg(test)]
pub(crate) mod tests;
mod waiting;

use std::ops::Range;

use common::Schema;
use dataset::Table;
use dataset::passes::{Profile, RunningProfile, Summary};
use serde::{Deserialize, Serialize};

use self::waiting::Waiting;

/// Rows that wait for a class take so many bytes at most: each ingestion reads and writes all of
/// them.
const MOST_WAITING_BYTES: usize = 8 << 20;

/// What the rows of finaldata.csv look like, as far as the summary counts them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Summarised {
    /// All rows, those that are left out included.
    rows: u64,
    /// Those that count whatever comes, in the order in which that was certain.
    settled: RunningProfile,
    /// Those that count until a later row brings their class.
    waiting: Waiting,
}

impl Summarised {
    /// That of no rows.
    pub(crate) fn new(schema: &Schema) -> Self {
        Self {
            rows: 0,
            settled: RunningProfile::new(schema),
            waiting: Waiting::new(schema),
        }
    }

    /// Whether it can be that of so many rows under a schema; what was read back need not be.
    pub(crate) fn can_be_of(&self, rows: u64, schema: &Schema) -> bool {
        let settled = self.settled.rows();
        let counted = settled.checked_add(self.waiting.rows() as u64);
        self.rows == rows
            && counted.is_some_and(|counted| counted <= rows)
            && self.settled.can_be_of(settled, schema)
            && self.waiting.can_be_of(schema)
    }

    /// Rows of finaldata.csv so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds these rows of a table.
    pub(crate) fn add(&mut self, table: &Table, rows: Range<usize>) {
        self.add_within(table, rows, most_waiting(table));
    }

    fn add_within(&mut self, table: &Table, rows: Range<usize>, most: usize) {
        self.rows += rows.len() as u64;
        if table.labels[rows.clone()].iter().all(Option::is_some) {
            self.take_those_of(table, rows.clone());
            self.settled.add(table, rows);
        } else {
            let settling = self.settle(table, rows, most);
            self.settled.add(&settling, 0..settling.rows());
        }
    }

    /// Removes the rows that wait for these, which all have a class.
    fn take_those_of(&mut self, table: &Table, rows: Range<usize>) {
        if self.waiting.rows() == 0 {
            return;
        }
        // Most rows are of clients that wait for nothing, and need not be hashed.
        let is_awaited = |row: &usize| self.waiting.holds(table.clients[*row]);
        let positions: Vec<usize> = rows.filter(is_awaited).collect();
        let hashes = table.row_hashes(&positions);
        for (row, hash) in positions.into_iter().zip(hashes) {
            self.waiting.take(table.clients[row], hash);
        }
    }

    /// Lets the rows without a class wait, and returns what settles by these rows, in order.
    fn settle(&mut self, table: &Table, rows: Range<usize>, most: usize) -> Table {
        let mut settling = Table {
            features: vec![Vec::new(); table.features.len()],
            // The texts of all rows: those that wait are kept without.
            levels: table.levels.clone(),
            ..Table::default()
        };
        let positions: Vec<usize> = rows.collect();
        let hashes = table.row_hashes(&positions);
        for (row, hash) in positions.into_iter().zip(hashes) {
            if table.labels[row].is_some() {
                self.waiting.take(table.clients[row], hash);
                settling.push_from(table, row);
            } else {
                while self.waiting.rows() >= most {
                    self.waiting.give_up_oldest(&mut settling);
                }
                self.waiting.push(table, row, hash);
            }
        }
        settling
    }

    /// Forgets what decides nothing any more; worth it before it is kept.
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

    /// The statistics of that profile, as they are stored and shown.
    pub(crate) fn summary(&self, profile: &Profile) -> Summary {
        Summary {
            superseded: self.rows.saturating_sub(profile.rows),
            ..profile.summary()
        }
    }
}

/// Rows that wait for a class at most, as wide as those of a table.
fn most_waiting(table: &Table) -> usize {
    let row_bytes = size_of::<f64>() * (table.features.len() + 1) + 1;
    (MOST_WAITING_BYTES / row_bytes).max(1)
}
