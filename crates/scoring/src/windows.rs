//! The choice of a training window, made out of fold on the gate rows.
//!
//! A window is tried by fits that each leave out the clients of one fold, in the window and in the
//! gate rows. A shorter window is chosen only where its log-loss is significantly lower than that of
//! all rows; of several, the one with the lowest. The gate must not judge the candidate on rows that
//! chose its window. In each fold the candidate therefore predicts with the window that the other
//! folds choose.

use std::ops::Range;

use anyhow::Context;
use common::Failure;
use common::config::{TrainingSettings, TrainingWindow};
use dataset::passes::{ScoredRow, log_loss, log_odds};
use dataset::{FOLDS, Fold, Selection, Table};
use model::{LinearPredictor, Model, Predictor, Window, WindowResult};
use training::{FitError, FittedForm, OutOfFold, first_row_of_last, fit_window};

use crate::statistics::{PairedRow, p_value_of_positive_mean};

/// Numbers of last batches that are tried as windows.
const BATCHES: [u32; 5] = [1, 2, 4, 8, 16];
/// Number of last batches that gate rows are from.
const GATE_BATCHES: u32 = 5;
/// Minimum number of labelled rows of a window other than all rows.
const MIN_ROWS: usize = 60;
/// Minimum number of labelled rows for each feature.
const MIN_ROWS_OF_A_FEATURE: usize = 10;
/// Minimum number of rows of each label.
const MIN_OF_EACH_LABEL: usize = 5;
/// Significance level of the test that a shorter window is better than all rows.
const SIGNIFICANCE: f64 = 0.05;

/// A window and its rows in a table.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRows {
    /// The window.
    pub window: Window,
    /// Its rows, labelled or not.
    pub rows: Range<usize>,
}

/// The windows to choose from. The first is tried first and chosen unless another is better.
///
/// `batches` has the first row of each batch, `drift` the first row since the drift was found. Windows
/// of the same rows are listed once.
pub fn windows(
    setting: TrainingWindow,
    rows: usize,
    batches: &[u64],
    drift: Option<u64>,
) -> Vec<WindowRows> {
    let last = |count| {
        (
            Window::LastBatches(count),
            first_row_of_last(batches, count),
        )
    };
    let all = (Window::AllRows, 0);
    let since_drift = drift.map(|first| (Window::SinceDrift, first));
    let wanted = match setting {
        TrainingWindow::All => vec![all],
        TrainingWindow::Batches(count) => vec![last(count)],
        TrainingWindow::Auto => [all]
            .into_iter()
            .chain(since_drift)
            .chain(BATCHES.map(last))
            .collect(),
    };
    let mut windows: Vec<WindowRows> = Vec::new();
    for (window, first) in wanted {
        let rows = first as usize..rows;
        if !windows.iter().any(|other| other.rows == rows) {
            windows.push(WindowRows { window, rows });
        }
    }
    windows
}

/// The first gate row.
///
/// Gate rows are the rows since the drift was found, at most those of the last batches, that the
/// deployed model was not fitted to. The rows that are new to a run are always among them: `new` is
/// the first of them. `drift` is the first row since the drift was found; without it only the new rows
/// count. `fitted` is the number of rows that existed when the deployed model was fitted.
pub fn first_gate_row(new: u64, batches: &[u64], drift: Option<u64>, fitted: u64) -> u64 {
    let last = first_row_of_last(batches, GATE_BATCHES);
    drift.map_or(new, |drift| new.min(drift.max(last).max(fitted)))
}

/// What a choice of a window is made from.
#[derive(Clone, Copy, Debug)]
pub struct WindowTrial<'a> {
    /// Settings of the fits.
    pub training: &'a TrainingSettings,
    /// The ingested data.
    pub table: &'a Table,
    /// The windows, at least one.
    pub windows: &'a [WindowRows],
    /// The model fitted to the first window.
    pub first: &'a Model,
    /// The rows that the windows are tried on.
    pub gate_rows: &'a Range<usize>,
}

/// The chosen window.
#[derive(Clone, Debug)]
pub struct WindowChoice {
    /// The chosen window.
    pub chosen: WindowRows,
    /// All windows.
    pub results: Vec<WindowResult>,
    /// The candidate's out-of-fold predictions for the labelled gate rows, fold by fold.
    pub(crate) answers: Vec<ScoredRow>,
}

