use super::*;

#[test]
fn a_healthy_pipeline_needs_no_attention() {
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
            "<code>fullprocess --doctor</code>: it names the damage",
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
    let page = lost.html();
    assert_says(
        &page,
        &[
            "Release 000001 is live, but history.db is missing or has no run.",
            "put a backup of history.db in its place",
        ],
    );
    assert!(!page.contains("--try FILE"), "{page}");
    let unlinked = |runs, whole: Option<&str>| {
        let release = LiveRelease::Unlinked {
            return_to: whole.map(str::to_owned),
        };
        Overview {
            release,
            ..overview(Ok(runs))
        }
        .html()
    };
    let page = unlinked(Some(healthy()), Some("000002"));
    assert_says(
        &page,
        &[
            "The link to the live release is gone",
            "<code>deployment --rollback 000002</code>",
        ],
    );
    let page = unlinked(None, None);
    assert_says(
        &page,
        &[
            "no undamaged release is left: put a backup of the production folder in its place",
            "history.db is missing or has no run, although a model was deployed.",
        ],
    );
    assert!(!page.contains("--try FILE"), "{page}");
    assert!(!page.contains("rollback"), "{page}");
    let removed = |whole: Option<&str>| {
        Overview {
            release: LiveRelease::Missing {
                served: "000001".into(),
                return_to: whole.map(str::to_owned),
            },
            ..overview(Ok(Some(healthy())))
        }
        .html()
    };
    let page = removed(None);
    assert_says(
        &page,
        &["put a backup of the production folder in its place"],
    );
    assert!(!page.contains("rollback"), "{page}");
    assert_says(
        &removed(Some("000002")),
        &[
            "put a backup of release 000001 in its place",
            "<code>deployment --rollback 000002</code>",
        ],
    );
    let begun = Overview {
        release: LiveRelease::None,
        ..overview(Ok(Some(RunsSoFar {
            unfinished: Some(UnfinishedRun {
                run: 1,
                started_at: now(),
            }),
            ..RunsSoFar::default()
        })))
    };
    let page = begun.html();
    assert_says(&page, &["Run 1 began just now and has not ended."]);
    assert!(!page.contains("--try FILE") && !page.contains("newest run says why"));
}

#[test]
fn a_missing_live_release_does_not_claim_that_predictions_stop() {
    let missing = Overview {
        release: LiveRelease::Missing {
            served: "000002".into(),
            return_to: Some("000002".into()),
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
fn a_failure_a_step_an_open_alert_and_an_undelivered_one_need_attention() {
    let opened_at = now() - SignedDuration::from_hours(5);
    let runs = RunsSoFar {
        last: Some(record(8, Outcome::Failed)),
        evaluated: Some(record(6, Outcome::CandidateWaiting)),
        conditions: vec![OpenCondition {
            name: "run_failed".into(),
            opened_at,
            notified_at: opened_at,
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
            "1 alert is open: run failed (the oldest was opened 5 hours ago).",
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
fn a_candidate_that_was_deployed_by_hand_leaves_no_step_until_the_next_run_with_new_rows() {
    for last in [6, 7] {
        let evaluated = || record(6, Outcome::CandidateWaiting);
        let mut newest = match last {
            6 => evaluated(),
            _ => record(7, Outcome::NothingNew),
        };
        // A run without new rows records the release that it found.
        if last == 7 {
            newest.release = Some("000002".into());
        }
        let deployed = Overview {
            release: LiveRelease::Served("000002".into()),
            ..overview(Ok(Some(RunsSoFar {
                last: Some(newest),
                evaluated: Some(evaluated()),
                ..healthy()
            })))
        };
        let page = deployed.html();
        assert_says(
            &page,
            &[
                "Release 000002 was made live by hand after run 6; what runs found below is of release 000001",
            ],
        );
        assert!(!page.contains("to deploy the new model"), "{page}");
        assert_says(&page, &["<dd>At the end of the run: "]);
    }
}

#[test]
fn a_record_that_cannot_be_read_is_a_problem_with_the_number_of_its_run() {
    let page = overview(Ok(Some(RunsSoFar {
        unreadable: Some(7),
        ..healthy()
    })))
    .html();
    assert_says(
        &page,
        &["<strong>Problem: </strong>The record of run 7 cannot be read."],
    );
}
