//! The section on calls: whom to call, and whether calling works.

use common::numbers::{amount, count};
use maud::{Markup, html};
use record::CALLING_MAY_EXPLAIN_DRIFT;
use scoring::{CallListSummary, CallReport, RankedClient};

use super::RunReport;
use crate::figure::Profit;
use crate::page::prose::prose;
use crate::page::tables::{Column, percent, table};
use crate::page::{NamedFigure, Section, drawn, missing};

/// Maximum number of clients on the first screen.
pub(crate) const MAX_CLIENTS: usize = 10;

/// The first clients of the call list.
pub(super) fn first_clients(report: &RunReport<'_>) -> Markup {
    let record = report.record;
    if let Some(problem) = &record.call_list_problem {
        return html! { p.missing { (prose(problem)) } };
    }
    match &report.clients {
        Err(error) => missing("The call list", error),
        Ok(_) if record.release.is_none() => html! {
            p.note { "No model is deployed, so no client is ranked." }
        },
        Ok(clients) if clients.is_empty() => html! {
            p.note { "Every client has a label, so there is nobody to call. Add a file of clients whose outcome is not known yet." }
        },
        Ok(clients) => client_table(clients, report),
    }
}

fn client_table(clients: &[RankedClient], report: &RunReport<'_>) -> Markup {
    let rows: Vec<Vec<String>> = clients
        .iter()
        .map(|client| {
            vec![
                client.rank.to_string(),
                client.id.clone(),
                percent(client.probability),
                client.expected_value.map_or(String::new(), amount),
                call_decision_in_words(client).to_owned(),
                client.reasons.first().cloned().unwrap_or_default(),
            ]
        })
        .collect();
    html! {
        (table(
            "The first clients of the call list",
            &[
                Column::Number("Rank"),
                Column::Text("Client"),
                Column::Number("Risk"),
                Column::Number("Expected value"),
                Column::Text("Call"),
                Column::Text("Main reason"),
            ],
            &rows,
        ))
        @if let Some(list) = &report.record.call_list {
            p.note {
                "The first " (rows.len()) " of " (count(list.clients)) "; all are in riskranking.csv. A reason is a value with what it adds to the log-odds."
            }
        }
    }
}

pub(crate) fn call_decision_in_words(client: &RankedClient) -> &'static str {
    match (client.in_capacity, client.hold_out) {
        (_, Some(true)) => "held out",
        (Some(true), _) => "yes",
        (Some(false), _) => "no",
        (None, _) => "",
    }
}

/// The section. `None` if no client waits for a label and no outcome of a call is known.
pub(crate) fn section(report: &RunReport<'_>) -> Option<Section> {
    let record = report.record;
    let (list, outcomes) = (record.call_list.as_ref(), record.call_outcomes.as_ref());
    if list.is_none() && outcomes.is_none() {
        return None;
    }
    Some(Section {
        id: "calls",
        heading: "Whom to call, and does it work?",
        content: html! {
            @if let Some(list) = list { p { (prose(&list.to_string())) } }
            @if let Some(figure) = figure(report) { div.figures { (drawn(&figure)) } }
            @if record.drift_may_be_effect_of_calling() { p { (prose(CALLING_MAY_EXPLAIN_DRIFT)) } }
            (effect_of_calls(list, outcomes))
        },
    })
}

fn effect_of_calls(list: Option<&CallListSummary>, outcomes: Option<&CallReport>) -> Markup {
    let Some(outcomes) = outcomes else {
        if list.is_some_and(|list| list.held_out.is_some()) {
            return html! { p.note { "No label of a called or held-out client has arrived yet." } };
        }
        return html! {
            p.note {
                "It is not known whether calling works. With scoring.actions.holdout a share of the clients is not called, and compared when the labels arrive."
            }
        };
    };
    html! {
        p { (prose(&outcomes.outcomes.to_string())) }
        @if let Some(calibration) = &outcomes.calibration { p { (prose(&calibration.to_string())) } }
    }
}

/// The expected value by share of the list. `None` if no value is configured.
pub(super) fn figure(report: &RunReport<'_>) -> Option<NamedFigure> {
    let list: &CallListSummary = report.record.call_list.as_ref()?;
    let value = list.expected_value.as_ref()?;
    if value.by_clients.is_empty() || list.clients == 0 {
        return None;
    }
    let share = |of: u64| of as f64 / list.clients as f64;
    let points = value.by_clients.iter();
    let points: Vec<[f64; 2]> = points.map(|it| [share(it.clients), it.total]).collect();
    // Clients are called in the order of the list; those that are held out are passed over.
    let passed = list
        .in_capacity
        .map(|called| called + list.held_out.unwrap_or(0));
    let best = points.iter().copied().max_by(|a, b| a[1].total_cmp(&b[1]));
    Some(NamedFigure::new(
        "profit",
        "Expected value, by share of the list that is called",
        Profit {
            points,
            best,
            called: passed.map(share),
        },
    ))
}
