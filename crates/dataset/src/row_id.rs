//! Generated ids, for files without an id column. A generated id has the hash of the row's content, and a
//! number that counts equal rows of the file.
//!
//! Equal rows of one file are different rows. Equal rows of two files are the same row, because
//! exports overlap. If `ingestion.deduplicate` is false, they are different rows: the id then also has a
//! hash of the file's name.

use std::collections::HashMap;

use crate::cell::Label;
use crate::fingerprint::{canonical_bits, public_hash};

/// Makes the row ids of one file, in order.
#[derive(Default)]
pub struct RowIds {
    /// How often each content occurred so far. Takes 20 to 40 bytes for each different row of the
    /// file.
    occurrences: HashMap<u64, u32>,
    /// Hash of the file's name, if equal rows of two files are different rows.
    origin: Option<u64>,
    text: String,
}

impl RowIds {
    /// Row ids that differ from those of equal rows in any other file.
    pub fn of_origin(file: &str) -> Self {
        Self {
            origin: Some(public_hash(file.as_bytes())),
            ..Self::default()
        }
    }

    /// The row id of the next row.
    pub fn next(&mut self, values: &[f64], label: Label) -> &[u8] {
        self.next_of(content_hash(values, label))
    }

    pub(crate) fn next_of(&mut self, content: u64) -> &[u8] {
        let occurrence = self.occurrences.entry(content).or_default();
        *occurrence += 1;
        self.text = match self.origin {
            None => format!("{content:016x}-{occurrence}"),
            Some(origin) => format!("{content:016x}-{occurrence}-{origin:016x}"),
        };
        self.text.as_bytes()
    }
}

/// Hash of a row's content.
pub(crate) fn content_hash(values: &[f64], label: Label) -> u64 {
    let label = match label {
        None => 2,
        Some(is_positive) => u64::from(is_positive),
    };
    let words = values.iter().map(|value| canonical_bits(*value));
    let bytes: Vec<u8> = words.chain([label]).flat_map(u64::to_le_bytes).collect();
    public_hash(&bytes)
}

/// The part of a row id that equal rows share. It is used as the id of the client.
pub(crate) fn shared_part(row_id: &[u8]) -> &[u8] {
    let end = row_id.iter().position(|byte| *byte == b'-');
    &row_id[..end.unwrap_or(row_id.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_are_numbered() {
        let mut ids = RowIds::default();
        let mut next =
            |values: &[f64], label| String::from_utf8(ids.next(values, label).to_vec()).unwrap();
        let first = next(&[1.0, f64::NAN], Some(true));
        let other = next(&[1.0, f64::NAN], None);
        let second = next(&[1.0, -f64::NAN], Some(true));
        let content = first.strip_suffix("-1").expect("the first of its kind");
        assert_eq!(second, format!("{content}-2"));
        assert_ne!(other, first);
        assert_eq!(shared_part(second.as_bytes()), content.as_bytes());
    }

    #[test]
    fn rows_of_two_origins_differ() {
        let [mut one, mut other] = ["in/a.csv", "in/b.csv"].map(RowIds::of_origin);
        let row = [1.0, 2.0];
        assert_ne!(one.next(&row, None), other.next(&row, None));
        let shared = |ids: &mut RowIds| shared_part(ids.next(&row, None)).to_vec();
        assert_eq!(shared(&mut one), shared(&mut other), "they share a fold");
    }
}
