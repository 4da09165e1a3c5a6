//! Report of a deployment.

use std::fmt;

use common::Manifest;
use common::cli::Report;
use common::numbers::score;
use serde::Serialize;

use crate::gate::RunGateDecision;
use crate::release::ListedRelease;

/// Report of the program `deployment`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum DeployReport {
    /// The candidate is live.
    Deployed(Deployed),
    /// Another release was made live.
    RolledBack(RolledBack),
    /// The releases were listed. Nothing was changed.
    Listed(ReleaseList),
}

/// The candidate was published, or was live already.
#[derive(Clone, Debug, Serialize)]
pub struct Deployed {
    /// The release that is live now.
    pub release: String,
    /// The release that was live before.
    pub parent: Option<String>,
    /// F1 of the live model on the test data.
    pub score: f64,
    /// 95 % interval of `score`; `None` for releases of older programs.
    pub score_interval: Option<[f64; 2]>,
    /// Names of the old releases that were removed.
    pub pruned: Vec<String>,
    /// Decision of a run's gate about this model; `None` if no gate compared the model with
    /// another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<RunGateDecision>,
    /// True if the live release already has this model, so that nothing was changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unchanged: bool,
}

/// Another release was made live, or the release was live already.
#[derive(Clone, Debug, Serialize)]
pub struct RolledBack {
    /// The release that is live now.
    pub release: String,
    /// The release that was live before.
    pub from: Option<String>,
    /// True if the release `from` is undamaged, so that a rollback to it is possible.
    #[serde(skip)]
    pub can_be_undone: bool,
    /// F1 of the live model on the test data.
    pub score: f64,
    /// 95 % interval of `score`; `None` for releases of older programs.
    pub score_interval: Option<[f64; 2]>,
    /// True if the release was live already, so that nothing was changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unchanged: bool,
}

/// The releases, oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseList {
    /// One entry per release.
    pub releases: Vec<ListedRelease>,
}

impl Report for DeployReport {
    fn needs_attention(&self) -> bool {
        // A person who asks for the list wants it even with `--quiet`.
        matches!(self, Self::Listed(_))
    }
}

impl fmt::Display for DeployReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployed(deployed) => deployed.fmt(to),
            Self::RolledBack(back) => back.fmt(to),
            Self::Listed(list) => write_list(to, &list.releases),
        }
    }
}

impl Deployed {
    /// The report on a candidate whose model is already live.
    pub(crate) fn unchanged(live: Manifest) -> Self {
        Self {
            release: live.release,
            parent: live.parent,
            score: live.score,
            score_interval: live.score_interval,
            pruned: Vec::new(),
            gate: None,
            is_unchanged: true,
        }
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let release = &self.release;
        if self.is_unchanged {
            return writeln!(
                to,
                "nothing was changed: the candidate is the model of release {release}, which is live"
            );
        }
        writeln!(
            to,
            "release {release} is live, F1 {} on the test data",
            score(Some(self.score), self.score_interval)
        )?;
        match (self.gate, &self.parent) {
            (Some(RunGateDecision { run, passed: true }), _) => {
                writeln!(to, "deployed by hand: it passed the gate of run {run}")?;
            }
            (Some(RunGateDecision { run, passed: false }), _) => {
                writeln!(
                    to,
                    "deployed by hand: the gate of run {run} had rejected it"
                )?;
            }
            (None, Some(parent)) => writeln!(
                to,
                "deployed by hand: no gate compared it with release {parent}"
            )?,
            (None, None) => writeln!(
                to,
                "deployed by hand: there was no model to compare it with"
            )?,
        }
        for name in &self.pruned {
            writeln!(to, "release {name} was removed (deployment.keep_releases)")?;
        }
        Ok(())
    }
}

impl fmt::Display for RolledBack {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f1 = score(Some(self.score), self.score_interval);
        let release = &self.release;
        if self.is_unchanged {
            return writeln!(to, "nothing was changed: release {release} is live already");
        }
        match &self.from {
            Some(from) => {
                writeln!(
                    to,
                    "release {release} is live again instead of {from}; F1 on the test data {f1}"
                )?;
                let undo = match self.can_be_undone {
                    true => format!("`deployment --rollback {from}` undoes this"),
                    false => {
                        format!(
                            "release {from} is damaged or missing, so it cannot be made live again"
                        )
                    }
                };
                writeln!(to, "runs keep it until there is new drift; {undo}")
            }
            None => writeln!(to, "release {release} is live; F1 on the test data {f1}"),
        }
    }
}

fn write_list(to: &mut fmt::Formatter<'_>, releases: &[ListedRelease]) -> fmt::Result {
    if releases.is_empty() {
        return writeln!(to, "nothing is deployed");
    }
    writeln!(
        to,
        "{:<10} {:<5} {:<20} {:>8} {:<8} by",
        "release", "live", "made", "F1", "parent"
    )?;
    for release in releases {
        let by = match release.run {
            Some(run) => format!("run {run}"),
            None => "hand".into(),
        };
        writeln!(
            to,
            "{:<10} {:<5} {:<20} {:>8.4} {:<8} {by}",
            release.release,
            if release.is_live { "live" } else { "" },
            release
                .created_at
                .strftime("%Y-%m-%d %H:%M:%SZ")
                .to_string(),
            release.score,
            release.parent.as_deref().unwrap_or("-"),
        )?;
    }
    Ok(())
}
