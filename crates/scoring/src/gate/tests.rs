use dataset::passes::groups_of_rows;
use model::Threshold;

use super::*;
use crate::evaluate;

/// The parts of a comparison that the gate reads. In a pair, the candidate comes first.
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
    let groups = groups_of_rows([(0.3, true)]);
    let metrics = evaluate(&groups, Threshold::HALF).unwrap();
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
        guard: case.test.map(|p| TestDataComparison {
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
fn sentences_carry_both_numbers_with_at_most_four_decimals() {
    let close = Case {
        log_loss: (0.500_001, 0.500_002),
        ..LEARNED
    };
    let decision = gate(&comparison(close), GatePolicy::NotWorse);
    assert_eq!(
        decision.reasons,
        [
            "passed: log-loss on 26 new rows: candidate 0.5000, deployed model 0.5000 (lower is better): not significantly worse",
            "for information: F1 on 26 new rows: candidate 0.70, deployed model 0.70",
            "for information: log-loss on 40 rows of the test data: candidate 0.70, deployed model 0.60 (after model drift older test data decides nothing)",
            "for information: F1 on 40 rows of the test data: candidate 0.10, deployed model 0.90 (95 % interval of the difference -0.90 to -0.70)",
        ]
    );
    let not_better = Case {
        p: Some(0.4),
        ..BETTER
    };
    let refused = gate(&comparison(not_better), GatePolicy::NotWorse);
    assert_eq!(
        refused.reasons[0],
        "refused: log-loss on 26 new rows: candidate 0.50, deployed model 0.60 (lower is better): not significantly better, which it must be without model drift"
    );
    let clause = refused.deciding_clause(&comparison(not_better));
    assert_eq!(
        clause.as_deref(),
        Some(
            "on 26 new rows it is not significantly better (log-loss 0.50, deployed model 0.60; lower is better)"
        )
    );
    let passed = gate(&comparison(BETTER), GatePolicy::NotWorse);
    let clause = passed.deciding_clause(&comparison(BETTER)).unwrap();
    assert!(clause.contains("it is significantly better"), "{clause}");
    // An older program with another rule refused this candidate.
    let older = GateDecision {
        passed: false,
        ..passed
    };
    assert_eq!(older.deciding_clause(&comparison(BETTER)), None);
    let on_test_data = Case {
        test: Some(Some(1e-9)),
        ..BETTER
    };
    let refused = gate(&comparison(on_test_data), GatePolicy::NotWorse);
    let clause = refused.deciding_clause(&comparison(on_test_data)).unwrap();
    assert!(
        clause.starts_with("on 40 rows of the test data it is significantly worse"),
        "{clause}"
    );
    let guard = comparison(BETTER).guard.unwrap();
    assert_eq!(
        guard.loss_of_f1().as_deref(),
        Some("on the test data it is worse: F1 0.10, before 0.90")
    );
}
