//! Out-of-fold log-losses of a form, for each penalty that is tried.

use dataset::passes::{LossSum, loss_sum};
use dataset::{Fold, Selection, Table};
use model::{Design, Form, LinearPredictor};

use crate::fit::{
    Fit, FitError, FitSettings, fit, fit_starting_at, if_possible, one_step_out_of_fold,
};

/// Inverse strengths of the penalty, the strongest first.
const PENALTIES: [f64; 6] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
/// Place in [`PENALTIES`] of the one that is tried first.
const FIRST_TRIED: usize = 3;

/// The out-of-fold log-losses of the rows, with one penalty.
pub(super) struct Trial {
    pub(super) settings: FitSettings,
    /// A predictor fitted to all rows, at or near the optimum for this penalty. Other fits start from it.
    pub(super) initial: LinearPredictor,
    /// For each fold, a predictor that is fitted to the other folds.
    pub(super) out_of_fold: Vec<LinearPredictor>,
    /// The log-losses of each fold's rows.
    pub(super) losses: Vec<LossSum>,
}

/// A form with the penalties that were tried, the strongest first.
pub(super) struct Trials {
    pub(super) form: Form,
    /// The columns of the form while it is fitted.
    pub(super) design: Design,
    pub(super) tried: Vec<Trial>,
}

impl Trial {
    /// Predicts each fold after one Newton step on the other folds. The step begins at `initial`, a
    /// fit to all rows.
    pub(super) fn of(
        settings: FitSettings,
        initial: &Fit,
        table: &Table,
        rows: &Selection,
    ) -> Result<Self, FitError> {
        let out_of_fold = one_step_out_of_fold(&settings, &initial.predictor, table, rows)?;
        let folds = out_of_fold.iter().zip(0..);
        Ok(Self {
            losses: folds
                .map(|(predictor, fold)| losses(predictor, table, rows, fold))
                .collect::<Result<_, _>>()?,
            initial: initial.predictor.clone(),
            out_of_fold,
            settings,
        })
    }

    /// The sum of all log-losses.
    pub(super) fn total(&self) -> f64 {
        self.sum(|_| true)
    }

    /// The sum of the log-losses of the folds for which `is_counted` is true.
    fn sum(&self, is_counted: impl Fn(usize) -> bool) -> f64 {
        let folds = self.losses.iter().enumerate();
        let counted = folds.filter(|(number, _)| is_counted(*number));
        counted.map(|(_, losses)| losses.sum).sum()
    }
}

/// The log-losses of a fold's labelled rows.
pub(super) fn losses(
    predictor: &LinearPredictor,
    table: &Table,
    rows: &Selection,
    fold: u64,
) -> Result<LossSum, FitError> {
    let rows = rows.clone().of_fold(Fold::Inside(fold));
    Ok(loss_sum(&predictor.expression(), table, &rows)?)
}

/// The trial in the middle between stronger and weaker penalties, whose order begins at the middle. Weaker ones
/// are tried only if no stronger one is better. The strongest comes first.
fn on_both_sides(
    stronger: impl Iterator<Item = Result<Trial, FitError>>,
    middle: Trial,
    weaker: impl Iterator<Item = Result<Trial, FitError>>,
) -> Result<Vec<Trial>, FitError> {
    let total = middle.total();
    let mut tried = until_worse(total, stronger)?;
    tried.reverse();
    let is_stronger_better = tried.iter().any(|stronger| stronger.total() < total);
    tried.push(middle);
    if !is_stronger_better {
        tried.extend(until_worse(total, weaker)?);
    }
    Ok(tried)
}

/// Takes trials until one has a higher log-loss than the one before it, or cannot be fitted. `total` is the
/// log-loss before the first of them.
fn until_worse(
    mut total: f64,
    trials: impl Iterator<Item = Result<Trial, FitError>>,
) -> Result<Vec<Trial>, FitError> {
    let mut tried = Vec::new();
    for trial in trials {
        let Some(trial) = if_possible(trial)? else {
            break;
        };
        let before = std::mem::replace(&mut total, trial.total());
        tried.push(trial);
        if total > before {
            break;
        }
    }
    Ok(tried)
}

