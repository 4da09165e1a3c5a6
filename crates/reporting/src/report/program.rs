//! The section on the program: its durations, dependencies and configuration.

use common::history::STAGES;
use common::numbers::count;
use diagnostics::{Dependencies, Dependency, Status};
use maud::{Markup, html};
use record::RunRecord;

use super::{RunReport, sentences};
use crate::figure::Durations;
use crate::page::tables::{Column, table};
use crate::page::{NamedFigure, Section, drawn, missing};

pub(crate) fn section(report: &RunReport<'_>) -> Section {
    let record = report.record;
    Section {
        id: "program",
        heading: "With which program?",
        content: html! {
            (digests(report))
            @if let Some(figure) = figure(record) { div.figures { (drawn(&figure)) } }
            (api(record))
            @match &report.dependencies {
                Ok(dependencies) => (dependency_table(dependencies)),
                Err(error) => (missing("The list of dependencies", error)),
            }
        },
    }
}

/// The durations of the stages, in the order of a run. `None` if the run has none.
pub(crate) fn figure(record: &RunRecord) -> Option<NamedFigure> {
    let known = STAGES.into_iter().chain(["ranking"]);
    let stages: Vec<(String, f64)> = known
        .filter_map(|stage| Some((stage.to_owned(), *record.seconds.get(stage)?)))
        .collect();
    (!stages.is_empty())
        .then(|| NamedFigure::new("durations", "Seconds by stage", Durations { stages }))
}

fn digests(report: &RunReport<'_>) -> Markup {
    let record = report.record;
    let deployed = report.deployed.as_ref().ok().and_then(Option::as_ref);
    let model = deployed.map(|it| {
        (
            format!("model of release {}", it.release),
            it.digest.clone(),
        )
    });
    let of_record = [
        ("config.json", &record.configuration),
        ("finaldata.csv", &record.data),
        ("candidate", &record.candidate_model),
    ];
    let rows: Vec<Vec<String>> = of_record
        .into_iter()
        .filter_map(|(what, digest)| Some((what.to_owned(), digest.clone()?)))
        .chain(model)
        .map(|(what, digest)| vec![what, digest])
        .collect();
    html! {
        p { "Version " (env!("CARGO_PKG_VERSION")) "." }
        div.digests { (table("Digests", &[Column::Text("What"), Column::Text("SHA-256")], &rows)) }
    }
}

pub(crate) fn api(record: &RunRecord) -> Markup {
    let Some(api) = &record.api else {
        return html! {};
    };
    let answered = api.calls.saturating_sub(api.failures.len());
    html! {
        p { (count(answered)) " of " (count(api.calls)) " API calls were answered." }
        (sentences(api.failures.iter().cloned()))
    }
}

fn dependency_table(dependencies: &Dependencies) -> Markup {
    let rows: Vec<Vec<String>> = dependencies.direct.iter().map(dependency).collect();
    let asked = match dependencies.asked_at {
        Some(at) => format!(
            "Newest versions as of {}.",
            at.strftime("%Y-%m-%d %H:%M UTC")
        ),
        None => "The registry has not been asked for newer versions.".into(),
    };
    html! {
        details {
            summary {
                (count(rows.len())) " direct and " (count(dependencies.others)) " other dependencies"
            }
            p.note { (asked) }
            (table(
                "Dependencies",
                &[
                    Column::Text("Crate"),
                    Column::Text("Version"),
                    Column::Text("Newest"),
                    Column::Text("Status"),
                ],
                &rows,
            ))
        }
    }
}

fn dependency(dependency: &Dependency) -> Vec<String> {
    let status = match dependency.status {
        Status::UpToDate => "up to date",
        Status::Outdated => "outdated",
        Status::Yanked => "withdrawn",
        Status::Unknown => "unknown",
    };
    let latest = dependency.latest.as_ref();
    vec![
        dependency.name.clone(),
        dependency.current.to_string(),
        crate::page::tables::or_dash(latest.map(ToString::to_string)),
        status.to_owned(),
    ]
}
