//! Folders that are no longer input.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use common::Config;
use common::ledger::LedgerFile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scan::InputScan;

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

/// Known files whose rows are dropped, by the reason.
pub(crate) struct DroppedFiles {
    /// Names of the files that are gone.
    pub(crate) removed: Vec<String>,
    /// Names of the files that now have other content.
    pub(crate) changed: Vec<String>,
    /// Folders that are no longer input.
    pub(crate) no_longer_input: Vec<FormerFolder>,
}

/// Splits the missing files of a scan by the reason why their content is missing.
pub(crate) fn dropped_files(config: &Config, found: &InputScan) -> DroppedFiles {
    let configured: BTreeSet<&str> = config
        .input_folders
        .iter()
        .map(|folder| folder.name.as_str())
        .collect();
    let (of_input, former): (Vec<&LedgerFile>, Vec<&LedgerFile>) = found
        .missing
        .iter()
        .partition(|file| configured.contains(file.folder.as_str()));
    let (changed, removed): (Vec<&LedgerFile>, Vec<&LedgerFile>) = of_input
        .into_iter()
        .partition(|file| found.has_other_content(file));
    let names = |files: Vec<&LedgerFile>| files.into_iter().map(LedgerFile::path).collect();
    let mut by_folder: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &former {
        *by_folder.entry(file.folder.as_str()).or_default() += 1;
    }
    let former = by_folder.into_iter().map(|(folder, files)| FormerFolder {
        folder: folder.to_owned(),
        files,
    });
    DroppedFiles {
        removed: names(removed),
        changed: names(changed),
        no_longer_input: former.collect(),
    }
}