/// Tries the windows and chooses one.
///
/// An error if a fold of the first window cannot be fitted. Another window is left out then.
pub fn choose_window(trial: &WindowTrial<'_>) -> anyhow::Result<WindowChoice> {
    let gate = GateRows::of(trial.table, trial.gate_rows);
    let near = FittedForm::of(trial.first);
    let first = Tried::of(trial, &gate, &trial.windows[0], &near)?;
    let features = trial.first.schema.features.len();
    let mut tried: Vec<Result<Tried, String>> = vec![Ok(first)];
    for window in &trial.windows[1..] {
        tried.push(try_shorter(trial, &gate, window, features));
    }
    let chosen = choose(&tried, &gate, |_| true);
    let results = trial.windows.iter().zip(&tried).enumerate();
    let results = results.map(|(place, (window, found))| WindowResult {
        window: window.window,
        first_row: window.rows.start as u64,
        labelled_rows: labelled(trial.table, window).len() as u64,
        log_loss: found.as_ref().ok().and_then(Tried::mean_loss),
        p_value: p_value_of_lower(&tried, place, &gate, |_| true),
        left_out: found.as_ref().err().cloned(),
        is_chosen: place == chosen,
    });
    Ok(WindowChoice {
        chosen: trial.windows[chosen].clone(),
        results: results.collect(),
        answers: answers(&tried, &gate),
    })
}

/// The candidate's predictions for the gate rows: in each fold those of the window that the other
/// folds choose.
fn answers(tried: &[Result<Tried, String>], gate: &GateRows) -> Vec<ScoredRow> {
    let mut answers = Vec::with_capacity(gate.labels.len());
    for fold in &gate.folds {
        let by_others = choose(tried, gate, |other| other != fold.number);
        if let Ok(window) = &tried[by_others] {
            answers.extend(fold.rows.clone().map(|row| ScoredRow {
                log_odds: window.log_odds[row],
                label: Some(gate.labels[row]),
            }));
        }
    }
    answers
}

/// The labelled gate rows, fold by fold.
#[derive(Default)]
pub(crate) struct GateRows {
    pub(crate) folds: Vec<GateFold>,
    pub(crate) labels: Vec<bool>,
    pub(crate) clients: Vec<u64>,
}

/// The gate rows of one fold's clients.
pub(crate) struct GateFold {
    number: u64,
    pub(crate) selection: Selection,
    /// Places among all gate rows.
    rows: Range<usize>,
}

impl GateRows {
    /// The labelled rows at these positions of a table. A fold without rows is left out.
    pub(crate) fn of(table: &Table, rows: &Range<usize>) -> Self {
        let mut gate = Self::default();
        for number in 0..FOLDS {
            let first = gate.labels.len();
            for row in rows.clone() {
                if let (Some(label), true) =
                    (table.labels[row], table.clients[row] % FOLDS == number)
                {
                    gate.labels.push(label);
                    gate.clients.push(table.clients[row]);
                }
            }
            let rows_of_fold = first..gate.labels.len();
            if !rows_of_fold.is_empty() {
                gate.folds.push(GateFold {
                    number,
                    selection: Selection::rows(rows.clone())
                        .labelled()
                        .of_fold(Fold::Inside(number)),
                    rows: rows_of_fold,
                });
            }
        }
        gate
    }
}

/// The predictions of a window for the gate rows.
struct Tried {
    log_odds: Vec<f64>,
    losses: Vec<f64>,
}

impl Tried {
    /// Predicts each fold of the gate rows by a fit to the window without the clients of the fold.
    fn of(
        trial: &WindowTrial<'_>,
        gate: &GateRows,
        window: &WindowRows,
        near: &FittedForm,
    ) -> anyhow::Result<Self> {
        let selection = Selection::rows(window.rows.clone());
        let folds = OutOfFold::new(near, trial.table, &selection);
        let mut log_odds_of_rows = Vec::with_capacity(gate.labels.len());
        for fold in &gate.folds {
            let number = fold.number;
            let predictor = out_of_fold(&folds, number)
                .with_context(|| format!("failed to fit the candidate without fold {number}"))?;
            let scored = log_odds(&predictor.expression(), trial.table, &fold.selection);
            log_odds_of_rows.extend(scored.iter().map(|row| row.log_odds));
        }
        let losses = log_odds_of_rows.iter().zip(&gate.labels);
        let losses = losses.map(|(log_odds, label)| log_loss(*log_odds, *label));
        Ok(Self {
            losses: losses.collect(),
            log_odds: log_odds_of_rows,
        })
    }

