//! Detects that all files of an input folder are gone at once.
//!
//! Some accidents look like files that were removed on purpose. A disk may not be mounted, a
//! network drive may be offline, or a folder may have been emptied by mistake. A person therefore
//! has to confirm that rows are dropped if a configured folder held two or more known files and
//! - the folder holds no data file any more, or
//! - it is on another device than before and some of the known content is missing. A device number
//!   alone proves nothing: a container or a new mount may change it for the same files.
//!
//! A folder that `input_folder_path` no longer names needs no confirmation: somebody changed the
//! configuration.

use common::config::InputFolder;
use common::ledger::{FileStatus, Ledger, LedgerFile};
use common::{Config, Failure, History};
use jiff::Timestamp;

use crate::devices::recorded_devices;
use crate::prepared::Prepared;
use crate::scan::{InputScan, scan_unconfirmed};

/// Minimum number of known files for the check. A person seldom removes so many at once.
const MIN_KNOWN: usize = 2;

/// Scans the input folders. Reads only files that changed since the last scan.
///
/// Returns an error if all files of a folder seem to be gone, because a person has to confirm that.
pub fn scan_input(
    config: &Config,
    prepared: &Prepared,
    now: Timestamp,
) -> anyhow::Result<InputScan> {
    let found = scan_unconfirmed(config, prepared, now)?;
    stop_if_unconfirmed(config, prepared, &found)?;
    Ok(found)
}

/// What a person has to confirm before rows are dropped, one sentence per folder. Changes nothing.
/// Empty if the input cannot be listed, which another check reports.
pub fn unconfirmed_removals(config: &Config, history: &History) -> anyhow::Result<Vec<String>> {
    let prepared = Prepared {
        ledger: history.ledger()?,
        has_scattered_evaluated_rows: false,
        is_new_pipeline: false,
        is_damaged: false,
        devices: recorded_devices(history)?,
    };
    let found = scan_unconfirmed(config, &prepared, common::clock::now());
    Ok(found.map_or_else(|_| Vec::new(), |found| suspected(config, &prepared, &found)))
}

/// Returns an error if a person has to confirm removals.
fn stop_if_unconfirmed(
    config: &Config,
    prepared: &Prepared,
    found: &InputScan,
) -> anyhow::Result<()> {
    let suspected = suspected(config, prepared, found);
    if suspected.is_empty() {
        return Ok(());
    }
    Err(Failure::input_output(format!(
        "{}; nothing was changed: mount the disk or put the files back, or, if they were removed on purpose, confirm that with `ingestion --accept-removal`",
        suspected.join("; ")
    ))
    .into())
}

fn suspected(config: &Config, prepared: &Prepared, found: &InputScan) -> Vec<String> {
    let of_folder = |folder: &InputFolder| why_suspected(folder, prepared, found);
    config.input_folders.iter().filter_map(of_folder).collect()
}

fn why_suspected(folder: &InputFolder, prepared: &Prepared, found: &InputScan) -> Option<String> {
    let name = folder.name.as_str();
    let known = known_files(&prepared.ledger, name);
    let n_missing = found.missing.iter().filter(|file| file.folder == name);
    let n_missing = n_missing.count();
    if known.len() < MIN_KNOWN || n_missing == 0 {
        return None;
    }
    let rows: u64 = known.iter().map(|file| file.rows.kept).sum();
    let ingested = format!(
        "{} files with {rows} rows were ingested from it",
        known.len()
    );
    if found.empty_folders.contains(&folder.name) {
        return Some(format!(
            "the input folder {name} holds no data file any more, and {ingested}"
        ));
    }
    let is_elsewhere = match (prepared.devices.get(name), found.devices.get(name)) {
        (Some(before), Some(now)) => before != now,
        _ => false,
    };
    is_elsewhere.then(|| {
        format!(
            "the input folder {name} is on another device than before, and {n_missing} of its files are gone ({ingested})"
        )
    })
}

fn known_files<'a>(ledger: &'a Ledger, folder: &str) -> Vec<&'a LedgerFile> {
    let is_of_it = |file: &&LedgerFile| file.folder == folder && file.status != FileStatus::Copy;
    ledger.files.iter().filter(is_of_it).collect()
}
