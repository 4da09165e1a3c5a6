//! The record, and when it needs attention.

use serde_json::json;

use super::*;
use crate::predictions::{EstimatedPerformance, PredictionFile, RealisedPerformance};

#[test]
fn of_the_dependencies_only_a_yanked_one_needs_attention() {
    let with = |dependencies| RunRecord {
        outcome: Some(Outcome::Steady),
        dependencies: Some(dependencies),
        ..RunRecord::begin(Timestamp::UNIX_EPOCH)
    };
    let quiet = with(DependencyCounts {
        outdated: 3,
        unknown: 2,
        ..DependencyCounts::default()
    });
    assert!(!quiet.needs_attention());
    assert!(!quiet.to_string().contains("yanked"), "{quiet}");
    let loud = with(DependencyCounts {
        yanked: vec!["x 1.0.0".into()],
        ..DependencyCounts::default()
    });
    assert!(loud.needs_attention());
    assert!(loud.to_string().contains("yanked     x 1.0.0"), "{loud}");
    assert_eq!(loud.exit(), Exit::Done);
}

#[test]
fn pending_predictions_of_an_older_program_are_read() {
    let file = |generation, records, labelled| PredictionFile {
        generation,
        records,
        labelled,
    };
    let record = RunRecord {
        pending_predictions: Some(PendingPredictions {
            before: Some(file(1, 4, 1)),
            after: Some(file(1, 6, 2)),
            estimates: BTreeMap::new(),
        }),
        ..RunRecord::begin(Timestamp::UNIX_EPOCH)
    };
    let mut older = serde_json::to_value(&record).unwrap();
    let members = older.as_object_mut().unwrap();
    members.remove("pending_predictions");
    let foreseen = json!({
        "before": {"generation": 1, "rows": 4, "met": 1},
        "after": {"generation": 1, "rows": 6, "met": 2},
        "estimates": {},
    });
    members.insert("foreseen".into(), foreseen);
    assert_eq!(serde_json::from_value::<RunRecord>(older).unwrap(), record);
}

#[test]
fn without_an_estimate_the_text_gives_the_reason_and_no_expected_score() {
    let estimate = |changes: serde_json::Value| {
        let mut json = json!({
            "kind": "estimate; blind to concept drift", "rows": 2, "prevalence": 0.5,
            "true_positive": 0.75, "false_positive": 0.25, "false_negative": 0.25,
            "true_negative": 0.75, "f1": 0.75, "precision": 0.75, "recall": 0.75,
            "accuracy": 0.75, "roc_auc": 0.8,
        });
        let changes = changes.as_object().unwrap().clone();
        json.as_object_mut().unwrap().extend(changes);
        let estimated: EstimatedPerformance = serde_json::from_value(json).unwrap();
        let record = RunRecord {
            evidence: Some(Evidence {
                estimated_performance: Some(estimated),
                realised_performance: vec![RealisedPerformance {
                    run: 2,
                    release: "000001".into(),
                    rows: 2,
                    estimated_f1: None,
                    realised_f1: Some(0.5),
                    difference: None,
                }],
                ..Evidence::default()
            }),
            ..RunRecord::begin(Timestamp::UNIX_EPOCH)
        };
        (
            record.estimate_in_words().unwrap(),
            record.realised_in_words().collect::<Vec<_>>().join("\n"),
        )
    };
    let (estimated, realised) = estimate(json!({"f1": null, "left_reference": ["age"]}));
    assert!(estimated.starts_with("F1 cannot be estimated on 2 rows"));
    assert!(
        estimated.ends_with(": no training client had such values of age"),
        "{estimated}"
    );
    let missing = json!({"f1": null, "left_reference": ["bal"], "newly_missing": {"bal": 0.301}});
    let (missing, _) = estimate(missing);
    assert!(
        missing.ends_with(": bal is missing in 30 %, and was never missing in the training rows"),
        "{missing}"
    );
    let both =
        json!({"f1": null, "left_reference": ["age", "bal"], "newly_missing": {"bal": 0.301}});
    let (both, _) = estimate(both);
    assert!(
        both.contains("such values of age; bal is missing in 30 %"),
        "{both}"
    );
    assert_eq!(
        realised,
        "F1 0.50 on 2 rows of run 2 whose labels have arrived (it could not be estimated)"
    );
    let (repeated, _) = estimate(json!({"has_repeated_clients": true}));
    assert!(
        repeated.starts_with("estimated F1 on 2 rows without a label: 0.75; "),
        "{repeated}"
    );
    assert!(
        repeated.contains("; no interval, because clients have several rows; "),
        "{repeated}"
    );
}
