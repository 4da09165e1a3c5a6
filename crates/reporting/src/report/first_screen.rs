//! The first screen of a run's report: the answer in words, four numbers, the score over time and
//! whom to call.

use common::numbers::{Scores, count, counted};
use maud::{Markup, html};
use record::{Question, RunRecord};
use scoring::{CallListSummary, Metrics};

use super::earlier::EvaluatedRun;
use super::score_history::{CAPTION, is_worth_showing, score_history, with_earlier};
use super::{PerformanceInRun, RunReport, calls, quality};
use crate::page::prose::prose;
use crate::page::tables::{or_dash, percent};
use crate::page::{figure, missing, time};

/// A number with what it means.
pub(super) struct Tile {
    name: &'static str,
    value: String,
    meaning: String,
}

/// End of the run and the release that is deployed after it.
pub(crate) fn subtitle(record: &RunRecord) -> Markup {
    let ended = record.finished_at.unwrap_or(record.started_at);
    html! {
        (time(ended))
        @if let Some(release) = &record.release { " · release " (release) " is deployed" }
    }
}

/// The first screen; see [`answers`] for `is_replaced`.
pub(crate) fn first_screen(report: &RunReport<'_>, is_replaced: bool) -> Markup {
    let performance = report.performance().ok().flatten();
    html! {
        (answers(report.record, performance, is_replaced))
        (tiles(&[
            f1(report.record, performance),
            precision(performance.map(|it| it.performance.metrics)),
            recall(performance.map(|it| it.performance.metrics)),
            clients(report.record),
        ]))
        div.first.beside {
            (main_figure(report, performance))
            div {
                h2 { "Whom to call" }
                (calls::first_clients(report))
            }
        }
    }
}

/// The answers of the record, each with its question. If another release is live by now (`is_replaced`), the
/// steps of the run may be done: they are left out.
pub(crate) fn answers(
    record: &RunRecord,
    performance: Option<PerformanceInRun<'_>>,
    is_replaced: bool,
) -> Markup {
    let answers = record.answers().into_iter();
    let answers = answers.filter(|(question, _)| !is_replaced || *question != Question::Next);
    let answers = answers.map(|(question, answer)| match (question, performance) {
        // The numbers below the answer also come from that earlier run.
        (
            Question::Quality,
            Some(PerformanceInRun {
                performance,
                run: Some(run),
            }),
        ) => (
            question,
            format!("in run {run}, the newest with enough labels: {performance}"),
        ),
        (Question::Done, _) if is_replaced => {
            (question, format!("at the end of the run: {answer}"))
        }
        _ => (question, answer),
    });
    html! {
        dl.answers {
            @for (question, answer) in answers {
                dt { (in_words(question)) }
                dd { (prose(&answer)) }
            }
        }
    }
}

fn in_words(question: Question) -> &'static str {
    match question {
        Question::Done => "What was done",
        Question::Quality => "Is the model good?",
        Question::Drift => "Has the data changed?",
        Question::Next => "What to do",
    }
}

pub(super) fn tiles(tiles: &[Tile]) -> Markup {
    html! {
        ul.tiles {
            @for tile in tiles {
                li {
                    span.name { (tile.name) }
                    strong { (tile.value) }
                    span.meaning { (tile.meaning) }
                }
            }
        }
    }
}

fn f1(record: &RunRecord, performance: Option<PerformanceInRun<'_>>) -> Tile {
    if let Some(performance) = performance {
        return f1_of(performance.performance.metrics, &performance.rows());
    }
    let score = record.deployed_score;
    Tile {
        name: "F1",
        value: or_dash(score.map(|score| Scores::of([score]).number(score))),
        meaning: match score {
            Some(_) => "on the test data, at its deployment".into(),
            None => "no label to measure it with".into(),
        },
    }
}

/// F1 on rows that are described in words.
pub(super) fn f1_of(metrics: &Metrics, rows: &str) -> Tile {
    let baseline = metrics.baselines.always_one_f1;
    let all = [metrics.f1, baseline].into_iter().flatten();
    let scores = Scores::of(all.chain(metrics.f1_interval.into_iter().flatten()));
    let interval = metrics.f1_interval.map_or(String::new(), |ends| {
        let [lower, upper] = ends.map(|end| scores.number(end));
        format!("95 % interval {lower} to {upper}; ")
    });
    let everyone = baseline.map_or(String::new(), |f1| {
        format!("flagging everyone: {}; ", scores.number(f1))
    });
    Tile {
        name: "F1",
        value: or_dash(metrics.f1.map(|f1| scores.number(f1))),
        meaning: format!("{interval}{everyone}{rows}"),
    }
}

pub(super) fn precision(metrics: Option<&Metrics>) -> Tile {
    let share = metrics.and_then(|metrics| metrics.precision);
    per_hundred_tile("Left, of 100 clients flagged", share, "precision")
}

pub(super) fn recall(metrics: Option<&Metrics>) -> Tile {
    let share = metrics.and_then(|metrics| metrics.recall);
    per_hundred_tile("Flagged, of 100 clients who left", share, "recall")
}

fn per_hundred_tile(name: &'static str, share: Option<f64>, term: &str) -> Tile {
    let whole = |share: f64| match (share * 100.0).round() {
        // Rounding must not turn a share into none or all.
        0.0 if share > 0.0 => "under 1".into(),
        100.0 if share < 1.0 => "over 99".into(),
        whole => format!("{whole:.0}"),
    };
    Tile {
        name,
        value: or_dash(share.map(whole)),
        meaning: match share {
            Some(share) => format!("{term} {}", percent(share)),
            None => format!("{term} is undefined"),
        },
    }
}

fn clients(record: &RunRecord) -> Tile {
    match &record.call_list {
        Some(list) => of_list(list),
        None => Tile {
            name: "New rows",
            value: count(record.rows.new),
            meaning: format!("of {} in all", counted(record.rows.total, "row")),
        },
    }
}

fn of_list(list: &CallListSummary) -> Tile {
    match list.in_capacity {
        Some(to_call) => Tile {
            name: "Clients to call",
            value: count(to_call),
            meaning: format!("of {} without a label", counted(list.clients, "client")),
        },
        None => Tile {
            name: "Clients without a label",
            value: count(list.clients),
            meaning: list.bands_in_words(),
        },
    }
}

/// The score over time. If there are fewer than two scores, the gain of the model.
fn main_figure(report: &RunReport<'_>, performance: Option<PerformanceInRun<'_>>) -> Markup {
    let history = match &report.earlier {
        Ok(earlier) => {
            let last = EvaluatedRun::of(report.record);
            score_history(with_earlier(last.as_ref(), &earlier.runs))
        }
        Err(error) => return missing("The score over time", error),
    };
    let ranking = performance.and_then(|it| Some((it, it.performance.metrics.ranking.as_ref()?)));
    match ranking {
        Some((performance, ranking)) if !is_worth_showing(&history) => figure(
            format!(
                "Share of leavers found, by share of clients called ({})",
                performance.rows()
            ),
            quality::gain(performance.performance.metrics, ranking),
        ),
        _ => figure(CAPTION, history),
    }
}
