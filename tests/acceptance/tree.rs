//! A folder tree in memory: a static may keep one without leaving a folder behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The folders, links and files of a tree, each folder before its content.
pub(crate) struct Tree(Vec<(PathBuf, Entry)>);

enum Entry {
    Folder,
    Link(PathBuf),
    File(Vec<u8>, fs::Permissions),
}

impl Tree {
    pub(crate) fn read(top: &Path) -> Self {
        let mut tree = Self(Vec::new());
        tree.read_below(top, Path::new(""));
        tree
    }

    fn read_below(&mut self, top: &Path, folder: &Path) {
        for entry in fs::read_dir(top.join(folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let (source, within) = (entry.path(), folder.join(entry.file_name()));
            let kind = entry.file_type().expect("a type");
            if kind.is_dir() {
                self.0.push((within.clone(), Entry::Folder));
                self.read_below(top, &within);
            } else if kind.is_symlink() {
                let target = fs::read_link(source).expect("a link");
                self.0.push((within, Entry::Link(target)));
            } else {
                let content = fs::read(source).expect("a file");
                let permissions = entry.metadata().expect("metadata").permissions();
                self.0.push((within, Entry::File(content, permissions)));
            }
        }
    }

    /// Writes the tree into a folder, which must exist.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test plays the foreign program"
    )]
    pub(crate) fn write(&self, top: &Path) {
        for (within, entry) in &self.0 {
            let path = top.join(within);
            match entry {
                Entry::Folder => fs::create_dir_all(path).expect("a folder"),
                Entry::Link(target) => symlink(target, path).expect("a link"),
                Entry::File(content, permissions) => {
                    fs::write(&path, content).expect("a file");
                    fs::set_permissions(path, permissions.clone()).expect("permissions");
                }
            }
        }
    }
}
