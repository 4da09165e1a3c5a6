//! Where links in an input folder may not lead.

use std::path::{Path, PathBuf};

use common::config::InputFolder;
use walkdir::DirEntry;

/// What a walk through one folder does not enter.
pub(super) struct Fence<'a> {
    folder: &'a InputFolder,
    /// Where the folder itself is, with all links followed.
    real: Option<PathBuf>,
    /// How deep the walk is in a folder that it reached by a link, if it is.
    linked_at: Option<usize>,
}

impl<'a> Fence<'a> {
    pub(super) fn of(folder: &'a InputFolder) -> Self {
        Self {
            folder,
            real: folder.path.canonicalize().ok(),
            linked_at: None,
        }
    }

    /// Why the walk leaves out an entry that a link leads to; to be asked of each entry in turn.
    pub(super) fn reason_to_stop_at(&mut self, entry: &DirEntry) -> Option<String> {
        if self.linked_at.is_some_and(|depth| entry.depth() <= depth) {
            self.linked_at = None;
        }
        let is_link = entry.path_is_symlink();
        let is_folder = entry.file_type().is_dir();
        // What is no link lies in the folder itself, and the configuration was checked for that;
        // behind a link each folder may be one that is kept apart.
        let is_behind_link = is_folder && self.linked_at.is_some();
        if !(is_link || is_behind_link) {
            return None;
        }
        if is_link && is_folder && self.linked_at.is_none() {
            self.linked_at = Some(entry.depth());
        }
        // One that leads nowhere is unreadable, which the walk finds out itself.
        let target = entry.path().canonicalize().ok()?;
        self.reason_to_avoid(&target)
    }

    fn reason_to_avoid(&self, target: &Path) -> Option<String> {
        let is_above = |real: &PathBuf| real.starts_with(target);
        if self.real.as_ref().is_some_and(is_above) {
            return Some("the link leads back to a folder above".into());
        }
        let mut apart = self.folder.apart.iter();
        let apart = apart.find(|apart| target.starts_with(&apart.real))?;
        Some(format!(
            "a link leads to it, and it is in the folder of {}",
            apart.key
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use common::config::ApartFolder;

    use super::super::list;
    use super::*;

    #[test]
    fn links_are_followed_but_not_to_folders_above_or_kept_apart() {
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
            ("up", "in/up"),
            ("test", "in/tests"),
            ("test/deep/c.csv", "in/c.csv"),
            ("elsewhere", "in/more"),
            ("elsewhere/d.csv", "in/d.csv"),
            // A kept-apart folder behind a folder that may be read.
            ("out", "elsewhere/sub/out"),
            ("test", "elsewhere/sub/test"),
        ];
        for (target, link) in links {
            let target = if target == "up" {
                PathBuf::from("..")
            } else {
                base.join(target)
            };
            symlink(target, base.join(link)).unwrap();
        }
        let apart = |key, folder: &str| ApartFolder {
            key,
            real: base.join(folder),
        };
        let folder = InputFolder {
            name: "in".into(),
            path: base.join("in"),
            apart: vec![
                apart("test_data_path", "test"),
                apart("output_folder_path", "out"),
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
