//! The choice of a model's form and of its penalty, by predictions out of fold.
//!
//! The form `linear` has the penalty of the configuration. The penalty of other forms comes from a
//! short geometric grid. Among the forms whose log-loss is within one standard error of the lowest
//! log-loss, the simplest is chosen. Rows of one client count together.
//!
//! For each fold, the other folds choose the penalty and the pairs. A label therefore hardly
//! influences the prediction for its own row.

mod pairs;
mod trial;

use common::Schema;
use common::config::{TrainingForm, TrainingSettings};
use dataset::passes::{ClientSums, Grid, LossSum, Moments, Parts, Profile, Side, paired_losses};
use dataset::{Fold, Selection, Table};
use model::{Design, Form, FormResult, LinearPredictor, MAX_PAIRS, Model};

use self::trial::{Trial, Trials};
use crate::fit::{
    Fit, FitError, FitSettings, fit, fit_profiled, fit_starting_at, if_possible,
    one_step_out_of_fold,
};

/// Minimum number of labelled rows for a choice. With fewer only straight lines are fitted.
const MIN_ROWS: u64 = 200;
/// Minimum number of rows of each label for a choice.
const MIN_OF_EACH_LABEL: u64 = 20;
/// Approximate maximum number of rows for the choice. If there are more, a spread sample is used.
const MAX_ROWS: usize = 1 << 15;
/// Approximate maximum of rows × values² for the choice, where values are the values of a row that are
/// not 0. At least [`MIN_SAMPLE`] rows are used.
const MAX_WORK: usize = 200_000_000;
/// Minimum number of rows of a sample.
const MIN_SAMPLE: usize = 2_000;

/// A fit in the chosen form.
pub(crate) struct FormFit {
    pub(crate) settings: FitSettings,
    /// The fit in the fitted columns. In the form `curves` these are the columns of
    /// [`Design::of_steps`]. The form `pairs` also has a column for each cell of a pair.
    pub(crate) fit: Fit,
    /// The forms that were tried; empty without a choice.
    pub(crate) results: Vec<FormResult>,
}

/// The labelled rows to fit, and their profile.
#[derive(Clone, Copy)]
pub(crate) struct FormRows<'a> {
    pub(crate) schema: &'a Schema,
    /// The profile of the labelled rows.
    pub(crate) profile: &'a Profile,
    pub(crate) table: &'a Table,
    pub(crate) labelled: &'a Selection,
}

/// Fits rows in the form that the settings name, or in the form that out-of-fold predictions
/// choose.
pub(crate) fn fit_form(
    training: &TrainingSettings,
    rows: FormRows<'_>,
) -> Result<FormFit, FitError> {
    let Some(steps) = steps(training, rows) else {
        return fit_line(training, rows);
    };
    let sampled = sample(rows.labelled, rows.profile.rows, rows.schema.features.len());
    let curves = Trials::of_curves(&steps, rows.table, &sampled);
    let Some(curves) = if_possible(curves)? else {
        tracing::warn!("curves could not be fitted: the model has straight lines");
        return fit_line(training, rows);
    };
    let pairs = match training.form {
        TrainingForm::Curves => None,
        _ => {
            let parts = Design::parts(rows.schema, rows.profile);
            pairs::tried(&curves, &parts, rows.table, &sampled)?
        }
    };
    let in_steps = std::iter::once(&curves).chain(&pairs);
    if training.form != TrainingForm::Auto {
        let named = in_steps.last().unwrap_or(&curves);
        return fit_in_steps(named.best().settings, &named.design, rows);
    }
    let settings = FitSettings { c: training.c };
    let design = Design::choose(rows.schema, rows.profile);
    let line = fit(&settings, &design, rows.table, &sampled)?;
    let lines = Trials::of_lines(Trial::of(settings, &line, rows.table, &sampled)?);
    let tried: Vec<&Trials> = std::iter::once(&lines).chain(in_steps).collect();
    let results = compared(&tried, rows.table, &sampled)?;
    let chosen = results.iter().position(|result| result.is_chosen);
    let chosen = match chosen {
        None | Some(0) => fit_line(training, rows)?,
        Some(form) => fit_in_steps(tried[form].best().settings, &tried[form].design, rows)?,
    };
    Ok(FormFit { results, ..chosen })
}

/// Fits rows like a model: in its form, with its penalty and its pairs. If there are too few rows for
/// curves, straight lines are fitted.
pub(crate) fn fit_like(
    model: &Model,
    training: &TrainingSettings,
    rows: FormRows<'_>,
) -> Result<FormFit, FitError> {
    if model.predictor.form() == Form::Linear {
        return fit_line(training, rows);
    }
    let Some(steps) = steps(training, rows) else {
        return fit_line(training, rows);
    };
    let parts = Design::parts(rows.schema, rows.profile);
    let side = |feature: usize| {
        let parts = parts.get(feature)?.clone()?;
        Some(Side { feature, parts })
    };
    let pairs = model.predictor.pairs().filter_map(|pair| {
        let [first, second] = pair.surface.grid.features();
        Some(Grid {
            first: side(first)?,
            second: side(second)?,
        })
    });
    let design = steps.with_cells(pairs.collect());
    fit_in_steps(FitSettings { c: model.c }, &design, rows)
}

