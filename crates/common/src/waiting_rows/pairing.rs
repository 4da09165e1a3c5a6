//! The rule that pairs a label with the row that waited for it.
//!
//! A label goes to the latest waiting row before it with the same client and values, otherwise to the
//! client's latest waiting row before it. Labels are paired one by one, in the order of finaldata.csv, so
//! the pairs do not depend on how the rows arrived. Predicted rows whose files are gone come last: such a
//! row gets a label only if no other prediction gets it.

use std::collections::HashMap;

use super::store::WaitingPrediction;

/// Up to this number of rows of a client, a search is faster than an index.
const SEARCHED_ROWS: usize = 16;

/// A row of finaldata.csv, as far as late labels need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrivingRow {
    /// Public hash of the client.
    pub client: u64,
    /// Public hash of client and values.
    pub row: u64,
    /// Number of the row in finaldata.csv, from 0.
    pub place: u64,
    /// The label; `None` if it has not arrived yet.
    pub label: Option<bool>,
}

/// A label and the row of finaldata.csv that waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Place of the row with the label.
    pub label_place: u64,
    /// Place of the row that waited.
    pub waiting_place: u64,
}

/// A change to the stored rows of a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// A row that is new in the table, with its label and the place of the row that brought it.
    Add(StoredRow, Option<(bool, u64)>),
    /// The label of a stored row has arrived, with the place of the row that brought it.
    Label(StoredRow, (bool, u64)),
    /// The stored row no longer waits.
    Remove(StoredRow),
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StoredRow {
    /// Public hash of client and values.
    pub(super) row_hash: u64,
    /// Place in finaldata.csv; negative if the row is not there any more.
    pub(super) place: i64,
    pub(super) prediction: Option<WaitingPrediction>,
}

/// Rows of one client that wait, in order.
#[derive(Default)]
struct Waiting {
    rows: Vec<Candidate>,
    /// Positions by the hash of client and values, once there are many rows.
    by_row: HashMap<u64, Vec<usize>>,
    /// All rows from this position on have their label.
    end: usize,
}

struct Candidate {
    stored: StoredRow,
    /// True if the row is not in the table yet.
    is_added: bool,
    fate: Fate,
}

/// What happens to a waiting row.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Waits,
    Labelled(bool, u64),
    /// The label was evaluated, or the row came back to finaldata.csv.
    Gone,
}

/// Pairs the labels among the arriving rows of one client, in the order of finaldata.csv. `stored` are
/// the rows of the client that wait, by place.
///
/// Rows before `first_new` are evaluated: their labels are not used for predictions, and no run will
/// predict them.
pub(super) fn pair(
    stored: impl IntoIterator<Item = StoredRow>,
    arriving: &[ArrivingRow],
    first_new: u64,
    pairs: &mut Vec<Pair>,
) -> Vec<Change> {
    let (mut present, mut absent) = (Waiting::default(), Waiting::default());
    for row in stored {
        let of = if row.place < 0 {
            &mut absent
        } else {
            &mut present
        };
        of.push(row, false);
    }
    for arrived in arriving {
        let Some(label) = arrived.label else {
            present.arrive(arrived, &mut absent);
            continue;
        };
        let is_new = arrived.place >= first_new;
        let fate = match is_new {
            true => Fate::Labelled(label, arrived.place),
            false => Fate::Gone,
        };
        let found = present.find(arrived.row);
        if let Some(found) = found {
            let found = &mut present.rows[found];
            found.fate = fate;
            let waiting_place = found.stored.place.cast_unsigned();
            pairs.push(Pair {
                label_place: arrived.place,
                waiting_place,
            });
            let will_be_predicted = waiting_place >= first_new;
            if found.stored.prediction.is_some() || will_be_predicted {
                continue;
            }
        }
        if is_new && let Some(found) = absent.find(arrived.row) {
            absent.rows[found].fate = fate;
        }
    }
    let rows = present.rows.iter().chain(&absent.rows);
    rows.filter_map(Candidate::change).collect()
}

impl Waiting {
    fn push(&mut self, stored: StoredRow, is_added: bool) {
        let position = self.rows.len();
        self.rows.push(Candidate {
            stored,
            is_added,
            fate: Fate::Waits,
        });
        self.end = self.rows.len();
        if position == SEARCHED_ROWS {
            for (position, row) in self.rows.iter().enumerate() {
                let of_row = self.by_row.entry(row.stored.row_hash).or_default();
                of_row.push(position);
            }
        } else if position > SEARCHED_ROWS {
            self.by_row
                .entry(stored.row_hash)
                .or_default()
                .push(position);
        }
    }

    /// Adds an unlabelled row. It takes over the prediction of the same row, if its file was gone.
    fn arrive(&mut self, arrived: &ArrivingRow, absent: &mut Self) {
        let known = absent.same(arrived.row);
        let known = known.map(|position| &mut absent.rows[position]);
        let prediction = known.and_then(|known| {
            known.fate = Fate::Gone;
            known.stored.prediction
        });
        let stored = StoredRow {
            row_hash: arrived.row,
            place: arrived.place.cast_signed(),
            prediction,
        };
        self.push(stored, true);
    }

    /// Position of the row that a label with these values belongs to.
    fn find(&mut self, row: u64) -> Option<usize> {
        if let same @ Some(_) = self.same(row) {
            return same;
        }
        while self.end > 0 && self.rows[self.end - 1].fate != Fate::Waits {
            self.end -= 1;
        }
        self.end.checked_sub(1)
    }

    /// Position of the latest row with the same values that waits.
    fn same(&mut self, row: u64) -> Option<usize> {
        let rows = &self.rows;
        if rows.len() <= SEARCHED_ROWS {
            return rows
                .iter()
                .rposition(|other| other.stored.row_hash == row && other.fate == Fate::Waits);
        }
        let of_row = self.by_row.get_mut(&row)?;
        while let Some(position) = of_row.last() {
            if rows[*position].fate == Fate::Waits {
                return Some(*position);
            }
            of_row.pop();
        }
        None
    }
}

impl Candidate {
    fn change(&self) -> Option<Change> {
        match (self.fate, self.is_added) {
            (Fate::Waits, true) => Some(Change::Add(self.stored, None)),
            (Fate::Labelled(label, place), true) => {
                Some(Change::Add(self.stored, Some((label, place))))
            }
            (Fate::Labelled(label, place), false) => {
                Some(Change::Label(self.stored, (label, place)))
            }
            (Fate::Gone, false) => Some(Change::Remove(self.stored)),
            (Fate::Waits, false) | (Fate::Gone, true) => None,
        }
    }
}
