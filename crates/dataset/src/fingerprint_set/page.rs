//! One page of a run's file, and its Bloom filter.
//!
//! A page has 4,096 bytes: 255 fingerprints of 16 bytes (little-endian), the number of fingerprints
//! in use, the page number, and a CRC-32 of the preceding bytes.
//!
//! The *filter* of a page is a Bloom filter (Bloom 1970) of an eighth of that size. It holds four
//! bits for each fingerprint and a CRC-32. Pages are sorted by one half of a fingerprint; the bits
//! come from the other half. Of a thousand fingerprints that a full page does not hold, the filter
//! reports about three as possibly present.

use crate::fingerprint::Fingerprint;

pub(super) const PAGE_BYTES: usize = 4096;
pub(super) const FILTER_BYTES: usize = PAGE_BYTES / 8;
pub(super) const FINGERPRINT_BYTES: usize = size_of::<Fingerprint>();
/// Fingerprints per page.
pub(super) const FINGERPRINTS_PER_PAGE: usize = PAGE_BYTES / FINGERPRINT_BYTES - 1;
/// Offsets of the count, the page number and the checksum.
const COUNT_AT: usize = FINGERPRINTS_PER_PAGE * FINGERPRINT_BYTES;
const NUMBER_AT: usize = COUNT_AT + 4;
const CHECKSUM_AT: usize = NUMBER_AT + 8;
/// Offset of the filter's checksum.
const FILTER_CHECKSUM_AT: usize = FILTER_BYTES - 4;
const FILTER_BITS: u64 = FILTER_CHECKSUM_AT as u64 * 8;

/// Number of pages whose filters are stored together.
pub(super) const GROUP_PAGES: usize = 64;

/// The fingerprints of a page.
#[derive(Default)]
pub(super) struct Page(pub(super) Vec<Fingerprint>);

impl Page {
    pub(super) fn encode(&self, number: usize) -> [u8; PAGE_BYTES] {
        let mut bytes = [0; PAGE_BYTES];
        let (slots, _) = bytes.as_chunks_mut::<FINGERPRINT_BYTES>();
        for (slot, fingerprint) in slots.iter_mut().zip(&self.0) {
            *slot = fingerprint.to_le_bytes();
        }
        bytes[COUNT_AT..NUMBER_AT].copy_from_slice(&(self.0.len() as u32).to_le_bytes());
        bytes[NUMBER_AT..CHECKSUM_AT].copy_from_slice(&(number as u64).to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The filter of this page, whose number is `number`.
    pub(super) fn filter(&self, number: usize) -> [u8; FILTER_BYTES] {
        let mut filter = [0; FILTER_BYTES];
        for fingerprint in &self.0 {
            for bit in bits(*fingerprint) {
                filter[bit / 8] |= 1 << (bit % 8);
            }
        }
        let checksum = filter_checksum(&filter, number);
        filter[FILTER_CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        filter
    }

    /// Reads the page from bytes. Returns false if the bytes are not the undamaged page with this
    /// number.
    pub(super) fn decode(&mut self, bytes: &[u8; PAGE_BYTES], number: usize) -> bool {
        let (before, checksum) = bytes.split_at(CHECKSUM_AT);
        let count = number_in(&bytes[COUNT_AT..NUMBER_AT]);
        let is_whole = number_in(checksum) == u64::from(crc32fast::hash(before))
            && number_in(&bytes[NUMBER_AT..CHECKSUM_AT]) == number as u64
            && count <= FINGERPRINTS_PER_PAGE as u64;
        if !is_whole {
            return false;
        }
        self.0.clear();
        self.0.extend(fingerprints_of(bytes).take(count as usize));
        true
    }
}

/// Bloom filter of a page.
pub(super) struct Filter<'a>(&'a [u8; FILTER_BYTES]);

impl<'a> Filter<'a> {
    /// Reads a filter from bytes. `None` if the bytes are not the undamaged filter of the page with
    /// this number.
    pub(super) fn of(bytes: &'a [u8; FILTER_BYTES], number: usize) -> Option<Self> {
        let found = number_in(&bytes[FILTER_CHECKSUM_AT..]);
        (found == u64::from(filter_checksum(bytes, number))).then_some(Self(bytes))
    }

    /// False if the page certainly does not hold the fingerprint.
    pub(super) fn may_hold(&self, fingerprint: Fingerprint) -> bool {
        bits(fingerprint).all(|bit| self.0[bit / 8] & 1 << (bit % 8) != 0)
    }
}

/// The four bits of a filter that belong to a fingerprint.
fn bits(fingerprint: Fingerprint) -> impl Iterator<Item = usize> {
    let words = (0..4).map(move |word| u64::from((fingerprint >> (16 * word)) as u16));
    words.map(|word| ((word * FILTER_BITS) >> 16) as usize)
}

/// Checksum of the filter's bits and the page number.
fn filter_checksum(filter: &[u8; FILTER_BYTES], number: usize) -> u32 {
    let mut checksum = crc32fast::Hasher::new_with_initial(number as u32);
    checksum.update(&filter[..FILTER_CHECKSUM_AT]);
    checksum.finalize()
}

/// The little-endian number in at most eight bytes.
fn number_in(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub(super) fn fingerprints_of(bytes: &[u8]) -> impl Iterator<Item = Fingerprint> {
    let (slots, _) = bytes.as_chunks::<FINGERPRINT_BYTES>();
    slots.iter().map(|slot| Fingerprint::from_le_bytes(*slot))
}

pub(super) fn bytes_of(fingerprints: &[Fingerprint]) -> Vec<u8> {
    let bytes = fingerprints
        .iter()
        .map(|fingerprint| fingerprint.to_le_bytes());
    bytes.flatten().collect()
}
