//! The decision, case by case.

use common::config::{DriftBasis, DriftTrigger, OnTie};
use dataset::passes::groups_of_rows;
use diagnostics::Verdicts;
use diagnostics::statistics::Undecided;
use scoring::Metrics;

use super::*;
use crate::evidence::AllRows;

const SEED: Policy = Policy {
    trigger: DriftTrigger::Score,
    basis: DriftBasis::NewRows,
    on_tie: OnTie::Retrain,
    needed: NeededLabels {
        rows: 0,
        of_each_label: 0,
    },
};

/// Metrics of rows with these numbers of true positives, false positives and false negatives.
pub(crate) fn metrics(
    true_positive: usize,
    false_positive: usize,
    false_negative: usize,
) -> Metrics {
    let rows = std::iter::repeat_n((1.0, true), true_positive)
        .chain(std::iter::repeat_n((1.0, false), false_positive))
        .chain(std::iter::repeat_n((-1.0, true), false_negative))
        .chain([(-1.0, false)]);
    scoring::evaluate(&groups_of_rows(rows), model::Threshold::HALF).unwrap()
}

fn evidence(new: Metrics, deployed: f64) -> Evidence {
    Evidence {
        deployed: Some(DeployedModel {
            release: "000001".into(),
            score: deployed,
            score_interval: None,
        }),
        rows: 100,
        labelled_rows: 100,
        new_rows: new.rows,
        new_labelled_rows: new.rows,
        on_all_rows: Some(AllRows::from(metrics(1, 1, 1).confusion)),
        on_new_rows: Some(new),
        ..Evidence::default()
    }
}

#[test]
fn the_new_score_is_compared_with_the_deployed_one() {
    let f1 = metrics(2, 1, 2).f1.unwrap();
    assert_eq!(f1, 4.0 / 7.0);
    for (deployed, on_tie, action) in [
        (0.5, OnTie::Retrain, Action::Keep),
        (0.6, OnTie::Retrain, Action::Retrain),
        (0.571_428_571_428_571_5, OnTie::Retrain, Action::Retrain),
        (0.571_428_571_428_571_4, OnTie::Retrain, Action::Retrain),
        (0.571_428_571_428_571_5, OnTie::Keep, Action::Keep),
        (0.571_428_571_428_571_4, OnTie::Keep, Action::Keep),
        (0.6, OnTie::Keep, Action::Retrain),
    ] {
        let policy = Policy { on_tie, ..SEED };
        let decision = decide(&evidence(metrics(2, 1, 2), deployed), &policy);
        assert_eq!(decision.action, action, "{deployed} {on_tie:?}");
    }
}

#[test]
fn a_perfect_score_cannot_be_beaten() {
    let decision = decide(&evidence(metrics(3, 0, 0), 1.0), &SEED);
    assert_eq!(decision.action, Action::Keep);
    let fallen = decide(&evidence(metrics(3, 1, 0), 1.0), &SEED);
    assert_eq!(fallen.action, Action::Retrain);
}

#[test]
fn an_f1_that_is_zero_or_undefined_leaves_the_decision_to_the_drift_test() {
    use diagnostics::Verdict::{Drift, InsufficientData, Ok};
    // In turn, F1 is 0 on the new rows, undefined there, 0 at the deployment, and 0 both times.
    for (new, deployed, why) in [
        (metrics(0, 3, 2), 0.5, "new rows is 0"),
        (metrics(0, 0, 0), 0.5, "undefined"),
        (metrics(2, 1, 2), 0.0, "F1 at the deployment is 0"),
        (metrics(0, 3, 2), 0.0, "new rows is 0"),
    ] {
        for (verdict, action) in [
            (Ok, Action::Keep),
            (Drift, Action::Retrain),
            (InsufficientData, Action::Wait),
        ] {
            let found = Evidence {
                verdicts: with_verdict(verdict, None).verdicts,
                ..evidence(new.clone(), deployed)
            };
            let decision = decide(&found, &SEED);
            assert_eq!(decision.action, action, "{why} {verdict:?}");
            assert!(decision.reason.contains(why), "{}", decision.reason);
        }
    }
}

#[test]
fn few_labels_decide_nothing_and_the_reason_says_how_many_are_missing() {
    use diagnostics::Verdict::Drift;
    let policy = |trigger| Policy {
        trigger,
        needed: NeededLabels {
            rows: 20,
            of_each_label: 5,
        },
        ..SEED
    };
    for (positives, negatives, missing) in [
        (
            1,
            0,
            Some("19 are missing, 4 with label 1 and 5 with label 0"),
        ),
        (4, 15, Some("1 is missing, 1 with label 1")),
        (
            4,
            900,
            Some(
                "904 new rows have a label (4 with label 1, 900 with label 0); at least 20 are needed, 5 of each label: 1 is missing, 1 with label 1",
            ),
        ),
        (900, 0, Some("5 are missing, 5 with label 0")),
        (9, 10, Some("5 of each label: 1 is missing")),
        (5, 15, None),
    ] {
        let mut new = metrics(positives, 0, 0);
        new.rows = (positives + negatives) as u64;
        let found = Evidence {
            verdicts: with_verdict(Drift, None).verdicts,
            ..evidence(new, 1.0)
        };
        for trigger in [DriftTrigger::Score, DriftTrigger::Evidence] {
            let decision = decide(&found, &policy(trigger));
            let waits = decision.action == Action::Wait;
            assert_eq!(waits, missing.is_some(), "{}", decision.reason);
            let says = missing.unwrap_or_default();
            assert!(decision.reason.contains(says), "{}", decision.reason);
        }
    }
}

