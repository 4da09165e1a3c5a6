//! Folders that are no longer input.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use common::Config;
use common::ledger::LedgerFile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Known files of a folder that `input_folder_path` no longer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FormerFolder {
    /// Folder as it was written in the configuration.
    pub folder: String,
    /// Number of files whose rows are dropped.
    pub files: usize,
}

impl fmt::Display for FormerFolder {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
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
