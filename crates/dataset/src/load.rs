//! Whole tables out of files: the ingested data up to its committed byte, and the test data.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use common::config::InputFolder;
use common::digest::{self, Hasher, HashingReader};
use common::ledger::Ledger;
use common::progress::Progress;
use common::{Config, Failure, Schema, regular};

use crate::data_file::DataFile;
use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::listing::list;
use crate::reader::{
    BulkReader, FileProblem, Lines, ParsedRows, ReadRow, RowReader, Rows, Scratch, TargetColumn,
    missing_too_often,
};
use crate::table::Table;

/// The test data.
#[derive(Clone, Debug)]
pub struct TestData {
    /// Its accepted rows, each once.
    pub table: Table,
    /// Identity of each of them under the key that it was read with.
    pub fingerprints: Vec<Fingerprint>,
    /// SHA-256 over the files' digests; scores are cached by it.
    pub digest: String,
    /// Rows refused.
    pub rejected_rows: u64,
    /// Files refused or out of reach, each with the reason.
    pub rejected_files: Vec<String>,
}

/// Reads finaldata.csv up to the ledger's committed byte into a table.
///
/// An error when it does not hold what the ledger says: then ingestion has to mend it first.
pub fn load_final_data(config: &Config, ledger: &Ledger) -> anyhow::Result<Table> {
    let mut table = Table::new(&config.schema);
    table.reserve(rows_that_are_there(config, ledger));
    read_final_data(config, ledger, None, |rows| {
        table.append_all(rows);
        Ok(())
    })?;
    Ok(table)
}

/// The rows of the ledger, as far as finaldata.csv has bytes for them: a count beyond that is
/// damage, which shows when the rows are read, and no room is made for it.
fn rows_that_are_there(config: &Config, ledger: &Ledger) -> usize {
    let length = fs::metadata(config.layout.final_data()).map_or(0, |metadata| metadata.len());
    // A byte of the client and one that ends each field.
    let row_bytes = config.schema.features.len() as u64 + 3;
    let rows = ledger.rows.min(length / row_bytes);
    usize::try_from(rows).unwrap_or(0)
}

/// The identities, under `key`, of the rows of finaldata.csv up to the ledger's committed byte.
///
/// An error when it does not hold what the ledger says: then ingestion has to mend it first.
pub fn load_fingerprints(
    config: &Config,
    ledger: &Ledger,
    key: &FingerprintKey,
) -> anyhow::Result<Vec<Fingerprint>> {
    let mut fingerprints = Vec::new();
    read_final_data(config, ledger, Some(key), |rows| {
        fingerprints.extend_from_slice(&rows.fingerprints);
        Ok(())
    })?;
    Ok(fingerprints)
}

/// Hands the rows of finaldata.csv up to the ledger's committed byte to `take`, in order and some
/// thousands at a time, and returns the running digest, to be continued when rows are appended.
/// Their fingerprints are taken under `key`, if there is one.
///
/// An error when it does not hold what the ledger says, which shows only at the end.
pub fn read_final_data(
    config: &Config,
    ledger: &Ledger,
    key: Option<&FingerprintKey>,
    mut take: impl FnMut(&ParsedRows) -> anyhow::Result<()> + Send,
) -> anyhow::Result<Hasher> {
    let path = config.layout.final_data();
    if ledger.committed_bytes == 0 {
        return Ok(Hasher::new());
    }
    let damaged = |what: &str| {
        Failure::input_output(format!(
            "{} {what}: run `ingestion`, it is made anew from the input",
            path.display()
        ))
    };
    if ledger.schema != config.schema.digest() {
        return Err(damaged("was written under another schema").into());
    }
    let file =
        regular::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
    let progress = Progress::of_reading("reading finaldata.csv", || ledger.committed_bytes);
    let mut hashing = HashingReader::new(progress.watch(file.take(ledger.committed_bytes)));
    let mut n_rows = 0;
    read_trusted(&mut hashing, &config.schema, key, |rows| {
        n_rows += rows.accepted() as u64;
        take(rows)
    })
    .with_context(|| format!("failed to read {}", path.display()))?;
    let hasher = hashing.into_hasher();
    if hasher.clone().finish() != ledger.digest || n_rows != ledger.rows {
        return Err(damaged("does not hold what was ingested").into());
    }
    Ok(hasher)
}

