use anyhow::anyhow;
use common::history::OpenCondition;
use diagnostics::{JointCheck, ModelVerdict, Verdict, Verdicts};
use jiff::{SignedDuration, Timestamp};
use record::{Evidence, Outcome, RunRecord};
use scoring::{Band, CallListSummary, RankedClient};

use super::*;
use crate::report::{EarlierRuns, EvaluatedRun, Part};

/// Markup, should it not be escaped.
const HOSTILE: &str = "\"><script>alert(1)</script>&amp;'\u{202e}";

fn now() -> Timestamp {
    "2026-03-05T12:00:00Z".parse().unwrap()
}

fn record(run: i64, outcome: Outcome) -> RunRecord {
    RunRecord {
        run_id: Some(run),
        outcome: Some(outcome),
        release: Some("000001".into()),
        reason: format!("why of run {run}"),
        finished_at: Some(now() - SignedDuration::from_mins(10)),
        evidence: Some(Evidence::default()),
        ..RunRecord::begin(now() - SignedDuration::from_mins(11))
    }
}

fn overview(runs: Part<Option<RunsSoFar>>) -> Overview {
    Overview {
        now: now(),
        stale_after_hours: 24,
        release: LiveRelease::Served("000001".into()),
        runs,
        clients: Ok(None),
    }
}

/// A run whose joint test found that a relation of features changed, while no feature alone drifted.
fn joint_drift(run: i64) -> RunRecord {
    let joint = JointCheck {
        columns: vec!["base".into(), "b\u{202e}".into()],
        rows: [100, 100],
        min_p_value: None,
        left_out: Vec::new(),
        statistic: 9.0,
        degrees: 2,
        p_value: 0.0001,
        effect: Some(1.0),
        verdict: Verdict::Drift,
        parts: Vec::new(),
    };
    let model = ModelVerdict {
        verdict: Verdict::Ok,
        rows: 100,
        positives: 30,
        expected: Some(30.0),
        single: None,
        recent: None,
        cumulative: None,
        undecided: None,
        untested: Vec::new(),
        untested_levels: Vec::new(),
        moved: None,
    };
    let verdicts = Verdicts {
        verdict: Verdict::Ok,
        rows: 100,
        model,
        joint: Some(joint),
        features: Vec::new(),
        segments: None,
        terms: None,
    };
    RunRecord {
        evidence: Some(Evidence {
            verdicts: Some(verdicts),
            ..Evidence::default()
        }),
        ..record(run, Outcome::Steady)
    }
}

/// A run that put two clients on the call list.
fn with_call_list(run: i64) -> RunRecord {
    let list = CallListSummary {
        model_version: "000001".into(),
        clients: 2,
        bands: Vec::new(),
        in_capacity: None,
        held_out: None,
        expected_value: None,
    };
    RunRecord {
        call_list: Some(list),
        ..record(run, Outcome::Steady)
    }
}

#[test]
fn a_live_release_that_is_missing_is_not_said_to_stop_predictions() {
    let missing = Overview {
        release: LiveRelease::Missing {
            served: "000002".into(),
        },
        ..overview(Ok(Some(healthy())))
    };
    let page = missing.html();
    assert_is_harmless(&page);
    assert_says(
        &page,
        &[
            "The live release is missing; predictions still come from release 000002.",
            "<code>deployment --rollback 000002</code>",
        ],
    );
    assert!(!page.contains("nothing can be predicted"));
}

#[test]
fn a_missing_and_a_damaged_call_list_are_told_with_the_command_that_rebuilds_it() {
    let ranked = |clients| Overview {
        clients,
        ..overview(Ok(Some(RunsSoFar {
            evaluated: Some(with_call_list(6)),
            ..healthy()
        })))
    };
    let missing = ranked(Ok(None)).html();
    assert_says(
        &missing,
        &[
            "<strong>Problem: </strong>The call list (riskranking.csv) is missing.",
            "<code>scoring --rank</code>",
        ],
    );
    assert!(!missing.contains("Every client has a label"), "{missing}");
    let damaged = ranked(Err(anyhow!("the log of the server has the cause"))).html();
    assert_says(
        &damaged,
        &[
            "<strong>Problem: </strong>The call list cannot be read.",
            "<code>scoring --rank</code>",
        ],
    );
    let page = CallsPage {
        summary: with_call_list(6).call_list,
        ..calls(Ok(None), CallFilter::default())
    };
    assert_says(
        &page.html(),
        &[
            "The call list (riskranking.csv) is missing.",
            "<code>scoring --rank</code>",
        ],
    );
}

