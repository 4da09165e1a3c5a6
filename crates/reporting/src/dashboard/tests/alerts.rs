use super::*;

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
        alerts: Ok(first_page(vec![
            alert(Some(7), vec![sent(Some(now()), 0)]),
            alert(None, vec![sent(None, 1), sent(None, 3), sent(None, 0)]),
        ])),
        has_receiver: false,
        state: in_order(),
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
fn commands_in_texts_are_code() {
    let page = AlertsPage {
        now: now(),
        open: Vec::new(),
        alerts: Ok(first_page(vec![AlertLine {
            at: now(),
            condition: "run_failed".into(),
            is_resolved: false,
            text: "run 7 failed: run `fullprocess --doctor`".into(),
            run: Some(7),
            sent_to: Vec::new(),
        }])),
        has_receiver: true,
        state: in_order(),
    }
    .html();
    assert_says(&page, &["run <code>fullprocess --doctor</code>."]);
    assert!(!page.contains('`'), "{page}");
}

#[test]
fn conditions_are_words_and_times_have_minutes_also_in_the_texts_of_older_programs() {
    let opened: Timestamp = "2026-03-05T10:00:00.123456789Z".parse().unwrap();
    let text =
        format!("model_drift resolved in run 7: no model drift any more (open since {opened})");
    let page = AlertsPage {
        now: now(),
        open: vec![OpenCondition {
            name: "feature_drift".into(),
            opened_at: opened,
            notified_at: opened,
        }],
        alerts: Ok(first_page(vec![AlertLine {
            at: now(),
            condition: "model_drift".into(),
            is_resolved: true,
            text,
            run: Some(7),
            sent_to: Vec::new(),
        }])),
        has_receiver: true,
        state: in_order(),
    }
    .html();
    assert_says(
        &page,
        &[
            "<td>feature drift</td>",
            "<td>model drift</td>",
            "Model drift resolved in run 7: no model drift any more (open since 2026-03-05 10:00 UTC).",
        ],
    );
    assert!(!page.contains("_drift") && !page.contains(".123"), "{page}");
}
