//! Deployment of releases. A release is one complete, immutable folder. The link `current` points
//! to the live release.
//!
//! Only this crate writes below the production folder. The program `deployment` publishes the
//! candidate without asking the gate, and the report says so.

mod examine;
mod gate;
mod mirror;
mod publish;
mod release;
mod removal;
mod report;
mod sample_predictions;
#[cfg(test)]
mod tests;

use anyhow::Context;
use common::cli::clap::{self, Args};
use common::history::{ChangeKind, NewChange, StageTimer};
use common::layout::names;
use common::{Config, Failure, History, Layout, Manifest, RunLock, clock, files};
use model::Model;
use scoring::Metrics;

use self::publish::{is_undamaged, rollback_target};
use self::release::expect_live;

pub use examine::{ExaminedRelease, examine, stray_links};
pub use gate::RunGateDecision;
pub use mirror::mirror;
pub use publish::{Candidate, StagedRelease, make_live, prune, publish, repair, roll_back, stage};
pub use release::{
    ListedRelease, Release, check_live_link, list, live_name, live_target, newest_first,
    previous_release, release_to_restore, releases, sort_key, visit_newest,
};
pub use removal::leftovers;
pub use report::{DeployReport, Deployed, ReleaseList, RolledBack};

/// The program's own options.
#[derive(Args, Debug)]
pub struct Options {
    /// List the releases and change nothing
    #[arg(long, conflicts_with = "rollback")]
    list: bool,
    /// Go back to the previous release, or to release ID
    #[arg(long, value_name = "ID", num_args = 0..=1)]
    rollback: Option<Option<String>>,
}

/// Publishes the candidate, lists the releases, or rolls back, as the options say.
pub fn run(config: &Config, options: Options) -> anyhow::Result<DeployReport> {
    let layout = &config.layout;
    if options.list {
        let releases = list(layout)?;
        return Ok(DeployReport::Listed(ReleaseList { releases }));
    }
    let _lock = RunLock::acquire(layout, "deployment")?;
    let history = History::open(layout)?;
    repair(config, &history)?;
    if let Some(to) = options.rollback {
        let from = live_name(layout)?;
        let release = rollback_target(layout, to.as_deref())?;
        let change = NewChange {
            kind: ChangeKind::Rollback,
            from: from.clone(),
            to: Some(release.name().to_owned()),
            note: None,
        };
        let is_unchanged = change.from == change.to;
        if !is_unchanged {
            change_by_hand(&history, &change, || make_live(layout, &release))?;
        }
        return Ok(DeployReport::RolledBack(RolledBack {
            is_unchanged,
            release: release.manifest.release,
            can_be_undone: from
                .as_deref()
                .is_some_and(|from| is_undamaged(layout, from)),
            from,
            score: release.manifest.score,
            score_interval: release.manifest.score_interval,
        }));
    }
    expect_live(layout)?;
    let timer = StageTimer::start("deployment");
    let scored = scored_candidate(config, &history)?;
    if let Some(live) = live_with_model(layout, &scored.digest) {
        return Ok(DeployReport::Deployed(Deployed::unchanged(live)));
    }
    let candidate = Candidate {
        model: &scored.model,
        metrics: &scored.metrics,
        score: scored.score,
        run: None,
        scale: config.scorecard,
    };
    let gate = gate::gate_decision_about(&history, &scored.digest)?;
    let staged = stage(layout, &history, &candidate, timer.started_at())?;
    let change = NewChange {
        kind: ChangeKind::Deployment,
        from: live_name(layout)?,
        to: Some(staged.name()),
        note: Some(scored.digest.clone()),
    };
    let release = change_by_hand(&history, &change, || publish(layout, &history, staged))?;
    history.record_stage(&timer.stop())?;
    Ok(DeployReport::Deployed(Deployed {
        release: release.manifest.release,
        parent: release.manifest.parent,
        score: release.manifest.score,
        score_interval: release.manifest.score_interval,
        pruned: prune(config),
        gate,
        is_unchanged: false,
    }))
}

/// The live release, if it is undamaged and has the model with this SHA-256. A damaged release is
/// replaced.
fn live_with_model(layout: &Layout, digest: &str) -> Option<Manifest> {
    let live = Release::live(layout).ok()??;
    let is_same = live.manifest.model_digest() == digest && live.verify().is_ok();
    is_same.then_some(live.manifest)
}

/// Changes the live release on behalf of a person, and records the change so that no run undoes it.
/// The record is begun before the change is made. If this process is killed in between, [`repair`]
/// finds out whether the release went live.
fn change_by_hand<T>(
    history: &History,
    change: &NewChange,
    make: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let change = history.begin_change(clock::now(), change)?;
    let made = make()?;
    history.finish_change(change)?;
    Ok(made)
}

/// The candidate of the last training and scoring, with its metrics.
struct ScoredCandidate {
    model: Model,
    /// SHA-256 of the model file.
    digest: String,
    metrics: Metrics,
    score: f64,
}

/// Reads the candidate. Returns an error unless the stored score belongs to the candidate and the
/// test data is unchanged.
fn scored_candidate(config: &Config, history: &History) -> anyhow::Result<ScoredCandidate> {
    let layout = &config.layout;
    let path = layout.candidate_model();
    if !files::exists(&path)? {
        return Err(Failure::data(format!(
            "there is no candidate {}: run `training`, then `scoring`",
            path.display()
        ))
        .into());
    }
    let (model, digest) = Model::load(&path).context(
        "the candidate cannot be deployed: train it again with `training`, then `scoring`",
    )?;
    let score = scoring::read_score(&layout.candidate_score())
        .context("the candidate cannot be deployed: score it again with `scoring`")?;
    let is_its_own = history
        .latest_score()?
        .is_some_and(|stored| stored.model == digest && scoring::same_score(stored.f1, score));
    if !is_its_own {
        return Err(Failure::data(format!(
            "{} is not the score of {}: run `scoring`, then `deployment`",
            names::SCORE,
            names::MODEL
        ))
        .into());
    }
    let rescored = scoring::score_candidate(config, &model)?;
    if !scoring::same_score(rescored.f1, score) {
        return Err(Failure::data(
            "the test data has changed since the candidate was scored: run `scoring`, then `deployment`",
        )
        .into());
    }
    Ok(ScoredCandidate {
        model,
        digest,
        metrics: rescored.metrics,
        score,
    })
}
