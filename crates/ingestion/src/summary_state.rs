//! Rows that the summary statistics count. An unlabelled row stops counting once a later row brings
//! its label, so that a client with a known outcome counts once.
//!
//! [`common::waiting_rows`] pairs labels and rows. This module keeps the values of the newest unlabelled
//! rows, because a row that stops counting must be taken out again. Their number is limited: older rows
//! count for good. The result depends on the rows and their order only, not on blocks or on the number of
//! ingestions.

#[cfg(test)]
pub(crate) mod tests;
mod window;

use std::ops::Range;

use common::Schema;
use common::waiting_rows::Pair;
use dataset::Table;
use dataset::passes::{Profile, RunningProfile, Summary};
use serde::{Deserialize, Serialize};

use self::window::Window;
use crate::pairing::Pairing;

/// Memory limit for the newest unlabelled rows. Each ingestion reads and writes all of them.
const MAX_WINDOW_BYTES: usize = 8 << 20;

/// Running summary of the rows of finaldata.csv.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SummaryState {
    /// Number of all rows, including the rows that no longer count.
    rows: u64,
    /// Profile of the rows that count for good, in the order in which this was decided.
    settled: RunningProfile,
    /// The newest unlabelled rows.
    #[serde(default)]
    window: Window,
}

impl SummaryState {
    /// The state of zero rows.
    pub(crate) fn new(schema: &Schema) -> Self {
        Self {
            rows: 0,
            settled: RunningProfile::new(schema),
            window: Window::new(schema),
        }
    }

    /// True if the state fits this number of rows and this schema. A state that was read from disk
    /// may not.
    pub(crate) fn fits(&self, rows: u64, schema: &Schema) -> bool {
        let settled = self.settled.rows();
        let counted = settled.checked_add(self.window.counted_rows() as u64);
        self.rows == rows
            && counted.is_some_and(|counted| counted <= rows)
            && self.settled.can_be_of(settled, schema)
            && self.window.fits(rows, schema)
    }

    /// Number of rows of finaldata.csv so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// True if every row counts for good.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.rows() == self.rows
    }

    /// Adds these rows of a table, and pairs their labels.
    pub(crate) fn add(
        &mut self,
        table: &Table,
        rows: Range<usize>,
        pairing: &mut Pairing,
    ) -> anyhow::Result<()> {
        self.add_within(table, rows, pairing, max_window_rows(table))
    }

    fn add_within(
        &mut self,
        table: &Table,
        rows: Range<usize>,
        pairing: &mut Pairing,
        max_rows: usize,
    ) -> anyhow::Result<()> {
        let first_place = self.rows;
        let pairs = pairing.add(table, rows.clone(), first_place)?;
        self.rows += rows.len() as u64;
        let mut labels = table.in_memory().labels[rows.clone()].iter();
        if !pairing.has_id() || labels.all(Option::is_some) {
            let superseded = pairs.iter().map(|pair| pair.waiting_place);
            superseded.for_each(|place| self.window.supersede(place));
            self.settled.add(table, rows);
        } else {
            let settling = self.settle(table, rows, &pairs, first_place, max_rows);
            self.settled.add(&settling, 0..settling.rows());
        }
        Ok(())
    }

    /// Adds the unlabelled rows to the window. Returns, in order, the rows that now count for good.
    fn settle(
        &mut self,
        table: &Table,
        rows: Range<usize>,
        pairs: &[Pair],
        first_place: u64,
        max_rows: usize,
    ) -> Table {
        // Level names of all rows, because the rows of the window are stored without names.
        let mut settling = table.filtered(|_| false);
        let mut pairs = pairs.iter().peekable();
        for (row, place) in rows.zip(first_place..) {
            if table.in_memory().labels[row].is_none() {
                while self.window.rows() >= max_rows {
                    self.window.move_oldest(&mut settling);
                }
                self.window.push(table, row, place);
                continue;
            }
            if let Some(pair) = pairs.next_if(|pair| pair.label_place == place) {
                self.window.supersede(pair.waiting_place);
            }
            settling.push_from(table, row);
        }
        settling
    }

    /// Removes data that is no longer needed. Useful before the state is stored.
    pub(crate) fn shrink(&mut self) {
        self.settled.shrink();
    }

    /// The profile of the rows that are counted.
    pub(crate) fn profile(&self, schema: &Schema) -> Profile {
        if self.window.counted_rows() == 0 {
            return self.settled.profile(schema);
        }
        let newest = self.window.counted();
        let mut counted = self.settled.clone();
        counted.add(&newest, 0..newest.rows());
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

/// Maximum number of rows of a window within the memory limit.
fn max_window_rows(table: &Table) -> usize {
    let row_bytes = size_of::<f64>() * (table.n_features() + 1) + 1;
    (MAX_WINDOW_BYTES / row_bytes).max(1)
}
