//! The manifests that were published, as the history knows them.
//!
//! A manifest has the checksums of the other files of its release. The history has the checksum of the
//! manifest. A release of an older program, or one that is older than the history, is not known.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::history::is_damage;
use crate::layout::names;
use crate::{Failure, History, Layout, digest};

/// Name of the history document.
const DOCUMENT: &str = "manifests of the releases";

/// Maximum size in bytes of a manifest. A larger file cannot be the one that was published.
const MAX_BYTES: u64 = 1 << 30;

/// SHA-256 of the manifest of each published release, by the name of the release.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublishedManifests(BTreeMap<String, String>);

impl PublishedManifests {
    /// The manifests that the history knows. Empty if there is no history, or if it is damaged: commands
    /// that need the history report the damage.
    pub fn read(layout: &Layout) -> anyhow::Result<Self> {
        let read = History::read(layout).and_then(|history| match history {
            Some(history) => Self::of(&history),
            None => Ok(Self::default()),
        });
        match read {
            Err(error) if is_damage(&error) => {
                tracing::debug!("the manifests of the releases are not checked: {error:#}");
                Ok(Self::default())
            }
            read => read,
        }
    }

    fn of(history: &History) -> anyhow::Result<Self> {
        Ok(history.document(DOCUMENT)?.unwrap_or_default())
    }

    /// Records the manifest of a release that is about to be published. Forgets the releases for which
    /// `is_kept` is false.
    pub fn record(
        history: &History,
        release: &str,
        sha256: String,
        is_kept: impl Fn(&str) -> bool,
    ) -> anyhow::Result<()> {
        history.transaction(|history| {
            let mut manifests = Self::of(history)?;
            manifests.0.retain(|name, _| is_kept(name));
            manifests.0.insert(release.to_owned(), sha256);
            history.save_document(DOCUMENT, &manifests)
        })
    }

    /// Returns an error if the manifest in the folder of a release is not the one that was published.
    /// An unknown release passes. The name of the folder is the name of the release.
    pub fn check(&self, release_folder: &Path) -> anyhow::Result<()> {
        let name = release_folder.file_name().and_then(|name| name.to_str());
        let Some(published) = name.and_then(|name| self.0.get(name)) else {
            return Ok(());
        };
        let path = release_folder.join(names::MANIFEST);
        let found = digest::of_file_up_to(&path, MAX_BYTES)?;
        if found.as_ref() == Some(published) {
            return Ok(());
        }
        Err(Failure::input_output(format!(
            "{} is not the one that was published (its checksum does not match the history)",
            path.display()
        ))
        .into())
    }
}
