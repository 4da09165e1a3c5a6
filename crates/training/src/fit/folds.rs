//! Fits to all folds except one, for out-of-fold predictions.
//!
//! All fits begin at the same predictor, and their rows overlap. One pass therefore computes the first step
//! of all fits, and another pass the terms after it. With many rows the first step is enough.

use dataset::passes::{
    self, Axis, LogisticPoint, LogisticTerms, Moments, Term, logistic_terms_by_fold,
    logistic_terms_without_folds, moments_by_fold,
};
use dataset::{Fold, Selection, Table};
use model::{Design, LinearPredictor, Predictor};
use ndarray::Array1;

use super::axes::{axes, penalty, raw_predictor};
use super::error::FitError;
use super::newton::Goal;
use super::objective::Point;
use super::optimum::{Rows, solve};
use super::settings::FitSettings;
use super::start;

/// Fits to the labelled rows of a selection, each without the rows of one fold, and all with the same
/// columns.
pub(crate) struct FitsWithoutFold<'a> {
    settings: FitSettings,
    design: Design,
    table: &'a Table,
    /// The labelled rows.
    selection: Selection,
    /// For each fold, the moments and the start of the fit to the other folds.
    folds: Vec<Others>,
}

/// The moments and the start of a fit to all folds except one.
struct Others {
    /// Moments of the design's columns in the rows of the other folds.
    moments: Vec<Moments>,
    start: Option<Point>,
}

impl<'a> FitsWithoutFold<'a> {
    /// Takes the first step of each fit, from `initial`, a predictor that was fitted to all rows of the
    /// selection. All rows must be labelled. The fits have the columns of `initial`.
    pub(crate) fn new(
        settings: FitSettings,
        initial: LinearPredictor,
        table: &'a Table,
        selection: Selection,
    ) -> Result<Self, FitError> {
        let terms = initial.design.terms(table.n_features());
        let of_folds = moments_by_fold(&terms, table, &selection)?;
        let moments = others_of_each(&of_folds, joined);
        let axes_of_all = axes(&joined(&mut of_folds.iter()), &settings);
        let stepped = one_step(&settings, &initial, &terms, table, &selection, &axes_of_all)?;
        let axes: Vec<Vec<Axis>> = moments
            .iter()
            .map(|moments| axes(moments, &settings))
            .collect();
        let points: Vec<LogisticPoint<'_>> = stepped
            .iter()
            .zip(&axes)
            .map(|(stepped, axes)| LogisticPoint {
                terms: &terms,
                axes,
                weights: start::weights(stepped, axes),
            })
            .collect();
        let sums = logistic_terms_without_folds(&points, table, &selection)?;
        let starts = points.into_iter().zip(sums).map(|(point, sums)| {
            let penalty = penalty(point.axes, &settings);
            start::if_better(Point::penalised(point.weights, sums, &penalty))
        });
        let folds = moments.iter().cloned().zip(starts);
        let folds = folds
            .map(|(moments, start)| Others { moments, start })
            .collect();
        drop(terms);
        Ok(Self {
            settings,
            design: initial.design,
            table,
            selection,
            folds,
        })
    }

    /// The predictor that fits the rows of all folds except `fold`.
    pub(crate) fn without(&self, fold: u64) -> Result<Predictor, FitError> {
        let others = &self.folds[fold as usize];
        let rows = Rows {
            design: &self.design,
            terms: &self.design.terms(self.table.n_features()),
            table: self.table,
            selection: &self.selection.clone().of_fold(Fold::Outside(fold)),
            moments: &others.moments,
        };
        let fit = solve(&self.settings, &rows, Goal::Unverified, |_| {
            Ok(others.start.clone())
        })?;
        Ok(Predictor::Linear(fit.predictor))
    }
}

/// For each fold, a predictor after one Newton step on all other folds. The step begins at `initial`, a
/// fit to all labelled rows. The rows of the fold hardly affect the result. One step costs a fifth of
/// [`FitsWithoutFold`] and gives nearly the same predictions.
pub(crate) fn one_step_out_of_fold(
    settings: &FitSettings,
    initial: &LinearPredictor,
    table: &Table,
    labelled: &Selection,
) -> Result<Vec<LinearPredictor>, FitError> {
    let terms = initial.design.terms(table.n_features());
    let axes = axes(&passes::moments(&terms, table, labelled)?, settings);
    one_step(settings, initial, &terms, table, labelled, &axes)
}

/// For each fold, the predictor after one Newton step on all other folds. The step begins at
/// `initial`.
///
/// Missing values are replaced by the mean of all rows, not by the mean of the other folds, so the
/// step is slightly inexact.
fn one_step(
    settings: &FitSettings,
    initial: &LinearPredictor,
    terms: &[Term<'_>],
    table: &Table,
    selection: &Selection,
    axes: &[Axis],
) -> Result<Vec<LinearPredictor>, FitError> {
    let point = LogisticPoint {
        terms,
        axes,
        weights: start::weights(initial, axes),
    };
    let of_folds = logistic_terms_by_fold(&point, table, selection)?;
    let penalty = penalty(axes, settings);
    let shapes = initial.design.shapes(table.n_features());
    let step = |others: &mut dyn Iterator<Item = &LogisticTerms>| {
        let mut terms = LogisticTerms::zero(point.weights.len());
        others.for_each(|of_fold| terms.merge(of_fold));
        let here = Point::penalised(point.weights.clone(), terms, &penalty);
        let nowhere = || Array1::zeros(here.weights.len());
        let direction = here.newton_direction(&shapes).unwrap_or_else(nowhere);
        raw_predictor(&initial.design, axes, &(&here.weights + &direction))
    };
    Ok(others_of_each(&of_folds, step))
}

/// For each fold, calls `make` with the values of all other folds, and returns the results.
fn others_of_each<T, U>(
    of_folds: &[T],
    make: impl Fn(&mut dyn Iterator<Item = &T>) -> U,
) -> Vec<U> {
    let without = |fold: usize| {
        let others = of_folds.iter().enumerate();
        make(&mut others.filter_map(|(number, of_fold)| (number != fold).then_some(of_fold)))
    };
    (0..of_folds.len()).map(without).collect()
}

fn joined(of_folds: &mut dyn Iterator<Item = &Vec<Moments>>) -> Vec<Moments> {
    let mut joined = Vec::new();
    for of_fold in of_folds {
        joined.resize(of_fold.len(), Moments::default());
        for (joined, moments) in joined.iter_mut().zip(of_fold) {
            joined.merge(*moments);
        }
    }
    joined
}
