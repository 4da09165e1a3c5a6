use anyhow::anyhow;
use diagnostics::Dependencies;
use jiff::Timestamp;
use record::{Evidence, Outcome, RunRecord};

use super::*;

fn record(run: i64, f1: Option<f64>) -> RunRecord {
    RunRecord {
        run_id: Some(run),
        outcome: Some(Outcome::Steady),
        release: Some("000001".into()),
        deployed_score: f1,
        evidence: Some(Evidence::default()),
        ..RunRecord::begin(Timestamp::UNIX_EPOCH)
    }
}

#[test]
fn a_part_that_cannot_be_made_says_so_in_its_place_and_the_others_are_there() {
    let record = record(7, Some(0.5));
    let report = RunReport {
        record: &record,
        earlier: Err(anyhow!("the earlier runs cannot be read")),
        deployed: Err(anyhow!("release 000001 is damaged")),
        clients: Err(anyhow!("riskranking.csv <cannot> be read")),
        dependencies: Err(anyhow!("no list")),
    };
    let page = report.html();
    for part in [
        "Run 7",
        "F1",
        "The score over time cannot be shown: the earlier runs cannot be read",
        "The effects of the model cannot be shown: release 000001 is damaged",
        "The call list cannot be shown: riskranking.csv &lt;cannot&gt; be read",
        "The list of dependencies cannot be shown: no list",
        "With which program?",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

/// The Content-Security-Policy in the head of the page.
fn policy(page: &str) -> String {
    let (_, rest) = page
        .split_once("Content-Security-Policy\" content=\"")
        .expect("a policy");
    let (policy, _) = rest.split_once('"').expect("its end");
    policy.to_owned()
}

#[test]
fn the_page_permits_its_own_style() {
    let record = record(7, Some(0.5));
    let page = report(&record).html();
    let wanted = crate::policy::style_policy(crate::policy::style_of(&page));
    assert_eq!(policy(&page), wanted);
    assert!(crate::policy::style_of(&page).contains("prefers-color-scheme: dark"));
}

#[test]
fn characters_that_turn_text_round_are_written_out() {
    let record = RunRecord {
        reason: "a \u{202e}b\u{0}".into(),
        warnings: vec!["\u{2066}x".into()],
        decision: Some(record::Decision {
            action: record::Action::Keep,
            reason: "a".into(),
        }),
        ..record(7, Some(0.5))
    };
    let page = report(&record).html();
    assert!(
        page.contains(r"A \u{202e}b\x00.") && !page.contains(['\u{202e}', '\u{2066}', '\u{0}']),
        "{page}"
    );
}

#[test]
fn a_list_that_was_not_made_is_not_shown_as_an_empty_list() {
    let record = RunRecord {
        call_list_problem: Some("the call list was not made: why".into()),
        ..record(7, Some(0.5))
    };
    let page = report(&record).html();
    assert!(page.contains("The call list was not made: why."), "{page}");
    assert!(!page.contains("Every client has a label"));
}

fn report(record: &RunRecord) -> RunReport<'_> {
    RunReport {
        record,
        earlier: Ok(EarlierRuns::default()),
        deployed: Ok(None),
        clients: Ok(Vec::new()),
        dependencies: Ok(Dependencies::default()),
    }
}

#[test]
fn a_run_without_anything_has_a_report() {
    let record = RunRecord::begin(Timestamp::UNIX_EPOCH);
    let page = report(&record).html();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for part in [
        "no label to measure it with",
        "No model is deployed, so no client is ranked.",
        "There are not enough rows with a label",
        "This run has not compared new rows",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
