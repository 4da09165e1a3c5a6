//! Chooses the training window by out-of-fold predictions of the gate rows.
//!
//! For each window and fold, a model is fitted to the window without the clients of the fold. The model
//! predicts the gate rows of the fold. A shorter window is chosen only if its log-loss is significantly
//! lower than with all rows. If this holds for several windows, the one with the lowest log-loss is chosen.
//!
//! The gate must not judge the candidate on rows that chose its window. In each fold, the candidate
//! therefore predicts with the window that the other folds choose.

use std::ops::Range;

use common::Failure;
use common::config::{TrainingSettings, TrainingWindow};
use dataset::passes::{ClientSums, LabelCounts, LossSum, label_counts, loss_sum, paired_losses};
use dataset::{FOLDS, Fold, RowNumbers, Selection, Table};
use model::{LinearPredictor, Model, Predictor, Window, WindowResult};
use training::{FitError, FittedForm, OutOfFold, first_row_of_last, fit_window};

use crate::statistics::p_value_of_positive_mean;

/// Sizes of the windows that are tried: numbers of newest batches.
const BATCHES: [u32; 5] = [1, 2, 4, 8, 16];
/// Number of last batches that gate rows may come from.
const GATE_BATCHES: u32 = 5;
/// Minimum number of labelled rows of a shorter window.
const MIN_ROWS: u64 = 60;
/// Minimum number of labelled rows for each feature.
const MIN_ROWS_OF_A_FEATURE: u64 = 10;
/// Minimum number of rows of each label.
const MIN_OF_EACH_LABEL: u64 = 5;
/// Significance level of the test that a shorter window is better than all rows.
const SIGNIFICANCE: f64 = 0.05;

/// A window and its rows in a table.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRows {
    /// The window.
    pub window: Window,
    /// Number of its first row in finaldata.csv, counted from 0.
    pub first_row: u64,
    /// Rows of the window, labelled or not.
    pub rows: Range<usize>,
}

/// The windows to choose from. The first is tried first and chosen unless another is better.
///
/// `rows` is the number of rows in the table and `numbers` are their numbers in finaldata.csv. `batches`
/// holds the number of the first row of each batch. `drift` is the number of the first row since the drift
/// was found. Of windows with the same rows, only the first is listed.
pub fn windows(
    setting: TrainingWindow,
    rows: usize,
    numbers: &RowNumbers,
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
    for (window, first_row) in wanted {
        if !windows.iter().any(|other| other.first_row == first_row) {
            windows.push(WindowRows {
                window,
                first_row,
                rows: numbers.position(first_row)..rows,
            });
        }
    }
    windows
}

/// The first gate row.
///
/// Gate rows are rows of the last batches that arrived since the drift was found. The deployed model was
/// not fitted to them. The new rows of a run are always gate rows. Without drift, only the new rows are.
///
/// `new` is the first new row. `drift` is the first row since the drift was found. `fitted` is the
/// number of rows that existed when the deployed model was fitted.
pub fn first_gate_row(new: u64, batches: &[u64], drift: Option<u64>, fitted: u64) -> u64 {
    let last = first_row_of_last(batches, GATE_BATCHES);
    drift.map_or(new, |drift| new.min(drift.max(last).max(fitted)))
}

/// The input of [`choose_window`].
#[derive(Clone, Copy, Debug)]
pub struct WindowTrial<'a> {
    /// Settings of the fits.
    pub training: &'a TrainingSettings,
    /// The ingested data.
    pub table: &'a Table,
    /// The windows, at least one.
    pub windows: &'a [WindowRows],
    /// The model that was fitted to the first window.
    pub first: &'a Model,
    /// The rows that the windows are tried on.
    pub gate_rows: &'a Range<usize>,
}

/// The chosen window.
#[derive(Clone, Debug)]
pub struct WindowChoice {
    /// The chosen window.
    pub chosen: WindowRows,
    /// Results of all windows, in their order.
    pub results: Vec<WindowResult>,
    /// The gate rows by fold. For each fold there is a predictor, which makes the candidate's
    /// predictions. Folds without labelled gate rows are left out.
    pub(crate) folds: Vec<GateFold>,
}

/// The predictor that makes the candidate's predictions for one fold of the gate rows.
#[derive(Clone, Debug)]
pub(crate) struct GateFold {
    pub(crate) rows: Selection,
    /// The candidate without the clients of the fold, fitted to the window that the other folds choose.
    pub(crate) predictor: Predictor,
}

