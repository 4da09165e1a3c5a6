//! Checks whether the releases in the production folder are complete or damaged.
//!
//! Only reads. Unlike [`releases`](crate::releases), the result includes releases that cannot be
//! read.

use std::fs;
use std::path::{Path, PathBuf};

use common::manifest::PublishedManifests;
use common::{Layout, Manifest};

use crate::release::{Release, release_folders};

/// One release and the result of its examination.
#[derive(Clone, Debug)]
pub struct ExaminedRelease {
    /// Name of the release's folder.
    pub name: String,
    /// Path to the release's folder.
    pub folder: PathBuf,
    /// Reason why the release could not be made live. `None` if it is complete.
    pub problem: Option<String>,
}

/// Checks every release against its manifest, and the manifest against the published one. Oldest first.
pub fn examine(layout: &Layout) -> anyhow::Result<Vec<ExaminedRelease>> {
    let published = PublishedManifests::read(layout)?;
    let folders = release_folders(layout)?.into_iter();
    let examined = folders.map(|(_, folder)| {
        let verified = Release::open_verified(&folder, &published);
        ExaminedRelease {
            name: folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            problem: verified.err().map(|error| format!("{error:#}")),
            folder,
        }
    });
    Ok(examined.collect())
}

/// Top-level paths in the production folder that do not lead through `current` to the live release.
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
