//! Loads the ingested rows from finaldata.csv, up to the committed length.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::ops::Range;

use anyhow::Context;
use common::digest::{Hasher, HashingReader};
use common::ledger::Ledger;
use common::progress::Progress;
use common::{Config, Failure, Schema, regular};

use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::reader::{BulkReader, FileProblem, Lines, ParsedRows, Scratch, TargetColumn, Wanted};
use crate::table::Table;
use crate::tokenizer::Format;

/// Reads finaldata.csv up to its committed length into a table.
///
/// Returns an error if the content of the file does not match the ledger. An ingestion repairs the
/// file.
pub fn load_final_data(config: &Config, ledger: &Ledger) -> anyhow::Result<Table> {
    check_no_rebuild(config, ledger)?;
    let mut table = Table::new(&config.schema);
    table.reserve(rows_to_reserve(config, ledger));
    let wanted = Wanted {
        client_numbers: true,
        ..Wanted::VALUES
    };
    read_final_data(config, ledger, wanted, |rows| {
        table.append_all(rows);
        Ok(())
    })?;
    Ok(table)
}

/// Number of rows to allocate memory for: the ledger's number, but at most as many as can be in the
/// bytes of finaldata.csv. If the ledger has a larger number, reading the rows reports the damage.
pub(crate) fn rows_to_reserve(config: &Config, ledger: &Ledger) -> usize {
    let length = fs::metadata(config.layout.final_data()).map_or(0, |metadata| metadata.len());
    // One byte for the client and one after each field.
    let row_bytes = config.schema.features.len() as u64 + 3;
    let rows = ledger.rows.min(length / row_bytes);
    usize::try_from(rows).unwrap_or(0)
}

/// Calls `take` with fingerprints under `key`: those of the rows of finaldata.csv whose numbers are in
/// `wanted`. They come in order, some thousands per call.
///
/// Returns an error if the content of the file does not match the ledger. This is known only after
/// `take` has had all rows. An ingestion repairs the file.
pub fn each_fingerprint(
    config: &Config,
    ledger: &Ledger,
    key: &FingerprintKey,
    wanted: Range<u64>,
    mut take: impl FnMut(&[Fingerprint]) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let mut number = 0;
    let wanted_parts = Wanted {
        key: Some(key),
        ..Wanted::VALUES
    };
    read_final_data(config, ledger, wanted_parts, |rows| {
        let fingerprints = &rows.fingerprints;
        let places = places_within(&wanted, number, fingerprints.len());
        number += fingerprints.len() as u64;
        take(&fingerprints[places])
    })?;
    Ok(())
}

/// One flag per fingerprint under `key`: true if finaldata.csv has a row with it. Memory holds these
/// fingerprints only.
///
/// Returns an error if the content of the file does not match the ledger.
pub fn find_in_final_data(
    config: &Config,
    ledger: &Ledger,
    key: &FingerprintKey,
    wanted: &[Fingerprint],
) -> anyhow::Result<Vec<bool>> {
    let asked: HashSet<Fingerprint> = wanted.iter().copied().collect();
    let mut found = HashSet::new();
    each_fingerprint(config, ledger, key, 0..u64::MAX, |rows| {
        found.extend(rows.iter().filter(|row| asked.contains(row)).copied());
        Ok(())
    })?;
    Ok(wanted.iter().map(|row| found.contains(row)).collect())
}

/// The places in a block of `count` rows whose numbers are wanted. `first` is the number of its first
/// row.
pub(crate) fn places_within(wanted: &Range<u64>, first: u64, count: usize) -> Range<usize> {
    let place = |number: u64| number.saturating_sub(first).min(count as u64) as usize;
    place(wanted.start)..place(wanted.end.max(wanted.start))
}

