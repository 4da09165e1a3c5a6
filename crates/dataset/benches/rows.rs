//! Benchmarks of reading rows and of finding equal rows: `cargo bench -p dataset --bench rows`.

use common::Schema;
use dataset::{
    BulkReader, FileProblem, Fingerprint, FingerprintKey, FingerprintSet, Format, Lines, Scratch,
    TargetColumn, Wanted, first_occurrences,
};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

const ROWS: usize = 500_000;

fn main() {
    divan::main();
}

/// Rows as an export writes them, 22 bytes each.
fn text() -> String {
    let schema = Schema::default();
    let header = schema.columns().collect::<Vec<_>>().join(",");
    let row = |row: usize| {
        let (month, year, staff) = (row * 7 % 1000, row * 31 % 20_000, row % 500);
        format!("a{row},{month},{year},{staff},{}\n", row % 2)
    };
    let rows: String = (0..ROWS).map(row).collect();
    format!("{header}\n{rows}")
}

/// Fingerprints that are spread evenly, because they are keyed hashes.
fn fingerprints(numbers: std::ops::Range<u64>) -> Vec<Fingerprint> {
    let key = FingerprintKey::PUBLIC;
    numbers
        .map(|number| key.of_row(&number.to_le_bytes(), &[], None))
        .collect()
}

/// Reads rows with and without their lines, and with and without the numbers of their clients.
#[divan::bench(args = [(Lines::Kept, false), (Lines::Dropped, false), (Lines::Dropped, true)], sample_count = 20)]
fn read_rows(bencher: Bencher<'_, '_>, (lines, numbers): (Lines, bool)) {
    let text = text();
    let mut scratch = Scratch::default();
    bencher
        .counter(ItemsCount::new(ROWS))
        .counter(BytesCount::of_str(&text))
        .bench_local(|| {
            let input = text.as_bytes();
            let mut reader = BulkReader::open(
                input,
                Format::default(),
                &Schema::default(),
                TargetColumn::Read,
            )
            .unwrap_or_else(|_| panic!("the header names the schema's columns"));
            let wanted = Wanted {
                key: Some(&FingerprintKey::PUBLIC),
                lines,
                client_numbers: numbers,
            };
            let mut accepted = 0;
            let taken: Result<(), FileProblem> = reader.take_rows(wanted, &mut scratch, |rows| {
                accepted += rows.accepted();
                Ok(())
            });
            assert!(taken.is_ok() && accepted == ROWS);
        });
}

#[divan::bench(sample_count = 20)]
fn first_of_equals(bencher: Bencher<'_, '_>) {
    let rows = fingerprints(0..ROWS as u64);
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| first_occurrences(rows.chunks(10_000)));
}

/// Looks up rows in a set of ten times as many rows, in memory or in a file.
#[divan::bench(args = [u64::MAX, 0], sample_count = 20)]
fn look_for_rows(bencher: Bencher<'_, '_>, memory: u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut set = FingerprintSet::new(folder.path(), "rows", memory);
    for batch in 0..10 {
        let rows = fingerprints(batch * ROWS as u64..(batch + 1) * ROWS as u64);
        let sorted = first_occurrences(std::iter::once(rows.as_slice())).fingerprints;
        set.insert(sorted).expect("room for the rows");
    }
    let asked = fingerprints(5 * ROWS as u64 / 2..7 * ROWS as u64 / 2);
    let asked = first_occurrences(std::iter::once(asked.as_slice())).fingerprints;
    bencher
        .counter(ItemsCount::new(asked.len()))
        .bench(|| set.contains(&asked).expect("files that can be read"));
}
