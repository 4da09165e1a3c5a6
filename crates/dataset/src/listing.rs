//! Lists the CSV files below the input folders.
//!
//! Files in sub-folders are included. The folders have the order of the configuration, and the
//! files of a folder are sorted by the bytes of their path. Hidden and temporary names, other file
//! types and empty files are skipped with a reason.
//!
//! Symbolic links are followed, with two exceptions: a link to a folder above, and a link into a
//! folder that is not input. Such folders are the test data and the folders that runs write to.

mod link_filter;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, FileType};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::config::InputFolder;
use common::ledger::FileStamp;
use common::{Failure, regular};
use walkdir::{DirEntry, WalkDir};

use self::link_filter::LinkFilter;
use crate::text::escaped;

/// Content of the input folders.
#[derive(Debug, Default)]
pub struct Listing {
    /// CSV files in ingestion order.
    pub files: Vec<FoundFile>,
    /// Entries that are not client data.
    pub ignored: Vec<SkippedEntry>,
    /// Entries that could not be read. The next run tries again.
    pub unreadable: Vec<SkippedEntry>,
}

/// A CSV file.
#[derive(Clone, Debug)]
pub struct FoundFile {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path within the folder, with control characters and invalid bytes as `\xHH`.
    pub name: String,
    /// Path to the file.
    pub path: PathBuf,
    /// Size, time and inode of the file.
    pub stamp: FileStamp,
}

/// An entry that is skipped.
#[derive(
    Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct SkippedEntry {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path within the folder. Empty for the folder itself.
    pub name: String,
    /// Reason why the entry is skipped.
    pub reason: String,
    /// True if the entry cannot be read. A person has to fix this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unreadable: bool,
}

impl Listing {
    /// Names of the folders without a CSV file and without an unreadable entry.
    pub fn empty_folders(&self, folders: &[InputFolder]) -> Vec<String> {
        let unreadable = self.unreadable.iter().map(|entry| &entry.folder);
        let filled: BTreeSet<&String> = self
            .files
            .iter()
            .map(|file| &file.folder)
            .chain(unreadable)
            .collect();
        let names = folders.iter().map(|folder| &folder.name);
        names
            .filter(|name| !filled.contains(name))
            .cloned()
            .collect()
    }
}

impl SkippedEntry {
    /// True if the entry is the file with this name or a folder above it.
    pub fn covers(&self, folder: &str, name: &str) -> bool {
        let below = name.strip_prefix(self.name.as_str());
        self.folder == folder
            && below.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || self.name.is_empty()
            })
    }
}

impl fmt::Display for SkippedEntry {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}: {}", self.folder, self.name, self.reason)
    }
}

/// Endings of the names of unfinished files.
const TEMPORARY_ENDINGS: [&str; 3] = [".part", ".tmp", "~"];

/// Lists the CSV files below the folders.
///
/// Returns an error if a folder does not exist, because the state of its files is then unknown.
pub fn list(folders: &[InputFolder]) -> anyhow::Result<Listing> {
    let mut listing = Listing::default();
    for folder in folders {
        list_folder(folder, &mut listing)?;
    }
    Ok(listing)
}

fn list_folder(folder: &InputFolder, listing: &mut Listing) -> anyhow::Result<()> {
    // If the folder were skipped, all of its files would look removed.
    match fs::read_dir(&folder.path) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(Failure::configuration(format!(
                "the folder {} does not exist: make it, or correct the path in the configuration",
                folder.path.display()
            ))
            .into());
        }
        Err(error) => {
            return Err(error)
                .with_context(|| {
                    format!(
                        "failed to list the folder {}: make it readable, or name another one in the configuration",
                        folder.path.display()
                    )
                });
        }
    }
    let first = listing.files.len();
    let mut entries = WalkDir::new(&folder.path)
        .min_depth(1)
        .follow_links(true)
        .into_iter();
    let mut links = LinkFilter::of(folder);
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => {
                let is_folder = entry.file_type().is_dir();
                let skipped = links.reason_to_skip(&entry);
                if is_folder && (skipped.is_some() || is_hidden(entry.file_name())) {
                    entries.skip_current_dir();
                }
                match skipped {
                    Some(reason) => listing.ignored.push(SkippedEntry {
                        folder: folder.name.clone(),
                        name: name_within(folder, entry.path()),
                        reason,
                        is_unreadable: false,
                    }),
                    None => add_entry(folder, &entry, listing),
                }
            }
            Err(error) => add_error(folder, &error, listing),
        }
    }
    listing.files[first..].sort_by(|a, b| bytes(&a.path).cmp(bytes(&b.path)));
    Ok(())
}

