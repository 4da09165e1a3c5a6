//! The promotion gate: decides from a comparison whether a candidate replaces the deployed model.
//! This module reads and writes no files.
//!
//! The log-loss on the gate rows decides, because they are the most recent rows.
//!
//! After model drift, a candidate is refused only if its log-loss is significantly higher. The
//! score test has already shown that the deployed model no longer fits. A rule that compares the
//! means would refuse good candidates by chance; in the simulator it gives worse models.
//!
//! A further trial fits a later candidate, once the labelled rows since the drift have doubled. The same
//! rule applies to that candidate, with one exception.
//!
//! A further candidate that is fitted to all rows must have the lower mean log-loss. Otherwise each false
//! alarm would lead to several deployments.
//!
//! Without model drift there is no reason to replace the model. The candidate must then be
//! significantly better on the gate rows. It must also not be significantly worse on the test data.

use common::config::GatePolicy;
use common::numbers::{self, Scores, counted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::{Comparison, TestDataComparison};
use crate::metrics::Metrics;

pub use common::numbers::SCORE_TOLERANCE;

/// Significance level of the one-sided tests of a difference in log-loss.
const SIGNIFICANCE: f64 = 0.05;

/// The gate's decision about a candidate, with its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateDecision {
    /// True if the candidate replaces the deployed model.
    pub accepted: bool,
    /// True if no comparison speaks against the candidate. True in older records, which lack this
    /// value.
    #[serde(default = "is_true")]
    pub passed: bool,
    /// True if the candidate passed and waits for a person to deploy it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// One sentence for each figure that was compared, and one about `deployment.gate`: always for `always`,
    /// for `ask` if the candidate passed, never for `not_worse`.
    pub reasons: Vec<String>,
}

fn is_true() -> bool {
    true
}

/// Decides whether the candidate of a comparison replaces the deployed model. The policy `Always`
/// accepts every candidate. The policy `Ask` accepts none: a candidate that passes waits.
pub fn gate(comparison: &Comparison, policy: GatePolicy) -> GateDecision {
    let on_new_rows = log_loss_on_new_rows(comparison);
    let on_test_data = log_loss_on_test_data(comparison);
    let is_refused = !on_new_rows.passes || on_test_data.as_ref().is_ok_and(|it| it.is_refused());
    let mut reasons = vec![
        on_new_rows.reason(),
        informs(f1_on_new_rows(comparison)),
        on_test_data.map_or_else(informs, |it| it.reason()),
        informs(f1_on_test_data(comparison.guard.as_ref())),
    ];
    let of_policy = match (policy, is_refused) {
        (GatePolicy::NotWorse, _) | (GatePolicy::Ask, true) => None,
        (GatePolicy::Always, true) => {
            Some("deployed although it was refused, because deployment.gate is \"always\"")
        }
        (GatePolicy::Always, false) => {
            Some("deployment.gate is \"always\": it would be deployed whatever the figures")
        }
        (GatePolicy::Ask, false) => {
            Some("deployment.gate is \"ask\": it waits until you run `deployment`")
        }
    };
    reasons.extend(of_policy.map(String::from));
    let waits = policy == GatePolicy::Ask && !is_refused;
    GateDecision {
        accepted: policy == GatePolicy::Always || !(is_refused || waits),
        passed: !is_refused,
        waits,
        reasons,
    }
}

impl GateDecision {
    /// The comparison that decided, as a clause about the candidate. Example: `on 40 new rows it is
    /// not significantly worse (log-loss 0.49, deployed model 0.65; lower is better)`.
    ///
    /// `None` if an older program decided by another rule.
    pub fn deciding_clause(&self, comparison: &Comparison) -> Option<String> {
        let on_new_rows = log_loss_on_new_rows(comparison);
        let refusing = log_loss_on_test_data(comparison).ok();
        let refusing = refusing.filter(|it| on_new_rows.passes && it.is_refused());
        let deciding = refusing.unwrap_or(on_new_rows);
        (deciding.passes == self.passed).then(|| deciding.clause())
    }
}

