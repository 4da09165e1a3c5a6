//! Creates releases, makes them live, rolls back, and removes old releases.
//!
//! A release is staged under a hidden name with all its files and checked. One rename gives the
//! release its number; another replaces the link `current`. An interruption leaves the live release
//! as it was, and at most a hidden folder that the next writer removes. An interruption between the
//! two renames leaves a complete release that is not live.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::config::ScorecardSettings;
use common::history::{ChangeByHand, ChangeKind};
use common::layout::names;
use common::manifest::{self, Manifest, PublishedManifests};
use common::{Config, Failure, History, Layout, digest, files};
use jiff::Timestamp;
use model::{Model, Scorecard};
use reporting::ReleaseReport;
use scoring::Metrics;

use crate::release::{
    Release, check_live_link, live_name, name_of, number, release_folders, releases, return_advice,
};
use crate::removal::{clear, leftovers, remove, staging_folder};
use crate::sample_predictions::sample_predictions;

/// Key of the history document with the highest release number that was ever given.
const LAST_RELEASE_DOCUMENT: &str = "last release number";

/// Content of a new release.
pub struct Candidate<'a> {
    /// The model.
    pub model: &'a Model,
    /// Metrics of the model on the test data.
    pub metrics: &'a Metrics,
    /// F1 of the model on the test data.
    pub score: f64,
    /// Number of the run that trained the model. `None` if deployed by hand.
    pub run: Option<i64>,
    /// The scale of the scorecard's points.
    pub scale: ScorecardSettings,
}

/// A release that is complete and verified, but not live.
#[derive(Debug)]
pub struct StagedRelease {
    folder: PathBuf,
    number: u64,
    /// SHA-256 of the manifest.
    manifest_digest: String,
    /// The picture of the release's confusion matrix, as PNG.
    pub picture: Vec<u8>,
}

impl StagedRelease {
    /// Name of the release once it is published.
    pub fn name(&self) -> String {
        name_of(self.number)
    }
}

/// Writes a release under a hidden name and verifies it.
pub fn stage(
    layout: &Layout,
    history: &History,
    candidate: &Candidate<'_>,
    now: Timestamp,
) -> anyhow::Result<StagedRelease> {
    files::create_folder(&layout.releases())?;
    let number = next_number(layout, history)?;
    let folder = staging_folder(layout, number);
    clear(layout, &folder)?;
    files::create_folder(&folder)?;
    let parent = live_name(layout)?;
    let report = ReleaseReport {
        release: &name_of(number),
        created_at: now,
        run: candidate.run,
        parent: parent.as_deref(),
        model: candidate.model,
        metrics: candidate.metrics,
    };
    let contents = contents(&report, candidate)?;
    let mut digests = BTreeMap::new();
    for (name, content) in &contents {
        write(&folder.join(name), content)?;
        digests.insert((*name).to_owned(), digest::of_bytes(content));
    }
    let manifest = Manifest {
        version: manifest::VERSION,
        release: name_of(number),
        run: candidate.run,
        created_at: now,
        parent,
        score: candidate.score,
        score_interval: candidate.metrics.f1_interval,
        files: digests,
        data: candidate.model.data.clone(),
        sample_predictions: sample_predictions(candidate.model),
    };
    let manifest = serde_json::to_vec_pretty(&manifest)?;
    write(&folder.join(names::MANIFEST), &manifest)?;
    files::sync_folder_of(&folder.join(names::MANIFEST))?;
    Release::open(&folder)?
        .verify()
        .context("the staged release differs from what was written")?;
    let [.., (_, picture)] = contents;
    Ok(StagedRelease {
        manifest_digest: digest::of_bytes(&manifest),
        folder,
        number,
        picture,
    })
}

