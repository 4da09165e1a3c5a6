//! The line `done`: whether a model was deployed, kept or refused. For a dry run, what a run would
//! do.

use common::numbers::counted;

use crate::action::Action;
use crate::evidence::Evidence;
use crate::outcome::Outcome;
use crate::run_record::RunRecord;

impl RunRecord {
    /// What was done; `None` while the run is open, or for an outcome of a newer program.
    pub(super) fn done(&self) -> Option<String> {
        let done = match self.outcome.as_ref()? {
            Outcome::ColdStart => self.deployed("the first model"),
            Outcome::Redeployed => [
                self.deployed(match self.has_failed_the_gate() {
                    false => "a new model",
                    true => "a new model that did not pass the gate",
                }),
                clauses(self.deciding_clause()),
                clauses(self.loss_on_test_data()),
            ]
            .concat(),
            Outcome::Steady => self.kept("no model drift was found"),
            Outcome::DriftNoted => self.kept("although model drift was found"),
            Outcome::CandidateRefused => format!(
                "a new model {} refused{}; {}",
                if self.dry_run { "would be" } else { "was" },
                self.deciding_clause()
                    .map_or(String::new(), |clause| format!(": {clause}")),
                self.live_release_stays()
            ),
            Outcome::CandidateWaiting => format!(
                "a new model passed the gate and {} for you; {}",
                if self.dry_run { "would wait" } else { "waits" },
                self.live_release_stays()
            ),
            Outcome::TrainingRefused => {
                format!("no model could be trained; {}", self.live_release_stays())
            }
            Outcome::NotJudged => self.undecided(),
            Outcome::NothingNew => format!("nothing; {}", self.live_release_stays()),
            Outcome::Failed => format!("the run failed; {}", self.live_release_stays()),
            Outcome::Interrupted => {
                format!("the run was interrupted; {}", self.live_release_stays())
            }
            // This program does not know what a newer program did.
            Outcome::Other(_) => return None,
        };
        Some(done)
    }

    /// True if the new model did not pass the gate. If the gate accepts all models, it is deployed
    /// nevertheless.
    pub(super) fn has_failed_the_gate(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| !gate.passed)
    }

    /// A clause about a deployed model. A dry run has no number of a release.
    fn deployed(&self, model: &str) -> String {
        match (&self.release, self.dry_run) {
            (_, true) => format!("{model} would be deployed"),
            (Some(release), false) => format!("{model} is deployed: release {release}"),
            (None, false) => format!("{model} is deployed"),
        }
    }

    fn kept(&self, why: &str) -> String {
        format!("{}: {why}", self.live_release_stays())
    }

    /// A clause about the release that stays deployed.
    fn live_release_stays(&self) -> String {
        let stays = if self.dry_run { "would stay" } else { "stays" };
        match &self.release {
            Some(release) => format!("release {release} {stays}"),
            None => "no model is deployed".into(),
        }
    }

    fn undecided(&self) -> String {
        let staying = self.live_release_stays();
        let Some(evidence) = &self.evidence else {
            return staying;
        };
        let action = self.decision.as_ref().map(|decision| decision.action);
        match (evidence, action) {
            (Evidence { deployed: None, .. }, _) => {
                format!("no model could be trained, because no row has a label; {staying}")
            }
            (Evidence { new_rows: 0, .. }, _) => format!("{staying}: no row is new"),
            (_, Some(Action::Predict)) => format!(
                "{staying}; {} predicted, and wait for their labels",
                match evidence.new_rows {
                    1 => "1 new row was".into(),
                    rows => format!("{} were", counted(rows, "new row")),
                }
            ),
            _ => format!("{staying}; model drift could not be tested yet (see why)"),
        }
    }

    /// A clause about the new model, from the finding that decided in the gate.
    fn deciding_clause(&self) -> Option<String> {
        let (gate, comparison) = self.gate.as_ref().zip(self.comparison.as_ref())?;
        gate.deciding_clause(comparison)
    }

    fn loss_on_test_data(&self) -> Option<String> {
        self.comparison.as_ref()?.guard.as_ref()?.loss_of_f1()
    }
}

/// Puts `; ` before a clause. Empty if there is no clause.
fn clauses(clause: Option<String>) -> String {
    clause.map_or(String::new(), |clause| format!("; {clause}"))
}
