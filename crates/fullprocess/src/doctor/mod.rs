//! The doctor: finds what is wrong with the pipeline and names the command that fixes it.
//!
//! Examinations only read: they write nothing and take no lock. While a run is working, its
//! unfinished work is no finding, so parts of the examinations are skipped. If a run starts or ends
//! meanwhile, everything is examined once more. A failed examination is itself a finding and hides no
//! other finding.

mod alerts;
mod clock;
mod engine;
mod history;
mod input;
mod lock;
mod lock_state;
mod model;
mod orphans;
mod permissions;
mod pipeline;
mod releases;
mod report;
mod runs;
mod space;

use std::path::Path;

use common::{Config, History, Layout};

use self::lock_state::LockState;
use self::pipeline::{Examine, ExaminedPipeline};
use self::report::Findings;

pub(crate) use self::space::expect_space;

pub use self::report::{Check, DoctorReport, Examination, Finding, Severity};

/// Examines the whole pipeline.
pub(crate) fn doctor(config: &Config) -> DoctorReport {
    let before = LockState::read(&config.layout);
    let report = examine(config, &before);
    let after = LockState::read(&config.layout);
    if after == before {
        report
    } else {
        examine(config, &after)
    }
}

fn examine(config: &Config, lock: &LockState) -> DoctorReport {
    let layout = &config.layout;
    let history = read_history(layout);
    let pipeline = ExaminedPipeline {
        config,
        now: common::clock::now(),
        lock,
        history: &history,
    };
    let mut report = DoctorReport::default();
    let mut run_check = |check, examination: Examine<'_>, place: &Path| {
        let mut findings = Findings::of(check);
        let seen = examination(&pipeline, &mut findings);
        report.add(seen, findings, place);
    };
    // Causes before consequences: the findings should be fixed from the top.
    run_check(Check::Permissions, &permissions::examine, &config.base);
    run_check(Check::Space, &space::examine, layout.state());
    run_check(Check::Clock, &clock::examine, &layout.history());
    run_check(Check::Lock, &lock::examine, &layout.run_lock());
    run_check(Check::History, &history::examine, &layout.history());
    run_check(Check::Input, &input::examine, &config.base);
    if let Some(settings) = &config.engine {
        let examine: Examine<'_> =
            &|pipeline, findings| engine::examine(pipeline, settings, findings);
        run_check(Check::Engine, examine, &settings.storage);
    }
    run_check(Check::Releases, &releases::examine, layout.production());
    run_check(Check::Model, &model::examine, &config.test_folder.path);
    run_check(Check::Orphans, &orphans::examine, layout.state());
    run_check(Check::Runs, &runs::examine, &layout.history());
    run_check(Check::Alerts, &alerts::examine, &layout.history());
    report.open_alerts = alerts::open_conditions(&pipeline);
    report
}

/// The history; `None` if the file is missing or empty.
fn read_history(layout: &Layout) -> anyhow::Result<Option<History>> {
    let Some(history) = History::read(layout)? else {
        return Ok(None);
    };
    let (version, _) = history.versions()?;
    Ok((version > 0).then_some(history))
}
