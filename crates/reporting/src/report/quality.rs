//! The section on the performance of a model.

use common::numbers::{count, level, two_digits};
use maud::{Markup, html};
use record::RunRecord;
use scoring::{ConfusionMatrix, Decile, Metrics, Ranking};

use super::{RunReport, sentences};
use crate::figure::{Calibration, CalibrationBin, Gain, Lift, PrecisionRecall, Roc};
use crate::page::tables::{Column, or_dash, percent, table};
use crate::page::{NamedFigure, Section, drawn, missing};

pub(super) const HEADING: &str = "How good is the model?";

pub(crate) fn section(report: &RunReport<'_>) -> Section {
    Section {
        id: "quality",
        heading: HEADING,
        content: html! {
            @match report.performance() {
                Ok(Some(performance)) => (content(performance.performance.metrics, &performance.rows())),
                Ok(None) => p {
                    "There are not enough rows with a label to measure the model that is deployed now."
                },
                Err(error) => (missing("The performance", &error)),
            }
            (predictions(report.record))
        },
    }
}

/// The estimated and the realised performance of predictions for clients without a label.
fn predictions(record: &RunRecord) -> Markup {
    let all: Vec<String> = record
        .estimate_in_words()
        .into_iter()
        .chain(record.realised_in_words())
        .collect();
    html! {
        @if !all.is_empty() {
            h3 { "Predictions for clients without a label" }
            (sentences(all))
        }
    }
}

/// Figures and tables of a model's performance on rows that are described in words.
pub(super) fn content(metrics: &Metrics, rows: &str) -> Markup {
    html! {
        p {
            "The model was evaluated on " (rows) ". " (count(metrics.positives)) " of these clients left ("
            (percent(metrics.prevalence)) "). It flags a client whose probability is above "
            (two_digits(metrics.threshold.probability())) "."
        }
        div.beside {
            (scores(metrics))
            (confusion(&metrics.confusion))
        }
        @if let Some(ranking) = &metrics.ranking {
            div.figures { @for figure in figures(metrics) { (drawn(&figure)) } }
            (deciles(&ranking.deciles))
        }
    }
}

/// The figures of a model's performance.
pub(super) fn figures(metrics: &Metrics) -> Vec<NamedFigure> {
    let Some(ranking) = &metrics.ranking else {
        return Vec::new();
    };
    if ranking.curve.is_empty() {
        // An older program made the record.
        return Vec::new();
    }
    let mut figures = vec![
        NamedFigure::new(
            "gain",
            "Leavers found, by share of clients called",
            gain(metrics, ranking),
        ),
        NamedFigure::new(
            "lift",
            "Lift: leavers found compared with a random choice, by decile",
            lift(ranking),
        ),
        NamedFigure::new("roc", "ROC curve", roc(metrics, ranking)),
        NamedFigure::new(
            "precision_recall",
            "Precision and recall",
            precision_recall(metrics, ranking),
        ),
    ];
    if let Some(calibration) = calibration(ranking) {
        figures.push(NamedFigure::new(
            "calibration",
            "Calibration: predicted and observed share of leavers",
            calibration,
        ));
    }
    figures
}

/// The table of the measures: name, value and meaning.
fn scores(metrics: &Metrics) -> Markup {
    let ranking = metrics.ranking.as_ref();
    let of_ranking = |value: fn(&Ranking) -> Option<f64>| ranking.and_then(value);
    let expected_error = |ranking: &Ranking| Some(ranking.calibration.as_ref()?.expected_error);
    let measures = [
        (
            "F1",
            metrics.f1,
            "both kinds of error in one number; 1 is best",
        ),
        (
            "ROC-AUC",
            metrics.roc_auc,
            "chance that a leaver ranks above a stayer; 0.5 is chance",
        ),
        (
            "Log-loss",
            Some(metrics.log_loss),
            "error of the probabilities; lower is better",
        ),
        (
            "Brier score",
            Some(metrics.brier),
            "squared error of the probabilities; lower is better",
        ),
        ("Gini", of_ranking(|it| it.gini), "2 · ROC-AUC − 1"),
        (
            "KS",
            of_ranking(|it| it.ks),
            "largest difference between the shares of leavers and stayers above a threshold",
        ),
        (
            "Average precision",
            of_ranking(|it| it.average_precision),
            "area under the precision–recall curve",
        ),
        (
            "Calibration slope",
            of_ranking(|it| it.calibration_slope),
            "1 is best; below 1 the probabilities are too extreme",
        ),
        (
            "Calibration intercept",
            of_ranking(|it| it.calibration_intercept),
            "0 is best; above 0 the probabilities are too low",
        ),
        (
            "Calibration error",
            ranking.and_then(expected_error),
            "mean distance of predicted and observed share; 0 is best",
        ),
    ];
    let number = |value: f64| format!("{value:.3}");
    let rows: Vec<Vec<String>> = measures
        .into_iter()
        .map(|(name, value, meaning)| {
            vec![
                name.to_owned(),
                or_dash(value.map(number)),
                meaning.to_owned(),
            ]
        })
        .collect();
    table(
        "Measures of the model",
        &[
            Column::Text("Measure"),
            Column::Number("Value"),
            Column::Text("Meaning"),
        ],
        &rows,
    )
}

