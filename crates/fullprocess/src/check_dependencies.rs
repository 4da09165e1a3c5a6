//! The check for newer dependencies, after a run has ended and its result is printed.
//!
//! The run is closed by then, so the check leaves nothing undone. If the program is killed here, it
//! does not ask again that day. The check takes the lock again, for two seconds at most.

use std::fmt::Write;

use common::history::StageTimer;
use common::{Config, History, RunLock};
use record::{Outcome, RunRecord};

use crate::alerting::{AlertQueue, deliver_queued};
use crate::run_folder;

/// Asks the registry index if a check is due, and records the state of the dependencies. Returns
/// the lines to print.
///
/// A failed check is only logged, because only readers of `diagnostics` need its result.
pub(crate) fn check_dependencies(config: &Config, record: &mut RunRecord) -> Option<String> {
    let is_routine = matches!(
        record.outcome,
        None | Some(Outcome::NothingNew | Outcome::Failed | Outcome::Interrupted)
    );
    let run = record.run_id.filter(|_| !record.dry_run && !is_routine)?;
    if !config.diagnostics.check_updates {
        return None;
    }
    let result = ask(config, run, record);
    result.unwrap_or_else(|error| {
        tracing::info!("the dependencies could not be checked: {error:#}");
        None
    })
}

fn ask(config: &Config, run: i64, record: &mut RunRecord) -> anyhow::Result<Option<String>> {
    let began = common::clock::now();
    // If another run holds the lock, that run asks at its end.
    let _lock = RunLock::acquire(&config.layout, "fullprocess")?;
    let history = History::open(&config.layout)?;
    let timer = StageTimer::start_in_run("dependencies", run);
    let Some(found) = diagnostics::check_dependencies(config, &history, began)? else {
        return Ok(None);
    };
    let seconds = timer.stop().seconds;
    record.seconds.insert("dependencies".into(), seconds);
    record.dependencies = Some(found.counts());
    history.transaction(|history| {
        history.save_run(run, record)?;
        let alerts = AlertQueue {
            config,
            history,
            began,
        };
        alerts.queue_dependencies(record);
        Ok(())
    })?;
    run_folder::write_texts(&config.layout, run, record)?;
    deliver_queued(config, &history);
    Ok(Some(printed_lines(record, seconds)))
}

/// Lines that continue the printed record.
fn printed_lines(record: &RunRecord, seconds: f64) -> String {
    let mut text = record.yanked_in_words();
    let counts = record.dependencies.as_ref();
    let unknown = counts.map_or(0, |counts| counts.unknown);
    let unanswered = if unknown > 0 {
        format!(" (the registry index did not answer for {unknown} crates; see `diagnostics`)")
    } else {
        String::new()
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  seconds    dependencies {seconds:.3}{unanswered}");
    text
}
