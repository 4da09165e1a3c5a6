//! The choice of a model's form and of its penalty, by predictions out of fold.
//!
//! The form `linear` has the penalty of the configuration. The penalty of `curves` comes from a short
//! geometric grid. The simplest form wins whose log-loss is within one standard error of the best.
//! The other folds choose the penalty of a fold, so no label helps to choose the penalty of its own
//! row.

use common::Schema;
use common::config::{TrainingForm, TrainingSettings};
use dataset::passes::{Profile, log_loss, log_odds};
use dataset::{Fold, Selection, Table};
use model::{Design, Form, FormResult, Model};

use crate::fit::{Fit, FitError, FitSettings, fit, fit_near, fit_profiled, one_step_out_of_fold};

/// Minimum number of labelled rows for a choice. With fewer only straight lines are fitted.
const MIN_ROWS: u64 = 200;
/// Minimum number of rows of each label for a choice.
const MIN_OF_EACH_LABEL: u64 = 20;
/// Approximate maximum number of rows for the choice. Of more rows a spread sample is used.
const MAX_ROWS: usize = 1 << 15;
/// Approximate maximum of rows × columns² for the choice, unless these are fewer than [`MIN_SAMPLE`]
/// rows. It takes two to three seconds on one processor of 2020.
const MAX_WORK: usize = 200_000_000;
/// Minimum number of rows of a sample.
const MIN_SAMPLE: usize = 2_000;
/// Inverse strengths of the penalty of curves, the strongest first.
const PENALTIES: [f64; 6] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
/// Place of the penalty that is tried first.
const FIRST_TRIED: usize = 3;

/// A fit in the chosen form.
pub(crate) struct FormFit {
    pub(crate) settings: FitSettings,
    /// The fit to the columns of [`Design::of_steps`], if the form is `curves`.
    pub(crate) fit: Fit,
    /// The forms that were tried; empty without a choice.
    pub(crate) results: Vec<FormResult>,
}

/// The labelled rows to fit, with what is known of them.
#[derive(Clone, Copy)]
pub(crate) struct FormRows<'a> {
    pub(crate) schema: &'a Schema,
    /// The profile of the labelled rows.
    pub(crate) profile: &'a Profile,
    pub(crate) table: &'a Table,
    pub(crate) labelled: &'a Selection,
}

/// Fits rows in the form that the settings name, or in the one that predictions out of fold choose.
pub(crate) fn fit_form(
    training: &TrainingSettings,
    rows: FormRows<'_>,
) -> Result<FormFit, FitError> {
    let line = fit_line(training, rows)?;
    let Some(steps) = steps(training, rows, &line.fit) else {
        return Ok(line);
    };
    let n_columns = steps.terms(rows.table.features.len()).len();
    let sampled = sample(rows.labelled, line.fit.rows, n_columns);
    let Some(curves) = Curves::tried(&steps, rows.table, &sampled) else {
        tracing::warn!("curves could not be fitted: the model has straight lines");
        return Ok(line);
    };
    let of_curves = || fit_steps(curves.best().settings, &steps, rows);
    if training.form == TrainingForm::Curves {
        return of_curves();
    }
    let lines = Trial::of(line.settings, &line.fit, rows.table, &sampled);
    let results = compared(&lines, &curves);
    let chosen = if results[1].is_chosen {
        of_curves()?
    } else {
        line
    };
    Ok(FormFit {
        results: results.into(),
        ..chosen
    })
}

