//! The newest unlabelled rows, in order. A row is superseded once its label has arrived.

use std::borrow::Cow;

use common::Schema;
use dataset::Table;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Unlabelled rows, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// The rows, without level names.
    pub(super) slots: Table,
    /// The place of each row in finaldata.csv, ascending.
    pub(super) places: Vec<u64>,
    pub(super) is_superseded: Vec<bool>,
    /// Number of rows at the front that are not in the window any more.
    n_left: usize,
    n_superseded: usize,
}

/// Stored form of the rows. It has no labels, because the rows have none.
#[derive(Serialize, Deserialize)]
struct StoredRows<'a> {
    features: Vec<Cow<'a, [f64]>>,
    clients: Cow<'a, [u64]>,
    places: Cow<'a, [u64]>,
    #[serde(rename = "is_struck")]
    is_superseded: Cow<'a, [bool]>,
}

impl Window {
    /// Zero rows.
    pub(super) fn new(schema: &Schema) -> Self {
        Self {
            slots: Table::new(schema),
            ..Self::default()
        }
    }

    /// True if the rows fit a schema and stand among the first `rows` rows. Rows that were read from
    /// disk may not.
    pub(super) fn fits(&self, rows: u64, schema: &Schema) -> bool {
        let n_slots = self.slots.rows();
        let mut columns = self.slots.in_memory().features.iter();
        // Without rows, as in a state of an older program, the first row brings the columns.
        (n_slots == 0 || columns.len() == schema.features.len())
            && columns.all(|column| column.len() == n_slots)
            && (self.places.len(), self.is_superseded.len()) == (n_slots, n_slots)
            && self.places.is_sorted_by(|one, other| one < other)
            && self.places.last().is_none_or(|last| *last < rows)
    }

    /// Number of rows, including superseded rows.
    pub(super) fn rows(&self) -> usize {
        self.slots.rows() - self.n_left
    }

    /// Number of rows that are not superseded.
    pub(super) fn counted_rows(&self) -> usize {
        self.rows() - self.n_superseded
    }

    /// The rows that are not superseded.
    pub(super) fn counted(&self) -> Cow<'_, Table> {
        match (self.n_left, self.n_superseded) {
            (0, 0) => Cow::Borrowed(&self.slots),
            _ => {
                let is_counted = |slot: usize| slot >= self.n_left && !self.is_superseded[slot];
                Cow::Owned(self.slots.filtered(is_counted))
            }
        }
    }

    /// Adds a row of a table.
    pub(super) fn push(&mut self, table: &Table, row: usize, place: u64) {
        if self.slots.rows() == 0 {
            self.slots = table.filtered(|_| false);
        }
        self.slots.push_from(table, row);
        self.places.push(place);
        self.is_superseded.push(false);
    }

    /// Marks the row at this place of finaldata.csv as superseded, if it is in the window.
    pub(super) fn supersede(&mut self, place: u64) {
        if let Ok(slot) = self.places.binary_search(&place)
            && slot >= self.n_left
            && !self.is_superseded[slot]
        {
            self.is_superseded[slot] = true;
            self.n_superseded += 1;
        }
    }

    /// Moves the oldest row to the end of a table, unless it is superseded.
    pub(super) fn move_oldest(&mut self, to: &mut Table) {
        let slot = self.n_left;
        if self.is_superseded[slot] {
            self.n_superseded -= 1;
        } else {
            to.push_from(&self.slots, slot);
        }
        self.n_left += 1;
        if self.n_left * 2 > self.slots.rows() {
            *self = Self {
                slots: self.slots.filtered(|slot| slot >= self.n_left),
                places: self.places.split_off(self.n_left),
                is_superseded: self.is_superseded.split_off(self.n_left),
                n_left: 0,
                n_superseded: self.n_superseded,
            };
        }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (columns, first) = (self.slots.in_memory(), self.n_left);
        let features = columns.features.iter();
        let stored = StoredRows {
            features: features
                .map(|column| Cow::Borrowed(&column[first..]))
                .collect(),
            clients: Cow::Borrowed(&columns.clients[first..]),
            places: Cow::Borrowed(&self.places[first..]),
            is_superseded: Cow::Borrowed(&self.is_superseded[first..]),
        };
        stored.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let stored = StoredRows::deserialize(from)?;
        let is_superseded = stored.is_superseded.into_owned();
        Ok(Self {
            slots: Table::of_columns(
                stored.features.into_iter().map(Cow::into_owned).collect(),
                vec![None; stored.clients.len()],
                stored.clients.into_owned(),
            ),
            places: stored.places.into_owned(),
            n_left: 0,
            n_superseded: is_superseded
                .iter()
                .filter(|is_superseded| **is_superseded)
                .count(),
            is_superseded,
        })
    }
}
