//! The alerts, each with a link to its run.

use common::history::OpenCondition;
use common::numbers::count;
use jiff::Timestamp;
use maud::{Markup, html};

use super::Paged;
use super::absence::{KnownRuns, PipelineState, nothing_yet, unreadable_history};
use super::address::paths;
use super::cells::{Entry, in_words};
use super::frame::{Frame, Place, ago, pager};
use crate::page::prose::with_code;
use crate::page::tables::{Column, sentence, table};
use crate::report::Part;

/// A page of the alerts.
pub struct AlertsPage {
    /// The present time.
    pub now: Timestamp,
    /// The conditions that are not resolved; shown on the first page only.
    pub open: Vec<OpenCondition>,
    /// The alerts, the newest first.
    pub alerts: Part<Paged<AlertLine>>,
    /// State of the pipeline. A page without alerts tells from it what to do.
    pub state: PipelineState,
    /// Whether the configuration names a receiver of alerts.
    pub has_receiver: bool,
}

/// An alert.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertLine {
    /// When it was queued.
    pub at: Timestamp,
    /// Name of its condition.
    pub condition: String,
    /// Whether the condition is resolved.
    pub is_resolved: bool,
    /// Text of the alert.
    pub text: String,
    /// The run that found the condition.
    pub run: Option<i64>,
    /// Its receivers.
    pub sent_to: Vec<SentTo>,
}

/// The delivery of an alert to one receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct SentTo {
    /// Kind of the receiver: `webhook` or `command`.
    pub receiver: String,
    /// When the receiver took it; `None` while it waits.
    pub delivered_at: Option<Timestamp>,
    /// Number of tries that failed.
    pub failures: u64,
}

impl AlertsPage {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: Some(Place::Alerts),
            title: "Alerts".into(),
            subtitle: html! { "What people were notified about, the newest first" },
            content: match &self.alerts {
                Err(_) => unreadable_history("The alerts"),
                Ok(alerts) if alerts.items.is_empty() && self.state.runs == KnownRuns::None => {
                    nothing_yet("The alerts", "No run has ended yet.", &self.state)
                }
                Ok(alerts) => self.content(alerts),
            },
            now: self.now,
        }
        .html()
    }

    fn content(&self, alerts: &Paged<AlertLine>) -> Markup {
        html! {
            @if !self.has_receiver {
                p.note {
                    "No alert is sent, because the configuration names no receiver. "
                    (with_code("Set `alerts.webhook.url` or `alerts.command`"))
                }
            }
            @if alerts.is_first { (self.conditions()) }
            h2 { "Alerts" }
            @if alerts.items.is_empty() {
                p { @if alerts.is_first { "There are no alerts." } @else { "There is no older alert." } }
            }
            (alert_table(&alerts.items))
            (pager(paths::ALERTS, &[], alerts, ["Newest alerts", "Older alerts"]))
        }
    }

    fn conditions(&self) -> Markup {
        let rows: Vec<Vec<Entry>> = self
            .open
            .iter()
            .map(|condition| {
                vec![
                    Entry::text(in_words(&condition.name)),
                    Entry::Time(condition.opened_at),
                    Entry::Time(condition.notified_at),
                    Entry::text(ago(self.now, condition.notified_at)),
                ]
            })
            .collect();
        html! {
            h2 { "Open now" }
            @if rows.is_empty() { p { "No condition is open." } }
            (table(
                "Open conditions",
                &[
                    Column::Text("Condition"),
                    Column::Text("Open since"),
                    Column::Text("Last reported"),
                    Column::Text("Age"),
                ],
                &rows,
            ))
        }
    }
}

/// The table of alerts; nothing if there is none.
pub(super) fn alert_table(alerts: &[AlertLine]) -> Markup {
    let rows: Vec<Vec<Entry>> = alerts
        .iter()
        .map(|alert| {
            let state = if alert.is_resolved {
                "resolved"
            } else {
                "opened"
            };
            let sent: Vec<String> = alert.sent_to.iter().map(delivery).collect();
            vec![
                Entry::Time(alert.at),
                alert.run.map_or(Entry::NONE, Entry::run),
                Entry::text(in_words(&alert.condition)),
                Entry::text(state),
                Entry::Sentence(text_in_words(alert)),
                Entry::Sentence(sent.join("; ")),
            ]
        })
        .collect();
    table(
        "Alerts",
        &[
            Column::Text("Queued"),
            Column::Number("Run"),
            Column::Text("Condition"),
            Column::Text("State"),
            Column::Sentence("What it says"),
            Column::Sentence("Delivery"),
        ],
        &rows,
    )
}

/// The text of an alert. Texts of older programs begin with an identifier, and have times with fractions of a
/// second.
fn text_in_words(alert: &AlertLine) -> String {
    let condition = &alert.condition;
    let rest = alert.text.strip_prefix(condition.as_str());
    let text = match rest.filter(|_| !condition.is_empty()) {
        Some(rest) => sentence(&(in_words(condition) + rest)),
        None => sentence(&alert.text),
    };
    let word = |word: &str| {
        let time = word.trim_matches(['(', ')', ',', ';', '.']);
        match time.parse::<Timestamp>() {
            Ok(at) => word.replace(time, &at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
            Err(_) => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn delivery(sent: &SentTo) -> String {
    let receiver = &sent.receiver;
    match (sent.delivered_at, sent.failures) {
        (Some(at), _) => format!("{receiver}: {}", at.strftime("%Y-%m-%d %H:%M UTC")),
        (None, 0) => format!("{receiver}: waits"),
        (None, 1) => format!("{receiver}: waits, 1 try failed"),
        (None, failures) => format!("{receiver}: waits, {} tries failed", count(failures)),
    }
}
