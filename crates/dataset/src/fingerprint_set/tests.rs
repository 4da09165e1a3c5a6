//! Compares the set with the standard library's, wherever its runs are.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;

use super::*;

/// Spread like a keyed hash, but reproducible, and with some equal values.
fn fingerprint(number: u32) -> Fingerprint {
    let half = |seed: u64| u128::from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
    half(u64::from(number) + 1) << 64 | half(u64::from(number % 7))
}

fn add(set: &mut FingerprintSet, batch: &[Fingerprint]) -> Vec<Fingerprint> {
    set.add(batch).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_set_holds_what_was_added_wherever_its_runs_are(
        batches in prop::collection::vec((0..30_000u32, 0..1_500usize), 1..40),
        // In bytes: nothing in memory, a page or so, and everything.
        memory in prop_oneof![Just(0), Just(10_000), Just(u64::MAX)],
        stores in prop::collection::vec(any::<bool>(), 40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut set = FingerprintSet::new(folder.path(), "rows", memory);
        let mut wanted = BTreeSet::new();
        for ((start, count), stores) in batches.into_iter().zip(stores) {
            let batch: Vec<_> = (start..).step_by(3).take(count).map(fingerprint).collect();
            let new = add(&mut set, &batch);
            let newly_added: BTreeSet<_> = batch.iter().filter(|row| !wanted.contains(*row)).copied().collect();
            prop_assert!(new.iter().eq(&newly_added));
            wanted.extend(newly_added);
            prop_assert_eq!(set.len(), wanted.len() as u64);
            if stores {
                let stored = set.store().unwrap();
                set = FingerprintSet::open(folder.path(), "rows", memory, &stored).unwrap();
            }
        }
        let queried: Vec<_> = (0..40_000).map(fingerprint).collect::<BTreeSet<_>>().into_iter().collect();
        let found = set.contains(&queried).unwrap();
        for (fingerprint, found) in queried.iter().zip(found) {
            prop_assert_eq!(found, wanted.contains(fingerprint));
        }
    }
}

#[test]
fn the_first_occurrence_of_equal_fingerprints_is_found() {
    let (one, other) = (fingerprint(1), fingerprint(2));
    let rows = [other, one, one, other, one];
    let found = first_occurrences(rows.chunks(2));
    let mut wanted = [(one, 1), (other, 0)];
    wanted.sort_unstable();
    assert!(found.fingerprints.into_iter().zip(found.places).eq(wanted));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test plays the damage")]
fn no_changed_byte_of_a_file_goes_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut set = FingerprintSet::new(folder.path(), "rows", 0);
    let rows: Vec<_> = (0..600).map(fingerprint).collect();
    let rows = add(&mut set, &rows);
    let stored = set.store().unwrap();
    let path = folder.path().join(&stored[0].name);
    let whole = fs::read(&path).unwrap();
    let is_found_whole = || {
        FingerprintSet::open(folder.path(), "rows", 0, &stored)
            .and_then(|set| set.contains(&rows))
            .map(|found| found.iter().all(|found| *found))
            .map_err(|error| assert!(error.is::<DamagedFingerprints>(), "{error:#}"))
            .unwrap_or(false)
    };
    assert!(is_found_whole());
    for at in (0..whole.len()).step_by(13) {
        let mut changed = whole.clone();
        changed[at] ^= 4;
        fs::write(&path, changed).unwrap();
        assert!(!is_found_whole(), "byte {at}");
    }
    fs::write(&path, &whole[..whole.len() - 16]).unwrap();
    assert!(!is_found_whole());
    fs::remove_file(&path).unwrap();
    assert!(!is_found_whole());
}