#[test]
fn labels_are_counted_on_all_new_rows_also_where_a_sample_is_scored() {
    let needed = NeededLabels {
        rows: 20,
        of_each_label: 5,
    };
    // No row with label 1 is in the sample that was scored.
    let found = |positives| Evidence {
        new_labelled_rows: 75,
        new_positive_rows: Some(positives),
        ..evidence(metrics(0, 0, 0), 1.0)
    };
    let reason = |positives| decide(&found(positives), &Policy { needed, ..SEED }).reason;
    let few = reason(3);
    assert!(
        few.contains("75 new rows have a label (3 with label 1, 72 with label 0)"),
        "{few}"
    );
    let enough = reason(30);
    assert!(!enough.contains("are missing"), "{enough}");
}

#[test]
fn what_cannot_be_scored_waits() {
    let unlabelled = Evidence {
        new_labelled_rows: 0,
        on_new_rows: None,
        ..evidence(metrics(1, 0, 0), 0.5)
    };
    assert_eq!(decide(&unlabelled, &SEED).action, Action::Predict);
    let nothing = Evidence {
        new_rows: 0,
        ..unlabelled
    };
    assert_eq!(decide(&nothing, &SEED).action, Action::Wait);
}

/// Evidence with a lower F1 on the new rows, and with this verdict on the model.
pub(crate) fn with_verdict(
    verdict: diagnostics::Verdict,
    undecided: Option<Undecided>,
) -> Evidence {
    let model = diagnostics::ModelVerdict {
        verdict,
        rows: 100,
        sample_of: None,
        positives: 30,
        expected: Some(30.0),
        single: None,
        recent: None,
        cumulative: None,
        undecided,
        untested: Vec::new(),
        untested_levels: Vec::new(),
        moved: None,
    };
    Evidence {
        verdicts: Some(Verdicts {
            verdict,
            rows: 100,
            model,
            joint: None,
            features: Vec::new(),
            segments: None,
            terms: None,
        }),
        ..evidence(metrics(2, 1, 2), 0.6)
    }
}

#[test]
fn the_drift_test_decides_if_it_is_configured_and_possible() {
    use diagnostics::Verdict::{Drift, InsufficientData, Ok};
    let policy = Policy {
        trigger: DriftTrigger::Evidence,
        ..SEED
    };
    let few = Undecided::FewRows { rows: 3, needed: 8 };
    let lopsided = Undecided::FewExpectedOfOneLabel {
        label: 1,
        expected: 0.2,
        rows: 9,
    };
    for (verdict, undecided, action, reason) in [
        (Ok, None, Action::Keep, "cannot test for model drift"),
        (Drift, None, Action::Retrain, "cannot test for model drift"),
        (
            InsufficientData,
            Some(few),
            Action::Wait,
            "at least 8 are needed",
        ),
        (
            InsufficientData,
            Some(lopsided),
            Action::Wait,
            "0.2 rows with label 1",
        ),
        (
            InsufficientData,
            Some(Undecided::NoCovariance),
            Action::Retrain,
            "is not known; so the score decides: F1 is 0.57 (95 % interval",
        ),
        (
            InsufficientData,
            Some(Undecided::CollinearFeatures),
            Action::Retrain,
            "so the score decides",
        ),
        (
            InsufficientData,
            Some(Undecided::TooLarge),
            Action::Retrain,
            "so the score decides",
        ),
    ] {
        let found = with_verdict(verdict, undecided);
        let decision = decide(&found, &policy);
        assert_eq!(decision.action, action, "{undecided:?}");
        assert!(decision.reason.contains(reason), "{}", decision.reason);
        assert_eq!(
            decide(&found, &SEED).action,
            Action::Retrain,
            "the score is lower"
        );
    }
}

#[test]
fn the_basis_chooses_the_rows() {
    let all = Policy {
        basis: DriftBasis::AllRows,
        ..SEED
    };
    let found = evidence(metrics(9, 0, 0), 0.6);
    assert_eq!(decide(&found, &SEED).action, Action::Keep);
    assert_eq!(decide(&found, &all).action, Action::Retrain);
}

#[test]
fn without_a_release_it_is_a_cold_start() {
    let found = |rows, labelled_rows| Evidence {
        rows,
        labelled_rows,
        ..Evidence::default()
    };
    assert_eq!(decide(&found(0, 0), &SEED).action, Action::Nothing);
    let rejected = Evidence {
        rejected_files: vec!["in/a.csv: no header".into()],
        ..found(0, 0)
    };
    let unusable = decide(&rejected, &SEED);
    assert_eq!(unusable.action, Action::Unusable);
    assert!(
        unusable.reason.ends_with("in/a.csv: no header"),
        "{}",
        unusable.reason
    );
    assert_eq!(decide(&found(5, 0), &SEED).action, Action::Wait);
    assert_eq!(decide(&found(5, 1), &SEED).action, Action::ColdStart);
}
