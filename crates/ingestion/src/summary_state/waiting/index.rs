//! Index of rows by client, and by client and values.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use dataset::Table;

/// Marks the end of a chain. No table within the memory limit has so many rows.
const NONE: u32 = u32::MAX;

/// Index of the rows of a table.
#[derive(Clone, Debug)]
pub(super) struct Index {
    by_client: Chains,
    by_row: Chains,
}

/// For each key, a chain of slots from the latest to the oldest.
///
/// A search never passes the same gap twice. All searches together therefore take time linear in
/// the number of slots, however many share a key.
#[derive(Clone, Debug)]
struct Chains {
    latest: HashMap<u64, u32>,
    /// For each slot, the slot before it in the chain.
    previous: Vec<u32>,
}

impl Index {
    /// Index of all slots of a table.
    pub(super) fn of(table: &Table) -> Self {
        let mut index = Self {
            by_client: Chains::with_room(table.rows()),
            by_row: Chains::with_room(table.rows()),
        };
        let positions: Vec<usize> = (0..table.rows()).collect();
        let hashes = table.row_hashes(&positions);
        for (client, hash) in table.in_memory().clients.iter().zip(hashes) {
            index.push(*client, hash);
        }
        index
    }

    /// Adds the next slot with the client of its row, and the hash of client and values.
    pub(super) fn push(&mut self, client: u64, hash: u64) {
        self.by_client.push(client);
        self.by_row.push(hash);
    }

    /// True if a row of this client is in the index and is not a gap.
    pub(super) fn holds(&mut self, client: u64, is_gap: &[bool]) -> bool {
        self.by_client.find(client, is_gap).is_some()
    }

    /// The latest slot with this hash, otherwise the latest slot of this client.
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
