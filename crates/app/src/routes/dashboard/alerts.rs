//! `GET /dashboard/alerts`: the alerts, each with its run.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::history::{OpenCondition, StoredAlert};
use common::{History, Layout};
use jiff::Timestamp;
use reporting::dashboard::{AlertLine, AlertsPage, Paged, SentTo};
use serde::Deserialize;

use super::list::{ITEMS, PageItems, parts};
use super::{Page, answer_list_of_history};
use crate::error::ApiError;
use crate::state::AppState;

/// What a page shows of the content of an alert.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    text: String,
    condition: String,
    state: String,
    run: Option<i64>,
}

/// Answers with a page of the alerts.
pub(in crate::routes) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let read = |_: &Layout, history: &History, before| page_and_conditions(history, before);
    answer_list_of_history(&request, state, read, |reading, read| {
        let (alerts, open) = parts(read);
        let page = AlertsPage {
            now: common::clock::now(),
            open,
            alerts,
            has_receiver: reading.state.config.alerts.has_target(),
            state: reading.pipeline_state(),
        };
        Page::about(&page.alerts, page.html())
    })
    .await
}

fn page_and_conditions(
    history: &History,
    before: Option<i64>,
) -> anyhow::Result<(Paged<AlertLine>, Vec<OpenCondition>)> {
    let mut items = PageItems::begin(ITEMS, before);
    history.visit_alerts(before, |alert| {
        items.push(alert.id.unsigned_abs(), || alert)
    })?;
    let page = items.end();
    let page = Paged {
        items: lines(page.items),
        next: page.next,
        is_first: page.is_first,
    };
    Ok((page, history.open_conditions()?))
}

/// The alerts as lines. An alert for several receivers, whose rows follow each other, is one line.
pub(super) fn lines(alerts: Vec<StoredAlert>) -> Vec<AlertLine> {
    let mut lines: Vec<(String, AlertLine)> = Vec::new();
    for alert in alerts {
        let sent = SentTo {
            receiver: alert.target,
            delivered_at: alert.delivered_at,
            failures: alert.failures,
        };
        match lines.last_mut() {
            Some((body, line)) if *body == alert.body && line.at == alert.queued_at => {
                line.sent_to.push(sent);
            }
            _ => {
                let line = line(&alert.body, alert.queued_at, sent);
                lines.push((alert.body, line));
            }
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

fn line(body: &str, at: Timestamp, sent: SentTo) -> AlertLine {
    // A newer program may write another form; its text is shown as it is.
    let read: Body = serde_json::from_str(body).unwrap_or_else(|_| Body {
        text: body.to_owned(),
        ..Body::default()
    });
    AlertLine {
        at,
        condition: read.condition,
        is_resolved: read.state == "resolved",
        text: read.text,
        run: read.run,
        sent_to: vec![sent],
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn an_alert_for_two_receivers_is_one_line() {
        let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let alert = |id, target: &str, body: &str| StoredAlert {
            id,
            target: target.into(),
            queued_at: at,
            body: body.into(),
            failures: 2,
            delivered_at: None,
        };
        let body = r#"{"text":"<b>","condition":"model_drift","state":"resolved","run":7}"#;
        let found = lines(vec![
            alert(3, "command", body),
            alert(2, "webhook", body),
            alert(1, "webhook", "no JSON"),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].run, found[0].is_resolved), (Some(7), true));
        assert_eq!(found[0].sent_to.len(), 2);
        assert_eq!((found[1].run, found[1].text.as_str()), (None, "no JSON"));
    }

    #[test]
    fn a_page_breaks_where_it_is_full() {
        let mut items = PageItems::begin(1, None);
        assert_eq!(items.push(2, || 2), ControlFlow::Continue(()));
        assert_eq!(items.push(1, || 1), ControlFlow::Break(()));
    }
}
