//! Whether a candidate may replace the deployed model. No I/O: a comparison in, a verdict out.
//!
//! New rows decide: they show the world as it is now. The test data only guards against a
//! candidate that is clearly worse there, because an old test set must not veto a changed world
//! by a hair.

use common::config::GatePolicy;
use serde::{Deserialize, Serialize};

use crate::compare::{Comparison, Guard};

/// Scores closer than this are equal.
pub const SCORE_TOLERANCE: f64 = 1e-9;
/// A log-loss is worse when chance alone would rarely make it so.
const SIGNIFICANCE: f64 = 0.05;

/// Whether the candidate is let through, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it replaces the deployed model.
    pub accepted: bool,
    /// One sentence for each thing that was compared.
    pub reasons: Vec<String>,
}

/// Judges a comparison.
pub fn gate(comparison: &Comparison, policy: GatePolicy) -> Verdict {
    let findings = [
        f1_on_new_rows(comparison),
        log_loss_on_new_rows(comparison),
        f1_on_test_data(comparison.guard.as_ref()),
    ];
    let is_worse = findings.iter().any(|finding| finding.is_worse);
    let mut reasons: Vec<String> = findings.into_iter().map(|finding| finding.reason).collect();
    if policy == GatePolicy::Always {
        reasons.push(if is_worse {
            "it is deployed all the same, because deployment.gate is \"always\"".into()
        } else {
            "deployment.gate is \"always\": it would be deployed whatever the figures".into()
        });
    }
    Verdict {
        accepted: policy == GatePolicy::Always || !is_worse,
        reasons,
    }
}

struct Finding {
    is_worse: bool,
    reason: String,
}

fn f1_on_new_rows(comparison: &Comparison) -> Finding {
    let n_rows = comparison.rows;
    let (Some(candidate), Some(incumbent)) = (comparison.candidate.f1, comparison.incumbent.f1)
    else {
        return Finding {
            is_worse: false,
            reason: format!(
                "on {n_rows} new rows F1 is undefined for {}: nobody left and nobody was predicted to, so log-loss alone decides",
                who(comparison.candidate.f1, comparison.incumbent.f1)
            ),
        };
    };
    let is_worse = candidate < incumbent - SCORE_TOLERANCE;
    Finding {
        is_worse,
        reason: format!(
            "on {n_rows} new rows the candidate's F1 {}",
            against(
                candidate,
                incumbent,
                if is_worse {
                    "lower than"
                } else {
                    "not lower than"
                }
            )
        ),
    }
}

fn log_loss_on_new_rows(comparison: &Comparison) -> Finding {
    let p_value = comparison.log_loss_p_value;
    let is_worse = p_value.is_some_and(|p| p < SIGNIFICANCE);
    let relation = match p_value {
        Some(_) if is_worse => "significantly worse than",
        Some(_) => "not significantly worse than",
        None => "not to be tested against",
    };
    let test = p_value.map_or_else(
        || "fewer than two rows, or no spread".into(),
        |p| format!("one-sided paired t-test, {}", p_text(p)),
    );
    let (candidate, incumbent) = (comparison.candidate.log_loss, comparison.incumbent.log_loss);
    Finding {
        is_worse,
        reason: format!(
            "on {} new rows the candidate's log-loss {} ({test})",
            comparison.rows,
            against(candidate, incumbent, relation)
        ),
    }
}

fn p_text(p: f64) -> String {
    if p < 0.001 {
        "p < 0.001".into()
    } else {
        format!("p = {p:.3}")
    }
}

fn f1_on_test_data(guard: Option<&Guard>) -> Finding {
    let skipped = |why: &str| Finding {
        is_worse: false,
        reason: format!("the test data did not guard: {why}"),
    };
    let Some(guard) = guard else {
        return skipped("none of its labelled rows is new to both models");
    };
    let (Some(candidate), Some(incumbent)) = (guard.candidate_f1, guard.incumbent_f1) else {
        let who = who(guard.candidate_f1, guard.incumbent_f1);
        return skipped(&format!("F1 is undefined there for {who}"));
    };
    let Some([lower, upper]) = guard.difference_interval else {
        return skipped("no interval of the difference could be drawn");
    };
    let is_worse = upper < -SCORE_TOLERANCE;
    let relation = if is_worse {
        "worse beyond the margin than"
    } else {
        "not worse beyond the margin than"
    };
    Finding {
        is_worse,
        reason: format!(
            "on {} rows of the test data the candidate's F1 {} (95 % interval of the difference {lower:+.4} to {upper:+.4})",
            guard.rows,
            against(candidate, incumbent, relation)
        ),
    }
}

fn who(candidate: Option<f64>, incumbent: Option<f64>) -> &'static str {
    match (candidate, incumbent) {
        (None, None) => "both models",
        (None, _) => "the candidate",
        _ => "the deployed model",
    }
}

