//! Decides which symbolic links in an input folder are followed.

use std::path::{Path, PathBuf};

use common::config::InputFolder;
use walkdir::DirEntry;

/// Filter for links during the walk through one folder.
pub(super) struct LinkFilter<'a> {
    folder: &'a InputFolder,
    /// Path of the folder with all links resolved.
    real: Option<PathBuf>,
    /// Depth of the linked folder that the walk is in. `None` outside linked folders.
    link_depth: Option<usize>,
}

impl<'a> LinkFilter<'a> {
    pub(super) fn of(folder: &'a InputFolder) -> Self {
        Self {
            folder,
            real: folder.path.canonicalize().ok(),
            link_depth: None,
        }
    }

    /// The reason to skip an entry that a link leads to; `None` if it is not skipped. Must be
    /// called for each entry, in the order of the walk.
    pub(super) fn reason_to_skip(&mut self, entry: &DirEntry) -> Option<String> {
        if self.link_depth.is_some_and(|depth| entry.depth() <= depth) {
            self.link_depth = None;
        }
        let is_link = entry.path_is_symlink();
        let is_folder = entry.file_type().is_dir();
        // Only folders can be excluded. The configuration check covers those in the input folder itself,
        // but not those behind a link.
        let is_folder_behind_link = is_folder && self.link_depth.is_some();
        if !(is_link || is_folder_behind_link) {
            return None;
        }
        if is_link && is_folder && self.link_depth.is_none() {
            self.link_depth = Some(entry.depth());
        }
        // A broken link is unreadable, which the walk finds out itself.
        let target = entry.path().canonicalize().ok()?;
        self.reason_to_avoid(&target)
    }

    fn reason_to_avoid(&self, target: &Path) -> Option<String> {
        let is_above = |real: &PathBuf| real.starts_with(target);
        if self.real.as_ref().is_some_and(is_above) {
            return Some("the link leads back to a folder above".into());
        }
        let mut excluded = self.folder.excluded.iter();
        let found = excluded.find(|folder| target.starts_with(&folder.real))?;
        Some(format!(
            "a link leads to it, and it is in the folder of {}",
            found.key
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use common::config::ExcludedFolder;

    use super::super::list;
    use super::*;

    #[test]
    fn links_are_followed_but_not_to_folders_above_or_excluded_folders() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        for folder in ["in", "test/deep", "elsewhere/sub", "out"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        for file in [
            "in/a",
            "test/b",
            "test/deep/c",
            "elsewhere/d",
            "elsewhere/sub/e",
            "out/f",
        ] {
            common::files::replace(&base.join(format!("{file}.csv")), b"x\n1\n").unwrap();
        }
        let links = [
            ("", "in/up"),
            ("test", "in/tests"),
            ("test/deep/c.csv", "in/c.csv"),
            ("elsewhere", "in/more"),
            ("elsewhere/d.csv", "in/d.csv"),
            // An excluded folder behind a folder that may be read.
            ("out", "elsewhere/sub/out"),
            ("test", "elsewhere/sub/test"),
        ];
        for (target, link) in links {
            symlink(base.join(target), base.join(link)).unwrap();
        }
        let excluded = |key, folder: &str| ExcludedFolder {
            key,
            real: base.join(folder),
        };
        let folder = InputFolder {
            name: "in".into(),
            path: base.join("in"),
            excluded: vec![
                excluded("test_data_path", "test"),
                excluded("output_folder_path", "out"),
            ],
        };
        let listing = list(&[folder]).unwrap();
        let names: Vec<&str> = listing
            .files
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        assert_eq!(names, ["a.csv", "d.csv", "more/d.csv", "more/sub/e.csv"]);
        let mut ignored: Vec<(&str, &str)> = listing
            .ignored
            .iter()
            .map(|entry| (entry.name.as_str(), entry.reason.as_str()))
            .collect();
        ignored.sort_unstable();
        let in_test = "a link leads to it, and it is in the folder of test_data_path";
        let in_output = "a link leads to it, and it is in the folder of output_folder_path";
        assert_eq!(
            ignored,
            [
                ("c.csv", in_test),
                ("more/sub/out", in_output),
                ("more/sub/test", in_test),
                ("tests", in_test),
                ("up", "the link leads back to a folder above"),
            ]
        );
    }
}
