//! Performance of the predictions in a file: estimated from the probabilities, and realised where
//! the labels are known.

use common::Failure;
use dataset::AnyColumns;
use dataset::passes::groups_of_rows;
use model::Threshold;
use scoring::{
    Calibration, ConfusionMatrix, Estimate, Forecast, Recalibration, calibration, estimate,
    evaluate, f1_interval, forecasts, recalibrate,
};
use serde::Serialize;

/// Distance that a probability keeps from 0 and 1, where log-odds would be infinite.
const MIN_PROBABILITY: f64 = 1e-12;

/// Names of the columns that hold a model's predictions.
#[derive(Clone, Copy, Debug)]
pub struct PredictionColumns<'a> {
    /// Column with the probability of the positive label, 0 to 1.
    pub probability: &'a str,
    /// Column with the predicted label, 0 or 1.
    pub prediction: &'a str,
}

/// Performance of the predictions in the current file.
#[derive(Clone, Debug, Serialize)]
pub struct Performance {
    /// Performance estimated from the probabilities alone, so blind to concept drift. `None` when
    /// no row has both probability and prediction.
    pub estimated: Option<Estimate>,
    /// Recalibration of the probabilities before estimating, fitted to the labels of the reference.
    /// Without such labels the intercept is 0 and the slope 1, which changes nothing.
    pub recalibration: Recalibration,
    /// Performance on the rows with a known label. `None` without such rows.
    pub realised: Option<RealisedPerformance>,
    /// Rows that were left out because probability or prediction is missing.
    pub unanswered: u64,
    /// Reasons why an expected result is missing.
    pub notes: Vec<String>,
}

/// Performance of the predictions on labelled rows.
#[derive(Clone, Debug, Serialize)]
pub struct RealisedPerformance {
    /// Number of labelled rows.
    pub rows: u64,
    /// F1 of the positive label.
    pub f1: Option<f64>,
    /// 95 % interval of F1.
    pub f1_interval: Option<[f64; 2]>,
    /// Share of predicted positives that are positive.
    pub precision: Option<f64>,
    /// Share of positives that are predicted positive.
    pub recall: Option<f64>,
    /// Share of correct predictions.
    pub accuracy: Option<f64>,
    /// Area under the ROC curve of the probabilities.
    pub roc_auc: Option<f64>,
    /// Log-loss of the probabilities.
    pub log_loss: f64,
    /// Brier score of the probabilities.
    pub brier: f64,
    /// Calibration of the probabilities.
    pub calibration: Option<Calibration>,
}

/// A row with a prediction.
struct Prediction {
    probability: f64,
    is_positive: bool,
    label: Option<bool>,
}

impl Prediction {
    /// The log-odds of the probability; finite.
    fn log_odds(&self) -> f64 {
        let p = self
            .probability
            .clamp(MIN_PROBABILITY, 1.0 - MIN_PROBABILITY);
        (p / (1.0 - p)).ln()
    }
}

/// Evaluates the predictions in the current file. Their probabilities are recalibrated with the predictions
/// and labels of the reference.
///
/// Fails if a column is missing, or has values that are no probability or label (exit code 65).
pub(super) fn evaluate_predictions(
    columns: PredictionColumns<'_>,
    target: &str,
    reference: &AnyColumns,
    current: &AnyColumns,
) -> anyhow::Result<Performance> {
    let predictions = read_predictions(columns, target, current)?;
    let mut notes = Vec::new();
    if let Err(reason) = numbers(current, target) {
        notes.push(format!("no label is known in the current file: {reason:#}"));
    }
    // The reference may be raw data, without predictions.
    let reference_predictions = numbers(reference, target)
        .map_err(anyhow::Error::from)
        .and_then(|_| read_predictions(columns, target, reference));
    let recalibration = match reference_predictions {
        Ok(predictions) => recalibrate(&labelled(&predictions)),
        Err(reason) => {
            notes.push(format!(
                "the probabilities were not recalibrated, because the reference has no usable predictions: {reason:#}"
            ));
            Recalibration::NONE
        }
    };
    let log_odds: Vec<f64> = predictions.iter().map(Prediction::log_odds).collect();
    let rows: Vec<Forecast> = forecasts(&log_odds, &recalibration)
        .into_iter()
        .zip(&predictions)
        .map(|(forecast, prediction)| Forecast {
            predicts_positive: prediction.is_positive,
            ..forecast
        })
        .collect();
    Ok(Performance {
        estimated: estimate(&rows),
        recalibration,
        realised: realised_performance(&predictions),
        unanswered: current.rows - predictions.len() as u64,
        notes,
    })
}

