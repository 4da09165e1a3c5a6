//! The fit of a logistic regression with a penalty on the raw coefficients, solved to its optimum.
//!
//! The objective is the sum of the rows' log-losses + ‖w‖² / (2C). The coefficients w are in raw
//! feature units, and the intercept is not penalised. This is scikit-learn's default objective.
//! Newton's method runs on standardised axes, so that the magnitude of a column does not matter.
//! The penalty applies to the raw coefficient of each axis. A missing number is replaced by the
//! mean of the present ones, and a missing level by the shares of the levels.
//!
//! The start of Newton's method affects only the number of passes over the rows. If Newton's method
//! fails from a start, it begins again with all weights 0.

mod axes;
mod direction;
mod effects;
mod error;
mod folds;
mod newton;
mod objective;
mod optimum;
mod settings;
mod start;

use dataset::passes::{self, Moments, Profile};
use dataset::{Selection, Table};
use model::{Design, LinearPredictor};

use self::newton::Goal;
use self::optimum::{Rows, solve};

pub(crate) use effects::with_effects;
pub use error::FitError;
pub(crate) use error::if_possible;
pub(crate) use folds::{FitsWithoutFold, one_step_out_of_fold};
pub use optimum::Fit;
pub use settings::FitSettings;

/// Fits the labelled rows of a selection, on the columns of a design.
pub fn fit(
    settings: &FitSettings,
    design: &Design,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    fit_measured(settings, design, None, table, selection)
}

/// Fits as [`fit`] does, for a fit that is not kept. Newton's method begins at `initial`, a predictor
/// with the same columns.
pub(crate) fn fit_starting_at(
    settings: &FitSettings,
    initial: &LinearPredictor,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    let terms = initial.design.terms(table.n_features());
    let rows = Rows {
        design: &initial.design,
        terms: &terms,
        table,
        selection,
        moments: &passes::moments(&terms, table, &selection.clone().labelled())?,
    };
    solve(settings, &rows, Goal::Unverified, |objective| {
        let start = objective.at(start::weights(initial, objective.axes))?;
        Ok(start::if_better(start))
    })
}

/// Fits as [`fit`] does, with a known profile of the selection's labelled rows. If all features are
/// numbers, the profile saves a pass over the rows.
pub(crate) fn fit_profiled(
    settings: &FitSettings,
    design: &Design,
    profile: &Profile,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    let features = profile.columns.iter().take(table.n_features());
    let known: Option<Vec<Moments>> = features.map(|column| column.moments().copied()).collect();
    fit_measured(settings, design, known, table, selection)
}

/// Fits a model that is kept. `known` has the moments of the design's columns. If it is `None`, a
/// pass over the labelled rows computes the moments.
fn fit_measured(
    settings: &FitSettings,
    design: &Design,
    known: Option<Vec<Moments>>,
    table: &Table,
    selection: &Selection,
) -> Result<Fit, FitError> {
    let terms = design.terms(table.n_features());
    let moments = match known {
        Some(moments) => moments,
        None => passes::moments(&terms, table, &selection.clone().labelled())?,
    };
    let rows = Rows {
        design,
        terms: &terms,
        table,
        selection,
        moments: &moments,
    };
    solve(settings, &rows, Goal::Verified, start::of_sample)
}

#[cfg(test)]
pub(crate) mod tests;