/// For each fold, a predictor with the pairs that the other folds choose. It is fitted to a spread
/// sample of the other folds. `curves` is a predictor of curves near the optimum of all labelled
/// rows.
pub(crate) fn pairs_of_each_fold(
    curves: &LinearPredictor,
    settings: FitSettings,
    parts: &[Option<Parts>],
    table: &Table,
    labelled: &Selection,
) -> Result<Vec<LinearPredictor>, FitError> {
    let rows = sample(labelled, labelled.rows.len() as u64, table.n_features());
    let initial = fit_starting_at(&settings, curves, table, &rows)?.predictor;
    let curves_of_folds = one_step_out_of_fold(&settings, &initial, table, &rows)?;
    pairs::of_each_fold(&curves_of_folds, settings, parts, table, &rows)
}

fn fit_line(training: &TrainingSettings, rows: FormRows<'_>) -> Result<FormFit, FitError> {
    let settings = FitSettings { c: training.c };
    let design = Design::choose(rows.schema, rows.profile);
    Ok(FormFit {
        settings,
        fit: fit_profiled(&settings, &design, rows.profile, rows.table, rows.labelled)?,
        results: Vec::new(),
    })
}

/// Fits rows in the columns of curves, and of pairs if the design has any.
fn fit_in_steps(
    settings: FitSettings,
    design: &Design,
    rows: FormRows<'_>,
) -> Result<FormFit, FitError> {
    Ok(FormFit {
        settings,
        fit: fit(&settings, design, rows.table, rows.labelled)?,
        results: Vec::new(),
    })
}

/// The columns of curves; `None` if only straight lines are wanted, or if there are too few rows.
fn steps(training: &TrainingSettings, rows: FormRows<'_>) -> Option<Design> {
    let labels = rows
        .profile
        .columns
        .last()
        .and_then(|column| column.moments());
    let share = labels.and_then(Moments::mean).unwrap_or(0.0);
    let of_rarer_label = share.min(1.0 - share) * rows.profile.rows as f64;
    let are_enough =
        rows.profile.rows >= MIN_ROWS && of_rarer_label.round() >= MIN_OF_EACH_LABEL as f64;
    if training.form == TrainingForm::Linear || !are_enough {
        return None;
    }
    Design::of_steps(rows.schema, rows.profile)
}

/// The labelled rows, or a spread sample if they are too many for this number of features.
fn sample(labelled: &Selection, rows: u64, features: usize) -> Selection {
    // In a row a number has two values that are not 0, a pair has four, and the intercept has one.
    let pairs = MAX_PAIRS.min(features * features.saturating_sub(1) / 2);
    let values = 1 + 2 * features + 4 * pairs;
    let max_rows = (MAX_WORK / values.pow(2)).clamp(MIN_SAMPLE, MAX_ROWS);
    match usize::try_from(rows)
        .unwrap_or(usize::MAX)
        .div_ceil(max_rows)
    {
        0 | 1 => labelled.clone(),
        share => labelled.clone().one_in(share),
    }
}

/// Compares forms, the simplest first. One of them is chosen.
fn compared(
    tried: &[&Trials],
    table: &Table,
    rows: &Selection,
) -> Result<Vec<FormResult>, FitError> {
    let mean = |trials: &&Trials| {
        let losses: LossSum = trials.of_folds().map(|(_, losses)| losses).sum();
        losses.mean().unwrap_or(0.0)
    };
    let means: Vec<f64> = tried.iter().map(mean).collect();
    let best = (0..means.len()).fold(0, |best, form| {
        if means[form] < means[best] {
            form
        } else {
            best
        }
    });
    let errors: Vec<f64> = (0..tried.len())
        .map(|form| match form == best {
            true => Ok(0.0),
            false => standard_error(tried[form], tried[best], table, rows),
        })
        .collect::<Result<_, _>>()?;
    let is_near = |form: &usize| *form == best || means[*form] - means[best] <= errors[*form];
    let chosen = (0..tried.len()).find(is_near);
    let forms = tried.iter().enumerate();
    let results = forms.map(|(form, trials)| FormResult {
        form: trials.form,
        c: trials.best().settings.c,
        log_loss: means[form],
        standard_error: errors[form],
        is_chosen: chosen == Some(form),
    });
    Ok(results.collect())
}

/// Standard error of the mean difference of two forms' log-losses; 0 if they do not differ.
fn standard_error(
    one: &Trials,
    other: &Trials,
    table: &Table,
    rows: &Selection,
) -> Result<f64, FitError> {
    let mut losses = ClientSums::default();
    for (((one, _), (other, _)), fold) in one.of_folds().zip(other.of_folds()).zip(0..) {
        let rows = rows.clone().of_fold(Fold::Inside(fold));
        let expressions = [one, other].map(LinearPredictor::expression);
        losses.merge(&paired_losses(expressions.each_ref(), None, table, &rows)?);
    }
    Ok(losses.standard_error().unwrap_or(0.0))
}

#[cfg(test)]
mod tests;