/// Tries the windows and chooses one.
///
/// Returns an error if a fold of the first window cannot be fitted. If a fold of another window cannot be
/// fitted, that window is left out.
pub fn choose_window(trial: &WindowTrial<'_>) -> anyhow::Result<WindowChoice> {
    let gate = rows_by_fold(trial.table, trial.gate_rows)?;
    let form = FittedForm::of(trial.first);
    let first = Tried::of(trial, &gate, &trial.windows[0], &form, None);
    let first = first.map_err(|why| match why {
        NotTried::Failed(failure) => failure,
        NotTried::LeftOut(reason) => Failure::data(reason),
    })?;
    let mut shorter = Vec::new();
    for window in &trial.windows[1..] {
        shorter.push(match try_shorter(trial, &gate, window, &first) {
            Ok(tried) => Ok(tried),
            Err(NotTried::LeftOut(reason)) => Err(reason),
            Err(NotTried::Failed(failure)) => return Err(failure.into()),
        });
    }
    let tried: Vec<_> = std::iter::once(Ok(first)).chain(shorter).collect();
    let chosen = choose(&tried, |_| true);
    let mut results = Vec::new();
    for (place, (window, found)) in trial.windows.iter().zip(&tried).enumerate() {
        results.push(WindowResult {
            window: window.window,
            first_row: window.first_row,
            labelled_rows: labels(trial.table, window)?.labelled(),
            log_loss: found.as_ref().ok().and_then(|it| it.mean_loss(|_| true)),
            p_value: p_value_of_lower(&tried, place, |_| true),
            left_out: found.as_ref().err().cloned(),
            is_chosen: place == chosen,
        });
    }
    Ok(WindowChoice {
        chosen: trial.windows[chosen].clone(),
        results,
        folds: candidate_folds(&tried, &gate),
    })
}

/// The folds of the gate rows, each with the predictor of the window that the other folds choose.
fn candidate_folds(tried: &[Result<Tried, String>], gate: &[FoldRows]) -> Vec<GateFold> {
    let mut folds = Vec::new();
    for (place, fold) in gate.iter().enumerate() {
        let by_others = choose(tried, |other| other != place);
        if let Ok(window) = &tried[by_others] {
            folds.push(GateFold {
                rows: fold.rows.clone(),
                predictor: window.folds[place].predictor.clone(),
            });
        }
    }
    folds
}

/// The labelled gate rows of one fold's clients; at least one.
struct FoldRows {
    /// Number of the fold. Folds without rows are left out, so this is not the place in a list.
    number: u64,
    rows: Selection,
}

/// The labelled rows in this range of a table, by fold. A fold without labelled rows is left out.
fn rows_by_fold(table: &Table, rows: &Range<usize>) -> Result<Vec<FoldRows>, Failure> {
    let labelled = Selection::rows(rows.clone()).labelled();
    let mut folds = Vec::new();
    for number in 0..FOLDS {
        let rows = labelled.clone().of_fold(Fold::Inside(number));
        if label_counts(table, &rows)?.labelled() > 0 {
            folds.push(FoldRows { number, rows });
        }
    }
    Ok(folds)
}

/// The predictions of a window for the gate rows of each fold.
struct Tried {
    folds: Vec<TriedFold>,
}

struct TriedFold {
    /// The fit to the window without the clients of the fold.
    predictor: Predictor,
    losses: LossSum,
    /// The log-loss of the first window minus the log-loss of this one; empty for the first window.
    gains: ClientSums,
}

/// Why a window was not tried.
enum NotTried {
    /// No window can be tried.
    Failed(Failure),
    /// The window is left out, for this reason.
    LeftOut(String),
}

impl From<Failure> for NotTried {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<FitError> for NotTried {
    fn from(error: FitError) -> Self {
        match error {
            FitError::Failed(failure) => Self::Failed(failure),
            reason => Self::LeftOut(reason.to_string()),
        }
    }
}

impl Tried {
    /// Predicts each fold of the gate rows by a fit to the window without the clients of the fold, and
    /// compares the predictions with those of the first window; `first` is `None` for that window itself.
    fn of(
        trial: &WindowTrial<'_>,
        gate: &[FoldRows],
        window: &WindowRows,
        form: &FittedForm,
        first: Option<&Self>,
    ) -> Result<Self, NotTried> {
        let selection = Selection::rows(window.rows.clone());
        let fits = OutOfFold::new(form, trial.table, &selection)?;
        let mut folds = Vec::new();
        for (place, FoldRows { number, rows }) in gate.iter().enumerate() {
            let predictor = out_of_fold(&fits, *number).map_err(|error| match error.into() {
                NotTried::LeftOut(reason) => NotTried::LeftOut(format!(
                    "failed to fit the candidate without fold {number}: {reason}"
                )),
                failed => failed,
            })?;
            let expression = predictor.expression();
            let gains = match first {
                Some(first) => {
                    let of_first = first.folds[place].predictor.expression();
                    paired_losses([&of_first, &expression], None, trial.table, rows)?
                }
                None => ClientSums::default(),
            };
            folds.push(TriedFold {
                losses: loss_sum(&expression, trial.table, rows)?,
                gains,
                predictor,
            });
        }
        Ok(Self { folds })
    }

