//! Fits to all folds except one, for out-of-fold predictions.

use dataset::passes::Parts;
use dataset::{FOLDS, Fold, Selection, Table};
use model::{Design, LinearPredictor, Model, Predictor};

use crate::fit::{FitError, FitSettings, FitsWithoutFold, fit_starting_at, if_possible};
use crate::forms::pairs_of_each_fold;

/// A fitted predictor, with everything that is needed to fit its form to other rows.
#[derive(Clone, Debug)]
pub struct FittedForm {
    /// The predictor.
    pub predictor: Predictor,
    /// The settings of its fit.
    pub settings: FitSettings,
    /// For each feature, the parts into which it is divided if it is in a pair. `None`: not in pairs.
    pub parts: Vec<Option<Parts>>,
}

impl FittedForm {
    /// The form of a model that was just fitted.
    pub fn of(model: &Model) -> Self {
        Self {
            predictor: model.predictor.clone(),
            settings: FitSettings { c: model.c },
            parts: Design::parts(&model.schema, &model.profile),
        }
    }
}

/// Fits of a form to the labelled rows of a selection, each without the rows of one fold.
///
/// Only the other folds decide how a fold is predicted: they give the coefficients, and in the form
/// `pairs` also the pairs. So no label helps to predict its own row.
pub struct OutOfFold<'a>(Fits<'a>);

enum Fits<'a> {
    SameColumns(FitsWithoutFold<'a>),
    /// Each fold has the pairs that the other folds choose.
    OwnPairs {
        settings: FitSettings,
        table: &'a Table,
        selection: Selection,
        /// For each fold, a predictor near the optimum of the other folds.
        starts: Vec<LinearPredictor>,
    },
}

impl<'a> OutOfFold<'a> {
    /// Prepares the fits. `form` was fitted to the labelled rows of the selection.
    pub fn new(
        form: &FittedForm,
        table: &'a Table,
        selection: &Selection,
    ) -> Result<Self, FitError> {
        let Predictor::Linear(fitted) = &form.predictor;
        let fitted = fitted.for_fitting();
        let selection = selection.clone().labelled();
        let curves = fitted.without_cells();
        if curves.coefficients.len() < fitted.coefficients.len() {
            let starts = pairs_of_each_fold(&curves, form.settings, &form.parts, table, &selection);
            if let Some(starts) = if_possible(starts)? {
                return Ok(Self(Fits::OwnPairs {
                    settings: form.settings,
                    table,
                    selection,
                    starts,
                }));
            }
        }
        // Pairs that were chosen with all labels would predict too well, so these fits have no
        // pairs.
        let fits = FitsWithoutFold::new(form.settings, curves, table, selection)?;
        Ok(Self(Fits::SameColumns(fits)))
    }

    /// The predictor that fits the rows of all folds except `fold`. `fold` must be below
    /// [`dataset::FOLDS`].
    ///
    /// The predictor is the optimum to about ten digits. The last bits depend on the start of the fit. A
    /// model that is kept is therefore fitted with [`fit`](crate::fit), whose start depends only on the
    /// rows.
    pub fn without(&self, fold: u64) -> Result<Predictor, FitError> {
        debug_assert!(fold < FOLDS);
        match &self.0 {
            Fits::SameColumns(fits) => fits.without(fold),
            Fits::OwnPairs {
                settings,
                table,
                selection,
                starts,
            } => {
                let others = selection.clone().of_fold(Fold::Outside(fold));
                let fit = fit_starting_at(settings, &starts[fold as usize], table, &others)?;
                Ok(Predictor::Linear(fit.predictor))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::ledger::DataPosition;
    use common::{Config, Schema};
    use dataset::fold_of;
    use model::Form;

    use super::*;

    /// A number between 0 and 1, which seems random.
    fn noise(row: u32, column: u32) -> f64 {
        (f64::from(row * 9 + column).sin() * 43_758.547)
            .fract()
            .abs()
    }

    /// Rows of five numbers. Two of them have an effect together, and in the fold `other` two
    /// others have one, too.
    fn rows(schema: &Schema, other: Option<u64>) -> Table {
        let mut table = Table::new(schema);
        for row in 0..900 {
            let cells = [0, 1, 2, 3, 4].map(|it| noise(row, it) * 4.0 - 2.0);
            let log_odds = cells[0] * cells[1] * 1.2 + cells[2];
            let label = noise(row, 7) < 1.0 / (1.0 + (-log_odds).exp());
            table.push(row.to_string().as_bytes(), &cells, Some(label));
        }
        let of_fold = (0..table.rows())
            .filter(|row| other == Some(fold_of(table.in_memory().client_numbers[*row])));
        for row in of_fold.collect::<Vec<usize>>() {
            let product = table.in_memory().features[3][row] * table.in_memory().features[4][row];
            table.in_memory_mut().labels[row] = Some(product > 0.0);
        }
        table
    }

    #[test]
    fn the_labels_of_a_fold_do_not_help_to_choose_the_pairs_that_predict_it() {
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "training":{"form":"pairs"},"schema":{"features":["a","b","c","d","e"]}}"#;
        let config = Config::parse(std::path::Path::new("/nowhere/config.json"), text).unwrap();
        for fold in [0, 3] {
            let without = |other: Option<u64>| {
                let table = rows(&config.schema, other);
                let position = DataPosition::default();
                let model = crate::train(&config, &table, 0..900, position).unwrap();
                assert_eq!(model.predictor.form(), Form::Pairs, "{other:?}");
                let form = FittedForm {
                    settings: FitSettings { c: 0.5 },
                    ..FittedForm::of(&model)
                };
                let folds = OutOfFold::new(&form, &table, &table.all()).unwrap();
                (folds.without(fold).unwrap(), model.pair_names())
            };
            let (as_drawn, pairs) = without(None);
            let (changed, pairs_of_changed) = without(Some(fold));
            assert_ne!(
                pairs, pairs_of_changed,
                "the labels matter for the pairs of a model"
            );
            for row in 0..200 {
                let cells = [0, 1, 2, 3, 4].map(|it| noise(row, it + 11) * 4.0 - 2.0);
                let log_odds =
                    |it: &Predictor| it.expression().value(|feature: usize| cells[feature]);
                let (one, other) = (log_odds(&as_drawn), log_odds(&changed));
                assert!((one - other).abs() < 1e-4, "fold {fold}: {one} {other}");
            }
        }
    }
}
