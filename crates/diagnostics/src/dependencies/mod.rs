//! The crates that this program is built from, and newer versions of them.
//!
//! Only [`check_dependencies`] sends requests. All other functions show the stored answers. A crate without
//! an answer has the status `unknown`, which is no error.

mod compare;
mod dependency;
mod index;
mod lock;
mod source;
mod table;

use std::path::Path;
use std::time::Duration;

use common::{Config, History};
use jiff::Timestamp;
use jiff::tz::Offset;

use self::compare::compare;
use self::index::Answer;
use self::lock::{LockedPackages, Package};
use self::source::CargoFiles;

pub use self::dependency::{Dependencies, Dependency, DependencyCounts, Status};

/// Name of the document in the history that stores the last answers.
const DOCUMENT: &str = "dependencies";
/// Time limit for the answers of the index, for all crates together.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Asks the registry index and stores its answers.
///
/// `None` when the index is not asked: it was asked on the same day (UTC), or
/// `diagnostics.check_updates` is off. Takes two seconds at most, for all crates together. A
/// missing answer is a result, not an error. Only a failure of the history is an error.
pub fn check_dependencies(
    config: &Config,
    history: &History,
    now: Timestamp,
) -> anyhow::Result<Option<Dependencies>> {
    if !config.diagnostics.check_updates || was_asked_on_the_day_of(now, history) {
        return Ok(None);
    }
    let locked = lock::embedded()?;
    // Stored before the first request: a run that is killed while it waits must not ask again.
    let unanswered = all_unknown(locked, "the check was interrupted");
    history.save_document(DOCUMENT, &with_answers(Some(now), locked, unanswered))?;
    let answers = ask(locked, &config.base);
    let found = with_answers(Some(now), locked, answers);
    history.save_document(DOCUMENT, &found)?;
    Ok(Some(found))
}

/// The last answers in the history, for the crates of this program.
pub fn stored(history: Option<&History>) -> anyhow::Result<Dependencies> {
    let kept: Option<Dependencies> = match history {
        Some(history) => history.document(DOCUMENT)?,
        None => None,
    };
    Ok(for_this_program(
        lock::embedded()?,
        kept.unwrap_or_default(),
    ))
}

/// True when the index was asked on the day (UTC) of `now`. An unreadable document counts as never
/// asked, so that it is replaced.
fn was_asked_on_the_day_of(now: Timestamp, history: &History) -> bool {
    let kept: Option<Dependencies> = history.document(DOCUMENT).ok().flatten();
    let day = |time: Timestamp| Offset::UTC.to_datetime(time).date();
    let asked_at = kept.and_then(|kept| kept.asked_at);
    asked_at.is_some_and(|asked_at| day(asked_at) == day(now))
}

fn ask(locked: &LockedPackages, base: &Path) -> Vec<Answer> {
    let home = tame_index::utils::cargo_home().ok();
    let source = CargoFiles::read(base, home).and_then(|files| files.index());
    match source {
        Ok(index) => {
            let names = locked.direct.iter().map(|package| package.name.as_str());
            index::ask(&index, &names.collect::<Vec<_>>(), TIME_LIMIT)
        }
        Err(error) => all_unknown(locked, &format!("{error:#}")),
    }
}

fn all_unknown(locked: &LockedPackages, reason: &str) -> Vec<Answer> {
    vec![Err(reason.to_owned()); locked.direct.len()]
}

/// Combines the crates with the answers of the index.
fn with_answers(
    asked_at: Option<Timestamp>,
    locked: &LockedPackages,
    answers: Vec<Answer>,
) -> Dependencies {
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

/// Combines this program's crates with stored answers. Another version of the program may have
/// stored them, for other crates.
fn for_this_program(locked: &LockedPackages, kept: Dependencies) -> Dependencies {
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
