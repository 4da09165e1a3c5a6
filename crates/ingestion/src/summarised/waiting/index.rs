//! Finds rows by client, and by client and values.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use dataset::Table;

/// Before the first slot of a chain; no table that fits into memory's bound has so many rows.
const NONE: u32 = u32::MAX;

/// Where the rows of a table are.
#[derive(Clone, Debug)]
pub(super) struct Index {
    by_client: Chains,
    by_row: Chains,
}

/// The slots of each key, from the latest one back.
///
/// A gap that a search meets is never passed again, so all searches together take no longer than
/// there are slots, however many share a key.
#[derive(Clone, Debug)]
struct Chains {
    latest: HashMap<u64, u32>,
    /// Of each slot, the one before it in its chain.
    previous: Vec<u32>,
}

impl Index {
    /// That of all slots of a table.
    pub(super) fn of(table: &Table) -> Self {
        let mut index = Self {
            by_client: Chains::with_room(table.rows()),
            by_row: Chains::with_room(table.rows()),
        };
        let positions: Vec<usize> = (0..table.rows()).collect();
        let hashes = table.row_hashes(&positions);
        for (client, hash) in table.clients.iter().zip(hashes) {
            index.push(*client, hash);
        }
        index
    }

    /// Adds the next slot: the client of its row, and the hash of client and values.
    pub(super) fn push(&mut self, client: u64, hash: u64) {
        self.by_client.push(client);
        self.by_row.push(hash);
    }

    /// Whether a slot is of this client.
    pub(super) fn holds(&mut self, client: u64, is_gap: &[bool]) -> bool {
        self.by_client.find(client, is_gap).is_some()
    }

    /// The latest slot of the row with this hash, else of this client.
    pub(super) fn find(&mut self, client: u64, hash: u64, is_gap: &[bool]) -> Option<usize> {
        let of_client = self.by_client.find(client, is_gap)?;
        let same = self.by_row.find(hash, is_gap);
        Some(same.unwrap_or(of_client))
    }
}

impl Chains {
    fn with_room(slots: usize) -> Self {
        Self {
            latest: HashMap::with_capacity(slots),
            previous: Vec::with_capacity(slots),
        }
    }

    fn push(&mut self, key: u64) {
        let slot = self.previous.len() as u32;
        let before = self.latest.insert(key, slot);
        self.previous.push(before.unwrap_or(NONE));
    }

    fn find(&mut self, key: u64, is_gap: &[bool]) -> Option<usize> {
        let Entry::Occupied(mut latest) = self.latest.entry(key) else {
            return None;
        };
        let mut slot = *latest.get();
        while slot != NONE && is_gap[slot as usize] {
            slot = self.previous[slot as usize];
        }
        if slot == NONE {
            latest.remove();
            return None;
        }
        latest.insert(slot);
        Some(slot as usize)
    }
}
