//! Which row brings the class of which one that waits for it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::prediction::Prediction;
use crate::judge::Rows;

/// A row whose class is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) client: u64,
    row: u64,
    class: bool,
    place: usize,
}

/// The rows whose class is known, in their order.
pub(super) fn labelled(new: &Rows<'_>) -> Vec<Labelled> {
    let table = new.table;
    let rows = new.selection.rows.clone();
    let places: Vec<usize> = rows.filter(|row| table.labels[*row].is_some()).collect();
    let hashes = table.row_hashes(&places);
    let labelled = places.into_iter().zip(hashes);
    labelled
        .filter_map(|(place, row)| {
            Some(Labelled {
                client: table.clients[place],
                row,
                class: table.labels[place]?,
                place,
            })
        })
        .collect()
}

/// The class of each row that waits, oldest first, as far as one has come.
///
/// A class goes to the row of the same client and values, else to the latest row of that client;
/// each row takes one class and each class one row. A row never takes the class of one that stands
/// before it: that is of an earlier time.
pub(super) fn pair(waiting: &[Prediction], labelled: &[Labelled]) -> Vec<Option<bool>> {
    let clients: HashSet<u64> = labelled.iter().map(|row| row.client).collect();
    let concerned = waiting.iter().enumerate();
    let concerned: Vec<(usize, &Prediction)> = concerned
        .filter(|(_, row)| clients.contains(&row.client))
        .collect();
    let mut classes = vec![None; waiting.len()];
    let left = take(&concerned, labelled, &mut classes, |client, row| {
        (client, row)
    });
    take(&concerned, &left, &mut classes, |client, _| client);
    classes
}

/// Gives each class to the latest row before it that has the same key and no class yet, and returns
/// the classes that nobody took.
fn take<K: Hash + Eq>(
    waiting: &[(usize, &Prediction)],
    labelled: &[Labelled],
    classes: &mut [Option<bool>],
    key: impl Fn(u64, u64) -> K,
) -> Vec<Labelled> {
    let mut before: HashMap<K, Vec<usize>> = HashMap::new();
    let mut waiting = waiting.iter().peekable();
    let mut left = Vec::new();
    for came in labelled {
        while let Some((position, row)) = waiting.next_if(|(_, row)| row.place < Some(came.place)) {
            if classes[*position].is_none() {
                let rows = before.entry(key(row.client, row.row)).or_default();
                rows.push(*position);
            }
        }
        let rows = before.get_mut(&key(came.client, came.row));
        match rows.and_then(Vec::pop) {
            Some(position) => classes[position] = Some(came.class),
            None => left.push(*came),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(client: u64, row: u64) -> Prediction {
        Prediction {
            client,
            row,
            log_odds: 1.0,
            probability: 0.7,
            run: 1,
            place: None,
        }
    }

    fn came(client: u64, row: u64, class: bool) -> Labelled {
        Labelled {
            client,
            row,
            class,
            place: 0,
        }
    }

    #[test]
    fn a_class_that_stands_before_a_row_is_not_its_own() {
        let own = |place| Prediction {
            place: Some(place),
            ..waits(1, 10)
        };
        let at = |place| Labelled {
            place,
            ..came(1, 99, true)
        };
        assert_eq!(pair(&[own(1)], &[at(0)]), [None]);
        assert_eq!(pair(&[own(1)], &[at(2)]), [Some(true)]);
        // The same values make no difference.
        let same = Labelled { row: 10, ..at(0) };
        assert_eq!(pair(&[own(1)], &[same]), [None]);
        // It goes to the row of an earlier run, and that behind to the one between.
        let waiting = [waits(1, 10), own(1), own(3)];
        assert_eq!(pair(&waiting, &[at(0)]), [Some(true), None, None]);
        assert_eq!(
            pair(&waiting, &[at(0), at(2)]),
            [Some(true), Some(true), None]
        );
    }

    #[test]
    fn a_class_goes_to_the_same_values_else_to_the_latest_of_the_client_and_only_once() {
        let waiting = [waits(1, 10), waits(1, 11), waits(2, 20), waits(3, 30)];
        for (labelled, expected) in [
            (vec![], [None; 4]),
            // The same values, though a later row of the client waits.
            (vec![came(1, 10, true)], [Some(true), None, None, None]),
            (vec![came(1, 99, true)], [None, Some(true), None, None]),
            // What has its own values is not taken by another, whatever comes first.
            (
                vec![came(1, 99, true), came(1, 11, false)],
                [Some(true), Some(false), None, None],
            ),
            (
                vec![came(2, 21, true), came(2, 22, false), came(4, 1, true)],
                [None, None, Some(true), None],
            ),
            // Values alone are no identity.
            (vec![came(2, 30, true)], [None, None, Some(true), None]),
        ] {
            assert_eq!(pair(&waiting, &labelled), expected, "{labelled:?}");
        }
        let twice = [waits(1, 10), waits(1, 10)];
        let found = pair(&twice, &[came(1, 10, true), came(1, 10, false)]);
        assert_eq!(found, [Some(false), Some(true)]);
    }
}
