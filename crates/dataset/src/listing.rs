//! The CSV files below the input folders.
//!
//! Sub-folders are read too. Order: folders as configured, then the path within the folder by its
//! bytes. Hidden and temporary names, other types and empty files are skipped with a reason.
//! Symbolic links are followed, unless they lead to a folder above or into one that is kept apart:
//! test data is no input, and neither is what runs write.

mod fence;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, FileType};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::Failure;
use common::config::InputFolder;
use common::ledger::FileStamp;
use walkdir::{DirEntry, WalkDir};

use self::fence::Fence;
use crate::text::escaped;

/// What stands below the input folders.
#[derive(Debug, Default)]
pub struct Listing {
    /// CSV files in ingestion order.
    pub files: Vec<FoundFile>,
    /// What is not taken in, by its nature.
    pub ignored: Vec<SkippedEntry>,
    /// What could not be looked at; tried again next time.
    pub unreadable: Vec<SkippedEntry>,
}

/// A CSV file.
#[derive(Clone, Debug)]
pub struct FoundFile {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path relative to it, with control characters and invalid bytes as `\xHH`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What the file system says of it.
    pub stamp: FileStamp,
}

/// An entry that is passed over.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SkippedEntry {
    /// Input folder as written in the configuration.
    pub folder: String,
    /// Path within it; empty for the folder itself.
    pub name: String,
    /// Why.
    pub reason: String,
    /// It cannot be read, so that somebody has to act; waiting alone does not help.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unreadable: bool,
}

impl Listing {
    /// The folders of these, by name, in which no CSV file is and nothing is unreadable.
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
    /// Whether it is the file of that name, or a folder above it.
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

/// Endings of names that programs give to files they have not finished.
const TEMPORARY_ENDINGS: [&str; 3] = [".part", ".tmp", "~"];

/// Lists the CSV files below the folders.
///
/// An error when a folder itself is not there: then nothing can be said about its files.
pub fn list(folders: &[InputFolder]) -> anyhow::Result<Listing> {
    let mut listing = Listing::default();
    for folder in folders {
        list_folder(folder, &mut listing)?;
    }
    Ok(listing)
}

fn list_folder(folder: &InputFolder, listing: &mut Listing) -> anyhow::Result<()> {
    // Were it passed over, all of its files would look removed.
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
    let mut fence = Fence::of(folder);
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => {
                let is_folder = entry.file_type().is_dir();
                let barred = fence.reason_to_stop_at(&entry);
                if is_folder && (barred.is_some() || is_hidden(entry.file_name())) {
                    entries.skip_current_dir();
                }
                match barred {
                    Some(reason) => listing.ignored.push(SkippedEntry {
                        folder: folder.name.clone(),
                        name: name_within(folder, entry.path()),
                        reason,
                        is_unreadable: false,
                    }),
                    None => sort_in(folder, &entry, listing),
                }
            }
            Err(error) => sort_in_error(folder, &error, listing),
        }
    }
    listing.files[first..].sort_by(|a, b| bytes(&a.path).cmp(bytes(&b.path)));
    Ok(())
}

fn sort_in(folder: &InputFolder, entry: &DirEntry, listing: &mut Listing) {
    let name = name_within(folder, entry.path());
    let skipped = |reason: &str| SkippedEntry {
        folder: folder.name.clone(),
        name: name.clone(),
        reason: reason.into(),
        is_unreadable: false,
    };
    if let Some(reason) = reason_to_ignore(entry.file_name(), entry.file_type()) {
        listing.ignored.push(skipped(reason));
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

/// A loop of links is harmless; anything else may be readable next time.
fn sort_in_error(folder: &InputFolder, error: &walkdir::Error, listing: &mut Listing) {
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

/// Why an entry of that name and type is no client data by its nature, if it is none.
pub fn reason_to_ignore(name: &OsStr, file_type: FileType) -> Option<&'static str> {
    if is_hidden(name) {
        return Some("its name is hidden");
    }
    if file_type.is_dir() {
        return None;
    }
    let name = name.to_string_lossy().to_lowercase();
    if TEMPORARY_ENDINGS
        .iter()
        .any(|ending| name.ends_with(ending))
    {
        return Some("its name is that of an unfinished file");
    }
    if !(name.ends_with(".csv") || name.ends_with(".csv.gz")) {
        return Some("it is no .csv or .csv.gz file");
    }
    (!file_type.is_file()).then_some("it is no regular file")
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
    fn an_entry_covers_itself_and_what_lies_below_it() {
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
