//! Asking for newer dependencies once a run has ended and its result is printed.
//!
//! The run is closed by then, so whatever happens here leaves nothing undone, and a program that is
//! killed here asks no more that day. The lock is taken again while it asks, two seconds at most.

use std::fmt::Write;
use std::time::Instant;

use common::{Config, History, RunLock};
use jiff::Timestamp;
use record::{Outcome, RunRecord};

use crate::{alerting, run_folder};

/// Asks the registry index where that is due, and records how the dependencies stand; returns
/// what there is to say of it.
///
/// That it cannot be done concerns only the reader of `diagnostics`.
pub(crate) fn check_dependencies(config: &Config, record: &mut RunRecord) -> Option<String> {
    let is_routine = matches!(
        record.outcome,
        None | Some(Outcome::NothingNew | Outcome::Failed | Outcome::Interrupted)
    );
    let run = record.run_id.filter(|_| !record.dry_run && !is_routine)?;
    if !config.diagnostics.check_updates {
        return None;
    }
    let asked = ask(config, run, record);
    asked.unwrap_or_else(|error| {
        tracing::info!("the dependencies could not be checked: {error:#}");
        None
    })
}

fn ask(config: &Config, run: i64, record: &mut RunRecord) -> anyhow::Result<Option<String>> {
    let began = Timestamp::now();
    // Where another run has begun meanwhile, that one asks at its end.
    let _lock = RunLock::acquire(&config.layout, "fullprocess")?;
    let history = History::open(&config.layout)?;
    let clock = Instant::now();
    let Some(found) = diagnostics::check_dependencies(config, &history, began)? else {
        return Ok(None);
    };
    let seconds = clock.elapsed().as_secs_f64();
    tracing::info!(stage = "dependencies", seconds, "done");
    record.seconds.insert("dependencies".into(), seconds);
    record.dependencies = Some(found.counts());
    history.transaction(|history| {
        history.save_run(run, record)?;
        alerting::note_dependencies(config, history, began, record);
        Ok(())
    })?;
    run_folder::write_texts(&config.layout, run, record)?;
    alerting::deliver_again(config, &history);
    Ok(Some(in_words(record, seconds)))
}

/// Lines that go on from those of the printed record.
fn in_words(record: &RunRecord, seconds: f64) -> String {
    let mut text = record.yanked_in_words();
    let counts = record.dependencies.as_ref();
    let unknown = counts.map_or(0, |counts| counts.unknown);
    let said = if unknown > 0 {
        format!(" (the registry index did not answer for {unknown} crates; see `diagnostics`)")
    } else {
        String::new()
    };
    // A string takes all.
    let _ = writeln!(text, "  seconds    dependencies {seconds:.3}{said}");
    text
}
