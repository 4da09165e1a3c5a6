//! Report of a deployment.

use std::fmt;

use common::cli::Report;
use scoring::f1_with_interval;
use serde::Serialize;

use crate::release::ListedRelease;

/// Report of the program `deployment`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum DeployReport {
    /// The candidate was published.
    Deployed(Deployed),
    /// An older release was made live again.
    RolledBack(RolledBack),
    /// Nothing was changed.
    Listed(ReleaseList),
}

/// The candidate was published.
#[derive(Clone, Debug, Serialize)]
pub struct Deployed {
    /// The release that is live now.
    pub release: String,
    /// The release that was live before.
    pub parent: Option<String>,
    /// F1 of its model on the test data.
    pub score: f64,
    /// 95 % interval of that F1. `None` for releases of older programs.
    pub score_interval: Option<[f64; 2]>,
    /// Releases that were removed as surplus.
    pub pruned: Vec<String>,
}

/// An older release was made live again.
#[derive(Clone, Debug, Serialize)]
pub struct RolledBack {
    /// The release that is live now.
    pub release: String,
    /// The release that was live before.
    pub from: Option<String>,
    /// F1 of its model on the test data.
    pub score: f64,
    /// 95 % interval of that F1. `None` for releases of older programs.
    pub score_interval: Option<[f64; 2]>,
}

/// The releases, oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseList {
    /// One entry per release.
    pub releases: Vec<ListedRelease>,
}

impl Report for DeployReport {
    fn needs_attention(&self) -> bool {
        matches!(self, Self::Listed(_))
    }
}

impl fmt::Display for DeployReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployed(deployed) => {
                writeln!(
                    to,
                    "release {} is live, F1 {} on the test data",
                    deployed.release,
                    f1_with_interval(Some(deployed.score), deployed.score_interval)
                )?;
                writeln!(
                    to,
                    "deployed by hand: no gate compared it with its predecessor"
                )?;
                for name in &deployed.pruned {
                    writeln!(to, "release {name} was removed (deployment.keep_releases)")?;
                }
                Ok(())
            }
            Self::RolledBack(back) => writeln!(
                to,
                "release {} is live again (before: {}), F1 {} on the test data",
                back.release,
                back.from.as_deref().unwrap_or("none"),
                f1_with_interval(Some(back.score), back.score_interval)
            ),
            Self::Listed(list) => write_list(to, &list.releases),
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
