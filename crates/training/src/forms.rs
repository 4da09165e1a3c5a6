//! The choice of a model's form and of its penalty, by predictions out of fold.
//!
//! The form `linear` has the penalty of the configuration. The penalty of other forms comes from a
//! short geometric grid. The simplest form wins whose log-loss is within one standard error of the
//! best. The other folds choose the penalty of a fold, and its pairs, so a label hardly helps to choose
//! what predicts its own row.

mod pairs;
mod trial;

use common::Schema;
use common::config::{TrainingForm, TrainingSettings};
use dataset::passes::{Grid, Moments, Parts, Profile, Side};
use dataset::{Selection, Table};
use model::{Design, Form, FormResult, LinearPredictor, MAX_PAIRS, Model};

use self::trial::{Trial, Trials};
use crate::fit::{Fit, FitError, FitSettings, fit, fit_near, fit_profiled, one_step_out_of_fold};

/// Minimum number of labelled rows for a choice. With fewer only straight lines are fitted.
const MIN_ROWS: u64 = 200;
/// Minimum number of rows of each label for a choice.
const MIN_OF_EACH_LABEL: u64 = 20;
/// Approximate maximum number of rows for the choice. Of more rows a spread sample is used.
const MAX_ROWS: usize = 1 << 15;
/// Approximate maximum of rows × values² for the choice, unless these are fewer than [`MIN_SAMPLE`]
/// rows.
const MAX_WORK: usize = 200_000_000;
/// Minimum number of rows of a sample.
const MIN_SAMPLE: usize = 2_000;

/// A fit in the chosen form.
pub(crate) struct FormFit {
    pub(crate) settings: FitSettings,
    /// The fit to the columns of [`Design::of_steps`], in the form `curves`, and to those of cells, in
    /// the form `pairs`.
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
    let Some(steps) = steps(training, rows) else {
        return fit_line(training, rows);
    };
    let sampled = sample(rows.labelled, rows.profile.rows, rows.schema.features.len());
    let Some(curves) = Trials::of_curves(&steps, rows.table, &sampled) else {
        tracing::warn!("curves could not be fitted: the model has straight lines");
        return fit_line(training, rows);
    };
    let pairs = match training.form {
        TrainingForm::Curves => None,
        _ => {
            let parts = Design::parts(rows.schema, rows.profile);
            pairs::tried(&curves, &parts, rows.table, &sampled)
        }
    };
    let wide = std::iter::once(&curves).chain(&pairs);
    if training.form != TrainingForm::Auto {
        let named = wide.last().unwrap_or(&curves);
        return fit_wide(named.best().settings, &named.design, rows);
    }
    let settings = FitSettings { c: training.c };
    let design = Design::choose(rows.schema, rows.profile);
    let line = fit(&settings, &design, rows.table, &sampled)?;
    let lines = Trials::of_lines(Trial::of(settings, &line, rows.table, &sampled));
    let tried: Vec<&Trials> = std::iter::once(&lines).chain(wide).collect();
    let results = compared(&tried);
    let chosen = results.iter().position(|result| result.is_chosen);
    let chosen = match chosen {
        None | Some(0) => fit_line(training, rows)?,
        Some(form) => fit_wide(tried[form].best().settings, &tried[form].design, rows)?,
    };
    Ok(FormFit { results, ..chosen })
}

/// Fits rows in the form and with the penalty of a model, and with the same pairs of features. Too few
/// rows for a curve are fitted with straight lines.
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
    fit_wide(FitSettings { c: model.c }, &design, rows)
}