/// Passes the rows of finaldata.csv up to its committed length to `take`, in order, some thousands
/// per call. Returns the running digest, which the next append continues. Does not look for an
/// interrupted rebuild, as `check_no_rebuild` does.
///
/// Returns an error if the content of the file does not match the ledger. This is known only after
/// `take` has had all rows.
pub fn read_final_data(
    config: &Config,
    ledger: &Ledger,
    wanted: Wanted<'_>,
    mut take: impl FnMut(&ParsedRows) -> anyhow::Result<()> + Send,
) -> anyhow::Result<Hasher> {
    let path = config.layout.final_data();
    if ledger.committed_bytes == 0 {
        return Ok(Hasher::new());
    }
    config.expect_rows_here("reading finaldata.csv")?;
    let damaged = |what: &str| {
        Failure::input_output(format!(
            "{} {what}: run `ingestion` to rebuild it from the input files",
            path.display()
        ))
    };
    if ledger.schema != config.data_digest() {
        return Err(
            damaged("was written under another schema or other settings of ingestion").into(),
        );
    }
    let file =
        regular::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
    let progress = Progress::of_reading("reading finaldata.csv", || ledger.committed_bytes);
    let mut hashing = HashingReader::new(progress.watch(file.take(ledger.committed_bytes)));
    let mut n_rows = 0;
    read_trusted(&mut hashing, &config.schema, wanted, |rows| {
        n_rows += rows.accepted() as u64;
        take(rows)
    })
    .with_context(|| {
        format!(
            "failed to read {} (if it was changed, `ingestion` rebuilds it from the input files)",
            path.display()
        )
    })?;
    let hasher = hashing.into_hasher();
    if hasher.clone().finish() != ledger.digest || n_rows != ledger.rows {
        return Err(damaged("does not contain the ingested rows").into());
    }
    Ok(hasher)
}

/// Passes the rows of finaldata.csv and their lines, which have the names of the clients, to `take`. An
/// error also if a rebuild was interrupted.
pub fn read_final_lines(
    config: &Config,
    ledger: &Ledger,
    take: impl FnMut(&ParsedRows) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    check_no_rebuild(config, ledger)?;
    let wanted = Wanted {
        lines: Lines::Kept,
        ..Wanted::VALUES
    };
    read_final_data(config, ledger, wanted, take).map(|_| ())
}

/// An error if finaldata.csv may be ahead of the ledger, because a rebuild was interrupted.
pub(crate) fn check_no_rebuild(config: &Config, ledger: &Ledger) -> anyhow::Result<()> {
    if !ledger.rebuilding {
        return Ok(());
    }
    Err(Failure::input_output(format!(
        "a rebuild of {} was interrupted: finish it with `fullprocess` or `ingestion`, then repeat this command",
        config.layout.final_data().display()
    ))
    .into())
}

/// Reads rows that were validated when they were written.
fn read_trusted(
    input: impl Read + Send,
    schema: &Schema,
    wanted: Wanted<'_>,
    mut take: impl FnMut(&ParsedRows) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let schema = &schema.as_written();
    let mut reader = BulkReader::open(input, Format::OWN, schema, TargetColumn::Read)?;
    reader.take_rows(wanted, &mut Scratch::default(), |rows| {
        if let Some(row) = rows.rejections.first() {
            return Err(Failure::input_output(format!(
                "line {}, column {}: {}",
                row.line, row.column, row.reason
            ))
            .into());
        }
        take(rows)
    })
}

impl From<FileProblem> for anyhow::Error {
    fn from(problem: FileProblem) -> Self {
        match problem {
            FileProblem::Unusable(flaw) => Failure::input_output(flaw.to_string()).into(),
            FileProblem::Unreadable(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use common::files;

    use super::*;

    #[test]
    fn memory_is_reserved_only_for_rows_that_the_file_has_bytes_for() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out",
            "test_data_path":"test","output_model_path":"models","prod_deployment_path":"prod"}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).unwrap();
        files::create_folder(&folder.path().join("out")).unwrap();
        let two = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n\
                   a,1,2,3,0\nb,,,,1\n";
        let damaged = Ledger {
            rows: u64::MAX,
            committed_bytes: u64::MAX,
            schema: config.data_digest(),
            ..Ledger::default()
        };
        assert_eq!(rows_to_reserve(&config, &damaged), 0);
        files::replace(&config.layout.final_data(), two.as_bytes()).unwrap();
        let rows = rows_to_reserve(&config, &damaged);
        assert!((2..=two.len()).contains(&rows), "{rows}");
        let error = load_final_data(&config, &damaged).unwrap_err();
        assert!(format!("{error:#}").contains("finaldata.csv"), "{error:#}");
    }
}
