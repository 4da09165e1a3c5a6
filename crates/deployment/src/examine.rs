//! The production folder as it stands, whole or not.
//!
//! Reading only. Unlike [`releases`](crate::releases), what cannot be read is part of the answer.

use std::fs;
use std::path::{Path, PathBuf};

use common::{Layout, Manifest};

use crate::release::{Release, release_folders};

/// One release and whether it is what was published.
#[derive(Clone, Debug)]
pub struct ExaminedRelease {
    /// The name of its folder.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Why it could not be made live; `None` when it is whole.
    pub problem: Option<String>,
}

/// Holds every release against its manifest; oldest first.
pub fn examine(layout: &Layout) -> anyhow::Result<Vec<ExaminedRelease>> {
    let mut folders = release_folders(layout)?;
    folders.sort();
    let examined = folders.into_iter().map(|folder| {
        let whole = Release::open(&folder).and_then(|release| release.verify());
        ExaminedRelease {
            name: folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            problem: whole.err().map(|error| format!("{error:#}")),
            folder,
        }
    });
    Ok(examined.collect())
}

/// The paths of the original exercise that do not lead through `current` to the live release.
pub fn stray_links(layout: &Layout, live: &Manifest) -> Vec<PathBuf> {
    let is_stray = |name: &&String| {
        let target = fs::read_link(layout.production().join(name));
        !target.is_ok_and(|target| target == Path::new("current").join(name))
    };
    live.files
        .keys()
        .filter(is_stray)
        .map(|name| layout.production().join(name))
        .collect()
}
