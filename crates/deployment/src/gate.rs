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
pub struct RunGateDecision {
    /// Number of the run.
    pub run: i64,
    /// True if the model passed.
    pub passed: bool,
}

/// The decision about the model with this SHA-256; `None` if there is none. Only the newest run
/// with a decision counts: older candidates were compared with other models.
pub(crate) fn gate_decision_about(
    history: &History,
    digest: &str,
) -> anyhow::Result<Option<RunGateDecision>> {
    let mut found = None;
    // The newest record with a member `verdict`.
    history.visit_finished_runs(Some("verdict"), None, |run| {
        // A record of another program version may be unreadable here; it counts as no decision.
        if let Ok(gated) = run.read::<GatedRun>()
            && gated.candidate_model.as_deref() == Some(digest)
        {
            let run = run.id;
            found = gated.verdict.map(|verdict| RunGateDecision {
                run,
                passed: verdict.passed,
            });
        }
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}
