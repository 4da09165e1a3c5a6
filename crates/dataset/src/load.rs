//! The ingested data out of its file, up to its committed byte.

use std::fs;
use std::io::Read;

use anyhow::Context;
use common::digest::{Hasher, HashingReader};
use common::ledger::Ledger;
use common::progress::Progress;
use common::{Config, Failure, Schema, regular};

use crate::fingerprint::{Fingerprint, FingerprintKey};
use crate::reader::{BulkReader, FileProblem, Lines, ParsedRows, Scratch, TargetColumn};
use crate::table::Table;
use crate::tokenizer::Format;

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
    let mut reader = BulkReader::open(input, Format::OWN, schema, TargetColumn::Read)?;
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
