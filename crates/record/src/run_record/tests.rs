//! The record, and when it needs attention.

use super::*;

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
