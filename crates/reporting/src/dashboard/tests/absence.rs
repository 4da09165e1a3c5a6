use super::*;

/// The pages that need runs, if there are no runs.
fn pages_without_runs(state: &PipelineState) -> Vec<(&'static str, String)> {
    let state = || state.clone();
    let now = now();
    vec![
        (
            "score",
            ScorePage {
                now,
                runs: Ok(Paged::default()),
                changes: Vec::new(),
                state: state(),
            }
            .html(),
        ),
        (
            "drift",
            DriftPage {
                now,
                newest: None,
                runs: Ok(Paged::default()),
                state: state(),
            }
            .html(),
        ),
        (
            "runs",
            RunsPage {
                now,
                runs: Ok(Paged::default()),
                changes: Vec::new(),
                state: state(),
            }
            .html(),
        ),
        (
            "reports",
            ReportsPage {
                now,
                runs: Ok(Paged::default()),
                state: state(),
            }
            .html(),
        ),
        (
            "alerts",
            AlertsPage {
                now,
                open: Vec::new(),
                alerts: Ok(Paged::default()),
                has_receiver: true,
                state: state(),
            }
            .html(),
        ),
        (
            "calls",
            CallsPage {
                state: state(),
                ..calls(Ok(None), CallFilter::default())
            }
            .html(),
        ),
    ]
}

#[test]
fn a_page_without_anything_to_show_says_what_to_do_in_each_state() {
    const FIRST_STEPS: &str = "--try FILE";
    const BACKUP: &str = "put a backup of history.db in its place";
    let served = || LiveRelease::Served("000001".into());
    let unlinked = || LiveRelease::Unlinked { return_to: None };
    let damaged = || LiveRelease::Damaged { served: None };
    for (release, runs, says, never) in [
        (LiveRelease::None, KnownRuns::None, FIRST_STEPS, BACKUP),
        (served(), KnownRuns::None, BACKUP, FIRST_STEPS),
        (unlinked(), KnownRuns::None, BACKUP, FIRST_STEPS),
        (damaged(), KnownRuns::None, BACKUP, FIRST_STEPS),
        (
            LiveRelease::None,
            KnownRuns::FirstUnfinished,
            "nothing while it works",
            FIRST_STEPS,
        ),
        (
            LiveRelease::None,
            KnownRuns::Ended,
            "read why the newest run ended so",
            FIRST_STEPS,
        ),
        (
            unlinked(),
            KnownRuns::Ended,
            "first repair the live release",
            FIRST_STEPS,
        ),
        (
            damaged(),
            KnownRuns::Ended,
            "first repair the live release",
            FIRST_STEPS,
        ),
    ] {
        let state = state(release, runs);
        for (name, page) in pages_without_runs(&state) {
            // A list of no alerts is a good sign where runs are known.
            if name == "alerts" && runs != KnownRuns::None {
                continue;
            }
            assert_is_harmless(&page);
            assert!(page.contains(says), "{name} in {state:?}: {page}");
            assert!(!page.contains(never), "{name} in {state:?}: {page}");
            // With a seal beside it, `fullprocess` alone would not begin a new history.
            assert!(
                !page.contains("<code>fullprocess</code>: it begins"),
                "{page}"
            );
        }
    }
    for (name, page) in pages_without_runs(&in_order()) {
        let says = match name {
            "alerts" => "No condition is open.",
            "calls" => "add a file of clients whose outcome is not known yet",
            _ => "the next run with new rows has something to show",
        };
        assert!(page.contains(says), "{name}: {page}");
        assert!(
            !page.contains(FIRST_STEPS) && !page.contains(BACKUP),
            "{name}: {page}"
        );
    }
}

#[test]
fn the_list_of_releases_without_any_depends_on_the_runs() {
    let page = |state| {
        ReleasesPage {
            return_to: Ok(None),
            now: now(),
            releases: Ok(Paged::default()),
            state,
        }
        .html()
    };
    let beginning = page(state(LiveRelease::None, KnownRuns::None));
    assert_says(&beginning, &["--try FILE"]);
    let ended = page(state(LiveRelease::None, KnownRuns::Ended));
    assert_says(
        &ended,
        &[
            "read why the newest run ended so",
            "href=\"/dashboard/runs\"",
        ],
    );
    let unreadable = page(state(LiveRelease::None, KnownRuns::Unreadable));
    assert_says(&unreadable, &["<code>fullprocess --doctor</code>"]);
}

#[test]
fn a_call_list_that_no_live_release_ranked_needs_a_release_first() {
    let page = |release, clients| {
        CallsPage {
            state: state(release, KnownRuns::Ended),
            ..calls(clients, CallFilter::default())
        }
        .html()
    };
    let damaged = || LiveRelease::Damaged { served: None };
    let broken = page(damaged(), Err(anyhow!("/srv/secret")));
    assert_says(
        &broken,
        &[
            "first repair the live release",
            "<code>scoring --rank</code>",
        ],
    );
    let listed = page(damaged(), Ok(Some(first_page(vec![client(1, "a", None)]))));
    assert_says(&listed, &["The live release is missing or cannot be used"]);
    assert!(!listed.contains("it is not live now"), "{listed}");
}

#[test]
fn each_list_has_a_page_for_a_history_that_cannot_be_read() {
    let broken = || anyhow!("/srv/secret");
    let damaged = [
        ScorePage {
            now: now(),
            changes: Vec::new(),
            runs: Err(broken()),
            state: in_order(),
        }
        .html(),
        DriftPage {
            now: now(),
            newest: None,
            runs: Err(broken()),
            state: in_order(),
        }
        .html(),
        RunsPage {
            now: now(),
            changes: Vec::new(),
            runs: Err(broken()),
            state: in_order(),
        }
        .html(),
        ReportsPage {
            now: now(),
            runs: Err(broken()),
            state: in_order(),
        }
        .html(),
        calls(Err(broken()), CallFilter::default()).html(),
        ReleasesPage {
            return_to: Ok(None),
            now: now(),
            releases: Err(broken()),
            state: in_order(),
        }
        .html(),
        AlertsPage {
            now: now(),
            open: Vec::new(),
            alerts: Err(broken()),
            state: in_order(),
            has_receiver: true,
        }
        .html(),
    ];
    for page in &damaged {
        assert_is_harmless(page);
        assert_says(page, &["What to do: "]);
        assert!(!page.contains("secret"));
    }
}
