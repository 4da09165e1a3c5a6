//! The usefulness of the deployed model: its metrics on the current test data.

use common::numbers::{self, counted};

use super::pipeline::ExaminedPipeline;
use super::report::Findings;
use crate::evaluation::LiveRelease;

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let live = match LiveRelease::load(pipeline.config) {
        Ok(Some(live)) => live,
        Ok(None) => return Ok("nothing is deployed".into()),
        // A damaged release is a finding of the examination of the releases.
        Err(_) => return Ok("unknown, because no release can be used".into()),
    };
    let scored = scoring::score_release(pipeline.config, live.manifest(), &live.model)?;
    let metrics = &scored.metrics;
    for warning in scoring::model_warnings(metrics, "the deployed model", "on the test data") {
        // A person must decide: the pipeline may need another model or other test data.
        findings.note(warning, "diagnostics");
    }
    Ok(format!(
        "F1 {} on {} of the test data",
        numbers::score(metrics.f1, metrics.f1_interval),
        counted(metrics.rows, "labelled row")
    ))
}