fn add_entry(folder: &InputFolder, entry: &DirEntry, listing: &mut Listing) {
    let name = name_within(folder, entry.path());
    let skipped = |reason: &str| SkippedEntry {
        folder: folder.name.clone(),
        name: name.clone(),
        reason: reason.into(),
        is_unreadable: false,
    };
    if let Some(reason) = reason_to_ignore(entry.file_name(), entry.file_type()) {
        listing.ignored.push(skipped(&reason));
        return;
    }
    if entry.file_type().is_dir() {
        return;
    }
    match entry.metadata() {
        Ok(metadata) if metadata.len() == 0 => listing.ignored.push(skipped("it is empty")),
        Ok(metadata) => listing.files.push(FoundFile {
            folder: folder.name.clone(),
            name: name.clone(),
            path: entry.path().to_owned(),
            stamp: FileStamp::of(&metadata),
        }),
        Err(error) => listing.unreadable.push(SkippedEntry {
            is_unreadable: true,
            ..skipped(&error.to_string())
        }),
    }
}

/// Adds an error of the walk. A loop of links is ignored, because it is harmless. Any other error
/// may be gone in the next run.
fn add_error(folder: &InputFolder, error: &walkdir::Error, listing: &mut Listing) {
    let name = error
        .path()
        .map(|path| name_within(folder, path))
        .unwrap_or_default();
    let is_loop = error.loop_ancestor().is_some();
    let entry = |reason: String| SkippedEntry {
        folder: folder.name.clone(),
        name,
        reason,
        is_unreadable: !is_loop,
    };
    if is_loop {
        listing
            .ignored
            .push(entry("the link leads back into its own folder".into()));
    } else {
        let reason = error
            .io_error()
            .map_or_else(|| error.to_string(), ToString::to_string);
        listing.unreadable.push(entry(reason));
    }
}

/// Reason why an entry with this name and type is not client data. `None` if it may be.
pub fn reason_to_ignore(name: &OsStr, file_type: FileType) -> Option<String> {
    if is_hidden(name) {
        return Some("its name is hidden".into());
    }
    if file_type.is_dir() {
        return None;
    }
    let lower_case = name.to_string_lossy().to_lowercase();
    if TEMPORARY_ENDINGS
        .iter()
        .any(|ending| lower_case.ends_with(ending))
    {
        return Some("its name is that of an unfinished file".into());
    }
    if !is_csv_name(name) {
        return Some("it is no .csv or .csv.gz file".into());
    }
    regular::reason_not_read(file_type)
}

/// True if a file of this name may hold client data.
pub(crate) fn is_csv_name(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    name.ends_with(".csv") || name.ends_with(".csv.gz")
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

fn name_within(folder: &InputFolder, path: &Path) -> String {
    escaped(bytes(path.strip_prefix(&folder.path).unwrap_or(path)))
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_covers_itself_and_files_below_it() {
        let entry = |name: &str| SkippedEntry {
            folder: "in".into(),
            name: name.into(),
            reason: String::new(),
            is_unreadable: false,
        };
        assert!(entry("a.csv").covers("in", "a.csv"));
        assert!(entry("sub").covers("in", "sub/a.csv"));
        assert!(entry("").covers("in", "a.csv"));
        assert!(!entry("sub").covers("in", "subway.csv"));
        assert!(!entry("a.csv").covers("other", "a.csv"));
    }
}
