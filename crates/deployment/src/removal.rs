//! Removes releases and leftovers of an interrupted deployment.
//!
//! Only files that a deployment creates are removed, and only from folders that a deployment
//! created. Other files that a user put into a release are kept, in a folder that is no longer a
//! release.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use common::layout::names;
use common::{Layout, Manifest, files};

use crate::release::{entries, name_of, number};

/// Prefix of a release that is being created.
const STAGING_PREFIX: &str = ".staging-";
/// Prefix of a release that is being removed.
const REMOVING_PREFIX: &str = ".staging-removed-";
/// Prefix of the folder with the user's files of a removed release.
const USER_FILES_PREFIX: &str = "removed-";

/// Folder in which the release with this number is staged.
pub(crate) fn staging_folder(layout: &Layout, number: u64) -> PathBuf {
    layout
        .releases()
        .join(format!("{STAGING_PREFIX}{}", name_of(number)))
}

/// Removes a release.
pub(crate) fn remove(layout: &Layout, folder: &Path, name: &str) -> anyhow::Result<()> {
    // Renamed first: a half-removed release must not look like a release.
    let hidden = layout.releases().join(format!("{REMOVING_PREFIX}{name}"));
    files::rename(folder, &hidden)?;
    clear(layout, &hidden)
}

/// Folders that an interrupted deployment or removal left. The next writer removes them.
pub fn leftovers(layout: &Layout) -> anyhow::Result<Vec<PathBuf>> {
    let mut left = entries(layout)?;
    left.retain(|path| leftover_number(path).is_some() && path.is_dir());
    left.sort();
    Ok(left)
}

/// Number in the name of a leftover folder. `None` for any other folder.
fn leftover_number(folder: &Path) -> Option<u64> {
    let name = folder.file_name()?.to_str()?;
    // The longer prefix is tried first, because it begins with the other one.
    let rest = name
        .strip_prefix(REMOVING_PREFIX)
        .or_else(|| name.strip_prefix(STAGING_PREFIX))?;
    number(Path::new(rest))
}

/// Removes the files of a deployment from a folder, and the folder if it is then empty. Otherwise
/// keeps the remaining files under another name.
pub(crate) fn clear(layout: &Layout, folder: &Path) -> anyhow::Result<()> {
    if folder.is_symlink() {
        // The target of the link belongs to the user.
        return files::remove_file(folder);
    }
    let made = names_in(folder);
    let mut made: Vec<&str> = made.iter().map(String::as_str).collect();
    // The manifest last, because it names the other files.
    made.push(names::MANIFEST);
    if files::remove_folder_with(folder, &made)? {
        return Ok(());
    }
    let name = leftover_number(folder).map(name_of).unwrap_or_default();
    let kept = layout.releases().join(format!("{USER_FILES_PREFIX}{name}"));
    if kept.symlink_metadata().is_ok() {
        tracing::warn!(
            "{} holds files that no deployment made: move them elsewhere",
            folder.display()
        );
        return Ok(());
    }
    files::rename(folder, &kept)?;
    tracing::warn!(
        "the removed folder of release {name} held other files, which are kept in {}",
        kept.display()
    );
    Ok(())
}

/// Names of the files that deployments create in a folder, and of those that its manifest lists. The
/// manifest itself is left out.
fn names_in(folder: &Path) -> BTreeSet<String> {
    let usual = [
        names::MODEL,
        names::SCORE,
        names::INGESTED_FILES,
        names::SCORECARD,
        names::REPORT,
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
    fn only_folders_of_deployments_are_leftovers() {
        let number = |name: &str| leftover_number(Path::new(name));
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
    fn files_of_a_user_in_a_release_are_kept() {
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
        let remaining = std::fs::read_dir(kept).unwrap().flatten();
        let remaining: Vec<_> = remaining.map(|entry| entry.file_name()).collect();
        assert_eq!(remaining, ["notes.txt"]);
    }
}
