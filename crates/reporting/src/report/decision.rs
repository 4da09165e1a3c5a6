//! The section on the decision and its evidence.

use common::numbers::{Scores, count};
use maud::{Markup, html};
use model::{Form, FormResult};
use record::{Outcome, RunRecord};
use scoring::Comparison;

use super::{RunReport, sentences};
use crate::page::Section;
use crate::page::prose::prose;
use crate::page::tables::{Column, bare_p_value, or_dash, table};

/// The section. `None` for a run without a decision.
pub(crate) fn section(report: &RunReport<'_>) -> Option<Section> {
    let record = report.record;
    record.decision.as_ref()?;
    Some(Section {
        id: "decision",
        heading: "Why was this decided?",
        content: html! {
            p { (prose(&record.reason)) }
            (model_drift(record))
            (gate(record))
            (windows(record))
            @if let Ok(Some(deployed)) = &report.deployed { (forms(&deployed.model.forms)) }
            (attention(record))
            (reviews(record))
        },
    })
}

/// The tests of the deployed model.
pub(crate) fn model_drift(record: &RunRecord) -> Markup {
    let Some(verdicts) = record.verdicts() else {
        return html! {};
    };
    let model = &verdicts.model;
    let heading = match record.outcome {
        Some(Outcome::Redeployed) => "Did the previous model still fit?",
        _ => "Does the deployed model still fit?",
    };
    let batches = model.recent.as_ref().map_or(0, |recent| recent.batches);
    let last_batches = format!("the last {batches} batches");
    let recent = model.recent.as_ref().map(|recent| &recent.result);
    let tests = [
        ("the new rows", model.single.as_ref()),
        (last_batches.as_str(), recent),
        ("all rows since the deployment", model.cumulative.as_ref()),
    ];
    let rows: Vec<Vec<String>> = tests
        .into_iter()
        .filter_map(|(what, result)| Some((what, result?)))
        .map(|(what, result)| {
            vec![
                what.to_owned(),
                count(result.rows),
                bare_p_value(result.test.p_value),
                common::numbers::level(result.level),
                if result.is_drift() {
                    "drift"
                } else {
                    "no drift"
                }
                .to_owned(),
            ]
        })
        .collect();
    html! {
        h3 { (heading) }
        // The reason of the decision may contain the same sentence.
        @if !record.reason.contains(&model.to_string()) {
            p { (prose(&model.to_string())) }
        }
        (table(
            "Tests for model drift",
            &[
                Column::Text("Tested on"),
                Column::Number("Rows with a label"),
                Column::Number("P-value"),
                Column::Number("Limit of the p-value"),
                Column::Text("Verdict"),
            ],
            &rows,
        ))
    }
}

/// The comparison of the candidate with the model that was deployed before.
fn gate(record: &RunRecord) -> Markup {
    let Some(comparison) = &record.comparison else {
        return html! {};
    };
    html! {
        h3 { "Candidate and previous model" }
        @if let Some(gate) = &record.gate { (sentences(gate.reasons.iter().cloned())) }
        (table(
            "Candidate and previous model on the same rows",
            &[
                Column::Text("Rows"),
                Column::Text("Measure"),
                Column::Number("Candidate"),
                Column::Number("Previous model"),
            ],
            &compared(comparison),
        ))
    }
}

fn compared(comparison: &Comparison) -> Vec<Vec<String>> {
    let (candidate, deployed) = (&comparison.candidate, &comparison.incumbent);
    let new_rows = format!("{} new", count(comparison.rows));
    let mut rows = vec![
        compared_row(
            &new_rows,
            "log-loss (lower is better)",
            [Some(candidate.log_loss), Some(deployed.log_loss)],
        ),
        compared_row(&new_rows, "F1", [candidate.f1, deployed.f1]),
        compared_row(&new_rows, "ROC-AUC", [candidate.roc_auc, deployed.roc_auc]),
    ];
    if let Some(guard) = &comparison.guard {
        let test_rows = format!("{} of the test data", count(guard.rows));
        rows.extend([
            compared_row(
                &test_rows,
                "log-loss (lower is better)",
                [guard.candidate_log_loss, guard.incumbent_log_loss],
            ),
            compared_row(&test_rows, "F1", [guard.candidate_f1, guard.incumbent_f1]),
        ]);
    }
    rows
}

