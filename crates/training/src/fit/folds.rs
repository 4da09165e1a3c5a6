//! Fits to all clients but those of one fold.
//!
//! They begin near each other, and four in five of their rows are the same. What each has to sum at
//! the beginning is therefore summed once, fold by fold, and put together from the other folds.

use dataset::passes::{
    Axis, LinearPredictor, LogisticPoint, LogisticTerms, Moments, logistic_terms_by_fold,
    moments_by_fold,
};
use dataset::{Fold, Table};
use ndarray::Array1;

use super::{
    FitError, FitSettings, Goal, Objective, Point, Rows, axes, penalty, raw_predictor, solve, start,
};

/// The labelled rows of a table, to be fitted without those of one fold.
pub struct OutOfFold<'a> {
    settings: &'a FitSettings,
    table: &'a Table,
    /// Fitted to all of them.
    near: &'a LinearPredictor,
    /// How all of them are standardised.
    axes: Vec<Axis>,
    /// Of each feature, for each fold.
    moments: Vec<Vec<Moments>>,
    /// Where `near` is on the axes, and the terms there for each fold.
    weights: Array1<f64>,
    terms: Vec<LogisticTerms>,
}

impl<'a> OutOfFold<'a> {
    /// Sums what the fits begin with. `near` is a predictor that was fitted to all labelled rows.
    pub fn new(settings: &'a FitSettings, near: &'a LinearPredictor, table: &'a Table) -> Self {
        let selection = table.labelled();
        let moments = moments_by_fold(table, &selection);
        let axes = axes(&joined_moments(moments.iter()), settings);
        let weights = start::weights(near, &axes);
        let point = LogisticPoint {
            axes: &axes,
            weights,
        };
        let terms = logistic_terms_by_fold(&point, table, &selection);
        Self {
            settings,
            table,
            near,
            weights: point.weights,
            axes,
            moments,
            terms,
        }
    }

    /// Features of the rows.
    pub fn features(&self) -> usize {
        self.axes.len()
    }

    /// The predictor that fits the rows of all folds but this one.
    ///
    /// It is the optimum to about ten digits. Its last bits hang on where it was begun: a model
    /// that is kept begins nowhere but at its own rows, with [`fit`](super::fit).
    pub fn without(&self, fold: u64) -> Result<LinearPredictor, FitError> {
        let moments = joined_moments(others(&self.moments, fold));
        let rows = Rows {
            table: self.table,
            selection: &self.table.labelled().of_fold(Fold::Outside(fold)),
            moments: &moments,
        };
        let nearer = self.one_step(fold);
        let nearer = nearer.as_ref().unwrap_or(self.near);
        let start = |objective: &Objective<'_>| start::at(nearer, objective);
        Ok(solve(self.settings, &rows, Goal::Foreseen, start)?.predictor)
    }

    /// One Newton step from `near`; `None` where that leads nowhere.
    ///
    /// Missing values stand at the mean of all rows here, not at that of the other folds, so the
    /// step may miss by a little: the terms are taken anew where it ends.
    fn one_step(&self, fold: u64) -> Option<LinearPredictor> {
        let mut terms = LogisticTerms::zero(self.weights.len());
        others(&self.terms, fold).for_each(|of_fold| terms.merge(of_fold));
        let penalty = penalty(&self.axes, self.settings);
        let here = Point::penalised(self.weights.clone(), terms, &penalty);
        let direction = here.newton_direction()?;
        Some(raw_predictor(&self.axes, &(here.weights + direction)))
    }
}

/// What there is of each fold but one.
fn others<T>(of_folds: &[T], fold: u64) -> impl Iterator<Item = &T> {
    let others = of_folds
        .iter()
        .zip(0..)
        .filter(move |(_, number)| *number != fold);
    others.map(|(of_fold, _)| of_fold)
}

fn joined_moments<'a>(of_folds: impl Iterator<Item = &'a Vec<Moments>>) -> Vec<Moments> {
    let mut joined = Vec::new();
    for of_fold in of_folds {
        joined.resize(of_fold.len(), Moments::default());
        for (joined, moments) in joined.iter_mut().zip(of_fold) {
            joined.merge(*moments);
        }
    }
    joined
}