#[test]
fn joint_feature_drift_has_the_same_words_and_the_same_step_everywhere() {
    let record = joint_drift(6);
    let page = DriftPage {
        now: now(),
        newest: None,
        runs: Ok(Some(Paged {
            items: EvaluatedRun::of(&record).into_iter().collect(),
            next: None,
            is_first: true,
        })),
    }
    .html();
    assert_is_harmless(&page);
    assert_says(&page, &["the location of base, b"]);
    let page = overview(Ok(Some(RunsSoFar {
        evaluated: Some(record),
        ..healthy()
    })))
    .html();
    assert_is_harmless(&page);
    assert_says(&page, &["(feature drift): the location of base, b"]);
    let step = "heck whether the clients really changed, or the source has a fault.";
    // The item and the answer of the run; the step has no second item.
    assert_eq!(page.matches(step).count(), 2, "{page}");
}

fn healthy() -> RunsSoFar {
    RunsSoFar {
        last: Some(record(7, Outcome::NothingNew)),
        evaluated: Some(record(6, Outcome::Steady)),
        ..RunsSoFar::default()
    }
}

/// The page has each of these texts.
#[track_caller]
fn assert_says(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text}: {page}");
    }
}

/// The page is whole, and has nothing that would be executed or loaded.
#[track_caller]
fn assert_is_harmless(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for markup in [
        "<script", "<img", "<iframe", " style=", " onload=", "\u{202e}",
    ] {
        assert!(!page.contains(markup), "{markup}: {page}");
    }
    let meta = format!("content=\"{}\"", policy().replace('\'', "&#39;"));
    let plain = format!("content=\"{}\"", policy());
    assert!(page.contains(&plain) || page.contains(&meta));
    for part in [
        "<html lang=\"en\">",
        "<a class=\"skip\" href=\"#content\">",
        "<main id=\"content\"",
        "<nav aria-label=\"Pages\">",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
    assert_headings_in_order(page);
}

/// No level of headings is left out.
#[track_caller]
fn assert_headings_in_order(page: &str) {
    let mut last = 0;
    for part in page.split("<h").skip(1) {
        let level = part
            .bytes()
            .next()
            .map_or(0, |digit| digit.wrapping_sub(b'0'));
        if (1..=6).contains(&level) {
            assert!(level <= last + 1, "h{level} follows h{last}: {page}");
            last = level;
        }
    }
}

#[test]
fn a_pipeline_in_order_needs_nothing() {
    let page = overview(Ok(Some(healthy()))).html();
    assert_is_harmless(&page);
    assert_says(
        &page,
        &[
            "<p class=\"well\">Nothing.",
            "Release <a href=\"/dashboard/releases/000001\">000001</a> is live",
            "last run <a href=\"/dashboard/runs/7\">7</a> (nothing new) ended 10 minutes ago",
            "<a href=\"/dashboard/runs/6\">run 6</a>",
            "href=\"/\" aria-current=\"page\"",
        ],
    );
    assert!(!page.contains("What to do: "));
}

#[test]
fn an_empty_a_stale_and_a_damaged_pipeline_say_what_to_do() {
    let empty = Overview {
        release: LiveRelease::None,
        ..overview(Ok(None))
    };
    assert_says(
        &empty.html(),
        &[
            "Nothing has been deployed yet, and no run has ended.",
            "<code>fullprocess --try FILE</code>",
        ],
    );
    let mut last = record(7, Outcome::NothingNew);
    last.finished_at = Some(now() - SignedDuration::from_hours(100));
    let stale = overview(Ok(Some(RunsSoFar {
        last: Some(last),
        is_stale: true,
        ..healthy()
    })));
    assert_says(
        &stale.html(),
        &[
            "<strong>Problem: </strong>This state is old: the last run ended 4 days ago, and the limit is 24 hours",
            "<code>crontab -l</code>",
        ],
    );
    let damaged = overview(Err(anyhow!("/srv/secret/history.db is no database")));
    let page = damaged.html();
    assert_says(
        &page,
        &[
            "The history of the runs cannot be read.",
            "<code>fullprocess --doctor</code>",
        ],
    );
    assert!(!page.contains("secret"), "{page}");
    let damaged = Overview {
        release: LiveRelease::Damaged {
            served: Some("000001".into()),
        },
        ..overview(Ok(Some(healthy())))
    };
    assert_says(
        &damaged.html(),
        &[
            "predictions still come from release 000001",
            "<code>deployment --rollback ID</code>",
        ],
    );
    let rolled_back = Overview {
        release: LiveRelease::Served("000002".into()),
        ..overview(Ok(Some(healthy())))
    };
    assert_says(
        &rolled_back.html(),
        &["Release 000002 was made live by hand after run 7"],
    );
    let lost = overview(Ok(None));
    assert_says(&lost.html(), &["the history knows of no run"]);
}

#[test]
fn a_failure_a_step_an_open_alert_and_an_undelivered_one_need_attention() {
    let opened_at = now() - SignedDuration::from_hours(5);
    let runs = RunsSoFar {
        last: Some(record(8, Outcome::Failed)),
        evaluated: Some(record(6, Outcome::CandidateWaiting)),
        conditions: vec![OpenCondition {
            name: "run_failed".into(),
            opened_at,
            last_reported_at: opened_at,
        }],
        unfinished: Some(UnfinishedRun {
            run: 9,
            started_at: now(),
        }),
        waiting_alerts: 2,
        ..healthy()
    };
    let page = overview(Ok(Some(runs))).html();
    assert_is_harmless(&page);
    assert_says(
        &page,
        &[
            "Run 8 failed: why of run 8.",
            "Run 9 began just now and has not ended.",
            "<code>deployment</code> to deploy the new model",
            "1 alert is open: run_failed (the oldest was opened 5 hours ago).",
            "2 alerts were not delivered.",
        ],
    );
    let problem = page.find("Run 8 failed").unwrap();
    assert!(
        problem < page.find("Run 9 began").unwrap(),
        "problems first"
    );
}

#[test]
fn each_list_has_a_page_for_nothing_and_for_a_history_that_cannot_be_read() {
    let broken = || anyhow!("/srv/secret");
    let nothing = [
        ScorePage {
            now: now(),
            runs: Ok(None),
        }
        .html(),
        DriftPage {
            now: now(),
            newest: None,
            runs: Ok(None),
        }
        .html(),
        RunsPage {
            now: now(),
            runs: Ok(None),
        }
        .html(),
        ReportsPage {
            now: now(),
            runs: Ok(None),
        }
        .html(),
        calls(Ok(None), CallFilter::default()).html(),
    ];
    let damaged = [
        ScorePage {
            now: now(),
            runs: Err(broken()),
        }
        .html(),
        DriftPage {
            now: now(),
            newest: None,
            runs: Err(broken()),
        }
        .html(),
        RunsPage {
            now: now(),
            runs: Err(broken()),
        }
        .html(),
        ReportsPage {
            now: now(),
            runs: Err(broken()),
        }
        .html(),
        calls(Err(broken()), CallFilter::default()).html(),
        ReleasesPage {
            now: now(),
            releases: Err(broken()),
        }
        .html(),
        AlertsPage {
            now: now(),
            open: Vec::new(),
            alerts: Err(broken()),
            has_receiver: true,
        }
        .html(),
    ];
    for page in nothing.iter().chain(&damaged) {
        assert_is_harmless(page);
        assert_says(page, &["What to do: "]);
        assert!(!page.contains("secret"));
    }
}

#[test]
fn a_run_in_a_list_has_its_reason_and_its_links() {
    let mut first = record(12, Outcome::CandidateRefused);
    first.reason = format!("because of {HOSTILE}");
    let page = RunsPage {
        now: now(),
        runs: Ok(Some(Paged {
            items: vec![
                RunLine::of(&first, true),
                RunLine::of(&record(11, Outcome::Steady), false),
            ],
            next: Some(11),
            is_first: true,
        })),
    }
    .html();
    assert_is_harmless(&page);
    assert_says(
        &page,
        &[
            "<a href=\"/dashboard/runs/12\">12</a>",
            "<td>candidate refused</td>",
            "Because of &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;'",
            "<a href=\"/v1/reports/12\">report\u{a0}12</a>",
            "<a href=\"/dashboard/runs?before=11\" rel=\"next\">Older runs</a>",
            "<caption class=\"unseen\">Runs</caption>",
            "<th scope=\"col\">Outcome</th>",
        ],
    );
    assert!(!page.contains("/v1/reports/11"));
}

fn calls(clients: Part<Option<Paged<RankedClient>>>, filter: CallFilter) -> CallsPage {
    CallsPage {
        now: now(),
        filter,
        clients,
        summary: None,
        live: Some("000002".into()),
    }
}

fn client(rank: u64, id: &str, in_capacity: Option<bool>) -> RankedClient {
    RankedClient {
        rank,
        id: id.into(),
        probability: 0.5,
        band: Band::High,
        expected_value: None,
        in_capacity,
        hold_out: None,
        reasons: vec![format!("{HOSTILE} 3: +0.5")],
        model_version: "000001".into(),
    }
}

#[test]
fn a_filter_stays_in_the_form_in_the_links_and_in_the_file() {
    let filter = CallFilter {
        band: Some(Band::High),
        called: Some(Called::Yes),
        id: Some(HOSTILE.into()),
    };
    let items = vec![client(1, HOSTILE, None)];
    let clients = Paged {
        items,
        next: Some(1),
        is_first: true,
    };
    let page = calls(Ok(Some(clients)), filter.clone()).html();
    // The value of a field is what was typed, so its invisible character stays.
    assert_is_harmless(&page.replace("'\u{202e}\">", "'\">"));
    assert_says(
        &page,
        &[
            "<option value=\"high\" selected>high</option>",
            "<option value=\"yes\" selected>to call</option>",
            "/dashboard/calls.csv?band=high&amp;call=yes&amp;client=%22%3E%3Cscript%3E",
            "&amp;before=1\" rel=\"next\">Next clients",
            "Release 000001 ranked these clients; it is not live now.",
            "<code>scoring --rank</code>",
        ],
    );
    assert!(filter.holds(&client(
        1,
        &format!("a{}b", HOSTILE.to_uppercase()),
        Some(true)
    )));
    // What the page shows in the place of an invisible character finds the client, too.
    let shown = CallFilter {
        id: Some(crate::figure::visible("a\u{202e}b")),
        ..CallFilter::default()
    };
    assert!(shown.holds(&client(1, "a\u{202e}b", None)));
    assert!(!filter.holds(&client(1, "other", Some(true))));
    assert!(!filter.holds(&client(1, HOSTILE, Some(false))));
}

#[test]
fn an_alert_links_to_its_run_and_says_whether_it_was_delivered() {
    let sent = |delivered_at, failures| SentTo {
        receiver: "webhook".into(),
        delivered_at,
        failures,
    };
    let alert = |run, sent_to| AlertLine {
        at: now(),
        condition: HOSTILE.into(),
        is_resolved: false,
        text: HOSTILE.into(),
        run,
        sent_to,
    };
    let page = AlertsPage {
        now: now(),
        open: Vec::new(),
        alerts: Ok(Paged {
            items: vec![
                alert(Some(7), vec![sent(Some(now()), 0)]),
                alert(None, vec![sent(None, 1), sent(None, 3), sent(None, 0)]),
            ],
            next: None,
            is_first: true,
        }),
        has_receiver: false,
    }
    .html();
    assert_is_harmless(&page);
    assert_says(
        &page,
        &[
            "<a href=\"/dashboard/runs/7\">7</a>",
            "webhook: 2026-03-05 12:00 UTC",
            "webhook: waits, 1 try failed; webhook: waits, 3 tries failed; webhook: waits",
            "No alert is sent",
            "Set <code>alerts.webhook.url</code>",
            "No condition is open.",
        ],
    );
}

#[test]
fn the_page_of_an_error_shows_its_words_as_text() {
    let page = ProblemPage {
        now: now(),
        status: 404,
        title: "There is no data to answer from",
        detail: HOSTILE,
        remedy: "run `app --new-key`",
        request_id: "r1",
    }
    .html();
    assert_is_harmless(&page);
    assert_says(
        &page,
        &["Status 404 · request r1", "<code>app --new-key</code>"],
    );
}

#[test]
fn a_run_without_anything_has_a_page() {
    let record = RunRecord {
        run_id: Some(3),
        outcome: Some(Outcome::Failed),
        reason: HOSTILE.into(),
        ..RunRecord::begin(now())
    };
    let page = RunPage {
        now: now(),
        report: crate::RunReport {
            record: &record,
            earlier: Ok(EarlierRuns::default()),
            deployed: Ok(None),
            clients: Ok(Vec::new()),
            dependencies: Ok(diagnostics::Dependencies::default()),
        },
        has_report: false,
        alerts: Vec::new(),
        neighbours: [Some(2), None],
    }
    .html();
    assert_is_harmless(&page);
    assert_says(
        &page,
        &[
            "Run 3",
            "The run failed",
            "<a href=\"/dashboard/runs/2\" rel=\"prev\">Run 2</a>",
        ],
    );
}
