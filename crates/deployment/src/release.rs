//! Reads releases: the live one, all of them, and whether one is complete.
//!
//! Only reads. A reader resolves `current` once and then opens files inside that folder, so that a
//! deployment in between cannot mix two releases.

use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::history::{ChangeByHand, ChangeKind};
use common::layout::names;
use common::manifest::PublishedManifests;
use common::{Failure, History, Layout, Manifest, digest, files};
use model::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sample_predictions::check_sample_predictions;

/// Minimum number of digits in the name of a release.
const NAME_DIGITS: usize = 6;

/// Maximum number of finished runs that are searched for the release that was live last. While the
/// link is missing, every run that cron starts fails. Many runs may therefore name no release.
const MAX_RUNS_READ: i64 = 10_000;

/// Maximum size in bytes of a file of a release. A larger file cannot be the one that was
/// published.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// One release.
#[derive(Clone, Debug)]
pub struct Release {
    /// Folder of the release.
    pub folder: PathBuf,
    /// Manifest of the release.
    pub manifest: Manifest,
}

/// One line of the list of releases.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Release")]
pub struct ListedRelease {
    /// Name of the release: its number with at least six digits.
    pub release: String,
    /// True for the live release.
    pub is_live: bool,
    /// Time when the release was created.
    #[schemars(with = "common::DateTime")]
    pub created_at: jiff::Timestamp,
    /// F1 of the release's model on the test data, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub score: f64,
    /// Release that was live before this one.
    pub parent: Option<String>,
    /// Number of the run that trained the model. `None` if deployed by hand.
    pub run: Option<i64>,
}

impl Release {
    /// The live release; `None` if nothing is deployed. Returns an error if, according to the history,
    /// another manifest was published.
    pub fn live(layout: &Layout) -> anyhow::Result<Option<Self>> {
        let Some(target) = live_target(layout)? else {
            return Ok(None);
        };
        let published = PublishedManifests::read(layout)?;
        Self::open_published(&layout.production().join(target), &published).map(Some)
    }

    /// Opens the release in a folder. Returns an error if its manifest cannot be read, or is not the one
    /// that was published.
    pub fn open_published(folder: &Path, published: &PublishedManifests) -> anyhow::Result<Self> {
        // The manifest is read before its checksum is compared, because errors of reading are more precise.
        let release = Self::open(folder)?;
        published.check(folder)?;
        Ok(release)
    }

    /// Opens the release in a folder and verifies its files. Returns an error if it could not be made live.
    pub fn open_verified(folder: &Path, published: &PublishedManifests) -> anyhow::Result<Self> {
        let release = Self::open_published(folder, published)?;
        release.verify()?;
        Ok(release)
    }

    /// Opens the release in a folder and verifies its files. `None`, with a warning, if it is damaged.
    /// Returns an error if access failed: the release may be undamaged.
    pub fn open_undamaged(
        folder: &Path,
        published: &PublishedManifests,
    ) -> anyhow::Result<Option<Self>> {
        match Self::open_verified(folder, published) {
            Err(error) if !files::is_access_error(&error) => {
                tracing::warn!("{error:#}");
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    /// Opens the release in a folder. Returns an error if its manifest cannot be read. Unlike
    /// [`Self::open_published`], this does not compare the manifest with the published one.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            manifest: Manifest::read(folder)?,
        })
    }

    /// Returns the model after checking every file against its published checksum.
    pub fn verify(&self) -> anyhow::Result<Model> {
        // Loading the model checks its checksum.
        let others = self.manifest.files.iter();
        for (name, expected) in others.filter(|(name, _)| *name != names::MODEL) {
            let path = self.folder.join(name);
            let found = digest::of_file_up_to(&path, MAX_FILE_BYTES)?;
            if found.as_ref() != Some(expected) {
                return Err(changed(&path));
            }
        }
        self.model()
    }

    /// Returns the model after checking its file's checksum and the sample predictions.
    pub fn model(&self) -> anyhow::Result<Model> {
        let path = self.folder.join(names::MODEL);
        let model = Model::load_published(&path, self.manifest.model_digest())?
            .ok_or_else(|| changed(&path))?;
        check_sample_predictions(&model, &self.manifest.sample_predictions)
            .map_err(|flaw| Failure::input_output(format!("{} {flaw}", path.display())))?;
        Ok(model)
    }

