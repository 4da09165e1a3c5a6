//! Whether all that an input folder held is gone at once.
//!
//! A disk that is not mounted, a share that is away and a folder that was emptied by mistake look
//! like files that were removed on purpose. So where a configured folder held two or more known
//! files, nothing is dropped until a person confirms it, if
//! - the folder holds no data file any more, or
//! - it is on another device than before, and not all of the known content is there. A device number
//!   alone proves nothing: a container or a new mount may give the same files another one.
//!
//! A folder that `input_folder_path` no longer names is no such case: somebody changed that.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;

use common::config::InputFolder;
use common::ledger::{FileStatus, Ledger, LedgerFile};
use common::{Config, Failure, History};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Prepared;
use crate::look::{Look, look_at};

/// The document of the device that each input folder was on when its files were last known.
const DEVICES: &str = "devices of the input folders";
/// Known files of which a person removes all at once seldom enough to be asked.
const MIN_KNOWN: usize = 2;

/// The device of each input folder, by the folder's name.
pub(crate) type Devices = BTreeMap<String, u64>;

/// The devices that the history knows.
pub(crate) fn recorded_devices(history: &History) -> anyhow::Result<Devices> {
    Ok(history.document(DEVICES)?.unwrap_or_default())
}

/// The devices that the folders are on now.
pub(crate) fn devices_now(folders: &[InputFolder]) -> Devices {
    let device = |folder: &InputFolder| {
        let metadata = folder.path.metadata().ok()?;
        Some((folder.name.clone(), metadata.dev()))
    };
    folders.iter().filter_map(device).collect()
}

/// Keeps the devices of a look whose findings are taken for true.
pub(crate) fn keep_devices(history: &History, found: &Look) -> anyhow::Result<()> {
    if found.devices == recorded_devices(history)? {
        return Ok(());
    }
    history.save_document(DEVICES, &found.devices)
}

/// What a person has to confirm before the rows of these files are dropped, a sentence for each
/// folder; nothing is changed. None where the input cannot be listed, which is another finding.
pub fn unconfirmed_removals(config: &Config, history: &History) -> anyhow::Result<Vec<String>> {
    let prepared = Prepared {
        ledger: history.ledger()?,
        has_scattered_judged_rows: false,
        is_untouched: false,
        is_damaged: false,
        devices: recorded_devices(history)?,
    };
    let found = look_at(config, &prepared, Timestamp::now());
    Ok(found.map_or_else(|_| Vec::new(), |found| suspected(config, &prepared, &found)))
}

/// An error where a person has to confirm what was found.
pub(crate) fn stop_if_unconfirmed(
    config: &Config,
    prepared: &Prepared,
    found: &Look,
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

fn suspected(config: &Config, prepared: &Prepared, found: &Look) -> Vec<String> {
    let of_folder = |folder: &InputFolder| why_suspected(folder, prepared, found);
    config.input_folders.iter().filter_map(of_folder).collect()
}

fn why_suspected(folder: &InputFolder, prepared: &Prepared, found: &Look) -> Option<String> {
    let name = folder.name.as_str();
    let known = known_files(&prepared.ledger, name);
    let n_missing = found.missing.iter().filter(|file| file.folder == name);
    let n_missing = n_missing.count();
    if known.len() < MIN_KNOWN || n_missing == 0 {
        return None;
    }
    let rows: u64 = known.iter().map(|file| file.rows.kept).sum();
    let held = format!(
        "{} files with {rows} rows were ingested from it",
        known.len()
    );
    if found.empty_folders.contains(&folder.name) {
        return Some(format!(
            "the input folder {name} holds no data file any more, and {held}"
        ));
    }
    let is_elsewhere = match (prepared.devices.get(name), found.devices.get(name)) {
        (Some(before), Some(now)) => before != now,
        _ => false,
    };
    is_elsewhere.then(|| {
        format!(
            "the input folder {name} is on another device than before, and {n_missing} of its files are gone ({held})"
        )
    })
}

fn known_files<'a>(ledger: &'a Ledger, folder: &str) -> Vec<&'a LedgerFile> {
    let is_of_it = |file: &&LedgerFile| file.folder == folder && file.status != FileStatus::Copy;
    ledger.files.iter().filter(is_of_it).collect()
}

/// Known files of a folder that `input_folder_path` does not name any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerFolder {
    /// As it was written in the configuration.
    pub folder: String,
    /// Files whose rows are dropped.
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

/// The files that are missing: those that are gone, by name, and the folders that are no input any
/// more.
pub(crate) fn gone_and_former(
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
