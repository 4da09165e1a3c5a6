//! Headroom: how much better boosted trees rank the rows than the model does.
//!
//! A prediction of the model can be explained, a prediction of boosted trees cannot. The difference between
//! the two is the price of explanations. Both are fitted to the same rows and predict the same rows
//! out of fold. smartcore's trees minimise squared errors, so their predictions are not
//! probabilities. Only the order of the rows is therefore compared.

mod ranking;

use std::fmt;
use std::ops::Range;

use dataset::passes::{Encoding, WeightedTerm, label_counts, log_odds};
use dataset::{Columns, FOLDS, Fold, RowSample, Selection, Table, each_in_parallel, fold_of};
use model::{Model, Predictor};
use serde::Serialize;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::xgboost::{XGRegressor, XGRegressorParameters};

use self::ranking::{Comparison, RankedRow};
use crate::fit::{FitError, if_possible};
use crate::out_of_fold::{FittedForm, OutOfFold};

/// Minimum number of labelled rows.
const MIN_ROWS: u64 = 200;
/// Minimum number of rows of each label.
const MIN_OF_EACH_LABEL: u64 = 20;
/// Maximum number of rows. If there are more, a sample is used.
const MAX_ROWS: usize = 20_000;
/// Number of trees.
const TREES: usize = 100;
/// Maximum number of splits from the root of a tree to a leaf.
const DEPTH: u16 = 4;
/// Factor for the prediction of each tree.
const LEARNING_RATE: f64 = 0.1;
/// Share of the rows that each tree is fitted to.
const SHARE_OF_ROWS: f64 = 0.5;
/// Minimum number of rows of a leaf.
const MIN_ROWS_OF_LEAF: usize = 10;
/// A difference of at least this many standard errors is clear.
const CLEAR: f64 = 2.0;

/// How well boosted trees and the model rank rows that they were not fitted to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Headroom {
    /// Labelled rows that were ranked.
    pub rows: u64,
    /// ROC-AUC of the model's form: the mean of the folds, weighted by their pairs of rows.
    pub model_roc_auc: f64,
    /// ROC-AUC of the boosted trees.
    pub trees_roc_auc: f64,
    /// Standard error of the difference of both (DeLong 1988, summed by client).
    pub standard_error: f64,
}

/// Compares boosted trees with a model on the labelled rows at these positions of a table. `None`
/// if there are too few rows of a label, or if the model cannot be fitted without one of the folds.
pub(crate) fn headroom(
    model: &Model,
    table: &Table,
    rows: Range<usize>,
) -> Result<Option<Headroom>, FitError> {
    let Some(sample) = sample(table, rows)? else {
        return Ok(None);
    };
    let (rows, columns) = (sample.table(), sample.columns());
    let all = rows.all();
    let of_model = OutOfFold::new(&FittedForm::of(model), rows, &all)?;
    let trees = Trees::new(&model.predictor, &sample);
    let folds = each_in_parallel((0..FOLDS).collect(), |fold| {
        let Some(predictor) = if_possible(of_model.without(fold))? else {
            return Ok(None);
        };
        let inside = all.clone().of_fold(Fold::Inside(fold));
        let scored = log_odds(&predictor.expression(), rows, &inside)?;
        let Some((places, of_trees)) = trees.without(fold) else {
            return Ok(None);
        };
        let ranked = places.iter().zip(scored).zip(of_trees);
        let ranked = ranked.map(|((place, of_model), trees)| RankedRow {
            label: columns.labels[*place] == Some(true),
            client: columns.clients[*place],
            scores: [of_model, trees],
        });
        Ok(Some(ranked.collect::<Vec<_>>()))
    });
    let folds: Vec<Option<Vec<RankedRow>>> = folds.into_iter().collect::<Result<_, FitError>>()?;
    let folds: Option<Vec<Vec<RankedRow>>> = folds.into_iter().collect();
    let Some(Comparison {
        roc_auc: [model_roc_auc, trees_roc_auc],
        standard_error,
    }) = folds.and_then(|folds| Comparison::of(&folds))
    else {
        return Ok(None);
    };
    Ok(Some(Headroom {
        rows: rows.rows() as u64,
        model_roc_auc,
        trees_roc_auc,
        standard_error,
    }))
}

/// The labelled rows, or a sample of them; `None` if they are too few.
fn sample(table: &Table, rows: Range<usize>) -> Result<Option<RowSample>, FitError> {
    let labelled = Selection::rows(rows).labelled();
    let counts = label_counts(table, &labelled)?;
    let is_enough = counts.labelled() >= MIN_ROWS && counts.rarer() >= MIN_OF_EACH_LABEL;
    Ok(match is_enough {
        true => Some(table.sample(&labelled, MAX_ROWS)?),
        false => None,
    })
}