fn compared_row(rows: &str, measure: &str, values: [Option<f64>; 2]) -> Vec<String> {
    let scores = Scores::of(values.into_iter().flatten());
    let [candidate, deployed] = values.map(|value| or_dash(value.map(|it| scores.number(it))));
    vec![rows.to_owned(), measure.to_owned(), candidate, deployed]
}

/// The training windows that were tried.
fn windows(record: &RunRecord) -> Markup {
    let losses = Scores::of(record.windows.iter().filter_map(|tried| tried.log_loss));
    let rows: Vec<Vec<String>> = record
        .windows
        .iter()
        .map(|tried| {
            vec![
                tried.window.to_string(),
                count(tried.labelled_rows),
                or_dash(tried.log_loss.map(|loss| losses.number(loss))),
                match (&tried.left_out, tried.is_chosen) {
                    (Some(why), _) => format!("left out, because {why}"),
                    (None, true) => "chosen".into(),
                    (None, false) => "not chosen".into(),
                },
            ]
        })
        .collect();
    html! {
        @if !rows.is_empty() {
            h3 { "Training window of the candidate" }
            (table(
                "Training windows that were tried",
                &[
                    Column::Text("Window"),
                    Column::Number("Rows with a label"),
                    Column::Number("Log-loss"),
                    Column::Text("Result"),
                ],
                &rows,
            ))
        }
    }
}

/// The forms that were tried for the live model.
fn forms(forms: &[FormResult]) -> Markup {
    let decimals = |value: f64| format!("{value:.4}");
    let rows: Vec<Vec<String>> = forms
        .iter()
        .map(|tried| {
            vec![
                form_in_words(tried.form).to_owned(),
                decimals(tried.log_loss),
                decimals(tried.standard_error),
                if tried.is_chosen {
                    "chosen"
                } else {
                    "not chosen"
                }
                .to_owned(),
            ]
        })
        .collect();
    html! {
        @if !rows.is_empty() {
            h3 { "Form of the deployed model" }
            p {
                "The simplest form within one standard error of the best log-loss is chosen."
            }
            (table(
                "Forms that were tried",
                &[
                    Column::Text("Form"),
                    Column::Number("Log-loss"),
                    Column::Number("Standard error of the difference to the best"),
                    Column::Text("Result"),
                ],
                &rows,
            ))
        }
    }
}

pub(crate) fn form_in_words(form: Form) -> &'static str {
    match form {
        Form::Linear => "straight lines",
        Form::Curves => "curves",
        Form::Pairs => "curves and pairs of features",
    }
}

/// Warnings of the run and of its files, and its notices.
fn attention(record: &RunRecord) -> Markup {
    let of_files = record.ingestion.iter().flat_map(|it| it.new_warnings());
    let notices = record.notices.iter().map(|notice| notice.what.clone());
    let all: Vec<String> = record
        .warnings
        .iter()
        .cloned()
        .chain(of_files)
        .chain(notices)
        .collect();
    html! {
        @if !all.is_empty() {
            h3 { "Warnings" }
            (sentences(all))
        }
    }
}

/// Reviews of earlier decisions: whether they turned out right.
fn reviews(record: &RunRecord) -> Markup {
    let reviews = record.evidence.iter().flat_map(|it| &it.reviews);
    let reviews = reviews.filter(|it| it.batches > 0 || it.problem.is_some());
    let all: Vec<String> = reviews.map(ToString::to_string).collect();
    html! {
        @if !all.is_empty() {
            h3 { "Were earlier decisions right?" }
            (sentences(all))
        }
    }
}