fn informs(text: String) -> String {
    format!("for information: {text}")
}

/// Two log-losses, how they compare, and whether the candidate passes.
struct Finding {
    passes: bool,
    /// The rows, such as `3,096 new rows`.
    rows: String,
    candidate: f64,
    deployed: f64,
    /// Result of the comparison, such as `significantly better`.
    result: &'static str,
    /// The requirement that the result does not meet, or the reason why no test is possible.
    remark: Option<&'static str>,
}

impl Finding {
    fn is_refused(&self) -> bool {
        !self.passes
    }

    fn reason(&self) -> String {
        let prefix = if self.passes { "passed" } else { "refused" };
        let remark = self
            .remark
            .map_or(String::new(), |remark| format!(", {remark}"));
        format!(
            "{prefix}: log-loss on {}: {} (lower is better): {}{remark}",
            self.rows,
            both(self.candidate, self.deployed),
            self.result
        )
    }

    fn clause(&self) -> String {
        let scores = Scores::compared(self.candidate, self.deployed);
        format!(
            "on {} it is {} (log-loss {}, deployed model {}; lower is better)",
            self.rows,
            self.result,
            scores.number(self.candidate),
            scores.number(self.deployed)
        )
    }
}

/// What a candidate must reach on the new rows.
#[derive(Clone, Copy)]
enum Requirement {
    /// After model drift: not significantly worse.
    NotWorse,
    /// A further trial with a fit to all rows, after model drift in an earlier run: a lower mean log-loss.
    Lower,
    /// Without model drift: significantly better.
    Better,
}

impl Requirement {
    fn of(comparison: &Comparison) -> Self {
        match (comparison.model_drift, comparison.refit) {
            (true, _) => Self::NotWorse,
            (false, true) if comparison.all_rows => Self::Lower,
            (false, true) => Self::NotWorse,
            (false, false) => Self::Better,
        }
    }
}

/// Significance of a difference in log-loss. The p-value is for the test that the candidate's log-loss is
/// higher.
#[derive(Clone, Copy, PartialEq)]
enum Significance {
    Better,
    Worse,
    Neither,
    /// There are fewer than two clients, or the differences have no spread.
    Untestable,
}

impl Significance {
    fn of(p_of_higher: Option<f64>) -> Self {
        match p_of_higher {
            None => Self::Untestable,
            Some(p) if p < SIGNIFICANCE => Self::Worse,
            Some(p) if 1.0 - p < SIGNIFICANCE => Self::Better,
            Some(_) => Self::Neither,
        }
    }
}

const NO_TEST: &str = "because no test is possible: fewer than two clients, or no spread";

fn log_loss_on_new_rows(comparison: &Comparison) -> Finding {
    let (candidate, deployed) = (comparison.candidate.log_loss, comparison.incumbent.log_loss);
    let found = Significance::of(comparison.log_loss_p_value);
    let is_lower = deployed - candidate > SCORE_TOLERANCE;
    let (passes, result, remark) = match (Requirement::of(comparison), found) {
        (Requirement::Lower, Significance::Better) if is_lower => {
            (true, "significantly better", None)
        }
        (Requirement::Lower, _) if is_lower => (true, "better, though not significantly", None),
        (Requirement::Lower, _) => {
            let rule = "although a further candidate that is fitted to all rows must be better";
            (false, "not better", Some(rule))
        }
        (_, Significance::Better) => (true, "significantly better", None),
        (Requirement::NotWorse, Significance::Worse) => (false, "significantly worse", None),
        (Requirement::NotWorse, Significance::Neither) => (true, "not significantly worse", None),
        (Requirement::NotWorse, Significance::Untestable) => {
            (true, "not significantly worse", Some(NO_TEST))
        }
        (Requirement::Better, Significance::Worse) => (false, "significantly worse", None),
        (Requirement::Better, Significance::Neither) => {
            let rule = "which it must be without model drift";
            (false, "not significantly better", Some(rule))
        }
        (Requirement::Better, Significance::Untestable) => {
            (false, "not significantly better", Some(NO_TEST))
        }
    };
    Finding {
        passes,
        rows: counted(comparison.rows, "new row"),
        candidate,
        deployed,
        result,
        remark,
    }
}

