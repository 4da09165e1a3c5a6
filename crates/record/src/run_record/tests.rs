//! The record, and when it needs attention.

use serde_json::json;

use super::*;
use crate::predictions::PredictionFile;

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
            before: file(1, 4, 1),
            after: file(1, 6, 2),
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
