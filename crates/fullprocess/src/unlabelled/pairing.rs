//! Which row brings the class of which one that waits for it.

use std::collections::{HashMap, HashSet};

use super::prediction::Prediction;
use crate::judge::Rows;

/// A row whose class is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    client: u64,
    row: u64,
    class: bool,
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
            })
        })
        .collect()
}

/// The class of each row that waits, oldest first, as far as one has come.
///
/// A class goes to the row of the same client and values, else to the latest row of that client;
/// each row takes one class and each class one row.
pub(super) fn pair(waiting: &[Prediction], labelled: &[Labelled]) -> Vec<Option<bool>> {
    let mut classes = vec![None; waiting.len()];
    let clients: HashSet<u64> = labelled.iter().map(|row| row.client).collect();
    let mut of_values: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
    let mut of_client: HashMap<u64, Vec<usize>> = HashMap::new();
    let concerned = waiting.iter().enumerate();
    for (place, row) in concerned.filter(|(_, row)| clients.contains(&row.client)) {
        of_values
            .entry((row.client, row.row))
            .or_default()
            .push(place);
        of_client.entry(row.client).or_default().push(place);
    }
    let left: Vec<&Labelled> = labelled
        .iter()
        .filter(|row| {
            !take_latest(
                &mut of_values,
                (row.client, row.row),
                &mut classes,
                row.class,
            )
        })
        .collect();
    for row in left {
        take_latest(&mut of_client, row.client, &mut classes, row.class);
    }
    classes
}

/// Gives a class to the latest place of a key that has none yet; `false` when there is none.
fn take_latest<K: std::hash::Hash + Eq>(
    places: &mut HashMap<K, Vec<usize>>,
    key: K,
    classes: &mut [Option<bool>],
    class: bool,
) -> bool {
    let Some(places) = places.get_mut(&key) else {
        return false;
    };
    while let Some(place) = places.pop() {
        if classes[place].is_none() {
            classes[place] = Some(class);
            return true;
        }
    }
    false
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
        }
    }

    fn came(client: u64, row: u64, class: bool) -> Labelled {
        Labelled { client, row, class }
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