fn penalty_at(place: usize) -> FitSettings {
    FitSettings {
        c: PENALTIES[place],
    }
}

/// The next weaker penalty of the grid; `None` if there is none.
pub(super) fn weaker(settings: FitSettings) -> Option<FitSettings> {
    let next = PENALTIES.iter().position(|c| *c > settings.c);
    next.map(penalty_at)
}

impl Trials {
    /// The trials of straight lines, for which only one penalty is tried.
    pub(super) fn of_lines(only: Trial) -> Self {
        Self {
            form: Form::Linear,
            design: only.initial.design.clone(),
            tried: vec![only],
        }
    }

    /// Tries penalties of curves, from the middle of the grid in the direction of lower log-losses.
    pub(super) fn of_curves(
        steps: &Design,
        table: &Table,
        rows: &Selection,
    ) -> Result<Self, FitError> {
        let first = fit(&penalty_at(FIRST_TRIED), steps, table, rows)?;
        let try_at = |place: usize| {
            let fitted = fit_starting_at(&penalty_at(place), &first.predictor, table, rows)?;
            Trial::of(penalty_at(place), &fitted, table, rows)
        };
        let middle = Trial::of(penalty_at(FIRST_TRIED), &first, table, rows)?;
        let stronger = (0..FIRST_TRIED).rev().map(try_at);
        let weaker = (FIRST_TRIED + 1..PENALTIES.len()).map(try_at);
        let tried = on_both_sides(stronger, middle, weaker)?;
        Ok(Self {
            form: Form::Curves,
            design: steps.clone(),
            tried,
        })
    }

    /// The trial with the lowest log-loss.
    pub(super) fn best(&self) -> &Trial {
        self.best_of(|_| true)
    }

    /// The trial with the lowest log-loss on the folds for which `is_counted` is true.
    fn best_of(&self, is_counted: impl Fn(usize) -> bool + Copy) -> &Trial {
        let mut best = &self.tried[0];
        for tried in &self.tried[1..] {
            if tried.sum(is_counted) < best.sum(is_counted) {
                best = tried;
            }
        }
        best
    }

    /// For each fold, the predictor with the penalty that is best for the other folds, and the
    /// log-losses of the fold's rows.
    pub(super) fn of_folds(&self) -> impl Iterator<Item = (&LinearPredictor, LossSum)> {
        let folds = 0..self.tried[0].losses.len();
        folds.map(|fold| {
            let best = self.best_of(|other| other != fold);
            (&best.out_of_fold[fold], best.losses[fold])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log-losses of the trials, if those on both sides of 5 have these; `None` cannot be fitted.
    fn tried(stronger: &[Option<f64>], weaker: &[Option<f64>]) -> Vec<f64> {
        let trial = |sum: &Option<f64>| {
            Ok(Trial {
                settings: penalty_at(0),
                initial: LinearPredictor::constant(0.0),
                out_of_fold: Vec::new(),
                losses: vec![LossSum {
                    rows: 1,
                    sum: sum.ok_or(FitError::NoRows)?,
                }],
            })
        };
        let middle = trial(&Some(5.0)).unwrap();
        let [stronger, weaker] = [stronger, weaker].map(|side| side.iter().map(trial));
        let tried = on_both_sides(stronger, middle, weaker).unwrap();
        tried.iter().map(Trial::total).collect()
    }

    #[test]
    fn weaker_penalties_are_tried_only_if_no_stronger_one_is_better() {
        let weaker = [Some(4.0), Some(3.0), Some(6.0), Some(1.0)];
        assert_eq!(tried(&[Some(4.0), Some(6.0)], &weaker), [6.0, 4.0, 5.0]);
        // The penalty beyond the better one cannot be fitted.
        assert_eq!(tried(&[Some(4.0), None], &weaker), [4.0, 5.0]);
        assert_eq!(tried(&[Some(6.0)], &weaker), [6.0, 5.0, 4.0, 3.0, 6.0]);
        assert_eq!(tried(&[None], &[None]), [5.0]);
    }
}
