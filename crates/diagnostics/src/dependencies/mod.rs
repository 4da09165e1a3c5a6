//! The crates that this program is built from, and what newer versions of them there are.
//!
//! Only [`check_dependencies`] asks the network; everything else shows what it stored. Without an
//! answer a crate is `unknown`, which is no error.

mod compare;
mod index;
mod lock;
mod source;
mod table;

use std::path::Path;
use std::time::Duration;

use common::{Config, History};
use jiff::Timestamp;
use jiff::tz::Offset;
use semver::Version;
use serde::{Deserialize, Serialize};

use self::compare::compare;
use self::index::Answer;
use self::lock::{Locked, Package};
use self::source::CargoFiles;

/// Name of the document in which the history keeps the last answers.
const DOCUMENT: &str = "dependencies";
/// How long a run waits for the index, for all crates together.
const BOUND: Duration = Duration::from_secs(2);

/// What this program is built from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dependencies {
    /// When the registry index was last asked; `None` before the first time.
    pub asked_at: Option<Timestamp>,
    /// The crates that the workspace names itself, by name.
    pub direct: Vec<Dependency>,
    /// How many more those need.
    pub others: usize,
}

/// One crate beside the newest of its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// The version that this program is built from.
    pub current: Version,
    /// The newest published one, yanked ones and pre-releases aside; `None` when unknown.
    pub latest: Option<Version>,
    /// The newest one that is compatible with the current one; `None` when there is none.
    pub compatible: Option<Version>,
    /// How the current one stands.
    pub status: Status,
    /// Why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is no newer one.
    UpToDate,
    /// There is a newer one.
    Outdated,
    /// It was withdrawn.
    Yanked,
    /// The index gave no answer.
    Unknown,
}

/// How many dependencies stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependencyCounts {
    /// Crates that the workspace names itself.
    pub direct: usize,
    /// Those of which there is a newer version.
    pub outdated: usize,
    /// Those about which the index said nothing.
    pub unknown: usize,
    /// Those that were withdrawn, each as `name version`.
    pub yanked: Vec<String>,
}

impl Dependencies {
    /// How many stand how.
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

/// Asks the registry index and keeps what it said; `None` when it is not to be asked: it was on
/// this day (UTC), or `diagnostics.check_updates` is off.
///
/// Takes two seconds at most, for all crates together. That nobody answers is an answer too; an error is one of the
/// history.
pub fn check_dependencies(
    config: &Config,
    history: &History,
    now: Timestamp,
) -> anyhow::Result<Option<Dependencies>> {
    if !config.diagnostics.check_updates || was_asked_on_the_day_of(now, history) {
        return Ok(None);
    }
    let locked = lock::embedded()?;
    // Kept before the first request: a run that is killed while it waits must not ask again.
    let unanswered = all_unknown(locked, "the check was cut short");
    history.save_document(DOCUMENT, &joined(Some(now), locked, unanswered))?;
    let answers = ask(locked, &config.base);
    let found = joined(Some(now), locked, answers);
    history.save_document(DOCUMENT, &found)?;
    Ok(Some(found))
}

/// What the history knows about the crates of this program.
pub(crate) fn stored(history: Option<&History>) -> anyhow::Result<Dependencies> {
    let kept: Option<Dependencies> = match history {
        Some(history) => history.document(DOCUMENT)?,
        None => None,
    };
    Ok(of_this_program(lock::embedded()?, kept.unwrap_or_default()))
}

/// A stamp that cannot be read is none, so that it is replaced.
fn was_asked_on_the_day_of(now: Timestamp, history: &History) -> bool {
    let kept: Option<Dependencies> = history.document(DOCUMENT).ok().flatten();
    let day = |time: Timestamp| Offset::UTC.to_datetime(time).date();
    let asked_at = kept.and_then(|kept| kept.asked_at);
    asked_at.is_some_and(|asked_at| day(asked_at) == day(now))
}

fn ask(locked: &Locked, base: &Path) -> Vec<Answer> {
    let home = tame_index::utils::cargo_home().ok();
    let source = CargoFiles::read(base, home).and_then(|files| files.index());
    match source {
        Ok(index) => {
            let names = locked.direct.iter().map(|package| package.name.as_str());
            index::ask(&index, &names.collect::<Vec<_>>(), BOUND)
        }
        Err(error) => all_unknown(locked, &format!("{error:#}")),
    }
}

fn all_unknown(locked: &Locked, reason: &str) -> Vec<Answer> {
    vec![Err(reason.to_owned()); locked.direct.len()]
}

/// The crates, each with the answer about it.
fn joined(asked_at: Option<Timestamp>, locked: &Locked, answers: Vec<Answer>) -> Dependencies {
    let of = |(package, answer): (&Package, Answer)| match answer {
        Ok(published) => compare(package, &published),
        Err(reason) => unknown(package, &reason),
    };
    Dependencies {
        asked_at,
        direct: locked.direct.iter().zip(answers).map(of).collect(),
        others: locked.others,
    }
}

/// The crates of this program, with what was kept about them: another version of the program may
/// have asked.
fn of_this_program(locked: &Locked, kept: Dependencies) -> Dependencies {
    let known = |package: &Package| {
        let mut kept = kept.direct.iter();
        kept.find(|one| one.name == package.name && one.current == package.version)
    };
    Dependencies {
        asked_at: kept.asked_at,
        direct: locked
            .direct
            .iter()
            .map(|package| {
                known(package)
                    .cloned()
                    .unwrap_or_else(|| unknown(package, "the index was not asked yet"))
            })
            .collect(),
        others: locked.others,
    }
}

fn unknown(package: &Package, reason: &str) -> Dependency {
    Dependency {
        name: package.name.clone(),
        current: package.version.clone(),
        latest: None,
        compatible: None,
        status: Status::Unknown,
        reason: Some(reason.to_owned()),
    }
}

#[cfg(test)]
mod tests;
