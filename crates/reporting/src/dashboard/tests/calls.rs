use scoring::StoredList;

use super::*;

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
fn a_missing_and_a_damaged_call_list_are_reported_with_the_command_that_rebuilds_it() {
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
    assert_eq!(missing.matches("riskranking.csv").count(), 1, "{missing}");
    let damaged = ranked(Err(anyhow!("/srv/secret"))).html();
    assert_says(
        &damaged,
        &[
            "<strong>Problem: </strong>The call list cannot be read; the log of the server has the cause.",
            "<code>scoring --rank</code>",
        ],
    );
    assert!(!damaged.contains("secret"), "{damaged}");
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
fn a_damaged_call_list_is_reported_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("riskranking.csv");
    common::files::replace(&path, b"garbage\n").unwrap();
    let overview = Overview {
        clients: StoredList::open(&path).map(|_| None),
        ..overview(Ok(Some(healthy())))
    };
    for page in [
        overview.html(),
        calls(StoredList::open(&path).map(|_| None), CallFilter::default()).html(),
    ] {
        assert_is_harmless(&page);
        assert_says(
            &page,
            &[
                "The call list is damaged: riskranking.csv, line 1: the column rank is missing.",
                "<code>scoring --rank</code>",
            ],
        );
        assert_eq!(page.matches("is damaged").count(), 1, "{page}");
        assert!(!page.contains(&*folder.path().to_string_lossy()), "{page}");
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
        id: Some(common::visible("a\u{202e}b")),
        ..CallFilter::default()
    };
    assert!(shown.holds(&client(1, "a\u{202e}b", None)));
    assert!(!filter.holds(&client(1, "other", Some(true))));
    assert!(!filter.holds(&client(1, HOSTILE, Some(false))));
}

#[test]
fn a_page_without_a_client_says_whether_others_come_before_it() {
    let page = |id: Option<&str>, is_first| {
        let filter = CallFilter {
            id: id.map(Into::into),
            ..CallFilter::default()
        };
        let none = Paged {
            is_first,
            ..Paged::default()
        };
        calls(Ok(Some(none)), filter).html()
    };
    for (id, is_first, says) in [
        (Some("x"), true, "No client matches the filter."),
        (Some("x"), false, "No further client matches the filter."),
        (None, true, "No client waits for a label"),
        (None, false, "No further client is on the list."),
    ] {
        assert_says(&page(id, is_first), &[says]);
    }
}
