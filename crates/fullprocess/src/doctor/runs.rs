//! Examines the newest runs: an interrupted, failed, unreadable or overdue run, and the call list.

use std::path::Path;

use common::History;
use common::history::LastRun;
use record::{Outcome, RunFilter, RunRecord};
use scoring::{CallListFlaw, StoredList};

use super::pipeline::ExaminedPipeline;
use super::report::Findings;

/// Number of the newest runs whose records are examined.
const EXAMINED_RUNS: u32 = 20;

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let Some(history) = pipeline.history() else {
        return Ok(pipeline.without_history());
    };
    if !pipeline.is_working() {
        for run in history.unfinished_runs::<RunRecord>()? {
            findings.note(
                format!(
                    "run {} was interrupted, and the next run finishes it{}",
                    run.id,
                    because(&run.record.reason)
                ),
                "fullprocess",
            );
        }
    }
    let Some(last) = history.last_run()? else {
        return Ok("none has ended yet".into());
    };
    for run in record::newest_runs(history, RunFilter::All, EXAMINED_RUNS)? {
        if run.is_unreadable {
            findings.note(
                format!(
                    "{}. Pages and reports leave it out. A newer program may have written it",
                    run.reason
                ),
                "fullprocess --version",
            );
        }
    }
    if last.outcome == Outcome::Failed.name() {
        let newest = record::newest_runs(history, RunFilter::All, 1)?;
        let reason = newest.first().map_or("", |run| run.reason.as_str());
        findings.problem(
            format!(
                "run {} failed{}; fix that, then run again",
                last.run_id,
                because(reason)
            ),
            "fullprocess",
        );
    }
    if !pipeline.is_working() {
        examine_call_list(pipeline, history, findings)?;
    }
    if diagnostics::is_stale(pipeline.config, &last, pipeline.now) {
        findings.problem(
            format!(
                "the last run ended more than {} hours ago (diagnostics.stale_after_hours): does cron still start runs?",
                pipeline.config.diagnostics.stale_after_hours
            ),
            "fullprocess",
        );
    }
    Ok(in_short(&last))
}

/// Reads the call list to its end, if there is one. It must exist if the newest run with new rows has ranked
/// clients.
fn examine_call_list(
    pipeline: &ExaminedPipeline<'_>,
    history: &History,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let path = pipeline.config.layout.risk_ranking();
    let problem = match read_call_list(&path) {
        Ok(true) => return Ok(()),
        Ok(false) => {
            let runs = record::newest_runs(history, RunFilter::WithEvidence, EXAMINED_RUNS)?;
            let evaluated = runs.into_iter().find(|run| !run.is_unreadable);
            let list = evaluated.and_then(|run| run.call_list);
            if list.is_none_or(|list| list.clients == 0) {
                return Ok(());
            }
            format!("the call list {} is missing", path.display())
        }
        Err(error) => match CallListFlaw::of(&error) {
            Some(flaw) => format!("the call list is damaged: {flaw}"),
            None => format!("the call list cannot be read: {error:#}"),
        },
    };
    findings.problem(
        format!("{problem}; the ranking rebuilds it"),
        "scoring --rank",
    );
    Ok(())
}

/// Reads a call list to its end. False if there is no file.
fn read_call_list(path: &Path) -> anyhow::Result<bool> {
    let Some(mut list) = StoredList::open(path)? else {
        return Ok(false);
    };
    while list.next_client()?.is_some() {}
    Ok(true)
}

fn because(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    }
}

fn in_short(last: &LastRun) -> String {
    format!(
        "the last run was run {}: {}, ended {}",
        last.run_id,
        last.outcome,
        last.finished_at.strftime("%Y-%m-%d %H:%M:%SZ")
    )
}