fn f1_on_new_rows(comparison: &Comparison) -> String {
    let f1 = |metrics: &Metrics| numbers::score(metrics.f1, metrics.f1_interval);
    format!(
        "F1 on {}: candidate {}, deployed model {}",
        counted(comparison.rows, "new row"),
        f1(&comparison.candidate),
        f1(&comparison.incumbent)
    )
}

/// Compares the log-losses on the test data. `Err` is a sentence for information: the test data
/// decides nothing.
///
/// Without model drift, the candidate is refused if its log-loss is significantly higher. After model
/// drift, in this run or an earlier one, the test data decides nothing, because it may be older than the
/// change.
fn log_loss_on_test_data(comparison: &Comparison) -> Result<Finding, String> {
    let Some(guard) = &comparison.guard else {
        return Err(
            "no labelled row of the test data is new to both models, so it decides nothing".into(),
        );
    };
    let Some((candidate, deployed)) = guard.candidate_log_loss.zip(guard.incumbent_log_loss) else {
        return Err("the test data was compared by an older program".into());
    };
    let rows = format!("{} of the test data", counted(guard.rows, "row"));
    if comparison.model_drift || comparison.refit {
        return Err(format!(
            "log-loss on {rows}: {} (after model drift older test data decides nothing)",
            both(candidate, deployed)
        ));
    }
    let (result, remark) = match Significance::of(guard.log_loss_p_value) {
        Significance::Worse => ("significantly worse", None),
        Significance::Better => ("significantly better", None),
        Significance::Neither => ("not significantly worse", None),
        Significance::Untestable => ("not significantly worse", Some(NO_TEST)),
    };
    Ok(Finding {
        passes: result != "significantly worse",
        rows,
        candidate,
        deployed,
        result,
        remark,
    })
}

fn f1_on_test_data(guard: Option<&TestDataComparison>) -> String {
    let Some(guard) = guard else {
        return "F1 on the test data was not compared".into();
    };
    let pair = guard.candidate_f1.zip(guard.incumbent_f1);
    let scores = pair.map_or(Scores::of([]), |(a, b)| Scores::compared(a, b));
    let difference = guard.difference_interval.map(|ends| {
        // The 0 makes enough decimals visible to tell whether an end is above or below 0.
        let scores = Scores::of([ends[0], 0.0, ends[1]]);
        let [lower, upper] = ends.map(|end| scores.number(end));
        format!(" (95 % interval of the difference {lower} to {upper})")
    });
    format!(
        "F1 on {} of the test data: candidate {}, deployed model {}{}",
        counted(guard.rows, "row"),
        scores.show(guard.candidate_f1, None),
        scores.show(guard.incumbent_f1, None),
        difference.unwrap_or_default()
    )
}

impl TestDataComparison {
    /// A clause about a lower F1 on the test data, if chance does not explain it; otherwise `None`.
    pub fn loss_of_f1(&self) -> Option<String> {
        let (candidate, deployed) = self.candidate_f1.zip(self.incumbent_f1)?;
        let [_, upper] = self.difference_interval?;
        let scores = Scores::compared(candidate, deployed);
        (upper < 0.0).then(|| {
            format!(
                "on the test data it is worse: F1 {}, before {}",
                scores.number(candidate),
                scores.number(deployed)
            )
        })
    }
}

/// Both log-losses as text.
fn both(candidate: f64, deployed: f64) -> String {
    let scores = Scores::compared(candidate, deployed);
    format!(
        "candidate {}, deployed model {}",
        scores.number(candidate),
        scores.number(deployed)
    )
}

#[cfg(test)]
mod tests;
