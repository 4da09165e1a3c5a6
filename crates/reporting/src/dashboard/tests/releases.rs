use std::collections::BTreeMap;

use common::Manifest;
use common::ledger::DataPosition;

use super::*;

fn manifest(release: &str) -> Manifest {
    Manifest {
        version: 1,
        release: release.into(),
        run: Some(2),
        created_at: now(),
        parent: None,
        score: 0.8,
        score_interval: None,
        files: BTreeMap::new(),
        data: DataPosition::default(),
        sample_predictions: Vec::new(),
    }
}

fn line(name: &str, is_live: bool, is_readable: bool) -> ReleaseLine {
    ReleaseLine {
        name: name.into(),
        is_live,
        manifest: match is_readable {
            true => Ok(manifest(name)),
            false => Err(anyhow!("/srv/secret")),
        },
    }
}

fn releases(lines: Vec<ReleaseLine>, release: LiveRelease) -> String {
    releases_with(lines, release, None)
}

fn releases_with(lines: Vec<ReleaseLine>, release: LiveRelease, return_to: Option<&str>) -> String {
    let page = ReleasesPage {
        now: now(),
        return_to: Ok(return_to.map(str::to_owned)),
        releases: Ok(first_page(lines)),
        state: state(release, KnownRuns::Ended),
    }
    .html();
    assert_is_harmless(&page);
    assert!(!page.contains("secret"), "{page}");
    page
}

#[test]
fn a_live_release_that_is_damaged_is_marked_whichever_file_is_damaged() {
    let damaged = LiveRelease::Damaged {
        served: Some("000002".into()),
    };
    // The manifest can be read, or not.
    for is_readable in [true, false] {
        let page = releases(
            vec![
                line("000002", true, is_readable),
                line("000001", false, true),
            ],
            damaged.clone(),
        );
        assert_eq!(
            page.matches("<td>live, and damaged</td>").count(),
            1,
            "{page}"
        );
        assert_eq!(page.matches("<td>kept</td>").count(), 1, "{page}");
    }
    let whole = LiveRelease::Served("000002".into());
    let page = releases(
        vec![line("000002", true, true), line("000001", false, false)],
        whole,
    );
    assert_says(&page, &["<td>live</td>", "<td>damaged</td>"]);
    assert!(!page.contains("live, and damaged"), "{page}");
}

#[test]
fn a_rollback_is_offered_only_if_another_release_is_whole() {
    let whole = LiveRelease::Served("000002".into());
    for (others, return_to, says) in [
        (vec![], None, "The page of a release shows what changed."),
        // The manifest can be read although another file of the release is damaged.
        (
            vec![line("000001", false, true)],
            None,
            "There is no other undamaged release",
        ),
        (
            vec![line("000001", false, false)],
            None,
            "There is no other undamaged release",
        ),
        (
            vec![line("000001", false, true)],
            Some("000001"),
            "<code>deployment --rollback 000001</code>",
        ),
    ] {
        let mut lines = vec![line("000002", true, true)];
        lines.extend(others);
        let page = releases_with(lines, whole.clone(), return_to);
        assert_says(&page, &[says]);
        assert_eq!(page.contains("rollback"), return_to.is_some(), "{page}");
    }
}

#[test]
fn a_page_beyond_the_end_of_a_list_says_that_there_is_nothing_older() {
    fn beyond<T>() -> Paged<T> {
        Paged {
            is_first: false,
            ..Paged::default()
        }
    }
    let releases = ReleasesPage {
        now: now(),
        releases: Ok(beyond()),
        return_to: Ok(Some("000001".into())),
        state: in_order(),
    };
    let score = ScorePage {
        now: now(),
        runs: Ok(beyond()),
        changes: Vec::new(),
        state: in_order(),
    };
    let with_change = ScorePage {
        now: now(),
        runs: Ok(beyond()),
        changes: vec![rollback_after(9)],
        state: in_order(),
    };
    let drift = DriftPage {
        now: now(),
        newest: None,
        runs: Ok(beyond()),
        state: in_order(),
    };
    let reports = ReportsPage {
        now: now(),
        runs: Ok(beyond()),
        state: in_order(),
    };
    for (page, says) in [
        (releases.html(), "There is no older release."),
        (score.html(), "No older run evaluated a deployed model."),
        (
            with_change.html(),
            "No older run evaluated a deployed model.",
        ),
        (drift.html(), "No older run evaluated a deployed model."),
        (reports.html(), "There is no older report."),
    ] {
        assert_is_harmless(&page);
        assert_says(&page, &[says, "aria-label=\"Parts of the list\""]);
        assert!(
            !page.contains("<svg") && !page.contains("<figure"),
            "{page}"
        );
    }
}
