//! What is wrong with the pipeline, and the command that mends each finding.
//!
//! Looking only: nothing is written and no lock is taken. What a run that is working has not
//! finished yet is no finding, so that part is left out while one works; if one came or went
//! during the examination, all is examined once more. An examination that fails is a finding of
//! its own and hides no other.

mod alerts;
mod clock;
mod history;
mod input;
mod lock;
mod model;
mod orphans;
mod permissions;
mod releases;
mod report;
mod runs;
mod space;

use std::path::Path;

use common::{Config, History, Layout};
use jiff::Timestamp;

use self::lock::Lock;
use self::report::Findings;

pub use self::report::{Check, DoctorReport, Examination, Finding, Severity};

/// What all examinations look at.
struct Patient<'a> {
    config: &'a Config,
    now: Timestamp,
    lock: &'a Lock,
    history: &'a anyhow::Result<Option<History>>,
}

/// Examines the whole pipeline.
pub(crate) fn doctor(config: &Config) -> DoctorReport {
    let before = Lock::look(&config.layout);
    let report = examine(config, &before);
    let after = Lock::look(&config.layout);
    if after == before {
        report
    } else {
        examine(config, &after)
    }
}

fn examine(config: &Config, lock: &Lock) -> DoctorReport {
    let layout = &config.layout;
    let history = read_history(layout);
    let patient = Patient {
        config,
        now: Timestamp::now(),
        lock,
        history: &history,
    };
    let mut report = DoctorReport::default();
    let mut make = |check, examination: Examine, place: &Path| {
        let mut findings = Findings::of(check);
        let seen = examination(&patient, &mut findings);
        report.add(seen, findings, place);
    };
    // Causes before consequences: the findings are to be mended from the top.
    make(Check::Permissions, permissions::examine, &config.base);
    make(Check::Space, space::examine, layout.state());
    make(Check::Clock, clock::examine, &layout.history());
    make(Check::Lock, lock::examine, &layout.run_lock());
    make(Check::History, history::examine, &layout.history());
    make(Check::Input, input::examine, &config.base);
    make(Check::Releases, releases::examine, layout.production());
    make(Check::Model, model::examine, &config.test_folder.path);
    make(Check::Orphans, orphans::examine, layout.state());
    make(Check::Runs, runs::examine, &layout.history());
    make(Check::Alerts, alerts::examine, &layout.history());
    report
}

/// The history; an empty file is one that has not begun.
fn read_history(layout: &Layout) -> anyhow::Result<Option<History>> {
    let Some(history) = History::read(layout)? else {
        return Ok(None);
    };
    let (version, _) = history.versions()?;
    Ok((version > 0).then_some(history))
}

/// One examination: what was seen, in short.
type Examine = fn(&Patient<'_>, &mut Findings) -> anyhow::Result<String>;

impl Patient<'_> {
    /// The history, where there is one that can be read; that it cannot is a finding of the
    /// examination of the history alone.
    fn history(&self) -> Option<&History> {
        self.history.as_ref().ok()?.as_ref()
    }

    /// Why there is no history to look into.
    fn without_history(&self) -> String {
        match self.history {
            Ok(_) => "none yet".into(),
            Err(_) => "unknown without the history".into(),
        }
    }

    fn is_working(&self) -> bool {
        self.lock.holder.is_some()
    }
}
