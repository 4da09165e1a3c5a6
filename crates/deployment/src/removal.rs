//! Removing releases, and what an interrupted deployment left.
//!
//! Only what a deployment makes is removed, and only from folders that one made: whatever else
//! somebody has put into a release stays, in a folder that is no release any more.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use common::layout::names;
use common::{Layout, Manifest, files};

use crate::release::{entries, name_of, number};

/// Begins the name of a release that is being made.
const STAGED: &str = ".staging-";
/// Begins the name of a release that is being removed.
const REMOVED: &str = ".staging-removed-";
/// Begins the name of the folder of what a removed release held besides.
const KEPT: &str = "removed-";

/// Where the release of this number is made.
pub(crate) fn staging_folder(layout: &Layout, number: u64) -> PathBuf {
    layout
        .releases()
        .join(format!("{STAGED}{}", name_of(number)))
}

/// Removes a release.
pub(crate) fn remove(layout: &Layout, folder: &Path, name: &str) -> anyhow::Result<()> {
    // Renamed first: a release that is half removed must not look like one.
    let hidden = layout.releases().join(format!("{REMOVED}{name}"));
    files::rename(folder, &hidden)?;
    clear(layout, &hidden)
}

/// What an interrupted deployment or removal left; the next writer removes it.
pub fn leftovers(layout: &Layout) -> anyhow::Result<Vec<PathBuf>> {
    let mut left = entries(layout)?;
    left.retain(|path| number_of(path).is_some() && path.is_dir());
    left.sort();
    Ok(left)
}

/// The number in the name of a folder that a deployment left.
fn number_of(folder: &Path) -> Option<u64> {
    let name = folder.file_name()?.to_str()?;
    let rest = name
        .strip_prefix(REMOVED)
        .or_else(|| name.strip_prefix(STAGED))?;
    number(Path::new(rest))
}

/// Removes what deployments make from a folder, and the folder if that was all.
pub(crate) fn clear(layout: &Layout, folder: &Path) -> anyhow::Result<()> {
    if folder.is_symlink() {
        // What it leads to is somebody else's.
        return files::remove_file(folder);
    }
    let made = names_in(folder);
    let mut made: Vec<&str> = made.iter().map(String::as_str).collect();
    // The last: it tells the names of the others.
    made.push(names::MANIFEST);
    if files::remove_folder_of(folder, &made)? {
        return Ok(());
    }
    let name = number_of(folder).map(name_of).unwrap_or_default();
    let kept = layout.releases().join(format!("{KEPT}{name}"));
    if kept.symlink_metadata().is_ok() {
        tracing::warn!(
            "{} holds files that no deployment made: move them elsewhere",
            folder.display()
        );
        return Ok(());
    }
    files::rename(folder, &kept)?;
    tracing::warn!(
        "release {name} is removed; what it held besides its own files is kept in {}",
        kept.display()
    );
    Ok(())
}

/// The files that deployments make in a folder, but for its manifest, which may name more of them.
fn names_in(folder: &Path) -> BTreeSet<String> {
    let usual = [
        names::MODEL,
        names::SCORE,
        names::INGESTED_FILES,
        names::CONFUSION_MATRIX,
    ];
    let listed = Manifest::read(folder).map(|manifest| manifest.files);
    let listed = listed.unwrap_or_default().into_keys();
    let is_plain = |name: &String| {
        let mut parts = Path::new(name).components();
        matches!(
            (parts.next(), parts.next()),
            (Some(Component::Normal(_)), None)
        )
    };
    usual
        .into_iter()
        .map(str::to_owned)
        .chain(listed.filter(is_plain))
        .filter(|name| !folder.join(name).is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_deployments_are_leftovers() {
        let number = |name: &str| number_of(Path::new(name));
        assert_eq!(number("/releases/.staging-000012"), Some(12));
        assert_eq!(number("/releases/.staging-removed-000012"), Some(12));
        for of_a_user in [
            ".staging-mine",
            ".staging-",
            ".staging-removed-",
            "000012",
            "removed-000012",
        ] {
            assert_eq!(number(of_a_user), None, "{of_a_user}");
        }
    }

    #[test]
    fn what_a_user_has_put_into_a_release_outlasts_it() {
        let base = tempfile::tempdir().unwrap();
        let layout = Layout::in_scratch(base.path());
        let write = |path: &Path| files::replace(path, b"x").unwrap();
        for name in ["000001", "000002"] {
            let folder = layout.release(name);
            files::create_folder(&folder).unwrap();
            write(&folder.join(names::MODEL));
            write(&folder.join(names::MANIFEST));
            if name == "000002" {
                write(&folder.join("notes.txt"));
            }
            remove(&layout, &folder, name).unwrap();
        }
        assert_eq!(leftovers(&layout).unwrap(), Vec::<PathBuf>::new());
        let kept = layout.releases().join("removed-000002");
        assert_eq!(entries(&layout).unwrap(), std::slice::from_ref(&kept));
        let held = std::fs::read_dir(kept).unwrap().flatten();
        let held: Vec<_> = held.map(|entry| entry.file_name()).collect();
        assert_eq!(held, ["notes.txt"]);
    }
}
