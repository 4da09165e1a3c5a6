use super::*;

#[test]
fn a_change_of_the_live_release_by_hand_stands_between_the_runs() {
    let runs = [12, 9].map(|run| EvaluatedRun::of(&record(run, Outcome::Steady)).unwrap());
    let ingestion = ChangeByHand {
        id: 2,
        kind: ChangeKind::Ingestion,
        to: None,
        ..rollback_after(9)
    };
    let page = ScorePage {
        now: now(),
        runs: Ok(first_page(runs.to_vec())),
        changes: vec![ingestion, rollback_after(9)],
        state: in_order(),
    }
    .html();
    assert_is_harmless(&page);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
    let change = place("Rolled back to release 000001 by hand");
    assert!(place("/dashboard/runs/12\"") < change && change < place("/dashboard/runs/9\""));
    // Other changes by hand do not change the score, so the page leaves them out.
    assert!(!page.contains("ingested by hand"), "{page}");
}
