//! A production folder for a dry run: its releases are links to the real ones.

use std::fs;
use std::io::ErrorKind;

use anyhow::Context;
use common::{Layout, files};

use crate::release::entries;

/// Makes the production folder of `to` like that of `from`, with a link in place of each release.
/// Work in `to` cannot change a release of `from`: removing a linked release removes only the link.
pub fn mirror(from: &Layout, to: &Layout) -> anyhow::Result<()> {
    for entry in entries(from)? {
        if let Some(name) = entry.file_name() {
            files::create_folder(&to.releases())?;
            files::replace_link(&to.releases().join(name), &entry)?;
        }
    }
    let current = from.current();
    match fs::read_link(&current) {
        Ok(target) => {
            files::create_folder(to.production())?;
            files::replace_link(&to.current(), &target)
        }
        // `current` exists and is not a link. In the copy, an empty file stands for it.
        Err(_) if current.symlink_metadata().is_ok() => {
            files::create_folder(to.production())?;
            files::write_new(&to.current(), |_| Ok(()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(error).with_context(|| format!("failed to read the link {}", current.display()))
        }
    }
}
