//! Releases as they stand: the live one, all of them, and whether one is whole.
//!
//! Reading only. A reader resolves `current` once and then opens inside that folder, so that a
//! publication in between cannot mix two releases.

use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::layout::names;
use common::{Failure, Layout, Manifest, digest};
use model::Model;
use serde::Serialize;

use crate::answers::check_answers;

/// Number of digits of a release's name.
const NAME_DIGITS: usize = 6;

/// One release.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its folder.
    pub folder: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// One line of the list of releases.
#[derive(Clone, Debug, Serialize)]
pub struct ListedRelease {
    /// Its number, six digits.
    pub release: String,
    /// Whether it is the live one.
    pub is_live: bool,
    /// When it was made.
    pub created_at: jiff::Timestamp,
    /// F1 of its model on the test data.
    pub score: f64,
    /// The release that was live before it.
    pub parent: Option<String>,
    /// The run that made it; `None` when it was deployed by hand.
    pub run: Option<i64>,
}

impl Release {
    /// The release that is live; `None` when nothing is deployed.
    pub fn live(layout: &Layout) -> anyhow::Result<Option<Self>> {
        match live_target(layout)? {
            Some(target) => Self::open(&layout.production().join(target)).map(Some),
            None => Ok(None),
        }
    }

    /// The release in a folder.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            manifest: Manifest::read(folder)?,
        })
    }

    /// The model, once every file is there and is the one that was published.
    pub fn verify(&self) -> anyhow::Result<Model> {
        // The model is hashed when it is read.
        let others = self.manifest.files.iter();
        for (name, expected) in others.filter(|(name, _)| *name != names::MODEL) {
            let path = self.folder.join(name);
            let (found, _) = digest::of_file(&path)?;
            if found != *expected {
                return Err(changed(&path));
            }
        }
        self.model()
    }

    /// The model, once its file is the one that was published and answers as it did then.
    pub fn model(&self) -> anyhow::Result<Model> {
        let path = self.folder.join(names::MODEL);
        let model = Model::load_published(&path, self.manifest.model_digest())?
            .ok_or_else(|| changed(&path))?;
        check_answers(&model, &self.manifest.answers)
            .map_err(|flaw| Failure::input_output(format!("{} {flaw}", path.display())))?;
        Ok(model)
    }

    /// Its number, six digits.
    pub fn name(&self) -> &str {
        &self.manifest.release
    }
}

fn changed(path: &Path) -> anyhow::Error {
    Failure::input_output(format!(
        "{} was changed after it was published (its checksum does not match the manifest)",
        path.display()
    ))
    .into()
}

/// Where `current` points, relative to the production folder; `None` when nothing is deployed.
pub fn live_target(layout: &Layout) -> anyhow::Result<Option<PathBuf>> {
    let current = layout.current();
    match fs::read_link(&current) {
        Ok(target) => Ok(Some(target)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Err(Failure::input_output(format!(
            "{} is no link to a release: move it away, then make a release live with `deployment --rollback ID`",
            current.display()
        ))
        .into()),
        Err(error) => {
            Err(error).with_context(|| format!("failed to read the link {}", current.display()))
        }
    }
}

/// The name of the live release, which may be damaged; `None` when nothing is deployed.
pub fn live_name(layout: &Layout) -> anyhow::Result<Option<String>> {
    let target = live_target(layout)?;
    Ok(target
        .as_deref()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned()))
}

/// All releases that can be read, oldest first; the others are warned of.
pub fn releases(layout: &Layout) -> anyhow::Result<Vec<Release>> {
    let mut folders = release_folders(layout)?;
    folders.sort();
    Ok(folders
        .iter()
        .filter_map(|folder| readable(folder))
        .collect())
}

/// All releases for a list, oldest first.
pub fn list(layout: &Layout) -> anyhow::Result<Vec<ListedRelease>> {
    let live = live_name(layout)?;
    let listed = releases(layout)?.into_iter();
    Ok(listed
        .map(|release| ListedRelease::of(release.manifest, live.as_deref()))
        .collect())
}

/// Visits the releases that can be read, newest first, until `visit` breaks: those with a number
/// below `before`, where it is given. One manifest at a time is in memory.
pub fn visit_newest(
    layout: &Layout,
    before: Option<u64>,
    mut visit: impl FnMut(u64, ListedRelease) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<()> {
    let live = live_name(layout)?;
    let folders = release_folders(layout)?;
    let mut numbered: Vec<(u64, PathBuf)> = folders
        .into_iter()
        .filter_map(|folder| Some((number(&folder)?, folder)))
        .filter(|(number, _)| before.is_none_or(|before| *number < before))
        .collect();
    numbered.sort_unstable_by(|one, other| other.cmp(one));
    for (number, folder) in numbered {
        let Some(release) = readable(&folder) else {
            continue;
        };
        if visit(number, ListedRelease::of(release.manifest, live.as_deref()))?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The release in a folder; one that cannot be read is warned of.
fn readable(folder: &Path) -> Option<Release> {
    Release::open(folder)
        .inspect_err(|error| tracing::warn!("{error:#}"))
        .ok()
}

impl ListedRelease {
    fn of(manifest: Manifest, live: Option<&str>) -> Self {
        Self {
            is_live: live == Some(&manifest.release),
            release: manifest.release,
            created_at: manifest.created_at,
            score: manifest.score,
            parent: manifest.parent,
            run: manifest.run,
        }
    }
}

/// The folders of published releases, in no order.
pub(crate) fn release_folders(layout: &Layout) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = entries(layout)?;
    folders.retain(|path| number(path).is_some() && path.is_dir());
    Ok(folders)
}

/// Whatever stands where the releases are, in no order.
pub(crate) fn entries(layout: &Layout) -> anyhow::Result<Vec<PathBuf>> {
    let releases = layout.releases();
    let context = || format!("failed to list {}", releases.display());
    match fs::read_dir(&releases) {
        Ok(entries) => entries
            .map(|entry| Ok(entry.with_context(context)?.path()))
            .collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(context),
    }
}

/// The number of a release's folder; `None` for any other folder.
pub(crate) fn number(folder: &Path) -> Option<u64> {
    let name = folder.file_name()?.to_str()?;
    let is_number = name.len() >= NAME_DIGITS && name.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| name.parse().ok())?
}

/// The name of a release's folder.
pub(crate) fn name_of(number: u64) -> String {
    format!("{number:0NAME_DIGITS$}")
}
