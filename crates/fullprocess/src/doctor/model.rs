//! Whether the deployed model is of use: its figures on the test data as it is now.

use super::Patient;
use super::report::Findings;
use crate::judge::Live;

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) -> anyhow::Result<String> {
    let live = match Live::load(patient.config) {
        Ok(Some(live)) => live,
        Ok(None) => return Ok("nothing is deployed".into()),
        // What is wrong with a release is a finding of the examination of the releases.
        Err(_) => return Ok("unknown without a release that can be used".into()),
    };
    let scored = scoring::score_release(patient.config, live.manifest(), &live.model)?;
    let metrics = &scored.metrics;
    for warning in scoring::model_warnings(metrics, "the deployed model", "on the test data") {
        // A person has to judge it: another model, or other test data, may be needed.
        findings.note(warning, "diagnostics");
    }
    Ok(format!(
        "F1 {} on {} labelled rows of the test data",
        scoring::f1_with_interval(metrics.f1, metrics.f1_interval),
        metrics.rows
    ))
}