/// The rows for boosted trees: numbers as they are, and an indicator for each level of the model.
struct Trees<'a> {
    rows: Columns<'a>,
    columns: Vec<Vec<f64>>,
}

impl<'a> Trees<'a> {
    fn new(predictor: &Predictor, rows: &'a RowSample) -> Self {
        let (expression, rows) = (predictor.expression(), rows.columns());
        let columns = expression.terms.iter();
        Self {
            rows,
            columns: columns.filter_map(|it| column(it, &rows)).collect(),
        }
    }

    /// The places of a fold's rows, and the predictions for them by trees that are fitted to the
    /// other folds. `None` if smartcore cannot fit the trees.
    fn without(&self, fold: u64) -> Option<(Vec<usize>, Vec<f64>)> {
        let is_inside = |row: &usize| fold_of(self.rows.client_numbers[*row]) == fold;
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            (0..self.rows.labels.len()).partition(is_inside);
        let labels = outside
            .iter()
            .map(|row| self.rows.labels[*row] == Some(true));
        let labels: Vec<f64> = labels.map(|label| f64::from(u8::from(label))).collect();
        let parameters = XGRegressorParameters::default()
            .with_n_estimators(TREES)
            .with_max_depth(DEPTH)
            .with_learning_rate(LEARNING_RATE)
            .with_subsample(SHARE_OF_ROWS)
            .with_min_child_weight(MIN_ROWS_OF_LEAF)
            .with_base_score(labels.iter().sum::<f64>() / labels.len() as f64);
        let trees = XGRegressor::fit(&self.matrix(&outside)?, &labels, parameters).ok()?;
        let predicted = trees.predict(&self.matrix(&inside)?).ok()?;
        Some((inside, predicted))
    }

    fn matrix(&self, rows: &[usize]) -> Option<DenseMatrix<f64>> {
        let cells = self.columns.iter();
        let cells = cells.flat_map(|column| rows.iter().map(|row| column[*row]));
        DenseMatrix::new(rows.len(), self.columns.len(), cells.collect(), true).ok()
    }
}

/// The column for trees. `None` for a second column of the same number, and for a pair. A missing
/// number counts as lower than all others.
fn column(weighted: &WeightedTerm<'_>, rows: &Columns<'_>) -> Option<Vec<f64>> {
    let term = weighted.term;
    let cells = rows.features[term.feature].iter();
    match term.encoding {
        Encoding::Curve(_) | Encoding::Step(..) | Encoding::Cell(..) | Encoding::Surface(_) => None,
        Encoding::Number | Encoding::Trend(_) => {
            let lowest = |cell: &f64| if cell.is_nan() { f64::MIN } else { *cell };
            Some(cells.map(lowest).collect())
        }
        Encoding::Level(_) | Encoding::OtherThan(_) | Encoding::Missing => {
            let imputed = |cell: &f64| match term.value(|_| *cell) {
                missing if missing.is_nan() => weighted.imputed,
                indicator => indicator,
            };
            Some(cells.map(imputed).collect())
        }
    }
}

impl fmt::Display for Headroom {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rows,
            model_roc_auc: of_model,
            trees_roc_auc: of_trees,
            standard_error: error,
        } = self;
        let difference = of_trees - of_model;
        let figures = format!(
            "ROC-AUC {of_trees:.4} for {of_model:.4} of this form, on {rows} rows out of fold, standard error of the difference {error:.4}"
        );
        if difference >= CLEAR * error {
            write!(
                to,
                "boosted trees rank better by {difference:.3} ROC-AUC ({figures})"
            )
        } else if difference > -CLEAR * error {
            write!(
                to,
                "boosted trees do not rank better: the difference may be noise ({figures})"
            )
        } else {
            write!(to, "boosted trees rank worse ({figures})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(model_roc_auc: f64, trees_roc_auc: f64) -> String {
        let headroom = Headroom {
            rows: 1000,
            model_roc_auc,
            trees_roc_auc,
            standard_error: 0.002,
        };
        headroom.to_string()
    }

    #[test]
    fn the_sentence_says_more_than_noise_only_if_there_is_more() {
        let better = sentence(0.842, 0.851);
        assert!(better.starts_with("boosted trees rank better by 0.009 ROC-AUC (ROC-AUC 0.8510"));
        assert!(better.ends_with("standard error of the difference 0.0020)"));
        for noise in [0.839, 0.842, 0.845] {
            assert!(sentence(0.842, noise).contains("do not rank better"));
        }
        assert!(sentence(0.842, 0.83).contains("rank worse"));
    }
}