/// Both numbers with as many decimals as it takes to tell them apart.
fn against(candidate: f64, incumbent: f64, relation: &str) -> String {
    let is_told =
        |decimals: &usize| format!("{candidate:.decimals$}") != format!("{incumbent:.decimals$}");
    let decimals = if (candidate - incumbent).abs() <= SCORE_TOLERANCE {
        4
    } else {
        (4..10).find(is_told).unwrap_or(10)
    };
    format!("{candidate:.decimals$} is {relation} the deployed model's {incumbent:.decimals$}")
}

#[cfg(test)]
mod tests {
    use dataset::passes::Scored;

    use super::*;
    use crate::evaluate;

    /// F1 of candidate and incumbent, and the interval.
    type GuardCase = (Option<f64>, Option<f64>, Option<[f64; 2]>);

    /// What stands in a comparison, as far as the gate looks at it.
    #[derive(Clone, Copy)]
    struct Case {
        f1: (Option<f64>, Option<f64>),
        p: Option<f64>,
        guard: Option<GuardCase>,
    }

    const EQUAL: Case = Case {
        f1: (Some(0.7), Some(0.7)),
        p: Some(0.5),
        guard: Some((Some(0.6), Some(0.6), Some([-0.1, 0.1]))),
    };

    fn comparison(case: Case) -> Comparison {
        let row = Scored {
            log_odds: 0.3,
            label: Some(true),
        };
        let metrics = evaluate(&[row]).unwrap();
        let with_f1 = |f1| crate::Metrics {
            f1,
            ..metrics.clone()
        };
        Comparison {
            rows: 26,
            candidate: with_f1(case.f1.0),
            incumbent: with_f1(case.f1.1),
            log_loss_p_value: case.p,
            guard: case
                .guard
                .map(|(candidate_f1, incumbent_f1, interval)| Guard {
                    rows: 40,
                    left_out: 2,
                    candidate_f1,
                    incumbent_f1,
                    difference_interval: interval,
                }),
        }
    }

    #[test]
    fn the_gate_is_this_table() {
        let new = |candidate, incumbent, p| Case {
            f1: (candidate, incumbent),
            p,
            ..EQUAL
        };
        let test = |candidate, incumbent, interval| Case {
            guard: Some((candidate, incumbent, interval)),
            ..EQUAL
        };
        let table = [
            ("equal", EQUAL, true),
            ("higher", new(Some(0.8), Some(0.7), Some(0.5)), true),
            ("lower", new(Some(0.69), Some(0.7), Some(0.5)), false),
            (
                "lower within 1e-9",
                new(Some(0.7 - 9e-10), Some(0.7), Some(0.5)),
                true,
            ),
            (
                "lower beyond 1e-9",
                new(Some(0.7 - 2e-9), Some(0.7), Some(0.5)),
                false,
            ),
            (
                "log-loss at 5 %",
                new(Some(0.8), Some(0.7), Some(0.05)),
                true,
            ),
            (
                "log-loss under 5 %",
                new(Some(0.8), Some(0.7), Some(0.049)),
                false,
            ),
            ("no spread", new(Some(0.7), Some(0.7), None), true),
            ("no candidate F1", new(None, Some(0.7), Some(0.5)), true),
            ("no incumbent F1", new(Some(0.1), None, Some(0.5)), true),
            ("no F1, worse log-loss", new(None, None, Some(0.01)), false),
            ("no F1, no spread", new(None, None, None), true),
            (
                "guard absent",
                Case {
                    guard: None,
                    ..EQUAL
                },
                true,
            ),
            (
                "guard within",
                test(Some(0.5), Some(0.6), Some([-0.2, 0.01])),
                true,
            ),
            (
                "guard touches 0",
                test(Some(0.5), Some(0.6), Some([-0.2, 0.0])),
                true,
            ),
            (
                "guard beyond",
                test(Some(0.5), Some(0.6), Some([-0.2, -0.01])),
                false,
            ),
            ("guard undefined", test(None, Some(0.6), None), true),
        ];
        for (name, case, accepted) in table {
            let verdict = gate(&comparison(case), GatePolicy::NotWorse);
            assert_eq!(verdict.accepted, accepted, "{name}: {:?}", verdict.reasons);
            assert_eq!(verdict.reasons.len(), 3, "{name}");
            let always = gate(&comparison(case), GatePolicy::Always);
            assert!(always.accepted, "{name}");
            assert_eq!(always.reasons[..3], verdict.reasons[..], "{name}");
            assert!(always.reasons[3].contains("\"always\""), "{name}");
        }
    }

    #[test]
    fn sentences_carry_both_numbers_with_enough_digits() {
        let lower = Case {
            f1: (Some(0.700_001), Some(0.700_002)),
            ..EQUAL
        };
        let verdict = gate(&comparison(lower), GatePolicy::NotWorse);
        assert_eq!(
            verdict.reasons[0],
            "on 26 new rows the candidate's F1 0.700001 is lower than the deployed model's 0.700002"
        );
        assert_eq!(
            verdict.reasons[2],
            "on 40 rows of the test data the candidate's F1 0.6000 is not worse beyond the margin than the deployed model's 0.6000 (95 % interval of the difference -0.1000 to +0.1000)"
        );
    }
}
