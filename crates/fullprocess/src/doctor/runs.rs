//! The outcomes of the runs: open, failed or overdue.

use common::history::LastRun;
use record::{Outcome, RunFilter, RunRecord};

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
    if diagnostics::is_stale(pipeline.config, &last, pipeline.now) {
        findings.problem(
            format!(
                "the last run ended more than {} hours ago (diagnostics.stale_after_hours): does cron still start one?",
                pipeline.config.diagnostics.stale_after_hours
            ),
            "fullprocess",
        );
    }
    Ok(in_short(&last))
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