/// Fits rows in the form and with the penalty of a model. Too few rows for a curve are fitted with
/// straight lines.
pub(crate) fn fit_like(
    model: &Model,
    training: &TrainingSettings,
    rows: FormRows<'_>,
) -> Result<FormFit, FitError> {
    let line = fit_line(training, rows)?;
    if model.predictor.form() == Form::Linear {
        return Ok(line);
    }
    match steps(training, rows, &line.fit) {
        Some(steps) => fit_steps(FitSettings { c: model.c }, &steps, rows),
        None => Ok(line),
    }
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

fn fit_steps(
    settings: FitSettings,
    steps: &Design,
    rows: FormRows<'_>,
) -> Result<FormFit, FitError> {
    Ok(FormFit {
        settings,
        fit: fit(&settings, steps, rows.table, rows.labelled)?,
        results: Vec::new(),
    })
}

/// The columns of curves; `None` if only straight lines are wanted, or if there are too few rows.
fn steps(training: &TrainingSettings, rows: FormRows<'_>, line: &Fit) -> Option<Design> {
    let fewest = line.positives.min(line.rows - line.positives);
    let are_enough = line.rows >= MIN_ROWS && fewest >= MIN_OF_EACH_LABEL;
    if training.form == TrainingForm::Linear || !are_enough {
        return None;
    }
    Design::of_steps(rows.schema, rows.profile)
}

/// The labelled rows, or a spread sample if they are too many for this number of columns.
fn sample(labelled: &Selection, rows: u64, n_columns: usize) -> Selection {
    let most = (MAX_WORK / n_columns.pow(2).max(1)).clamp(MIN_SAMPLE, MAX_ROWS);
    match usize::try_from(rows).unwrap_or(usize::MAX).div_ceil(most) {
        0 | 1 => labelled.clone(),
        share => labelled.clone().one_in(share),
    }
}

/// The log-losses of rows that were predicted out of fold, with one penalty.
struct Trial {
    settings: FitSettings,
    /// The log-losses of each fold's rows.
    folds: Vec<Vec<f64>>,
}

impl Trial {
    /// `near` is the fit where the Newton steps begin.
    fn of(settings: FitSettings, near: &Fit, table: &Table, rows: &Selection) -> Self {
        let predictors = one_step_out_of_fold(&settings, &near.predictor, table, rows);
        let folds = predictors.iter().zip(0..).map(|(predictor, fold)| {
            let rows = rows.clone().of_fold(Fold::Inside(fold));
            let scored = log_odds(&predictor.expression(), table, &rows);
            let losses = scored
                .iter()
                .filter_map(|row| Some(log_loss(row.log_odds, row.label?)));
            losses.collect()
        });
        Self {
            folds: folds.collect(),
            settings,
        }
    }

    /// The sum of all log-losses.
    fn total(&self) -> f64 {
        self.sum(|_| true)
    }

    /// The sum of the log-losses of some folds.
    fn sum(&self, counts: impl Fn(usize) -> bool) -> f64 {
        let folds = self.folds.iter().enumerate();
        let counted = folds.filter(|(number, _)| counts(*number));
        counted.flat_map(|(_, losses)| losses).sum()
    }
}

fn penalty_at(place: usize) -> FitSettings {
    FitSettings {
        c: PENALTIES[place],
    }
}

/// Curves with the penalties that were tried, the strongest first.
struct Curves(Vec<Trial>);

impl Curves {
    /// Tries penalties from one in the middle of the grid, towards lower log-losses.
    fn tried(steps: &Design, table: &Table, rows: &Selection) -> Option<Self> {
        let first = fit(&penalty_at(FIRST_TRIED), steps, table, rows).ok()?;
        let tried = |place: usize| {
            let near = fit_near(&penalty_at(place), &first.predictor, table, rows).ok()?;
            Some(Trial::of(penalty_at(place), &near, table, rows))
        };
        let mut all = vec![Trial::of(penalty_at(FIRST_TRIED), &first, table, rows)];
        for place in (0..FIRST_TRIED).rev() {
            let Some(stronger) = tried(place) else { break };
            let is_worse = stronger.total() > all[0].total();
            all.insert(0, stronger);
            if is_worse {
                break;
            }
        }
        if all.len() > 2 {
            // A stronger penalty was better, so no weaker one is.
            return Some(Self(all));
        }
        for place in FIRST_TRIED + 1..PENALTIES.len() {
            let Some(weaker) = tried(place) else { break };
            let is_worse = all.last().is_some_and(|last| weaker.total() > last.total());
            all.push(weaker);
            if is_worse {
                break;
            }
        }
        Some(Self(all))
    }

    fn best(&self) -> &Trial {
        self.best_of(|_| true)
    }

    /// The penalty with the lowest log-loss on the rows of some folds.
    fn best_of(&self, counts: impl Fn(usize) -> bool + Copy) -> &Trial {
        let mut best = &self.0[0];
        for tried in &self.0[1..] {
            if tried.sum(counts) < best.sum(counts) {
                best = tried;
            }
        }
        best
    }

    /// The log-losses of all rows, fold by fold. Each fold has the penalty that the others choose.
    fn losses(&self) -> Vec<f64> {
        let folds = 0..self.0[0].folds.len();
        let of_fold = |fold: usize| &self.best_of(|other| other != fold).folds[fold];
        folds
            .flat_map(|fold| of_fold(fold).iter().copied())
            .collect()
    }
}

/// Compares both forms.
fn compared(line: &Trial, curves: &Curves) -> [FormResult; 2] {
    let of_line = line.folds.concat();
    let of_curves = curves.losses();
    let [line_mean, curves_mean] = [&of_line, &of_curves].map(|losses| mean(losses));
    let differences: Vec<f64> = of_line
        .iter()
        .zip(&of_curves)
        .map(|(line, curves)| line - curves)
        .collect();
    let error = standard_error(&differences);
    let is_line_chosen = line_mean - curves_mean <= error;
    let result = |form, c, log_loss, is_best: bool, is_chosen| FormResult {
        form,
        c,
        log_loss,
        standard_error: if is_best { 0.0 } else { error },
        is_chosen,
    };
    let is_line_best = line_mean <= curves_mean;
    [
        result(
            Form::Linear,
            line.settings.c,
            line_mean,
            is_line_best,
            is_line_chosen,
        ),
        result(
            Form::Curves,
            curves.best().settings.c,
            curves_mean,
            !is_line_best,
            !is_line_chosen,
        ),
    ]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard error of the mean.
fn standard_error(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let count = values.len() as f64;
    (squares / (count - 1.0) / count).sqrt()
}

#[cfg(test)]
mod tests {
    use common::ledger::DataPosition;
    use common::{Config, Schema};
    use dataset::Table;
    use model::{Form, Model};

    /// Rows of one number between -3 and 3. `odds` gives the log-odds of leaving.
    fn trained(rows: usize, form: &str, odds: impl Fn(f64) -> f64) -> Model {
        let (config, table) = drawn(rows, form, odds);
        crate::train(&config, &table, 0..rows, DataPosition::default()).unwrap()
    }

    fn drawn(rows: usize, form: &str, odds: impl Fn(f64) -> f64) -> (Config, Table) {
        let text = format!(
            r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "training":{{"form":"{form}"}},"schema":{{"features":["x"]}}}}"#
        );
        let config = Config::parse(std::path::Path::new("/nowhere/config.json"), &text).unwrap();
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for row in 0..rows {
            let place = row as f64;
            let x = (place * 0.618_034).fract() * 6.0 - 3.0;
            let draw = (place * 0.754_878).fract();
            let label = draw < 1.0 / (1.0 + (-odds(x)).exp());
            table.push(row.to_string().as_bytes(), &[x], Some(label));
        }
        (config, table)
    }

    fn line(x: f64) -> f64 {
        0.8 * x
    }

    fn hill(x: f64) -> f64 {
        2.0 - x * x
    }

    #[test]
    fn curves_are_chosen_where_they_predict_better_and_lines_elsewhere() {
        let of_line = trained(800, "auto", line);
        assert_eq!(of_line.predictor.form(), Form::Linear);
        assert_eq!((of_line.forms.len(), of_line.c), (2, 1.0));
        assert!(of_line.forms[0].is_chosen && !of_line.forms[1].is_chosen);
        let of_hill = trained(800, "auto", hill);
        assert_eq!(of_hill.predictor.form(), Form::Curves);
        let [line, curves] = of_hill.forms[..] else {
            panic!("two forms: {:?}", of_hill.forms);
        };
        assert!(curves.is_chosen && curves.log_loss < line.log_loss - line.standard_error);
        assert_eq!(of_hill.c, curves.c);
        let top = of_hill
            .predictor
            .effects()
            .next()
            .unwrap()
            .effect
            .value(0.0);
        let end = of_hill
            .predictor
            .effects()
            .next()
            .unwrap()
            .effect
            .value(2.9);
        assert!(top > end + 3.0, "{top} {end}");
    }

    #[test]
    fn a_window_has_the_form_of_the_model_and_lines_if_it_is_short() {
        let like = trained(800, "auto", hill);
        let (config, table) = drawn(800, "auto", hill);
        let fitted = |rows| {
            crate::train_like(&like, &config, &table, rows, DataPosition::default()).unwrap()
        };
        let long = fitted(300..800);
        assert_eq!((long.predictor.form(), long.c), (Form::Curves, like.c));
        assert_eq!(long.forms, like.forms);
        let short = fitted(650..800);
        assert_eq!((short.predictor.form(), short.c), (Form::Linear, 1.0));
        assert_eq!(short.forms, [], "nobody chose the lines of a short window");
    }

    #[test]
    fn few_rows_have_lines_and_a_named_form_is_kept() {
        let few = trained(150, "auto", hill);
        assert_eq!((few.predictor.form(), few.forms.len()), (Form::Linear, 0));
        let named = trained(800, "linear", hill);
        assert_eq!(
            (named.predictor.form(), named.forms.len()),
            (Form::Linear, 0)
        );
        let named = trained(800, "curves", line);
        assert_eq!(
            (named.predictor.form(), named.forms.len()),
            (Form::Curves, 0)
        );
    }
}
