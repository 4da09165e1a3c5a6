//! Hashes of rows and clients.
//!
//! There are two kinds. The *fingerprint* of a row decides whether the row is a duplicate. It has
//! 128 bits under a secret key, so that nobody can craft two rows that collide. The *public hashes*
//! of a client and of a row say which rows belong together. They have 64 bits under a fixed key, so
//! that every machine decides alike.
//!
//! The *number* of a client decides folds and samples. It has 32 bits and comes from MD5, which every
//! database can compute.
//!
//! Two rows are equal if their ids have equal bytes and their values are equal numbers. `5` equals
//! `5.0`, -0 equals 0, and all missing values are equal.

use std::io;

use anyhow::Context;
use common::{Failure, Layout, digest, files};
use md5::{Digest as _, Md5};
use siphasher::sip::SipHasher13;
use siphasher::sip128::SipHasher13 as SipHasher13Wide;

use crate::cell::Label;

/// The identity of a row.
pub type Fingerprint = u128;

/// Secret key for the fingerprints of one state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerprintKey([u8; 16]);

/// Bit pattern for every missing value.
const MISSING_BITS: u64 = 0x7ff8_0000_0000_0000;

impl FingerprintKey {
    /// A public key, for rows whose fingerprints are not stored.
    pub const PUBLIC: Self = Self(*b"risk fingerprint");

    /// Loads the key of the state folder. `None` if no key was generated yet, or if its file is empty,
    /// as a full disk or a power cut can leave it.
    pub fn load(layout: &Layout) -> anyhow::Result<Option<Self>> {
        let path = layout.fingerprint_key();
        let Some(bytes) = files::read_if_present(&path)? else {
            return Ok(None);
        };
        if bytes.is_empty() {
            return Ok(None);
        }
        let bytes = bytes.try_into().map_err(|_| {
            Failure::input_output(format!(
                "{} does not hold a key of 16 bytes: remove it; a new one will be created",
                path.display()
            ))
        })?;
        Ok(Some(Self(bytes)))
    }

    /// Generates a random key.
    pub fn generate() -> anyhow::Result<Self> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)
            .map_err(io::Error::from)
            .context("failed to draw a random key")?;
        Ok(Self(key))
    }

    /// SHA-256 of the key, by which the ledger identifies the key.
    pub fn digest(&self) -> String {
        digest::of_bytes(&self.0)
    }

    /// Saves the key in the state folder, readable by its owner only.
    pub fn save(&self, layout: &Layout) -> anyhow::Result<()> {
        files::replace_private(&layout.fingerprint_key(), &self.0)
    }

    /// The fingerprint of a row.
    pub fn of_row(&self, id: &[u8], values: &[f64], label: Label) -> Fingerprint {
        self.row_hasher().of_row(id, values, label)
    }

    /// A hasher for many rows.
    pub(crate) fn row_hasher(&self) -> RowHasher {
        RowHasher {
            hasher: SipHasher13Wide::new_with_key(&self.0),
            row: Vec::new(),
        }
    }
}

/// Computes fingerprints of rows under one key.
pub(crate) struct RowHasher {
    hasher: SipHasher13Wide,
    /// The bytes that identify a row. Hashing them at once is faster than piece by piece.
    row: Vec<u8>,
}

impl RowHasher {
    /// The fingerprint of a row.
    pub(crate) fn of_row(&mut self, id: &[u8], values: &[f64], label: Label) -> Fingerprint {
        let row = &mut self.row;
        row.clear();
        row.extend_from_slice(&(id.len() as u64).to_le_bytes());
        row.extend_from_slice(id);
        for value in values {
            row.extend_from_slice(&canonical_bits(*value).to_le_bytes());
        }
        row.push(match label {
            None => 2,
            Some(is_positive) => u8::from(is_positive),
        });
        self.hasher.hash(row).as_u128()
    }
}

/// Public hash of bytes: the same on every machine. Rows whose ids have equal hashes belong to one client.
pub fn public_hash(id: &[u8]) -> u64 {
    SipHasher13::new_with_key(b"risk client fold").hash(id)
}

/// The number of a client, evenly spread: the first 8 hex digits of the MD5 of its id. It decides the
/// client's fold and whether the client is in a sample.
pub fn client_number(id: &[u8]) -> u32 {
    let digest = Md5::digest(id);
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// Computes public hashes of rows.
#[derive(Default)]
pub(crate) struct SampleHasher {
    /// The bytes of a row, hashed at once.
    row: Vec<u8>,
}

impl SampleHasher {
    /// The public hash of a row.
    pub(crate) fn of_row(&mut self, client: u64, values: impl Iterator<Item = f64>) -> u64 {
        self.of_row_at(client, values, None)
    }

    /// The public hash of a row. With a place, equal rows at different places have different hashes.
    pub(crate) fn of_row_at(
        &mut self,
        client: u64,
        values: impl Iterator<Item = f64>,
        place: Option<u64>,
    ) -> u64 {
        let row = &mut self.row;
        row.clear();
        row.extend_from_slice(&client.to_le_bytes());
        for value in values {
            row.extend_from_slice(&canonical_bits(value).to_le_bytes());
        }
        if let Some(place) = place {
            row.extend_from_slice(&place.to_le_bytes());
        }
        SipHasher13::new_with_key(b"risk row sample.").hash(row)
    }
}

pub(crate) fn canonical_bits(value: f64) -> u64 {
    if value.is_nan() {
        MISSING_BITS
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use siphasher::sip128::Hasher128;

    use super::*;

    #[test]
    fn equal_rows_share_a_fingerprint_and_others_do_not() {
        let key = FingerprintKey::PUBLIC;
        let row = |id: &str, value, label| key.of_row(id.as_bytes(), &[value], label);
        assert_eq!(row("a", 0.0, None), row("a", -0.0, None));
        assert_eq!(row("a", f64::NAN, None), row("a", -f64::NAN, None));
        assert_ne!(row("a", 1.0, None), row("a", 1.0, Some(true)));
        assert_ne!(row("a", 1.0, Some(false)), row("a", 1.0, Some(true)));
        assert_ne!(row("a", 1.0, None), row("a ", 1.0, None));
        assert_ne!(row("a", 1.0, None), row("a", f64::NAN, None));
    }

    /// Stored fingerprints must stay valid, for rows of any length.
    #[test]
    fn fingerprints_equal_those_computed_piece_by_piece() {
        let key = FingerprintKey::PUBLIC;
        for length in [0, 3, 200, 222, 223, 224, 300] {
            let (id, values) = (vec![b'x'; length], [1.5, f64::NAN, -0.0]);
            let mut hasher = SipHasher13Wide::new_with_key(&key.0);
            hasher.write(&(length as u64).to_le_bytes());
            hasher.write(&id);
            for bits in [1.5_f64.to_bits(), MISSING_BITS, 0] {
                hasher.write(&bits.to_le_bytes());
            }
            hasher.write_u8(1);
            let piece_by_piece = hasher.finish128().as_u128();
            assert_eq!(key.of_row(&id, &values, Some(true)), piece_by_piece);
        }
    }

    /// Folds decide promotions, so they must not change between versions or machines.
    #[test]
    fn public_hashes_are_frozen() {
        assert_eq!(public_hash(b"qqqq"), 11_595_643_172_734_432_281);
        // The test suite of RFC 1321.
        assert_eq!(client_number(b""), 0xd41d_8cd9);
        assert_eq!(client_number(b"message digest"), 0xf96b_697d);
        assert_eq!(
            SampleHasher::default().of_row(1, [52.0, 650.0, 11.0].into_iter()),
            17_348_184_113_851_468_895
        );
    }
}
