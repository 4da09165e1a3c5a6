//! The promotion gate: decides from a comparison whether a candidate replaces the deployed model.
//! Nothing is read or written here.
//!
//! The log-loss on the gate rows decides, because they show the world as it is now. After model
//! drift, and in another fit after it, a candidate is refused only if its log-loss is significantly
//! higher: the score test has shown that the world has changed. A rule that compares the means
//! refuses right candidates by chance, and the simulator shows that it does worse.
//!
//! A candidate of another fit must have the lower mean if it was fitted to all rows again. Otherwise
//! each false alarm would lead to several deployments.
//!
//! Without model drift nothing calls for another model. The candidate must then be significantly
//! better on the gate rows. It must also not be significantly worse on the test data.

use common::config::GatePolicy;
use serde::{Deserialize, Serialize};

use crate::compare::{Comparison, Guard};
use crate::metrics::Metrics;

/// Scores that differ by at most this much are equal.
pub const SCORE_TOLERANCE: f64 = 1e-9;
/// Significance level of the one-sided tests of a difference in log-loss.
const SIGNIFICANCE: f64 = 0.05;

/// The gate's decision about a candidate, with its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateDecision {
    /// True if the candidate replaces the deployed model.
    pub accepted: bool,
    /// True if no compared figure speaks against the candidate; older records do not say it.
    #[serde(default = "is_true")]
    pub passed: bool,
    /// True if the candidate passed and waits for a person to deploy it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// One sentence for each figure that was compared, and one more unless the policy is `NotWorse`.
    pub reasons: Vec<String>,
}

fn is_true() -> bool {
    true
}