/// Files of a release except the manifest, the picture last.
fn contents(
    report: &ReleaseReport<'_>,
    candidate: &Candidate<'_>,
) -> anyhow::Result<[(&'static str, Vec<u8>); 6]> {
    let Candidate { model, metrics, .. } = candidate;
    let picture = reporting::draw_release(report.release, metrics, &model.schema)?;
    let score = scoring::score_text(candidate.score);
    let scorecard = Scorecard::of(model, candidate.scale);
    Ok([
        (names::MODEL, model.encode()?),
        (names::SCORE, score.into_bytes()),
        (names::INGESTED_FILES, model.data.file_list().into_bytes()),
        (names::SCORECARD, scorecard.to_csv()),
        (names::REPORT, report.html().into_bytes()),
        (names::CONFUSION_MATRIX, picture),
    ])
}

/// Gives a staged release its number and makes it live.
pub fn publish(
    layout: &Layout,
    history: &History,
    staged: StagedRelease,
) -> anyhow::Result<Release> {
    let name = staged.name();
    let folder = layout.release(&name);
    // The records of removed releases are forgotten.
    let is_kept = |name: &str| files::is_folder(&layout.release(name)).unwrap_or(true);
    // The digest is recorded first, so that each published release has one. If this process is killed before
    // the rename, the next release gets the same number, and its digest replaces this one.
    PublishedManifests::record(history, &name, staged.manifest_digest, is_kept)?;
    files::rename(&staged.folder, &folder)?;
    record_highest_number(layout, history)?;
    let release = Release::open(&folder)?;
    make_live(layout, &release)?;
    Ok(release)
}

/// Makes a complete release the live one.
pub fn make_live(layout: &Layout, release: &Release) -> anyhow::Result<()> {
    let target = release
        .folder
        .strip_prefix(layout.production())
        .context("a release outside the production folder")?;
    files::replace_link(&layout.current(), target)?;
    repair_links(layout)
}

/// The release that a rollback makes live: the parent of the live release, or the named one. Returns
/// an error if it does not exist or is damaged.
pub(crate) fn rollback_target(layout: &Layout, to: Option<&str>) -> anyhow::Result<Release> {
    let target = match to {
        // A named target works even if the live release cannot be read. `3` is short for 000003.
        Some(name) => name.parse::<u64>().map_or(name.to_owned(), name_of),
        None => parent_of_live(layout)?,
    };
    let folder = layout.release(&target);
    if number(&folder).is_none() || !files::is_folder(&folder)? {
        let kept: Vec<String> = releases(layout)?
            .into_iter()
            .map(|release| release.manifest.release)
            .collect();
        let kept = match kept.is_empty() {
            true => "no release is kept".to_owned(),
            false => format!("the kept releases are {}", kept.join(", ")),
        };
        return Err(Failure::data(format!("there is no release {target:?}; {kept}")).into());
    }
    let published = PublishedManifests::read(layout)?;
    Release::open_verified(&folder, &published)
        .with_context(|| format!("release {target} cannot be made live"))
}

/// Rolls back to the parent of the live release, or to the named release. Returns an error if the
/// target does not exist or is damaged.
pub fn roll_back(layout: &Layout, to: Option<&str>) -> anyhow::Result<Release> {
    let release = rollback_target(layout, to)?;
    make_live(layout, &release)?;
    Ok(release)
}

/// True if a release could be made live.
pub(crate) fn is_undamaged(layout: &Layout, name: &str) -> bool {
    rollback_target(layout, Some(name)).is_ok()
}

fn parent_of_live(layout: &Layout) -> anyhow::Result<String> {
    let advice = || {
        let damaged = live_name(layout).ok().flatten();
        let advice = return_advice(layout, damaged.as_deref());
        format!("the live release is damaged; {advice}")
    };
    let live = Release::live(layout)
        .with_context(advice)?
        .ok_or_else(|| missing_live_release_error(layout))?;
    let no_parent = || {
        Failure::data(format!(
            "release {} is the first: there is no release before it",
            live.name()
        ))
    };
    Ok(live.manifest.parent.clone().ok_or_else(no_parent)?)
}

/// Reason why there is no live release to roll back from.
fn missing_live_release_error(layout: &Layout) -> anyhow::Error {
    match check_live_link(layout) {
        Err(error) => error,
        Ok(()) => Failure::data("nothing is deployed, so there is nothing to roll back").into(),
    }
}

/// Removes the oldest releases beyond the number to keep, and returns their names. Keeps the live
/// release and its parent.
///
/// A release that cannot be removed is logged, and the next command that writes tries again. The
/// live release works either way.
pub fn prune(config: &Config) -> Vec<String> {
    let mut pruned = Vec::new();
    if let Err(error) = remove_surplus(config, &mut pruned) {
        tracing::warn!("old releases could not be removed: {error:#}");
    }
    pruned
}

fn remove_surplus(config: &Config, pruned: &mut Vec<String>) -> anyhow::Result<()> {
    let layout = &config.layout;
    let Some(live) = Release::live(layout)? else {
        return Ok(());
    };
    let folders = release_folders(layout)?;
    let surplus = folders
        .len()
        .saturating_sub(config.deployment.keep_releases);
    let kept = [Some(live.name()), live.manifest.parent.as_deref()];
    for (number, folder) in &folders[..surplus] {
        let name = name_of(*number);
        if kept.contains(&Some(name.as_str())) {
            continue;
        }
        remove(layout, folder, &name)?;
        tracing::info!(release = name, "removed (deployment.keep_releases)");
        pruned.push(name);
    }
    Ok(())
}

/// Removes leftovers of an interrupted deployment, repairs the links through `current`, and removes
/// surplus releases.
pub fn repair(config: &Config, history: &History) -> anyhow::Result<()> {
    let layout = &config.layout;
    files::create_folder(layout.production())?;
    files::sweep(layout.production())?;
    record_highest_number(layout, history)?;
    settle_changes(layout, history)?;
    for folder in leftovers(layout)? {
        clear(layout, &folder)?;
    }
    if layout.current().symlink_metadata().is_ok() {
        repair_links(layout)?;
        prune(config);
    }
    Ok(())
}

/// Finds out whether each unfinished change by hand happened. A change is unfinished if its command was
/// killed before it recorded the end of the change.
fn settle_changes(layout: &Layout, history: &History) -> anyhow::Result<()> {
    history.settle_trainings(layout)?;
    for change in history.unfinished_changes()? {
        match live_name(layout) {
            Ok(None) if complete_first_deployment(layout, &change)? => {
                history.finish_change(change.id)?;
            }
            Ok(live) if live != change.to => history.forget_change(change.id)?,
            // The change happened.
            Ok(_) => history.finish_change(change.id)?,
            // `current` is no link. The change is recorded as finished, so that no run undoes it.
            Err(_) => history.finish_change(change.id)?,
        }
    }
    Ok(())
}

/// Makes the release of an interrupted first deployment live if the release is complete. Returns
/// false if it is incomplete, or if the change is not a first deployment.
///
/// No release was live before. If nothing were done, the new release would look like one whose link
/// is lost.
fn complete_first_deployment(layout: &Layout, change: &ChangeByHand) -> anyhow::Result<bool> {
    let is_first = change.kind == ChangeKind::Deployment && change.from.is_none();
    let Some(name) = change.to.as_deref().filter(|_| is_first) else {
        return Ok(false);
    };
    let folder = layout.release(name);
    if number(&folder).is_none() || !files::is_folder(&folder)? {
        return Ok(false);
    }
    let published = PublishedManifests::read(layout)?;
    match Release::open_undamaged(&folder, &published)? {
        Some(release) => make_live(layout, &release).map(|()| true),
        None => Ok(false),
    }
}

/// Creates the top-level links that lead through `current` to the live release.
fn repair_links(layout: &Layout) -> anyhow::Result<()> {
    for name in [
        names::MODEL,
        names::SCORE,
        names::INGESTED_FILES,
        names::CONFUSION_MATRIX,
    ] {
        files::replace_link(
            &layout.production().join(name),
            &Path::new("current").join(name),
        )?;
    }
    [names::SCORECARD, names::REPORT]
        .into_iter()
        .try_for_each(|name| repair_optional_link(layout, name))
}

/// Creates the link to a file, or removes it: a release of an older program may lack the file.
fn repair_optional_link(layout: &Layout, name: &str) -> anyhow::Result<()> {
    let link = layout.production().join(name);
    let target = Path::new("current").join(name);
    if files::exists(&layout.production().join(&target))? {
        files::replace_link(&link, &target)
    } else if fs::read_link(&link).is_ok_and(|found| found == target) {
        files::remove_file(&link)
    } else {
        Ok(())
    }
}

/// The next release number: higher than any number ever given, including the numbers of removed releases.
fn next_number(layout: &Layout, history: &History) -> anyhow::Result<u64> {
    Ok(highest_given(history)?.max(highest_existing(layout)?) + 1)
}

/// Saves the highest number given, so that the number is not given again after its folder is gone.
fn record_highest_number(layout: &Layout, history: &History) -> anyhow::Result<()> {
    let existing = highest_existing(layout)?;
    if existing > highest_given(history)? {
        history.save_document(LAST_RELEASE_DOCUMENT, &existing)?;
    }
    Ok(())
}

fn highest_given(history: &History) -> anyhow::Result<u64> {
    Ok(history.document(LAST_RELEASE_DOCUMENT)?.unwrap_or(0))
}

fn highest_existing(layout: &Layout) -> anyhow::Result<u64> {
    let highest = release_folders(layout)?.pop();
    Ok(highest.map_or(0, |(number, _)| number))
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    files::write_new(path, |writer| Ok(writer.write_all(content)?))
}
