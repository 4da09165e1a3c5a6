//! Matches waiting predictions with the rows that bring their labels.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use common::Failure;
use dataset::passes::row_identities;

use super::prediction::Prediction;
use crate::evaluation::SelectedRows;

/// A new row with a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LabelledRow {
    /// Public hash of the client.
    pub(super) client: u64,
    /// Public hash of client and values.
    row: u64,
    label: bool,
    /// Position among the rows of the current run.
    place: usize,
}

/// The labelled rows, in their order.
pub(super) fn labelled_rows(new: &SelectedRows<'_>) -> Result<Vec<LabelledRow>, Failure> {
    let rows = row_identities(new.table, &new.selection.clone().labelled())?;
    let labelled = rows.into_iter().filter_map(|row| {
        Some(LabelledRow {
            client: row.client,
            row: row.hash,
            label: row.label?,
            place: row.position,
        })
    });
    Ok(labelled.collect())
}

/// The label of each waiting prediction, oldest first; `None` where none has arrived.
///
/// A label goes to the prediction of the same client and values, otherwise to the client's latest
/// prediction. Each prediction takes one label, and each label goes to one prediction. A prediction
/// never takes the label of a row before its own: that label is of an earlier time.
pub(super) fn match_labels(waiting: &[Prediction], labelled: &[LabelledRow]) -> Vec<Option<bool>> {
    let clients: HashSet<u64> = labelled.iter().map(|row| row.client).collect();
    let concerned = waiting.iter().enumerate();
    let concerned: Vec<(usize, &Prediction)> = concerned
        .filter(|(_, row)| clients.contains(&row.client))
        .collect();
    let mut labels = vec![None; waiting.len()];
    let left = assign(&concerned, labelled, &mut labels, |client, row| {
        (client, row)
    });
    assign(&concerned, &left, &mut labels, |client, _| client);
    labels
}

/// Gives each label to the latest prediction before it that has the same key and no label yet.
/// Returns the labelled rows that are left.
fn assign<K: Hash + Eq>(
    waiting: &[(usize, &Prediction)],
    labelled: &[LabelledRow],
    labels: &mut [Option<bool>],
    key: impl Fn(u64, u64) -> K,
) -> Vec<LabelledRow> {
    let mut before: HashMap<K, Vec<usize>> = HashMap::new();
    let mut waiting = waiting.iter().peekable();
    let mut left = Vec::new();
    for labelled in labelled {
        let is_before = |(_, row): &&(usize, &Prediction)| row.place < Some(labelled.place);
        while let Some((position, row)) = waiting.next_if(is_before) {
            if labels[*position].is_none() {
                let rows = before.entry(key(row.client, row.row)).or_default();
                rows.push(*position);
            }
        }
        let rows = before.get_mut(&key(labelled.client, labelled.row));
        match rows.and_then(Vec::pop) {
            Some(position) => labels[position] = Some(labelled.label),
            None => left.push(*labelled),
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
            margin: 1.0,
            probability: 0.7,
            run: 1,
            place: None,
        }
    }

    fn arrived(client: u64, row: u64, label: bool) -> LabelledRow {
        LabelledRow {
            client,
            row,
            label,
            place: 0,
        }
    }

    #[test]
    fn a_label_before_a_row_is_not_its_own() {
        let own = |place| Prediction {
            place: Some(place),
            ..waits(1, 10)
        };
        let at = |place| LabelledRow {
            place,
            ..arrived(1, 99, true)
        };
        assert_eq!(match_labels(&[own(1)], &[at(0)]), [None]);
        assert_eq!(match_labels(&[own(1)], &[at(2)]), [Some(true)]);
        // The same values make no difference.
        let same = LabelledRow { row: 10, ..at(0) };
        assert_eq!(match_labels(&[own(1)], &[same]), [None]);
        // The label goes to the row of an earlier run, and a label behind to the row between.
        let waiting = [waits(1, 10), own(1), own(3)];
        assert_eq!(match_labels(&waiting, &[at(0)]), [Some(true), None, None]);
        assert_eq!(
            match_labels(&waiting, &[at(0), at(2)]),
            [Some(true), Some(true), None]
        );
    }

    #[test]
    fn a_label_goes_to_the_same_values_else_to_the_latest_of_the_client_and_only_once() {
        let waiting = [waits(1, 10), waits(1, 11), waits(2, 20), waits(3, 30)];
        for (labelled, expected) in [
            (vec![], [None; 4]),
            // The same values, though a later row of the client waits.
            (vec![arrived(1, 10, true)], [Some(true), None, None, None]),
            (vec![arrived(1, 99, true)], [None, Some(true), None, None]),
            // A label with the same values is not taken by another row, in whatever order they come.
            (
                vec![arrived(1, 99, true), arrived(1, 11, false)],
                [Some(true), Some(false), None, None],
            ),
            (
                vec![
                    arrived(2, 21, true),
                    arrived(2, 22, false),
                    arrived(4, 1, true),
                ],
                [None, None, Some(true), None],
            ),
            // Values alone are no identity.
            (vec![arrived(2, 30, true)], [None, None, Some(true), None]),
        ] {
            assert_eq!(match_labels(&waiting, &labelled), expected, "{labelled:?}");
        }
        let twice = [waits(1, 10), waits(1, 10)];
        let found = match_labels(&twice, &[arrived(1, 10, true), arrived(1, 10, false)]);
        assert_eq!(found, [Some(false), Some(true)]);
    }
}