fn realised_performance(predictions: &[Prediction]) -> Option<RealisedPerformance> {
    let of_probabilities = evaluate(&groups_of_rows(labelled(predictions)), Threshold::HALF)?;
    let mut confusion = ConfusionMatrix::default();
    let mut probabilities = Vec::new();
    for prediction in predictions {
        if let Some(label) = prediction.label {
            confusion.count(label, prediction.is_positive);
            probabilities.push((prediction.probability, label));
        }
    }
    Some(RealisedPerformance {
        rows: confusion.rows(),
        f1: confusion.f1(),
        f1_interval: confusion.f1().and_then(|_| f1_interval(&confusion)),
        precision: confusion.precision(),
        recall: confusion.recall(),
        accuracy: confusion.accuracy(),
        roc_auc: of_probabilities.roc_auc,
        log_loss: of_probabilities.log_loss,
        brier: of_probabilities.brier,
        calibration: calibration(&probabilities),
    })
}

/// The log-odds and the label of each labelled row.
fn labelled(predictions: &[Prediction]) -> Vec<(f64, bool)> {
    let labelled = |prediction: &Prediction| Some((prediction.log_odds(), prediction.label?));
    predictions.iter().filter_map(labelled).collect()
}

/// Reads the rows of a file that have both probability and prediction.
fn read_predictions(
    columns: PredictionColumns<'_>,
    target: &str,
    file: &AnyColumns,
) -> anyhow::Result<Vec<Prediction>> {
    let probabilities = numbers(file, columns.probability)?;
    let predictions = numbers(file, columns.prediction)?;
    check(
        probabilities,
        columns.probability,
        "a probability from 0 to 1",
        |p| (0.0..=1.0).contains(&p),
    )?;
    check(predictions, columns.prediction, "a label, 0 or 1", is_label)?;
    let labels = numbers(file, target).ok();
    let label = |row: usize| {
        let number = labels?.get(row).copied()?;
        is_label(number).then_some(number == 1.0)
    };
    let rows = probabilities.iter().zip(predictions).enumerate();
    Ok(rows
        .filter(|(_, (probability, prediction))| !probability.is_nan() && !prediction.is_nan())
        .map(|(row, (probability, prediction))| Prediction {
            probability: *probability,
            is_positive: *prediction == 1.0,
            label: label(row),
        })
        .collect())
}

fn is_label(number: f64) -> bool {
    number == 0.0 || number == 1.0
}

fn numbers<'a>(file: &'a AnyColumns, name: &str) -> Result<&'a [f64], Failure> {
    let column = file.columns.iter().find(|column| column.name == name);
    let column = column.ok_or_else(|| {
        let names: Vec<&str> = file
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        Failure::data(format!(
            "the column {name} is missing (found: {})",
            names.join(", ")
        ))
    })?;
    let numbers = column.numbers.as_deref();
    numbers
        .ok_or_else(|| Failure::data(format!("the column {name} holds text that is not a number")))
}

fn check(
    numbers: &[f64],
    name: &str,
    wanted: &str,
    is_allowed: impl Fn(f64) -> bool,
) -> Result<(), Failure> {
    let other = numbers
        .iter()
        .find(|number| !number.is_nan() && !is_allowed(**number));
    match other {
        Some(number) => Err(Failure::data(format!(
            "the column {name} holds {number}, which is not {wanted}"
        ))),
        None => Ok(()),
    }
}
