//! Examines the run lock.

use super::pipeline::ExaminedPipeline;
use super::report::{Findings, quoted};

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let Some(holder) = &pipeline.lock.holder else {
        return Ok("free: no run is working".into());
    };
    if holder.is_alive {
        findings.note(
            format!(
                "a run is working ({}); the files that it may change were not checked",
                holder.text
            ),
            "fullprocess --doctor",
        );
    } else {
        findings.problem(
            format!(
                "{} has ended, but a process that it started still holds the lock",
                holder.text
            ),
            format!("fuser -v {}", quoted(&pipeline.config.layout.run_lock())),
        );
    }
    Ok(format!("held by {}", holder.text))
}
