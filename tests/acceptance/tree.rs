//! A folder tree in memory: a static may keep one without leaving a folder behind.

use std::fmt::Write;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The folders, links and files of a tree, each folder before its content.
#[derive(PartialEq)]
pub(crate) struct Tree(Vec<(PathBuf, Entry)>);

#[derive(PartialEq)]
enum Entry {
    Folder,
    Link(PathBuf),
    File(KeptFile),
}

/// Content and metadata of a file.
#[derive(PartialEq)]
struct KeptFile {
    content: Arc<[u8]>,
    permissions: Permissions,
    modified: SystemTime,
    change: Change,
}

/// Inode number of a file, and change time of the inode in nanoseconds since 1970. No program can set them.
#[derive(Clone, Copy, PartialEq)]
struct Change {
    inode: u64,
    changed: i64,
}

impl Change {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            changed: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
        }
    }
}

impl KeptFile {
    /// The file at `path`. Its content is kept once, if `earlier` has the same.
    fn read(path: &Path, earlier: Option<&Self>) -> Self {
        let content = fs::read(path).expect("a file");
        let metadata = path.metadata().expect("metadata");
        let content = match earlier {
            Some(earlier) if *earlier.content == *content => Arc::clone(&earlier.content),
            _ => content.into(),
        };
        Self {
            content,
            permissions: metadata.permissions(),
            modified: metadata.modified().expect("a time"),
            change: Change::of(&metadata),
        }
    }
}

impl Tree {
    pub(crate) fn read(top: &Path) -> Self {
        Self::read_like(top, None)
    }

    /// Reads a folder tree that has much in common with an earlier one, which saves memory.
    pub(crate) fn read_like(top: &Path, earlier: Option<&Self>) -> Self {
        let mut tree = Self(Vec::new());
        tree.read_below(top, Path::new(""), earlier);
        tree
    }

    fn read_below(&mut self, top: &Path, folder: &Path, earlier: Option<&Self>) {
        for entry in fs::read_dir(top.join(folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let (source, within) = (entry.path(), folder.join(entry.file_name()));
            let kind = entry.file_type().expect("a type");
            if kind.is_dir() {
                self.0.push((within.clone(), Entry::Folder));
                self.read_below(top, &within, earlier);
            } else if kind.is_symlink() {
                let target = fs::read_link(source).expect("a link");
                self.0.push((within, Entry::Link(target)));
            } else {
                let earlier = earlier.and_then(|tree| tree.file(&within));
                let file = KeptFile::read(&source, earlier);
                self.0.push((within, Entry::File(file)));
            }
        }
    }

    fn file(&self, within: &Path) -> Option<&KeptFile> {
        self.0.iter().find_map(|(path, entry)| match entry {
            Entry::File(file) if path == within => Some(file),
            _ => None,
        })
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
                Entry::File(file) => {
                    fs::write(&path, &file.content).expect("a file");
                    fs::set_permissions(path, file.permissions.clone()).expect("permissions");
                }
            }
        }
    }

    /// Makes a folder what it was when this tree was read from it. Returns the lines for `RISK_STAMPS`, which
    /// show the programs each file as unchanged.
    pub(crate) fn restore(&self, top: &Path) -> String {
        for entry in fs::read_dir(top).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.symlink_metadata().expect("metadata").is_dir() {
                true => fs::remove_dir_all(path).expect("removed"),
                false => fs::remove_file(path).expect("removed"),
            }
        }
        self.write(top);
        let mut stamps = String::new();
        for (within, entry) in &self.0 {
            if let Entry::File(KeptFile {
                modified, change, ..
            }) = entry
            {
                let file = File::open(top.join(within)).expect("a file");
                file.set_modified(*modified).expect("a time");
                let now = Change::of(&file.metadata().expect("metadata"));
                let Change { inode, changed } = now;
                let before = change;
                writeln!(
                    stamps,
                    "{inode} {changed} {} {}",
                    before.inode, before.changed
                )
                .expect("a string takes all");
            }
        }
        stamps
    }
}
