//! A crate that this program is built from, and its newer versions.

use jiff::Timestamp;
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

/// The crates that this program is built from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dependencies {
    /// Time when the registry index was last asked; `None` before the first time.
    #[schemars(with = "Option<common::DateTime>")]
    pub asked_at: Option<Timestamp>,
    /// Crates that the workspace depends on directly, sorted by name.
    pub direct: Vec<Dependency>,
    /// Number of crates that it depends on indirectly.
    pub others: usize,
}

/// One crate with its current and its newest version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// Name of the crate.
    pub name: String,
    /// The version that this program is built from.
    pub current: Version,
    /// The newest published version that is neither yanked nor a pre-release; `None` when unknown.
    pub latest: Option<Version>,
    /// The newest version that `cargo update` would accept in place of `current`; `None` when there
    /// is none.
    pub compatible: Option<Version>,
    /// Whether `current` is up to date.
    pub status: Status,
    /// Reason for the status `unknown`; `None` for any other status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a version is up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "DependencyStatus")]
pub enum Status {
    /// No newer version is published.
    UpToDate,
    /// A newer version is published.
    Outdated,
    /// The version was withdrawn.
    Yanked,
    /// The index gave no answer.
    Unknown,
}

/// Numbers of direct dependencies by status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DependencyCounts {
    /// Number of direct dependencies.
    pub direct: usize,
    /// Number of direct dependencies with a newer version.
    pub outdated: usize,
    /// Number of direct dependencies that the index gave no answer for.
    pub unknown: usize,
    /// Direct dependencies whose version was withdrawn, each as `name version`.
    pub yanked: Vec<String>,
}

impl Dependencies {
    /// Counts the direct dependencies by status.
    pub fn counts(&self) -> DependencyCounts {
        let of = |status| self.direct.iter().filter(move |one| one.status == status);
        DependencyCounts {
            direct: self.direct.len(),
            outdated: of(Status::Outdated).count(),
            unknown: of(Status::Unknown).count(),
            yanked: of(Status::Yanked)
                .map(|one| format!("{} {}", one.name, one.current))
                .collect(),
        }
    }
}