    fn mean_loss(&self) -> Option<f64> {
        mean(self.losses.iter().copied())
    }
}

/// Tries a window other than the first; an error says why it is left out.
fn try_shorter(
    trial: &WindowTrial<'_>,
    gate: &GateRows,
    window: &WindowRows,
    features: usize,
) -> Result<Tried, String> {
    let labels = labelled(trial.table, window);
    let positives = labels.iter().filter(|label| **label).count();
    let fewest = positives.min(labels.len() - positives);
    let needed = MIN_ROWS.max(MIN_ROWS_OF_A_FEATURE * features);
    if labels.len() < needed {
        return Err(format!(
            "it has {} labelled rows, fewer than {needed}",
            labels.len()
        ));
    }
    if fewest < MIN_OF_EACH_LABEL {
        return Err(format!(
            "it has {fewest} rows of one label, fewer than {MIN_OF_EACH_LABEL}"
        ));
    }
    let rows = window.rows.clone();
    let near = fit_window(trial.first, trial.training, trial.table, rows)
        .map_err(|error| error.to_string())?;
    Tried::of(trial, gate, window, &near).map_err(|error| format!("{error:#}"))
}

/// The place of the window that the gate rows of some folds choose.
fn choose(
    tried: &[Result<Tried, String>],
    gate: &GateRows,
    counts: impl Fn(u64) -> bool + Copy,
) -> usize {
    let losses = |place: usize| {
        let tried = tried[place].as_ref().ok()?;
        let folds = gate.folds.iter().filter(|fold| counts(fold.number));
        mean(folds.flat_map(|fold| tried.losses[fold.rows.clone()].iter().copied()))
    };
    let is_better = |place: &usize| {
        p_value_of_lower(tried, *place, gate, counts).is_some_and(|p| p < SIGNIFICANCE)
    };
    let better = (1..tried.len()).filter(is_better);
    let better = better.filter_map(|place| Some((place, losses(place)?)));
    let best = better.min_by(|one, other| one.1.total_cmp(&other.1));
    best.map_or(0, |(place, _)| place)
}

/// P-value of the test that a window's log-loss is lower than that of the first window, on the gate
/// rows of some folds. `None` for the first window itself.
fn p_value_of_lower(
    tried: &[Result<Tried, String>],
    place: usize,
    gate: &GateRows,
    counts: impl Fn(u64) -> bool,
) -> Option<f64> {
    let (first, other) = (tried[0].as_ref().ok()?, tried[place].as_ref().ok()?);
    if place == 0 {
        return None;
    }
    let rows = gate.folds.iter().filter(|fold| counts(fold.number));
    let rows = rows.flat_map(|fold| fold.rows.clone());
    let pairs = rows.map(|row| PairedRow {
        client: gate.clients[row],
        difference: first.losses[row] - other.losses[row],
    });
    p_value_of_positive_mean(pairs.collect())
}

/// The labels of a window's rows.
fn labelled(table: &Table, window: &WindowRows) -> Vec<bool> {
    table.labels[window.rows.clone()]
        .iter()
        .flatten()
        .copied()
        .collect()
}

fn mean(losses: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u64);
    for loss in losses {
        sum += loss;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// The predictor for a fold: the fit to the other folds. If those have one label only, it is the
/// constant share of positive labels.
pub(crate) fn out_of_fold(folds: &OutOfFold<'_>, fold: u64) -> Result<Predictor, Failure> {
    // A share of exactly 0 or 1 has no finite log-odds: one row with the other label would have an
    // infinite log-loss. Half a row is therefore added to each label (Jeffreys' prior).
    let share_of = |positives: f64, negatives: f64| {
        let log_odds = ((positives + 0.5) / (negatives + 0.5)).ln();
        Predictor::Linear(LinearPredictor::constant(log_odds))
    };
    match folds.without(fold) {
        Ok(predictor) => Ok(predictor),
        Err(FitError::NoRows) => Ok(share_of(0.0, 0.0)),
        Err(FitError::OneClass { class: 0, rows }) => Ok(share_of(0.0, rows as f64)),
        Err(FitError::OneClass { rows, .. }) => Ok(share_of(rows as f64, 0.0)),
        Err(error @ FitError::NotConverged { .. }) => Err(Failure::data(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
