//! Pairing of late labels while rows are written.

use std::ops::Range;

use common::waiting_rows::{ArrivingRow, Pair};
use common::{History, Layout, Ledger, Schema, WaitingRows};
use dataset::Table;

/// The rows that wait for a label, as the rows of finaldata.csv are added.
pub(crate) struct Pairing {
    /// `None` without an id: a label cannot be matched with its row.
    waiting: Option<WaitingRows>,
    /// Rows before this place are evaluated.
    pub(crate) first_new: u64,
}

impl Pairing {
    /// Continues after the committed rows.
    pub(crate) fn open(
        layout: &Layout,
        history: &History,
        schema: &Schema,
        first_new: u64,
    ) -> anyhow::Result<Self> {
        let mut pairing = Self {
            waiting: match schema.id {
                Some(_) => Some(WaitingRows::open(layout, history)?),
                None => None,
            },
            first_new,
        };
        if let Some(waiting) = &mut pairing.waiting {
            waiting.begin()?;
        }
        Ok(pairing)
    }

    /// Begins again with the first row of finaldata.csv.
    pub(crate) fn begin_rebuild(&mut self) -> anyhow::Result<()> {
        self.waiting
            .as_mut()
            .map_or(Ok(()), WaitingRows::begin_rebuild)
    }

    /// True if late labels can be matched.
    pub(crate) fn has_id(&self) -> bool {
        self.waiting.is_some()
    }

    /// True if there are rows that wait for a label, or whose label is not evaluated yet.
    pub(crate) fn has_rows(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| !waiting.is_empty())
    }

    /// True if these are the rows of the finaldata.csv with this digest. `has_rows` says whether there
    /// were some.
    pub(crate) fn belongs_to(&self, digest: &str, has_rows: bool) -> bool {
        self.waiting
            .as_ref()
            .is_none_or(|waiting| match waiting.exists() {
                true => waiting.belongs_to(digest),
                false => !has_rows && !waiting.is_lost(),
            })
    }

    /// Adds rows of a table, which stand in finaldata.csv from `first_place` on. Returns their labels
    /// that belong to earlier rows of finaldata.csv, in order.
    pub(crate) fn add(
        &mut self,
        table: &Table,
        rows: Range<usize>,
        first_place: u64,
    ) -> anyhow::Result<Vec<Pair>> {
        let Some(waiting) = &mut self.waiting else {
            return Ok(Vec::new());
        };
        let columns = table.in_memory();
        let labels = &columns.labels[rows.clone()];
        if waiting.is_empty() && labels.iter().all(Option::is_some) {
            return Ok(Vec::new());
        }
        let positions: Vec<usize> = rows.collect();
        let hashes = table.row_hashes(&positions);
        let mut arriving: Vec<ArrivingRow> = positions
            .into_iter()
            .zip(hashes)
            .zip(first_place..)
            .map(|((position, row), place)| ArrivingRow {
                client: columns.clients[position],
                row,
                place,
                label: columns.labels[position],
            })
            .collect();
        waiting.add(&mut arriving, self.first_new)
    }

    /// Commits the waiting rows, which from then on belong to the finaldata.csv of this ledger.
    pub(crate) fn commit(&mut self, ledger: &Ledger, history: &History) -> anyhow::Result<()> {
        match &mut self.waiting {
            Some(waiting) => {
                waiting.forget_evaluated(ledger.evaluated_rows)?;
                waiting.commit(&ledger.digest, history)
            }
            None => Ok(()),
        }
    }
}
