//! Rows that wait for a class, in order, and which of them one that comes belongs to.
//!
//! A row that has met its class leaves a gap; the gaps are closed once they are more than the rows.

mod index;

use std::borrow::Cow;

use common::Schema;
use dataset::Table;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::index::Index;

/// Fewer gaps than these are not worth closing.
const LEAST_GAPS: usize = 64;

/// Rows without a class, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// Those that wait, and gaps; without the texts of levels.
    slots: Table,
    is_gap: Vec<bool>,
    n_gaps: usize,
    /// All slots before this one are gaps.
    oldest: usize,
    /// Made when the first class comes.
    index: Option<Index>,
}

/// The rows as they are kept: no class can be among them.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    features: Cow<'a, [Vec<f64>]>,
    clients: Cow<'a, [u64]>,
}

impl Waiting {
    /// No rows.
    pub(super) fn new(schema: &Schema) -> Self {
        Self::of(Table::new(schema))
    }

    /// All rows of a table.
    pub(super) fn of(slots: Table) -> Self {
        Self {
            is_gap: vec![false; slots.rows()],
            slots,
            ..Self::default()
        }
    }

    /// Whether they can be rows under a schema; what was read back need not be.
    pub(super) fn can_be_of(&self, schema: &Schema) -> bool {
        let mut columns = self.slots.features.iter();
        columns.len() == schema.features.len()
            && columns.all(|column| column.len() == self.slots.rows())
    }

    /// How many wait.
    pub(super) fn rows(&self) -> usize {
        self.slots.rows() - self.n_gaps
    }

    /// Those that wait.
    pub(super) fn table(&self) -> Cow<'_, Table> {
        match self.n_gaps {
            0 => Cow::Borrowed(&self.slots),
            _ => Cow::Owned(self.slots.filtered(|slot| !self.is_gap[slot])),
        }
    }

    /// Adds a row of a table, which has this hash.
    pub(super) fn push(&mut self, table: &Table, row: usize, hash: u64) {
        self.slots.push_from(table, row);
        self.is_gap.push(false);
        if let Some(index) = &mut self.index {
            index.push(table.clients[row], hash);
        }
    }

    /// Whether a row of this client waits.
    pub(super) fn holds(&mut self, client: u64) -> bool {
        let index = self.index.get_or_insert_with(|| Index::of(&self.slots));
        index.holds(client, &self.is_gap)
    }

    /// Removes the row that a row of this client and with this hash brings the class of, if one
    /// waits: of equal ones the latest, else the latest of the client.
    pub(super) fn take(&mut self, client: u64, hash: u64) {
        if self.rows() == 0 {
            return;
        }
        let index = self.index.get_or_insert_with(|| Index::of(&self.slots));
        if let Some(slot) = index.find(client, hash, &self.is_gap) {
            self.leave(slot);
        }
    }

    /// Moves the oldest row to the end of a table.
    pub(super) fn give_up_oldest(&mut self, to: &mut Table) {
        let gaps = self.is_gap[self.oldest..].iter();
        self.oldest += gaps.take_while(|is_gap| **is_gap).count();
        if self.oldest < self.slots.rows() {
            to.push_from(&self.slots, self.oldest);
            self.leave(self.oldest);
        }
    }

    fn leave(&mut self, slot: usize) {
        self.is_gap[slot] = true;
        self.n_gaps += 1;
        if self.n_gaps > self.rows().max(LEAST_GAPS) {
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

impl Serialize for Waiting {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let table = self.table();
        let written = Written {
            features: Cow::Borrowed(&table.features),
            clients: Cow::Borrowed(&table.clients),
        };
        written.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Waiting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Written { features, clients } = Written::deserialize(from)?;
        Ok(Self::of(Table {
            labels: vec![None; clients.len()],
            features: features.into_owned(),
            clients: clients.into_owned(),
            ..Table::default()
        }))
    }
}
