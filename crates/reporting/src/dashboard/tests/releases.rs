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
        answers: Vec::new(),
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
    let page = ReleasesPage {
        now: now(),
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
fn a_rollback_is_offered_only_if_another_release_can_be_read() {
    let whole = LiveRelease::Served("000002".into());
    for (others, is_offered) in [
        (vec![], false),
        (vec![line("000001", false, false)], false),
        (vec![line("000001", false, true)], true),
    ] {
        let mut lines = vec![line("000002", true, true)];
        lines.extend(others);
        let page = releases(lines, whole.clone());
        assert_eq!(page.contains("rollback"), is_offered, "{page}");
    }
}