/// Decides whether the candidate of a comparison replaces the deployed model. The policy `Always`
/// accepts every candidate, `Ask` none: one that passes waits.
pub fn gate(comparison: &Comparison, policy: GatePolicy) -> GateDecision {
    let findings = [
        log_loss_on_new_rows(comparison),
        f1_on_new_rows(comparison),
        log_loss_on_test_data(comparison),
        f1_on_test_data(comparison.guard.as_ref()),
    ];
    let is_refused = findings.iter().any(|finding| finding.weight == Some(false));
    let mut reasons: Vec<String> = findings.into_iter().map(Finding::into_reason).collect();
    let of_policy = match (policy, is_refused) {
        (GatePolicy::NotWorse, _) | (GatePolicy::Ask, true) => None,
        (GatePolicy::Always, true) => {
            Some("deployed all the same, because deployment.gate is \"always\"")
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

/// What the gate finds about one of the compared figures.
struct Finding {
    /// True if the candidate passes, false if it is refused, `None` if the finding only informs.
    weight: Option<bool>,
    text: String,
}

impl Finding {
    fn informs(text: String) -> Self {
        Self { weight: None, text }
    }

    fn into_reason(self) -> String {
        let prefix = match self.weight {
            Some(true) => "passed: ",
            Some(false) => "refused: ",
            None => "for information: ",
        };
        format!("{prefix}{}", self.text)
    }
}

fn log_loss_on_new_rows(comparison: &Comparison) -> Finding {
    let (candidate, deployed) = (comparison.candidate.log_loss, comparison.incumbent.log_loss);
    let p_of_higher = comparison.log_loss_p_value;
    let (passes, rule) = match (comparison.model_drift, comparison.refit) {
        (true, _) => not_significantly_higher(p_of_higher),
        (false, true) if comparison.all_rows => lower(deployed - candidate > SCORE_TOLERANCE),
        (false, true) => not_significantly_higher(p_of_higher),
        (false, false) => significantly_lower(p_of_higher),
    };
    Finding {
        weight: Some(passes),
        text: format!(
            "log-loss on {} new rows: {} ({rule})",
            comparison.rows,
            both(candidate, deployed)
        ),
    }
}

/// Tests that the candidate's log-loss is not significantly higher; with the rule as text. Without a
/// test nothing speaks against the candidate.
fn not_significantly_higher(p_of_higher: Option<f64>) -> (bool, String) {
    let rule = "after model drift the candidate's must not be significantly higher";
    let Some(p) = p_of_higher else {
        return (
            true,
            format!("{rule}; no test is possible: fewer than two clients, or no spread"),
        );
    };
    let passes = p >= SIGNIFICANCE;
    let found = if passes { "it is not" } else { "it is" };
    (
        passes,
        format!("{rule}; {found}: {}, one-sided paired t-test", p_text(p)),
    )
}

/// The rule for a candidate of another fit to all rows, as text.
fn lower(is_lower: bool) -> (bool, String) {
    let rule = "a candidate fitted to all rows again must have the lower log-loss";
    let found = if is_lower { "it has" } else { "it does not" };
    (is_lower, format!("{rule}; {found}"))
}

/// Tests whether the candidate's log-loss is significantly lower; with the rule as text.
///
/// `p_of_higher` is the p-value of the opposite test: that the candidate's log-loss is higher.
fn significantly_lower(p_of_higher: Option<f64>) -> (bool, String) {
    let needed = "no model drift was found, so the candidate's must be significantly lower";
    let Some(p) = p_of_higher.map(|p| 1.0 - p) else {
        let why = "no test is possible: fewer than two rows, or no spread";
        return (false, format!("{needed}; {why}"));
    };
    let passes = p < SIGNIFICANCE;
    let found = if passes { "it is" } else { "it is not" };
    let test = format!("{}, one-sided paired t-test", p_text(p));
    (passes, format!("{needed}; {found}: {test}"))
}

fn f1_on_new_rows(comparison: &Comparison) -> Finding {
    let f1 = |metrics: &Metrics| f1_with_interval(metrics.f1, metrics.f1_interval);
    Finding::informs(format!(
        "F1 on {} new rows: candidate {}, deployed model {}",
        comparison.rows,
        f1(&comparison.candidate),
        f1(&comparison.incumbent)
    ))
}

/// Compares the log-losses on the test data.
///
/// Without model drift, the candidate is refused if its log-loss is significantly higher. After
/// model drift the test data may show the former world, so it decides nothing.
fn log_loss_on_test_data(comparison: &Comparison) -> Finding {
    let Some(guard) = &comparison.guard else {
        return Finding::informs(
            "no labelled row of the test data is new to both models, so it decides nothing".into(),
        );
    };
    let Some((candidate, deployed)) = guard.candidate_log_loss.zip(guard.incumbent_log_loss) else {
        return Finding::informs("the test data was compared by an older program".into());
    };
    let compared = format!(
        "log-loss on {} rows of the test data: {}",
        guard.rows,
        both(candidate, deployed)
    );
    if comparison.model_drift || comparison.refit {
        let why = "after model drift older test data decides nothing";
        return Finding::informs(format!("{compared} ({why})"));
    }
    let is_worse = guard.log_loss_p_value.is_some_and(|p| p < SIGNIFICANCE);
    let found = match guard.log_loss_p_value {
        Some(p) if is_worse => format!("significantly higher: {}", p_text(p)),
        Some(p) => format!("not significantly higher: {}", p_text(p)),
        None => "no test is possible: fewer than two rows, or no spread".into(),
    };
    Finding {
        weight: Some(!is_worse),
        text: format!("{compared} ({found})"),
    }
}

fn f1_on_test_data(guard: Option<&Guard>) -> Finding {
    let f1 = |f1: Option<f64>| f1_with_interval(f1, None);
    let compared = guard.map(|guard| {
        let difference = guard.difference_interval.map(|[lower, upper]| {
            format!(" (95 % interval of the difference {lower:+.4} to {upper:+.4})")
        });
        format!(
            "F1 on {} rows of the test data: candidate {}, deployed model {}{}",
            guard.rows,
            f1(guard.candidate_f1),
            f1(guard.incumbent_f1),
            difference.unwrap_or_default()
        )
    });
    Finding::informs(compared.unwrap_or_else(|| "F1 on the test data was not compared".into()))
}

/// A p-value as text for people.
pub fn p_text(p: f64) -> String {
    if p < 0.001 {
        "p < 0.001".into()
    } else {
        format!("p = {p:.3}")
    }
}

/// F1 as text for people, with its 95 % interval if there is one; "undefined" without an F1.
pub fn f1_with_interval(f1: Option<f64>, interval: Option<[f64; 2]>) -> String {
    match (f1, interval) {
        (None, _) => "undefined".into(),
        (Some(f1), None) => format!("{f1:.4}"),
        (Some(f1), Some([lower, upper])) => {
            format!("{f1:.4} (95 % interval {lower:.4} to {upper:.4})")
        }
    }
}

/// Both log-losses with the fewest decimals that show their difference: from 4 to 10.
fn both(candidate: f64, deployed: f64) -> String {
    let is_told =
        |decimals: &usize| format!("{candidate:.decimals$}") != format!("{deployed:.decimals$}");
    let decimals = if (candidate - deployed).abs() <= SCORE_TOLERANCE {
        4
    } else {
        (4..10).find(is_told).unwrap_or(10)
    };
    format!("candidate {candidate:.decimals$}, deployed model {deployed:.decimals$}")
}

#[cfg(test)]
mod tests {
    use dataset::passes::ScoredRow;
    use model::Threshold;

    use super::*;
    use crate::evaluate;

    /// The parts of a comparison that the gate reads. Pairs are candidate, then incumbent.
    #[derive(Clone, Copy)]
    struct Case {
        model_drift: bool,
        refit: bool,
        all_rows: bool,
        log_loss: (f64, f64),
        /// P-value of the test that the candidate's log-loss is higher on new rows.
        p: Option<f64>,
        /// P-value of the same test on the test data. The outer `None` means no test data.
        test: Option<Option<f64>>,
        f1: (Option<f64>, Option<f64>),
    }

    /// Model drift, and a candidate that has learned the change.
    const LEARNED: Case = Case {
        model_drift: true,
        refit: false,
        all_rows: false,
        log_loss: (0.5, 0.6),
        p: Some(0.9),
        test: Some(Some(0.5)),
        f1: (Some(0.7), Some(0.7)),
    };
    /// No model drift, and a candidate that is significantly better.
    const BETTER: Case = Case {
        model_drift: false,
        p: Some(0.96),
        ..LEARNED
    };

    fn comparison(case: Case) -> Comparison {
        let row = ScoredRow {
            log_odds: 0.3,
            label: Some(true),
        };
        let metrics = evaluate(&[row], Threshold::HALF).unwrap();
        let with = |f1, log_loss| Metrics {
            f1,
            f1_interval: None,
            log_loss,
            ..metrics.clone()
        };
        Comparison {
            model_drift: case.model_drift,
            refit: case.refit,
            all_rows: case.all_rows,
            rows: 26,
            candidate: with(case.f1.0, case.log_loss.0),
            incumbent: with(case.f1.1, case.log_loss.1),
            log_loss_p_value: case.p,
            guard: case.test.map(|p| Guard {
                rows: 40,
                left_out: 2,
                candidate_log_loss: Some(0.7),
                incumbent_log_loss: Some(0.6),
                log_loss_p_value: p,
                candidate_f1: Some(0.1),
                incumbent_f1: Some(0.9),
                difference_interval: Some([-0.9, -0.7]),
            }),
        }
    }

    #[test]
    fn the_gate_is_this_table() {
        let drifted = |case: Case| Case {
            model_drift: true,
            ..case
        };
        let tested = |case: Case, test| Case { test, ..case };
        // Another fit after the drift; the candidate is worse by chance.
        let again = Case {
            model_drift: false,
            refit: true,
            log_loss: (0.600_001, 0.6),
            p: Some(0.51),
            ..LEARNED
        };
        let to_all_rows = Case {
            all_rows: true,
            ..again
        };
        let table = [
            ("lower mean after drift", LEARNED, true),
            (
                "lower by chance after drift",
                Case {
                    p: Some(0.51),
                    ..LEARNED
                },
                true,
            ),
            (
                "higher by chance after drift",
                Case {
                    log_loss: (0.600_001, 0.6),
                    p: Some(0.05),
                    ..LEARNED
                },
                true,
            ),
            (
                "significantly higher after drift",
                Case {
                    log_loss: (0.7, 0.6),
                    p: Some(0.049),
                    ..LEARNED
                },
                false,
            ),
            (
                "equal after drift",
                Case {
                    log_loss: (0.6, 0.6),
                    p: None,
                    ..LEARNED
                },
                true,
            ),
            (
                "worse test data after drift",
                tested(LEARNED, Some(Some(1e-9))),
                true,
            ),
            (
                "lower F1 after drift",
                Case {
                    f1: (Some(0.0), Some(0.9)),
                    ..LEARNED
                },
                true,
            ),
            ("no test data after drift", tested(LEARNED, None), true),
            ("another fit, higher by chance", again, true),
            (
                "another fit to all rows, higher by chance",
                to_all_rows,
                false,
            ),
            (
                "another fit to all rows, lower by chance",
                Case {
                    log_loss: (0.6, 0.600_001),
                    ..to_all_rows
                },
                true,
            ),
            (
                "a fit to all rows after drift, higher by chance",
                Case {
                    refit: false,
                    ..drifted(to_all_rows)
                },
                true,
            ),
            ("better without drift", BETTER, true),
            (
                "at the level without drift",
                Case {
                    p: Some(0.95),
                    ..BETTER
                },
                false,
            ),
            ("no spread without drift", Case { p: None, ..BETTER }, false),
            (
                "lower F1 without drift",
                Case {
                    f1: (None, Some(0.9)),
                    ..BETTER
                },
                true,
            ),
            (
                "worse test data without drift",
                tested(BETTER, Some(Some(0.049))),
                false,
            ),
            (
                "test data worse by chance",
                tested(BETTER, Some(Some(0.05))),
                true,
            ),
            ("test data without spread", tested(BETTER, Some(None)), true),
            ("no test data", tested(BETTER, None), true),
            (
                "the same figures after drift",
                drifted(tested(BETTER, Some(Some(0.049)))),
                true,
            ),
        ];
        for (name, case, accepted) in table {
            let decision = gate(&comparison(case), GatePolicy::NotWorse);
            assert_eq!(
                decision.accepted, accepted,
                "{name}: {:?}",
                decision.reasons
            );
            assert_eq!(decision.reasons.len(), 4, "{name}");
            let says_refused = decision
                .reasons
                .iter()
                .any(|reason| reason.starts_with("refused: "));
            assert_eq!(says_refused, !accepted, "{name}: {:?}", decision.reasons);
            let always = gate(&comparison(case), GatePolicy::Always);
            assert!(always.accepted, "{name}");
            assert_eq!(always.reasons[..4], decision.reasons[..], "{name}");
            assert!(always.reasons[4].contains("\"always\""), "{name}");
            let ask = gate(&comparison(case), GatePolicy::Ask);
            assert_eq!((ask.accepted, ask.waits), (false, accepted), "{name}");
            assert_eq!(ask.reasons.len(), 4 + usize::from(accepted), "{name}");
        }
    }

    #[test]
    fn sentences_carry_both_numbers_with_enough_digits() {
        let close = Case {
            log_loss: (0.500_001, 0.500_002),
            ..LEARNED
        };
        let decision = gate(&comparison(close), GatePolicy::NotWorse);
        assert_eq!(
            decision.reasons,
            [
                "passed: log-loss on 26 new rows: candidate 0.500001, deployed model 0.500002 (after model drift the candidate's must not be significantly higher; it is not: p = 0.900, one-sided paired t-test)",
                "for information: F1 on 26 new rows: candidate 0.7000, deployed model 0.7000",
                "for information: log-loss on 40 rows of the test data: candidate 0.7000, deployed model 0.6000 (after model drift older test data decides nothing)",
                "for information: F1 on 40 rows of the test data: candidate 0.1000, deployed model 0.9000 (95 % interval of the difference -0.9000 to -0.7000)",
            ]
        );
        let refused = gate(
            &comparison(Case {
                p: Some(0.4),
                ..BETTER
            }),
            GatePolicy::NotWorse,
        );
        assert_eq!(
            refused.reasons[0],
            "refused: log-loss on 26 new rows: candidate 0.5000, deployed model 0.6000 (no model drift was found, so the candidate's must be significantly lower; it is not: p = 0.600, one-sided paired t-test)"
        );
    }
}
