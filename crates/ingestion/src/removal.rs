//! Detects that all files of an input folder are gone at once.
//!
//! Some accidents look like files that were removed on purpose: a disk that is not mounted, a
//! network share that is offline, a folder that was emptied by mistake. A person therefore has to
//! confirm that rows are dropped if a configured folder held two or more known files and
//! - the folder holds no data file any more, or
//! - it is on another device than before and some of the known content is missing. A device number
//!   alone proves nothing: a container or a new mount may change it for the same files.
//!
//! A folder that `input_folder_path` no longer names needs no confirmation: somebody changed the
//! configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;

use common::config::InputFolder;
use common::ledger::{FileStatus, Ledger, LedgerFile};
use common::{Config, Failure, History};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Prepared;
use crate::scan::{InputScan, scan_unconfirmed};

/// Key of the history document with the device of each input folder.
const DEVICES_DOCUMENT: &str = "devices of the input folders";
/// Minimum number of known files for the check. A person seldom removes so many at once.
const MIN_KNOWN: usize = 2;

/// Device number of each input folder, by the folder's name.
pub(crate) type Devices = BTreeMap<String, u64>;

/// Device numbers saved in the history.
pub(crate) fn recorded_devices(history: &History) -> anyhow::Result<Devices> {
    Ok(history.document(DEVICES_DOCUMENT)?.unwrap_or_default())
}

/// Current device numbers of the folders. A folder that cannot be read has none.
pub(crate) fn devices_now(folders: &[InputFolder]) -> Devices {
    let device = |folder: &InputFolder| {
        let metadata = folder.path.metadata().ok()?;
        Some((folder.name.clone(), metadata.dev()))
    };
    folders.iter().filter_map(device).collect()
}

/// Saves the device numbers of a scan whose result is accepted.
pub(crate) fn keep_devices(history: &History, found: &InputScan) -> anyhow::Result<()> {
    if found.devices == recorded_devices(history)? {
        return Ok(());
    }
    history.save_document(DEVICES_DOCUMENT, &found.devices)
}

/// Questions that a person has to confirm before rows are dropped, one sentence per folder. Changes
/// nothing. Empty if the input cannot be listed, which another check reports.
pub fn unconfirmed_removals(config: &Config, history: &History) -> anyhow::Result<Vec<String>> {
    let prepared = Prepared {
        ledger: history.ledger()?,
        has_scattered_evaluated_rows: false,
        is_new_pipeline: false,
        is_damaged: false,
        devices: recorded_devices(history)?,
    };
    let found = scan_unconfirmed(config, &prepared, Timestamp::now());
    Ok(found.map_or_else(|_| Vec::new(), |found| suspected(config, &prepared, &found)))
}

/// Returns an error if a person has to confirm removals.
pub(crate) fn stop_if_unconfirmed(
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

/// Known files of a folder that `input_folder_path` no longer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerFolder {
    /// Folder as it was written in the configuration.
    pub folder: String,
    /// Number of files whose rows are dropped.
    pub files: usize,
}

impl std::fmt::Display for FormerFolder {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { folder, files } = self;
        let of_its = match files {
            1 => "its file".into(),
            files => format!("its {files} files"),
        };
        write!(
            to,
            "{folder} is no longer an input folder, and the rows of {of_its} are dropped"
        )
    }
}

/// Splits missing files into removed files, by name, and folders that are no longer input.
pub(crate) fn removed_files_and_folders(
    config: &Config,
    missing: &[LedgerFile],
) -> (Vec<String>, Vec<FormerFolder>) {
    let configured: BTreeSet<&str> = config
        .input_folders
        .iter()
        .map(|folder| folder.name.as_str())
        .collect();
    let (gone, former): (Vec<_>, Vec<_>) = missing
        .iter()
        .partition(|file| configured.contains(file.folder.as_str()));
    let gone = gone
        .iter()
        .map(|file| format!("{}/{}", file.folder, file.name));
    let mut by_folder: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &former {
        *by_folder.entry(file.folder.as_str()).or_default() += 1;
    }
    let former = by_folder.into_iter().map(|(folder, files)| FormerFolder {
        folder: folder.to_owned(),
        files,
    });
    (gone.collect(), former.collect())
}