/// Rows that were checked when they were written.
fn read_trusted(
    input: impl Read + Send,
    schema: &Schema,
    key: Option<&FingerprintKey>,
    mut take: impl FnMut(&ParsedRows) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let mut reader = BulkReader::open_ours(input, schema, TargetColumn::Read)?;
    reader.take_rows(key, Lines::Dropped, &mut Scratch::default(), |rows| {
        if let Some(row) = rows.rejections.first() {
            anyhow::bail!("line {}, column {}: {}", row.line, row.column, row.reason);
        }
        take(rows)
    })
}

impl From<FileProblem> for anyhow::Error {
    fn from(problem: FileProblem) -> Self {
        match problem {
            FileProblem::Unusable(reason) => Failure::input_output(reason).into(),
            FileProblem::Unreadable(error) => error.into(),
        }
    }
}

/// Reads the test data by the rules of ingestion: bad rows and files are refused and counted,
/// repeated rows count once. `key` decides which fingerprints the rows carry.
///
/// An error when no usable row is left.
pub fn load_test_data(
    folder: &InputFolder,
    schema: &Schema,
    key: &FingerprintKey,
) -> anyhow::Result<TestData> {
    let listing = list(std::slice::from_ref(folder))?;
    let mut data = TestData {
        table: Table::new(schema),
        fingerprints: Vec::new(),
        digest: String::new(),
        rejected_rows: 0,
        rejected_files: listing.unreadable.iter().map(ToString::to_string).collect(),
    };
    let mut seen = HashSet::new();
    let mut digests = String::new();
    for file in &listing.files {
        let digest = read_test_file(&file.path, schema, key, &mut seen, &mut data)
            .with_context(|| format!("failed to read {}", file.path.display()))?;
        match digest {
            Ok(digest) => digests.push_str(&digest),
            Err(reason) => data.rejected_files.push(format!("{}: {reason}", file.name)),
        }
    }
    data.digest = digest::of_bytes(digests.as_bytes());
    if data.table.labels.iter().all(Option::is_none) {
        return Err(no_usable_row(&folder.path, &data).into());
    }
    Ok(data)
}

/// The file's digest, or the reason for which it is refused.
fn read_test_file(
    path: &Path,
    schema: &Schema,
    key: &FingerprintKey,
    seen: &mut HashSet<u128>,
    data: &mut TestData,
) -> anyhow::Result<Result<String, String>> {
    if let Some(reason) = missing_too_often(path, schema)? {
        return Ok(Err(reason));
    }
    let mut file = DataFile::open(path)?;
    let mut reader = match RowReader::open(&mut file, schema, TargetColumn::Read) {
        Ok(reader) => reader,
        Err(FileProblem::Unusable(reason)) => return Ok(Err(reason)),
        Err(FileProblem::Unreadable(error)) => return Err(error.into()),
    };
    while let Some(row) = reader.next_row()? {
        match row {
            ReadRow::Accepted(row) => {
                let fingerprint = key.of_row(row.id(), row.values, row.label);
                if seen.insert(fingerprint) {
                    data.table.push(row.id(), row.values, row.label);
                    data.fingerprints.push(fingerprint);
                }
            }
            ReadRow::Rejected(_) => data.rejected_rows += 1,
        }
    }
    drop(reader);
    Ok(Ok(file.digest()?))
}

fn no_usable_row(folder: &Path, data: &TestData) -> Failure {
    let files = if data.rejected_files.is_empty() {
        String::new()
    } else {
        format!("; refused files: {}", data.rejected_files.join("; "))
    };
    Failure::data(format!(
        "the test data in {} has no usable labelled row ({} rows refused{files}): put a CSV file with known outcomes there",
        folder.display(),
        data.rejected_rows
    ))
}

#[cfg(test)]
mod tests {
    use common::files;

    use super::*;

    #[test]
    fn no_room_is_made_for_rows_that_the_file_has_no_bytes_for() {
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
            schema: config.schema.digest(),
            ..Ledger::default()
        };
        assert_eq!(rows_that_are_there(&config, &damaged), 0);
        files::replace(&config.layout.final_data(), two.as_bytes()).unwrap();
        let rows = rows_that_are_there(&config, &damaged);
        assert!((2..=two.len()).contains(&rows), "{rows}");
        let error = load_final_data(&config, &damaged).unwrap_err();
        assert!(format!("{error:#}").contains("finaldata.csv"), "{error:#}");
    }
}