fn confusion(matrix: &ConfusionMatrix) -> Markup {
    let cell = |count_of: u64, of: u64| {
        let share = (of > 0).then(|| percent(count_of as f64 / of as f64));
        html! { td.number { (count(count_of)) br; small { (or_dash(share)) } } }
    };
    let (stayed, left) = (matrix.negatives(), matrix.positives());
    html! {
        table.confusion {
            caption { "Outcomes (rows) and predictions (columns); the percentages of a row add up to 100" }
            thead {
                tr { td {} th.number scope="col" { "not flagged" } th.number scope="col" { "flagged" } }
            }
            tbody {
                tr {
                    th scope="row" { "stayed" }
                    (cell(matrix.true_negative, stayed))
                    (cell(matrix.false_positive, stayed))
                }
                tr {
                    th scope="row" { "left" }
                    (cell(matrix.false_negative, left))
                    (cell(matrix.true_positive, left))
                }
            }
        }
    }
}

/// Share of leavers found by share of clients called.
pub(super) fn gain(metrics: &Metrics, ranking: &Ranking) -> Gain {
    let point = |[hits, alarms]: &[u64; 2]| {
        let called = (hits + alarms) as f64 / metrics.rows as f64;
        (metrics.positives > 0).then(|| [called, *hits as f64 / metrics.positives as f64])
    };
    let points = ranking.curve.iter().filter_map(point);
    Gain {
        points: std::iter::once([0.0, 0.0]).chain(points).collect(),
    }
}

fn lift(ranking: &Ranking) -> Lift {
    let deciles = ranking.deciles.iter();
    Lift {
        deciles: deciles
            .filter_map(|decile| Some((decile.decile, decile.lift?)))
            .collect(),
    }
}

fn roc(metrics: &Metrics, ranking: &Ranking) -> Roc {
    let share = |count: u64, of: u64| (of > 0).then(|| count as f64 / of as f64);
    let negatives = metrics.rows - metrics.positives;
    let point = |[hits, alarms]: [u64; 2]| {
        Some([share(alarms, negatives)?, share(hits, metrics.positives)?])
    };
    let points = ranking.curve.iter().copied().filter_map(point);
    let matrix = &metrics.confusion;
    Roc {
        points: std::iter::once([0.0, 0.0]).chain(points).collect(),
        operating_point: point([matrix.true_positive, matrix.false_positive]),
        area: metrics.roc_auc,
    }
}

fn precision_recall(metrics: &Metrics, ranking: &Ranking) -> PrecisionRecall {
    let point = |[hits, alarms]: &[u64; 2]| {
        let recall = (metrics.positives > 0).then(|| *hits as f64 / metrics.positives as f64)?;
        Some([recall, *hits as f64 / (hits + alarms).max(1) as f64])
    };
    PrecisionRecall {
        points: ranking.curve.iter().filter_map(point).collect(),
        operating_point: metrics.recall.zip(metrics.precision).map(<[f64; 2]>::from),
        prevalence: metrics.prevalence,
        average_precision: ranking.average_precision,
    }
}

fn calibration(ranking: &Ranking) -> Option<Calibration> {
    let bins = ranking.calibration.as_ref()?.curve.iter();
    Some(Calibration {
        bins: bins
            .map(|bin| CalibrationBin {
                mean_probability: bin.mean_probability,
                share: bin.share,
                rows: bin.rows,
            })
            .collect(),
    })
}

fn deciles(deciles: &[Decile]) -> Markup {
    let rows: Vec<Vec<String>> = deciles
        .iter()
        .map(|decile| {
            vec![
                decile.decile.to_string(),
                count(decile.rows),
                format!("{:.0}", decile.positives),
                percent(decile.rate),
                or_dash(decile.cumulative_gain.map(percent)),
                or_dash(decile.lift.map(level)),
            ]
        })
        .collect();
    html! {
        details {
            summary { "The rows by decile, the highest risk first" }
            (table(
                "Rows by decile of the predicted probability",
                &[
                    Column::Number("Decile"),
                    Column::Number("Rows"),
                    Column::Number("Left"),
                    Column::Number("Share that left"),
                    Column::Number("Leavers found so far"),
                    Column::Number("Lift"),
                ],
                &rows,
            ))
        }
    }
}
