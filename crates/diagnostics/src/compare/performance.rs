//! What the predictions of a file are worth: estimated from their probabilities, and where the
//! classes are known, as they turned out.

use common::Failure;
use dataset::AnyColumns;
use dataset::passes::ScoredRow;
use scoring::{
    Calibration, ConfusionMatrix, Estimate, Forecast, Recalibration, calibration, estimate,
    evaluate, f1_interval, forecasts, recalibrate,
};
use serde::Serialize;

use super::Answers;

/// Probabilities of exactly 0 or 1 have no log-odds; they count as this far from them.
const LEAST_PROBABILITY: f64 = 1e-12;

/// What predictions are worth.
#[derive(Clone, Debug, Serialize)]
pub struct Performance {
    /// From the probabilities alone; blind to concept drift. `None` without rows that have both
    /// probability and prediction.
    pub estimated: Option<Estimate>,
    /// How the probabilities were corrected for it, from the reference where that knows the target;
    /// intercept 0 and slope 1 where they were left as they are.
    pub recalibration: Recalibration,
    /// As it turned out; `None` where no row with both knows its class.
    pub realised: Option<Realised>,
    /// Rows without probability or prediction, which were left out.
    pub unanswered: u64,
    /// Why something is not known that might be expected here.
    pub notes: Vec<String>,
}

/// What predictions turned out to be worth.
#[derive(Clone, Debug, Serialize)]
pub struct Realised {
    /// Rows whose class is known.
    pub rows: u64,
    /// F1 of class 1.
    pub f1: Option<f64>,
    /// 95 % interval of F1.
    pub f1_interval: Option<[f64; 2]>,
    /// Share of the predicted leavers that left.
    pub precision: Option<f64>,
    /// Share of the leavers that were predicted.
    pub recall: Option<f64>,
    /// Share of the rows predicted right.
    pub accuracy: Option<f64>,
    /// Of the probabilities.
    pub roc_auc: Option<f64>,
    /// Of the probabilities.
    pub log_loss: f64,
    /// Of the probabilities.
    pub brier: f64,
    /// Of the probabilities.
    pub calibration: Option<Calibration>,
}

/// A row with a model's answer.
struct Answer {
    probability: f64,
    predicts_one: bool,
    class: Option<bool>,
}

/// Judges the answers in the current file; the reference's correct its probabilities.
///
/// A column that is missing or holds something else is an error (exit code 65).
pub(super) fn judge(
    answers: Answers<'_>,
    target: &str,
    reference: &AnyColumns,
    current: &AnyColumns,
) -> anyhow::Result<Performance> {
    let found = read(answers, target, current)?;
    let mut notes = Vec::new();
    if let Err(reason) = numbers(current, target) {
        notes.push(format!("no class is known in the current file: {reason:#}"));
    }
    // The reference may be raw data, without answers.
    let known = numbers(reference, target)
        .map_err(anyhow::Error::from)
        .and_then(|_| read(answers, target, reference));
    let recalibration = match known {
        Ok(known) => recalibrate(
            &scored(&known),
            &(0..known.len() as u64).collect::<Vec<u64>>(),
        ),
        Err(reason) => {
            notes.push(format!(
                "the probabilities are taken as they are, without the reference: {reason:#}"
            ));
            Recalibration::NONE
        }
    };
    let rows: Vec<Forecast> = forecasts(&scored(&found), &recalibration)
        .into_iter()
        .zip(&found)
        .map(|(forecast, answer)| Forecast {
            predicts_one: answer.predicts_one,
            ..forecast
        })
        .collect();
    Ok(Performance {
        estimated: estimate(&rows),
        recalibration,
        realised: realised(&found),
        unanswered: current.rows - found.len() as u64,
        notes,
    })
}

fn realised(answers: &[Answer]) -> Option<Realised> {
    let known: Vec<(&Answer, bool)> = answers
        .iter()
        .filter_map(|answer| Some((answer, answer.class?)))
        .collect();
    let of_probabilities = evaluate(&scored(answers))?;
    let mut confusion = ConfusionMatrix::default();
    for (answer, class) in &known {
        confusion.count(*class, answer.predicts_one);
    }
    let probabilities: Vec<(f64, bool)> = known
        .iter()
        .map(|(answer, class)| (answer.probability, *class))
        .collect();
    Some(Realised {
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

fn scored(answers: &[Answer]) -> Vec<ScoredRow> {
    let scored = |answer: &Answer| {
        let p = answer
            .probability
            .clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
        ScoredRow {
            log_odds: (p / (1.0 - p)).ln(),
            label: answer.class,
        }
    };
    answers.iter().map(scored).collect()
}

/// The rows of a file that have both probability and prediction.
fn read(answers: Answers<'_>, target: &str, file: &AnyColumns) -> anyhow::Result<Vec<Answer>> {
    let probabilities = numbers(file, answers.probability)?;
    let predictions = numbers(file, answers.prediction)?;
    check(
        probabilities,
        answers.probability,
        "a probability from 0 to 1",
        |p| (0.0..=1.0).contains(&p),
    )?;
    check(predictions, answers.prediction, "a class, 0 or 1", is_class)?;
    let classes = numbers(file, target).ok();
    let class = |row: usize| {
        let number = classes?.get(row).copied()?;
        is_class(number).then_some(number == 1.0)
    };
    let rows = probabilities.iter().zip(predictions).enumerate();
    Ok(rows
        .filter(|(_, (probability, prediction))| !probability.is_nan() && !prediction.is_nan())
        .map(|(row, (probability, prediction))| Answer {
            probability: *probability,
            predicts_one: *prediction == 1.0,
            class: class(row),
        })
        .collect())
}

fn is_class(number: f64) -> bool {
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
    numbers.ok_or_else(|| Failure::data(format!("the column {name} holds text that is no number")))
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
