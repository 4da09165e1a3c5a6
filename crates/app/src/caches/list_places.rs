//! Positions of ranks in the file of the call list. Thanks to them, a page far down the list is not read
//! from the beginning of the file.

use std::sync::{Mutex, PoisonError};

use common::ledger::FileStamp;
use dataset::RecordPosition;
use scoring::{RankedClient, StoredList};

/// Number of clients between two places.
const SPACING: usize = 1_000;

/// Places of the list that was read last. They are recorded while pages are read, and take 24 bytes per
/// thousand clients.
#[derive(Default)]
pub(crate) struct ListPlaces(Mutex<Option<(FileStamp, Vec<Place>)>>);

/// A position in the file, directly after a client.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    /// The rank of the client. All clients before the client have lower ranks.
    rank: u64,
    position: RecordPosition,
}

/// A list whose reading begins at one of its places.
pub(crate) struct ReadList<'s> {
    list: StoredList,
    places: &'s ListPlaces,
    found: Vec<Place>,
    n_since_place: usize,
}

impl ListPlaces {
    /// Opens the list at the last known place whose rank is at most `rank`. Some clients after the
    /// place may also have ranks of at most `rank`.
    pub(crate) fn after(&self, mut list: StoredList, rank: u64) -> anyhow::Result<ReadList<'_>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let places = known
            .as_ref()
            .filter(|(stamp, _)| *stamp == list.stamp())
            .map_or(&[][..], |(_, places)| places);
        let n_passed = places.partition_point(|place| place.rank <= rank);
        let last = n_passed.checked_sub(1).map(|place| places[place]);
        drop(known);
        if let Some(place) = last {
            list.go_to(place.position, place.rank)?;
        }
        Ok(ReadList {
            list,
            places: self,
            found: Vec::new(),
            n_since_place: 0,
        })
    }

    /// Adds the found places that come after the known ones.
    fn add(&self, stamp: FileStamp, found: &[Place]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known_stamp, places) = known.get_or_insert_with(|| (stamp, Vec::new()));
        if *known_stamp != stamp {
            (*known_stamp, *places) = (stamp, Vec::new());
        }
        let highest = places.last().map_or(0, |place| place.rank);
        places.extend(found.iter().filter(|place| place.rank > highest));
    }
}

impl ReadList<'_> {
    /// The next client; `None` at the end.
    pub(crate) fn next_client(&mut self) -> anyhow::Result<Option<RankedClient>> {
        let Some(client) = self.list.next_client()? else {
            return Ok(None);
        };
        self.n_since_place += 1;
        if self.n_since_place == SPACING {
            self.n_since_place = 0;
            self.found.push(Place {
                rank: client.rank,
                position: self.list.position(),
            });
        }
        Ok(Some(client))
    }
}

impl Drop for ReadList<'_> {
    fn drop(&mut self) {
        if !self.found.is_empty() {
            self.places.add(self.list.stamp(), &self.found);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use scoring::CALL_LIST_COLUMNS;

    use super::*;

    /// Writes a list of these ranks. Each id has a line break.
    fn write(path: &Path, ranks: impl Iterator<Item = u64>) {
        let mut text = CALL_LIST_COLUMNS.join(",") + "\n";
        for rank in ranks {
            text += &format!("{rank},\"client\n{rank}\",0.5,high,,,,,,,,000001\n");
        }
        common::files::replace(path, text.as_bytes()).unwrap();
    }

    fn open(path: &Path) -> StoredList {
        StoredList::open(path).unwrap().expect("a list")
    }

    /// Ranks of the clients that are read from here, up to `limit` of them.
    fn ranks(mut list: ReadList<'_>, limit: usize) -> Vec<u64> {
        let next = || list.next_client().unwrap().map(|client| client.rank);
        std::iter::from_fn(next).take(limit).collect()
    }

    #[test]
    fn a_deep_page_is_read_from_the_place_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("riskranking.csv");
        let places = ListPlaces::default();
        write(&path, 1..=5_500);
        // Nothing is known yet.
        assert_eq!(ranks(places.after(open(&path), 3_000).unwrap(), 1), [1]);
        assert_eq!(
            ranks(places.after(open(&path), 0).unwrap(), 3_100).len(),
            3_100
        );
        for (rank, first) in [
            (0, 1),
            (999, 1),
            (1_000, 1_001),
            (2_999, 2_001),
            (3_000, 3_001),
            (5_400, 3_001),
        ] {
            let found = ranks(places.after(open(&path), rank).unwrap(), 2);
            assert_eq!(found, [first, first + 1], "after {rank}");
        }
        // Reading that begins at a place finds the places after it.
        assert_eq!(
            ranks(places.after(open(&path), 1_500).unwrap(), 9_999).len(),
            4_500
        );
        let found = ranks(places.after(open(&path), u64::MAX).unwrap(), 9_999);
        assert_eq!((found[0], found.len()), (5_001, 500));
        // Another list has other places.
        write(&path, 1..=1_200);
        assert_eq!(ranks(places.after(open(&path), 1_100).unwrap(), 1), [1]);
        assert_eq!(
            ranks(places.after(open(&path), 0).unwrap(), 9_999).len(),
            1_200
        );
        assert_eq!(ranks(places.after(open(&path), 1_100).unwrap(), 1), [1_001]);
    }

    #[test]
    fn ranks_that_do_not_ascend_are_damage_wherever_reading_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("riskranking.csv");
        let places = ListPlaces::default();
        // With 1,000 the damage is directly after a place.
        for n_before in [1_500, 1_000] {
            write(&path, (1..=n_before).chain([7]).chain(n_before + 1..4_000));
            for (after, first) in [(0, 1), (3_900, 1_001)] {
                let mut list = places.after(open(&path), after).unwrap();
                for rank in first..=n_before {
                    assert_eq!(list.next_client().unwrap().map(|it| it.rank), Some(rank));
                }
                let error = list.next_client().unwrap_err().to_string();
                assert!(error.contains("rank 7 is not above"), "{error}");
            }
        }
    }
}
