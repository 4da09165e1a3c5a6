//! Sums of hashes of the waiting rows. They show that a row was changed, added or removed by something
//! else than a run.
//!
//! A sum changes with each row that a run writes, so no run reads other rows for it. The table has a sum
//! for each part of the clients, and a run compares only the parts that it reads. The hash has no key:
//! it is against damage and mistakes, not against a person who can compute it.

use rusqlite::Row;

use super::pairing::StoredRow;
use super::store::WaitingPrediction;

/// Number of parts, as a power of two. A part of ten million rows has about 10,000.
const PART_BITS: u32 = 10;
const PARTS: usize = 1 << PART_BITS;

/// The columns of [`TableRow`], in its order.
pub(super) const COLUMNS: &str = "client, place, row, run, margin, probability, label, label_place";

/// A row as the table has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TableRow {
    pub(super) client: i64,
    pub(super) place: i64,
    pub(super) row: i64,
    pub(super) run: Option<i64>,
    pub(super) margin: Option<f64>,
    pub(super) probability: Option<f64>,
    pub(super) label: Option<i64>,
    pub(super) label_place: Option<i64>,
}

impl TableRow {
    /// Reads the [`COLUMNS`].
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            client: row.get(0)?,
            place: row.get(1)?,
            row: row.get(2)?,
            run: row.get(3)?,
            margin: row.get(4)?,
            probability: row.get(5)?,
            label: row.get(6)?,
            label_place: row.get(7)?,
        })
    }

    /// A row of the client that has no label.
    pub(super) fn waiting(client: i64, stored: StoredRow) -> Self {
        let row = Self {
            client,
            place: stored.place,
            row: stored.row_hash.cast_signed(),
            run: None,
            margin: None,
            probability: None,
            label: None,
            label_place: None,
        };
        row.with_prediction(stored.prediction)
    }

    /// The row with this prediction.
    pub(super) fn with_prediction(self, prediction: Option<WaitingPrediction>) -> Self {
        Self {
            run: prediction.map(|it| it.run),
            margin: prediction.map(|it| it.margin),
            probability: prediction.map(|it| it.probability),
            ..self
        }
    }

    /// The row with this label and the place of the row that brought it.
    pub(super) fn with_label(self, label: Option<(bool, u64)>) -> Self {
        Self {
            label: label.map(|(label, _)| i64::from(label)),
            label_place: label.map(|(_, place)| place.cast_signed()),
            ..self
        }
    }

    /// The prediction for the row, if there is one.
    pub(super) fn prediction(&self) -> Option<WaitingPrediction> {
        Some(WaitingPrediction {
            run: self.run?,
            margin: self.margin?,
            probability: self.probability?,
        })
    }

    fn hash(&self) -> u64 {
        // SQLite does not keep the sign of a zero.
        let bits = |value: Option<f64>| value.map(|value| (value + 0.0).to_bits().cast_signed());
        let optional = [
            self.run,
            bits(self.margin),
            bits(self.probability),
            self.label,
            self.label_place,
        ];
        let present = optional.iter().fold(0, |present, value| {
            present << 1 | i64::from(value.is_some())
        });
        [self.client, self.place, self.row, present]
            .into_iter()
            .chain(optional.map(Option::unwrap_or_default))
            .fold(0, |hash, value| mixed(hash ^ value.cast_unsigned()))
    }
}

/// Spreads each bit of a number over all bits: a step of the generator `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The sums of the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sums(Vec<u64>);

impl Default for Sums {
    /// The sums of no rows.
    fn default() -> Self {
        Self(vec![0; PARTS])
    }
}

impl Sums {
    pub(super) fn add(&mut self, row: &TableRow) {
        let sum = &mut self.0[part_of(row.client)];
        *sum = sum.wrapping_add(row.hash());
    }

    pub(super) fn remove(&mut self, row: &TableRow) {
        let sum = &mut self.0[part_of(row.client)];
        *sum = sum.wrapping_sub(row.hash());
    }

    /// True if both have the same sum of a part.
    pub(super) fn has_same(&self, other: &Self, part: usize) -> bool {
        self.0[part] == other.0[part]
    }

    /// As the file stores them.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|sum| sum.to_le_bytes()).collect()
    }

    /// Sums from their stored form; `None` if these are not as many as there are parts.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sums, rest) = bytes.as_chunks::<8>();
        let is_complete = rest.is_empty() && sums.len() == PARTS;
        is_complete.then(|| Self(sums.iter().map(|sum| u64::from_le_bytes(*sum)).collect()))
    }
}

/// The part of a client.
pub(super) fn part_of(client: i64) -> usize {
    // The table is in the order of signed numbers.
    (client.cast_unsigned() ^ (1 << 63)).unbounded_shr(u64::BITS - PART_BITS) as usize
}

/// First and last possible client of a part.
pub(super) fn clients_of(part: usize) -> [i64; 2] {
    let shift = u64::BITS - PART_BITS;
    let first = (part as u64) << shift;
    [first, first | (u64::MAX >> PART_BITS)].map(|client| (client ^ (1 << 63)).cast_signed())
}

/// Which parts were compared with their sums.
#[derive(Debug)]
pub(super) struct Compared(Vec<bool>);

impl Compared {
    pub(super) fn none() -> Self {
        Self(vec![false; PARTS])
    }

    /// Notes a part; returns true if it was not noted before.
    pub(super) fn note(&mut self, part: usize) -> bool {
        !std::mem::replace(&mut self.0[part], true)
    }

    pub(super) fn note_all(&mut self) {
        self.0.fill(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: TableRow = TableRow {
        client: -7,
        place: 3,
        row: 9,
        run: Some(2),
        margin: Some(0.5),
        probability: Some(0.25),
        label: None,
        label_place: None,
    };

    #[test]
    fn each_value_of_a_row_changes_the_sum_of_its_part() {
        let changed = [
            TableRow { client: -8, ..ROW },
            TableRow { place: -3, ..ROW },
            TableRow { row: 8, ..ROW },
            TableRow { run: None, ..ROW },
            TableRow {
                run: Some(0),
                ..ROW
            },
            TableRow {
                margin: Some(-0.5),
                ..ROW
            },
            TableRow {
                probability: Some(0.5),
                ..ROW
            },
            TableRow {
                label: Some(0),
                ..ROW
            },
            TableRow {
                label_place: Some(0),
                ..ROW
            },
        ];
        let mut whole = Sums::default();
        whole.add(&ROW);
        for other in changed {
            let mut sums = Sums::default();
            sums.add(&other);
            assert!(!whole.has_same(&sums, part_of(ROW.client)), "{other:?}");
        }
        assert_eq!(Sums::from_bytes(&whole.to_bytes()), Some(whole.clone()));
        assert_eq!(Sums::from_bytes(&whole.to_bytes()[1..]), None);
        whole.remove(&ROW);
        assert_eq!(whole, Sums::default());
    }

    #[test]
    fn the_parts_have_each_client_once() {
        let (mut next, parts) = (i64::MIN, 0..PARTS);
        for part in parts {
            let [first, last] = clients_of(part);
            assert_eq!(first, next);
            assert_eq!([part_of(first), part_of(last)], [part, part]);
            next = last.wrapping_add(1);
        }
        assert_eq!(next, i64::MIN);
    }

    #[test]
    fn a_zero_without_its_sign_is_the_same_value() {
        let with = |margin| TableRow {
            margin: Some(margin),
            ..ROW
        };
        assert_eq!(with(-0.0).hash(), with(0.0).hash());
    }
}