    /// Name of the release: its number with at least six digits.
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

/// Target of the link `current`, relative to the production folder. `None` if nothing is deployed.
pub fn live_target(layout: &Layout) -> anyhow::Result<Option<PathBuf>> {
    let current = layout.current();
    match fs::read_link(&current) {
        Ok(target) => Ok(Some(target)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let remedy = return_advice(layout, None);
            Err(Failure::input_output(format!(
                "{} is not a link to a release: move it away, then {remedy}",
                current.display()
            ))
            .into())
        }
        Err(error) => {
            Err(error).with_context(|| format!("failed to read the link {}", current.display()))
        }
    }
}

/// Returns an error if the link to the live release is missing although a complete release exists.
/// The error names the command that makes a release live again: the release that was live last, or
/// the newest complete one if that is unknown or damaged.
///
/// Without this check, a run would count as a cold start and replace a model that is only
/// unreachable.
pub fn check_live_link(layout: &Layout) -> anyhow::Result<()> {
    if live_target(layout)?.is_some() {
        return Ok(());
    }
    match release_to_restore(layout, None)? {
        None => Ok(()),
        Some(release) => Err(Failure::input_output(format!(
            "the link {} is missing, but release {} is undamaged: make it live again with `deployment --rollback {}`, or choose another of `deployment --list`",
            layout.current().display(),
            release.name(),
            release.name()
        ))
        .into()),
    }
}

/// Returns an error if the link to the live release is gone or leads to no release. A pipeline
/// without any release passes.
///
/// A damaged release passes: a deployment replaces it.
pub(crate) fn expect_live(layout: &Layout) -> anyhow::Result<()> {
    check_live_link(layout)?;
    let Some(target) = live_target(layout)? else {
        return Ok(());
    };
    let folder = layout.production().join(&target);
    if number(&folder).is_some() && files::is_folder(&folder)? {
        return Ok(());
    }
    let lost = format!(
        "the link {} leads to {}, where there is no release",
        layout.current().display(),
        folder.display()
    );
    let remedy = match release_to_restore(layout, None)? {
        Some(release) => format!(
            "make release {0} live with `deployment --rollback {0}`, or choose another of `deployment --list`",
            release.name()
        ),
        None => "no undamaged release is left: restore a backup, or remove the link".into(),
    };
    Err(Failure::input_output(format!("{lost}: {remedy}")).into())
}

/// The release to make live if the live one is lost or damaged: its parent, else the one that was live last
/// according to the history, else the newest one. Only undamaged releases are chosen. `damaged` is the name
/// of the live release, if it is known.
pub fn release_to_restore(
    layout: &Layout,
    damaged: Option<&str>,
) -> anyhow::Result<Option<Release>> {
    let (parent, mut others) = parent_and_others(layout, damaged)?;
    if parent.is_some() {
        return Ok(parent);
    }
    let was_live = last_live_except(layout, damaged);
    // The sort is stable. The preferred release comes last, because `last_undamaged` searches from the end.
    others.sort_by_key(|release| Some(release.name()) == was_live.as_deref());
    last_undamaged(others)
}

/// Release to roll back to if the live release is undamaged: its parent, else the newest other release.
/// Only undamaged releases are chosen. Does not read the history, so that it takes the same time with many
/// runs.
pub fn previous_release(layout: &Layout, live: &str) -> anyhow::Result<Option<Release>> {
    let (parent, others) = parent_and_others(layout, Some(live))?;
    match parent {
        Some(parent) => Ok(Some(parent)),
        None => last_undamaged(others),
    }
}

/// The parent of a release, if the parent is undamaged, and the other releases whose manifests are the
/// published ones, oldest first. A damaged parent is in neither.
fn parent_and_others(
    layout: &Layout,
    of: Option<&str>,
) -> anyhow::Result<(Option<Release>, Vec<Release>)> {
    let published = PublishedManifests::read(layout)?;
    let mut releases: Vec<Release> = Vec::new();
    for (_, folder) in &release_folders(layout)? {
        releases.extend(undamaged(Release::open_published(folder, &published))?);
    }
    let parent_name = releases
        .iter()
        .find(|release| Some(release.name()) == of)
        .and_then(|release| release.manifest.parent.clone());
    releases.retain(|release| Some(release.name()) != of);
    let is_parent = |release: &Release| Some(release.name()) == parent_name.as_deref();
    let place = releases.iter().position(is_parent);
    let parent = match place.map(|place| releases.remove(place)) {
        Some(parent) => undamaged(parent.verify())?.map(|_| parent),
        None => None,
    };
    Ok((parent, releases))
}

/// The last of these releases that is undamaged.
fn last_undamaged(releases: Vec<Release>) -> anyhow::Result<Option<Release>> {
    for release in releases.into_iter().rev() {
        if undamaged(release.verify())?.is_some() {
            return Ok(Some(release));
        }
    }
    Ok(None)
}

/// What to do if the live release is lost or damaged, as the end of a sentence. `damaged` is the name of the
/// live release, if it is known.
pub(crate) fn return_advice(layout: &Layout, damaged: Option<&str>) -> String {
    match release_to_restore(layout, damaged) {
        Ok(Some(release)) => format!(
            "make release {0} live with `deployment --rollback {0}`",
            release.name()
        ),
        Ok(None) => "put a backup of a release in its place, because no undamaged release is left"
            .to_owned(),
        Err(error) => {
            tracing::warn!("{error:#}");
            "make one of the releases of `deployment --list` live".to_owned()
        }
    }
}

/// Result of reading a release; `None` if the release is damaged. Returns the error if access failed: the
/// release may be undamaged.
fn undamaged<T>(read: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match read {
        Err(error) if files::is_access_error(&error) => Err(error),
        read => Ok(read.ok()),
    }
}

/// What the record of a run says about the live release.
#[derive(Deserialize)]
struct LiveAfterRun {
    /// The live release when the run ended.
    #[serde(default)]
    release: Option<String>,
}

/// Name of the release that was live last, according to the history. Ignores `except`, and each release
/// that a person rolled back from after it was live. `None` if the history does not know it or cannot be
/// read.
fn last_live_except(layout: &Layout, except: Option<&str>) -> Option<String> {
    read_last_live(layout, except)
        .inspect_err(|error| tracing::warn!("{error:#}"))
        .ok()
        .flatten()
}

fn read_last_live(layout: &Layout, except: Option<&str>) -> anyhow::Result<Option<String>> {
    let Some(history) = History::read(layout)? else {
        return Ok(None);
    };
    let mut excluded: Vec<String> = except.iter().map(|name| (*name).to_owned()).collect();
    let mut changes = history
        .release_changes(MAX_RUNS_READ)?
        .into_iter()
        .peekable();
    // Walks runs and changes by hand together, newest first, until one names a release.
    let mut found = None;
    let mut n_read = 0;
    history.visit_finished_runs(None, None, |run| {
        // A change is newer than the run that it came after.
        while let Some(change) = changes.next_if(|change| change.after_run >= run.id) {
            found = live_after(change, &mut excluded);
            if found.is_some() {
                return Ok(ControlFlow::Break(()));
            }
        }
        // The record may be unreadable. It names no release if the run failed before it read the live one.
        let record = run.read::<LiveAfterRun>().ok();
        found = record
            .and_then(|record| record.release)
            .filter(|name| !excluded.contains(name));
        n_read += 1;
        Ok(match found.is_some() || n_read == MAX_RUNS_READ {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    })?;
    Ok(found.or_else(|| changes.find_map(|change| live_after(change, &mut excluded))))
}

/// Release that a change made live; `None` if it is among `excluded`. If the change is a rollback, adds the
/// release that was rolled back from to `excluded`.
fn live_after(change: ChangeByHand, excluded: &mut Vec<String>) -> Option<String> {
    let name = change.to.filter(|name| !excluded.contains(name));
    if change.kind == ChangeKind::Rollback {
        excluded.extend(change.from);
    }
    name
}

/// Name of the live release, even if the release is damaged. `None` if nothing is deployed.
pub fn live_name(layout: &Layout) -> anyhow::Result<Option<String>> {
    let target = live_target(layout)?;
    Ok(target
        .as_deref()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned()))
}

/// All readable releases, oldest first. Logs a warning for the others.
pub fn releases(layout: &Layout) -> anyhow::Result<Vec<Release>> {
    let folders = release_folders(layout)?.into_iter();
    Ok(folders
        .filter_map(|(_, folder)| readable(&folder))
        .collect())
}

/// All readable releases as lines of a list, oldest first.
pub fn list(layout: &Layout) -> anyhow::Result<Vec<ListedRelease>> {
    let live = live_name(layout)?;
    let listed = releases(layout)?.into_iter();
    Ok(listed
        .map(|release| ListedRelease::of(release.manifest, live.as_deref()))
        .collect())
}

/// Calls `visit` for each readable release, newest first, until `visit` breaks. With `before`, visits only
/// releases with a lower number. Holds one manifest in memory at a time. If the link to the live release
/// cannot be read, logs a warning, and no release counts as live.
pub fn visit_newest(
    layout: &Layout,
    before: Option<u64>,
    mut visit: impl FnMut(u64, ListedRelease) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<()> {
    let live = live_name(layout).unwrap_or_else(|error| {
        tracing::warn!("cannot tell which release is live: {error:#}");
        None
    });
    let numbered = newest_first(layout)?.into_iter();
    let numbered = numbered.filter(|(number, _)| before.is_none_or(|before| *number < before));
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

/// Numbers and folders of all releases, readable or not, newest first.
pub fn newest_first(layout: &Layout) -> anyhow::Result<Vec<(u64, PathBuf)>> {
    let mut folders = release_folders(layout)?;
    folders.reverse();
    Ok(folders)
}

/// Opens the release in a folder. Logs a warning if it cannot be read.
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

/// Numbers and folders of published releases, readable or not, oldest first.
pub(crate) fn release_folders(layout: &Layout) -> anyhow::Result<Vec<(u64, PathBuf)>> {
    let mut folders = Vec::new();
    for path in entries(layout)? {
        if let Some(number) = number(&path)
            && files::is_folder(&path)?
        {
            folders.push((number, path));
        }
    }
    folders.sort_unstable();
    Ok(folders)
}

/// All entries of the folder of releases, in no order. Empty if the folder does not exist.
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

/// Number of a release's folder. `None` for any other folder.
pub(crate) fn number(folder: &Path) -> Option<u64> {
    let name = folder.file_name()?.to_str()?;
    let is_number = name.len() >= NAME_DIGITS && name.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| name.parse().ok())?
}

/// Key that sorts names of releases by number. Names have leading zeros up to six digits, so a
/// longer name has a higher number.
pub fn sort_key(name: &str) -> (usize, &str) {
    (name.len(), name)
}

/// Name of a release's folder.
pub(crate) fn name_of(number: u64) -> String {
    format!("{number:0NAME_DIGITS$}")
}
