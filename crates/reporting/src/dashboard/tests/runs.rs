use super::*;

#[test]
fn a_run_in_a_list_has_its_reason_and_its_links() {
    let mut first = record(12, Outcome::CandidateRefused);
    first.reason = format!("because of {HOSTILE}");
    let page = RunsPage {
        now: now(),
        runs: Ok(Paged {
            items: vec![
                RunLine::of(&first, true),
                RunLine::of(&record(11, Outcome::Steady), false),
            ],
            next: Some(11),
            is_first: true,
        }),
        changes: vec![rollback_after(11)],
        state: in_order(),
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
    // The change by hand stands between the runs.
    let change = page.find("Rolled back to release 000001 by hand, by &quot;&gt;&lt;script");
    let newer = page.find("/dashboard/runs/12\">12<").unwrap();
    let older = page.find("/dashboard/runs/11\">11<").unwrap();
    assert!(change.is_some_and(|it| newer < it && it < older), "{page}");
    assert_says(
        &page,
        &["<td class=\"number\">by hand</td>", "<td>rollback</td>"],
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
