//! Unlabelled rows that wait for a label, in order, and the search for the row that a label belongs
//! to.
//!
//! A row that got its label leaves a gap. The gaps are closed once there are more gaps than rows.

mod index;

use std::borrow::Cow;

use common::Schema;
use dataset::Table;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::index::Index;

/// Minimum number of gaps to close.
const MIN_GAPS: usize = 64;

/// Unlabelled rows, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct WaitingRows {
    /// Waiting rows and gaps, without level names.
    slots: Table,
    is_gap: Vec<bool>,
    n_gaps: usize,
    /// All slots before this one are gaps.
    oldest: usize,
    /// Built when the first labelled row comes.
    index: Option<Index>,
}

/// Stored form of the rows. It has no labels, because waiting rows have none.
#[derive(Serialize, Deserialize)]
struct StoredRows<'a> {
    features: Cow<'a, [Vec<f64>]>,
    clients: Cow<'a, [u64]>,
}

impl WaitingRows {
    /// Zero rows.
    pub(super) fn new(schema: &Schema) -> Self {
        Self::of(Table::new(schema))
    }

    /// All rows of a table, without gaps.
    pub(super) fn of(slots: Table) -> Self {
        Self {
            is_gap: vec![false; slots.rows()],
            slots,
            ..Self::default()
        }
    }

    /// True if the rows fit a schema. Rows that were read from disk may not.
    pub(super) fn fits(&self, schema: &Schema) -> bool {
        let mut columns = self.slots.in_memory().features.iter();
        columns.len() == schema.features.len()
            && columns.all(|column| column.len() == self.slots.rows())
    }

    /// Number of waiting rows.
    pub(super) fn rows(&self) -> usize {
        self.slots.rows() - self.n_gaps
    }

    /// The waiting rows.
    pub(super) fn table(&self) -> Cow<'_, Table> {
        match self.n_gaps {
            0 => Cow::Borrowed(&self.slots),
            _ => Cow::Owned(self.slots.filtered(|slot| !self.is_gap[slot])),
        }
    }

    /// Adds a row of a table. `hash` is the hash of its client and values.
    pub(super) fn push(&mut self, table: &Table, row: usize, hash: u64) {
        self.slots.push_from(table, row);
        self.is_gap.push(false);
        if let Some(index) = &mut self.index {
            index.push(table.in_memory().clients[row], hash);
        }
    }

    /// True if a row of this client waits.
    pub(super) fn holds(&mut self, client: u64) -> bool {
        let index = self.index.get_or_insert_with(|| Index::of(&self.slots));
        index.holds(client, &self.is_gap)
    }

    /// Removes the waiting row that a labelled row of this client and hash belongs to. It is the
    /// latest row with the same hash, otherwise the latest row of the client. Does nothing if there
    /// is none.
    pub(super) fn remove_match(&mut self, client: u64, hash: u64) {
        if self.rows() == 0 {
            return;
        }
        let index = self.index.get_or_insert_with(|| Index::of(&self.slots));
        if let Some(slot) = index.find(client, hash, &self.is_gap) {
            self.mark_gap(slot);
        }
    }

    /// Moves the oldest row to the end of a table.
    pub(super) fn move_oldest(&mut self, to: &mut Table) {
        let gaps = self.is_gap[self.oldest..].iter();
        self.oldest += gaps.take_while(|is_gap| **is_gap).count();
        if self.oldest < self.slots.rows() {
            to.push_from(&self.slots, self.oldest);
            self.mark_gap(self.oldest);
        }
    }

    fn mark_gap(&mut self, slot: usize) {
        self.is_gap[slot] = true;
        self.n_gaps += 1;
        if self.n_gaps > self.rows().max(MIN_GAPS) {
            self.shrink();
        }
    }

    /// Closes the gaps.
    pub(super) fn shrink(&mut self) {
        if self.n_gaps > 0 {
            *self = Self::of(self.table().into_owned());
        }
    }
}

impl Serialize for WaitingRows {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let table = self.table();
        let columns = table.in_memory();
        let stored = StoredRows {
            features: Cow::Borrowed(columns.features),
            clients: Cow::Borrowed(columns.clients),
        };
        stored.serialize(to)
    }
}

impl<'de> Deserialize<'de> for WaitingRows {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let StoredRows { features, clients } = StoredRows::deserialize(from)?;
        Ok(Self::of(Table::of_columns(
            features.into_owned(),
            vec![None; clients.len()],
            clients.into_owned(),
        )))
    }
}
