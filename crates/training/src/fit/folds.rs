//! Fits to all clients but those of one fold.
//!
//! They begin at the same predictor, and four in five of their rows are the same. So the first
//! step and the look at where it leads, which on many rows is all there is to do, are taken for all
//! folds at once.

use dataset::passes::{
    Axis, Design, LinearPredictor, LogisticPoint, LogisticTerms, Moments, logistic_terms_by_fold,
    logistic_terms_without_folds, moments_by_fold,
};
use dataset::{Fold, Table};
use ndarray::Array1;

use super::{FitError, FitSettings, Goal, Point, Rows, axes, penalty, raw_predictor, solve, start};

/// The labelled rows of a table, to be fitted without those of one fold.
pub struct OutOfFold<'a> {
    settings: &'a FitSettings,
    /// That of all rows: which levels are frequent hangs on no class.
    design: Design,
    table: &'a Table,
    /// What each fold's fit begins with.
    folds: Vec<Others>,
}

/// The rows of all folds but one.
struct Others {
    /// Of each column of the design.
    moments: Vec<Moments>,
    start: Option<Point>,
}

impl<'a> OutOfFold<'a> {
    /// Takes the first step of each fit from `near`, a predictor that was fitted to all labelled
    /// rows of the table.
    pub fn new(settings: &'a FitSettings, near: &LinearPredictor, table: &'a Table) -> Self {
        let selection = table.labelled();
        let design = near.design.clone();
        let of_folds = moments_by_fold(&design, table, &selection);
        let moments = others_of_each(&of_folds, joined);
        let axes_of_all = axes(&joined(&mut of_folds.iter()), settings);
        let nearer = one_step(settings, near, table, &axes_of_all);
        let axes: Vec<Vec<Axis>> = moments
            .iter()
            .map(|moments| axes(moments, settings))
            .collect();
        let points: Vec<LogisticPoint<'_>> = nearer
            .iter()
            .zip(&axes)
            .map(|(nearer, axes)| LogisticPoint {
                design: &design,
                axes,
                weights: start::weights(nearer, axes),
            })
            .collect();
        let terms = logistic_terms_without_folds(&points, table, &selection);
        let starts = points.into_iter().zip(terms).map(|(point, terms)| {
            let penalty = penalty(point.axes, settings);
            start::if_better(Point::penalised(point.weights, terms, &penalty))
        });
        let folds = moments.iter().cloned().zip(starts);
        let folds = folds
            .map(|(moments, start)| Others { moments, start })
            .collect();
        Self {
            settings,
            design,
            table,
            folds,
        }
    }

    /// The columns that the features become.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// How many columns the design has.
    pub fn width(&self) -> usize {
        self.design.width(self.table.features.len())
    }

    /// The predictor that fits the rows of all folds but this one, which is below [`dataset::FOLDS`].
    ///
    /// It is the optimum to about ten digits. Its last bits hang on where it was begun: a model
    /// that is kept begins nowhere but at its own rows, with [`fit`](super::fit).
    pub fn without(&self, fold: u64) -> Result<LinearPredictor, FitError> {
        let others = &self.folds[fold as usize];
        let rows = Rows {
            design: &self.design,
            table: self.table,
            selection: &self.table.labelled().of_fold(Fold::Outside(fold)),
            moments: &others.moments,
        };
        let fit = solve(self.settings, &rows, Goal::Foreseen, |_| {
            others.start.clone()
        })?;
        Ok(fit.predictor)
    }
}

/// For each fold the end of a Newton step from `near`.
///
/// Missing values stand at the mean of all rows here, not at that of the other folds, so a step may
/// miss by a little.
fn one_step(
    settings: &FitSettings,
    near: &LinearPredictor,
    table: &Table,
    axes: &[Axis],
) -> Vec<LinearPredictor> {
    let point = LogisticPoint {
        design: &near.design,
        axes,
        weights: start::weights(near, axes),
    };
    let of_folds = logistic_terms_by_fold(&point, table, &table.labelled());
    let penalty = penalty(axes, settings);
    let step = |others: &mut dyn Iterator<Item = &LogisticTerms>| {
        let mut terms = LogisticTerms::zero(point.weights.len());
        others.for_each(|of_fold| terms.merge(of_fold));
        let here = Point::penalised(point.weights.clone(), terms, &penalty);
        let nowhere = || Array1::zeros(here.weights.len());
        let direction = here.newton_direction().unwrap_or_else(nowhere);
        raw_predictor(&near.design, axes, &(&here.weights + &direction))
    };
    others_of_each(&of_folds, step)
}

/// For each fold what is made of the others.
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