/// For each fold, a predictor with the pairs that the other folds choose, fitted to a spread sample of
/// them. `curves` is a predictor of curves near the optimum of all labelled rows. `None` if a fold cannot
/// be fitted.
pub(crate) fn pairs_of_each_fold(
    curves: &LinearPredictor,
    settings: FitSettings,
    parts: &[Option<Parts>],
    table: &Table,
    labelled: &Selection,
) -> Option<Vec<LinearPredictor>> {
    let rows = sample(labelled, labelled.rows.len() as u64, table.features.len());
    let near = fit_near(&settings, curves, table, &rows).ok()?.predictor;
    let nears = one_step_out_of_fold(&settings, &near, table, &rows);
    pairs::of_each_fold(&nears, settings, parts, table, &rows)
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

fn fit_wide(
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
    let most = (MAX_WORK / values.pow(2)).clamp(MIN_SAMPLE, MAX_ROWS);
    match usize::try_from(rows).unwrap_or(usize::MAX).div_ceil(most) {
        0 | 1 => labelled.clone(),
        share => labelled.clone().one_in(share),
    }
}

/// Compares forms, the simplest first. One of them is chosen.
fn compared(tried: &[&Trials]) -> Vec<FormResult> {
    let losses: Vec<Vec<f64>> = tried.iter().map(|trials| trials.losses()).collect();
    let means: Vec<f64> = losses.iter().map(|losses| mean(losses)).collect();
    let best = (0..means.len()).fold(0, |best, form| {
        if means[form] < means[best] {
            form
        } else {
            best
        }
    });
    let errors: Vec<f64> = losses
        .iter()
        .map(|own| {
            let pairs = own.iter().zip(&losses[best]);
            standard_error(&pairs.map(|(own, best)| own - best).collect::<Vec<f64>>())
        })
        .collect();
    let is_near = |form: &usize| *form == best || means[*form] - means[best] <= errors[*form];
    let chosen = (0..tried.len()).find(is_near);
    let forms = tried.iter().enumerate();
    let results = forms.map(|(form, trials)| FormResult {
        form: trials.form,
        c: trials.best().settings.c,
        log_loss: means[form],
        standard_error: if form == best { 0.0 } else { errors[form] },
        is_chosen: chosen == Some(form),
    });
    results.collect()
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

    /// A number between 0 and 1, which seems random.
    fn noise(row: u32, column: u32) -> f64 {
        (f64::from(row * 7 + column).sin() * 43_758.547)
            .fract()
            .abs()
    }

    /// Rows of two numbers and a category. Who has the plan "b" leaves the more, the larger x; who has
    /// the plan "a" the less.
    fn crossed(form: &str, strength: f64) -> Model {
        let text = format!(
            r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "training":{{"form":"{form}"}},
            "schema":{{"features":["x","y",{{"name":"plan","kind":"category"}}]}}}}"#
        );
        let config = Config::parse(std::path::Path::new("/nowhere/config.json"), &text).unwrap();
        let mut table = Table::new(&config.schema);
        for row in 0..1_500 {
            let (x, y) = (noise(row, 1) * 6.0 - 3.0, noise(row, 2));
            let plan = ["a", "b"][usize::from(noise(row, 3) > 0.5)];
            let slope = if plan == "b" { strength } else { -strength };
            let label = noise(row, 4) < 1.0 / (1.0 + (-slope * x).exp());
            let plan = table.levels.add(2, plan);
            table.push(row.to_string().as_bytes(), &[x, y, plan], Some(label));
        }
        crate::train(&config, &table, 0..1_500, DataPosition::default()).unwrap()
    }

    #[test]
    fn pairs_are_chosen_where_two_features_act_together_and_nowhere_else() {
        let model = crossed("auto", 1.0);
        assert_eq!(model.predictor.form(), Form::Pairs);
        assert_eq!(model.pair_names(), ["x × plan"]);
        let tried: Vec<Form> = model.forms.iter().map(|result| result.form).collect();
        assert_eq!(tried, [Form::Linear, Form::Curves, Form::Pairs]);
        assert!(model.forms[2].is_chosen);
        assert!(model.forms[2].log_loss < model.forms[1].log_loss - 0.1);
        let scorer = model.scorer();
        let level = |text: &str| dataset::level_code(text);
        let odds = |x: f64, plan: &str| scorer.log_odds(&[x, 0.5, level(plan)]);
        let found =
            [(2.5, "b"), (-2.5, "b"), (2.5, "a"), (-2.5, "a")].map(|(x, plan)| odds(x, plan));
        for (found, wanted) in found.iter().zip([2.5, -2.5, -2.5, 2.5]) {
            assert!((found - wanted).abs() < 0.7, "{found} for {wanted}");
        }

        let without = crossed("auto", 0.0);
        assert_eq!(without.pair_names(), [""; 0]);
        let named = crossed("pairs", 1.0);
        assert_eq!(
            (named.predictor.form(), named.forms.len()),
            (Form::Pairs, 0)
        );
        assert_eq!(crossed("curves", 1.0).predictor.form(), Form::Curves);
    }

    #[test]
    fn a_number_with_a_shape_keeps_it_in_every_form() {
        let along = |form: &str, shape: &str| -> Vec<f64> {
            let text = format!(
                r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
                "output_model_path":"models","prod_deployment_path":"prod",
                "training":{{"form":"{form}"}},
                "schema":{{"features":[{{"name":"x","effect":"{shape}"}},"y"]}}}}"#
            );
            let path = std::path::Path::new("/nowhere/config.json");
            let config = Config::parse(path, &text).unwrap();
            let mut table = Table::new(&config.schema);
            for row in 0..1_500 {
                let (x, y) = (noise(row, 1) * 6.0 - 3.0, noise(row, 2) * 2.0 - 1.0);
                let odds = hill(x) + 2.0 * x * y;
                let label = noise(row, 4) < 1.0 / (1.0 + (-odds).exp());
                table.push(row.to_string().as_bytes(), &[x, y], Some(label));
            }
            let model = crate::train(&config, &table, 0..1_500, DataPosition::default()).unwrap();
            assert_eq!(model.check, model::Check::Confirmed);
            let is_in_pairs = !model.pair_names().is_empty();
            assert_eq!(is_in_pairs, form == "pairs" && shape == "any");
            let model = Model::decode(&model.encode().unwrap()).unwrap();
            let points = (-5..=5).map(|at| f64::from(at) * 0.8);
            let scorer = model.scorer();
            points.map(|x| scorer.log_odds(&[x, 0.25])).collect()
        };
        for form in ["linear", "curves", "pairs", "auto"] {
            let rises = |all: &[f64]| all.windows(2).all(|pair| pair[1] >= pair[0] - 1e-12);
            assert!(rises(&along(form, "increasing")), "{form}");
            let falls: Vec<f64> = along(form, "decreasing").iter().map(|it| -it).collect();
            assert!(rises(&falls), "{form}");
            let line = along(form, "linear");
            let bends = line.windows(3).map(|it| it[0] + it[2] - 2.0 * it[1]);
            assert!(
                bends.into_iter().all(|bend| bend.abs() < 1e-9),
                "{form}: {line:?}"
            );
            if form == "curves" {
                let any = along(form, "any");
                assert!(!rises(&any) && any[5] > any[0] + 2.0, "{any:?}");
            }
        }
    }

    #[test]
    fn a_window_has_the_pairs_of_the_model() {
        let like = crossed("auto", 1.0);
        let (config, _) = drawn(10, "auto", hill);
        let config = Config {
            schema: like.schema.clone(),
            ..config
        };
        let mut table = Table::new(&like.schema);
        for row in 0..400 {
            let plan = table.levels.add(2, ["a", "b"][row as usize % 2]);
            let cells = [noise(row, 1), noise(row, 2), plan];
            table.push(
                row.to_string().as_bytes(),
                &cells,
                Some(noise(row, 4) < 0.3),
            );
        }
        let found =
            crate::train_like(&like, &config, &table, 0..400, DataPosition::default()).unwrap();
        assert_eq!((found.pair_names(), found.c), (like.pair_names(), like.c));
        assert_eq!(found.predictor.form(), Form::Pairs);
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
