//! The decision of a run's gate about a candidate.

use std::ops::ControlFlow;

use common::History;
use scoring::GateDecision;
use serde::{Deserialize, Serialize};

/// The part of a run's record that says what the gate decided.
#[derive(Deserialize)]
struct GatedRun {
    candidate_model: Option<String>,
    verdict: Option<GateDecision>,
}

/// The decision of a run's gate about a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GateOfRun {
    /// Number of the run.
    pub run: i64,
    /// True if the model passed.
    pub passed: bool,
}

/// The decision about the model with this SHA-256; `None` if there is none. Only the newest run
/// with a decision counts: older candidates were compared with other models.
pub(crate) fn gate_of(history: &History, digest: &str) -> anyhow::Result<Option<GateOfRun>> {
    let mut found = None;
    history.visit_finished_runs(Some("verdict"), None, |run| {
        // The record may come from another version of the program, so that it cannot be read here.
        if let Ok(gated) = run.read::<GatedRun>()
            && gated.candidate_model.as_deref() == Some(digest)
        {
            let run = run.id;
            found = gated.verdict.map(|verdict| GateOfRun {
                run,
                passed: verdict.passed,
            });
        }
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}