    /// Mean log-loss of the gate rows in the folds whose place `is_included`.
    fn mean_loss(&self, is_included: impl Fn(usize) -> bool) -> Option<f64> {
        let folds = self.folds.iter().enumerate();
        let folds = folds.filter(|(place, _)| is_included(*place));
        folds.map(|(_, fold)| fold.losses).sum::<LossSum>().mean()
    }
}

/// Tries a window other than the first.
fn try_shorter(
    trial: &WindowTrial<'_>,
    gate: &[FoldRows],
    window: &WindowRows,
    first: &Tried,
) -> Result<Tried, NotTried> {
    let (labels, features) = (labels(trial.table, window)?, trial.table.n_features());
    let (labelled, rarer) = (labels.labelled(), labels.rarer());
    let needed = MIN_ROWS.max(MIN_ROWS_OF_A_FEATURE * features as u64);
    if labelled < needed {
        return Err(NotTried::LeftOut(format!(
            "it has {labelled} labelled rows, fewer than {needed}"
        )));
    }
    if rarer < MIN_OF_EACH_LABEL {
        return Err(NotTried::LeftOut(format!(
            "it has {rarer} rows of one label, fewer than {MIN_OF_EACH_LABEL}"
        )));
    }
    let rows = window.rows.clone();
    let form = fit_window(trial.first, trial.training, trial.table, rows)?;
    Tried::of(trial, gate, window, &form, Some(first))
}

/// Index of the window that the gate rows of these folds choose; 0 unless another is significantly
/// better.
fn choose(tried: &[Result<Tried, String>], is_included: impl Fn(usize) -> bool + Copy) -> usize {
    let loss = |place: usize| tried[place].as_ref().ok()?.mean_loss(is_included);
    let is_better = |place: &usize| {
        p_value_of_lower(tried, *place, is_included).is_some_and(|p| p < SIGNIFICANCE)
    };
    let better = (1..tried.len()).filter(is_better);
    let better = better.filter_map(|place| Some((place, loss(place)?)));
    let best = better.min_by(|one, other| one.1.total_cmp(&other.1));
    best.map_or(0, |(place, _)| place)
}

/// P-value of the test that a window's log-loss is lower than with the first window, on the gate rows of
/// some folds. `None` for the first window itself.
fn p_value_of_lower(
    tried: &[Result<Tried, String>],
    place: usize,
    is_included: impl Fn(usize) -> bool,
) -> Option<f64> {
    let folds = tried[place].as_ref().ok()?.folds.iter().enumerate();
    let folds = folds.filter(|(place, _)| is_included(*place));
    let gains: ClientSums = folds.map(|(_, fold)| fold.gains).sum();
    p_value_of_positive_mean(&gains)
}

/// Counts of the labels of a window's rows.
fn labels(table: &Table, window: &WindowRows) -> Result<LabelCounts, Failure> {
    label_counts(table, &Selection::rows(window.rows.clone()))
}

/// The predictor for a fold: the fit to the other folds. If those have at most one label, it is a
/// constant: their share of positive labels, with half a row added to each label.
pub(crate) fn out_of_fold(folds: &OutOfFold<'_>, fold: u64) -> Result<Predictor, FitError> {
    // A share of exactly 0 or 1 has no finite log-odds: one row with the other label would have an
    // infinite log-loss. Half a row is therefore added to each label (Jeffreys' prior).
    let constant_of = |positives: f64, negatives: f64| {
        let log_odds = ((positives + 0.5) / (negatives + 0.5)).ln();
        Predictor::Linear(LinearPredictor::constant(log_odds))
    };
    match folds.without(fold) {
        Ok(predictor) => Ok(predictor),
        Err(FitError::NoRows) => Ok(constant_of(0.0, 0.0)),
        Err(FitError::OneLabel { label: 0, rows }) => Ok(constant_of(0.0, rows as f64)),
        Err(FitError::OneLabel { rows, .. }) => Ok(constant_of(rows as f64, 0.0)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
