//! A logistic regression on numbers or their curves, on indicators of levels, and on pairs of
//! features.

use common::Schema;
use common::schema::EffectShape;
use dataset::passes::{Encoding, Grid, LinearExpression, Term, WeightedTerm};
use serde::{Deserialize, Serialize};

use crate::design::Design;
use crate::form::Form;
use crate::watch::Watch;

/// The columns, intercept and coefficients of a logistic regression, with the values that replace
/// missing ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearPredictor {
    /// Log-odds where all columns are 0.
    pub intercept: f64,
    /// Log-odds per raw unit of each column of the design.
    pub coefficients: Vec<f64>,
    /// The value of each column in a row where its feature is missing.
    pub imputed: Vec<f64>,
    /// The columns that the features become. By default each feature is a number.
    #[serde(default, skip_serializing_if = "Design::has_only_number_columns")]
    pub design: Design,
}

impl LinearPredictor {
    /// A predictor with the same log-odds for every row.
    pub fn constant(log_odds: f64) -> Self {
        Self {
            intercept: log_odds,
            coefficients: Vec::new(),
            imputed: Vec::new(),
            design: Design::default(),
        }
    }

    /// The form of the effects of features.
    pub fn form(&self) -> Form {
        self.design.form()
    }

    /// Number of features that the coefficients belong to.
    fn features(&self) -> usize {
        self.design.feature_count_of_width(self.coefficients.len())
    }

    pub(crate) fn watched(&self) -> Vec<Watch> {
        let of_design = self.design.watched(self.features());
        let shapes = self.design.shapes(self.features());
        let columns = of_design.into_iter().zip(shapes).zip(&self.coefficients);
        let watch = |((watch, shape), coefficient): ((Watch, EffectShape), &f64)| {
            let is_held = shape.is_monotone() && *coefficient == 0.0;
            if is_held {
                Watch::for_coefficient_at_limit(shape)
            } else {
                watch
            }
        };
        columns.map(watch).collect()
    }

    /// The same predictor in the columns for fitting, as the start of another fit: steps replace
    /// each effect, and cells replace each pair. Rows without missing values keep their
    /// predictions. A missing value adds 0 for steps and cells.
    pub fn for_fitting(&self) -> Self {
        let terms = self.design.terms(self.features()).into_iter();
        let weights = self.coefficients.iter().zip(&self.imputed);
        let (mut intercept, mut coefficients, mut imputed) = (self.intercept, vec![], vec![]);
        for (term, (coefficient, imputed_value)) in terms.zip(weights) {
            match term.encoding {
                Encoding::Trend(_) => {}
                Encoding::Curve(curve) => {
                    let values = curve.values();
                    intercept += coefficient * values[0];
                    let steps = values.windows(2);
                    coefficients.extend(steps.map(|pair| coefficient * (pair[1] - pair[0])));
                    imputed.extend(vec![0.0; values.len() - 1]);
                }
                Encoding::Surface(surface) => {
                    coefficients.extend(surface.values.iter().map(|value| coefficient * value));
                    imputed.extend(vec![0.0; surface.values.len()]);
                }
                _ => {
                    coefficients.push(*coefficient);
                    imputed.push(*imputed_value);
                }
            }
        }
        Self {
            intercept,
            coefficients,
            imputed,
            design: self.design.for_fitting(),
        }
    }

    /// A predictor with the same log-odds, and with a new column for each cell of the grids. The
    /// coefficients of the new columns are 0.
    pub fn with_cells(&self, grids: Vec<Grid>) -> Self {
        let cells: usize = grids.iter().map(Grid::len).sum();
        let zeros = || std::iter::repeat_n(0.0, cells);
        Self {
            intercept: self.intercept,
            coefficients: self.coefficients.iter().copied().chain(zeros()).collect(),
            imputed: self.imputed.iter().copied().chain(zeros()).collect(),
            design: self.design.with_cells(grids),
        }
    }

    /// The predictor without the columns of cells. It predicts less well until it is fitted.
    pub fn without_cells(&self) -> Self {
        let terms = self.design.terms(self.features());
        let cells = terms
            .iter()
            .filter(|term| matches!(term.encoding, Encoding::Cell(..)));
        // The cells of pairs come after all other columns.
        let kept = self.coefficients.len() - cells.count();
        Self {
            intercept: self.intercept,
            coefficients: self.coefficients[..kept].to_vec(),
            imputed: self.imputed[..kept].to_vec(),
            design: self.design.without_cells(),
        }
    }

    /// The log-odds of the positive label as an expression of a row.
    pub fn expression(&self) -> LinearExpression<'_> {
        let terms = self.design.terms(self.features()).into_iter();
        let weights = self.coefficients.iter().zip(&self.imputed);
        LinearExpression {
            intercept: self.intercept,
            terms: terms
                .zip(weights)
                .map(|(term, (coefficient, imputed))| WeightedTerm {
                    term,
                    coefficient: *coefficient,
                    imputed: *imputed,
                })
                .collect(),
        }
    }

    /// The reason why this predictor does not fit the columns of a schema; `None` if it does.
    pub(crate) fn flaw(&self, schema: &Schema) -> Option<&'static str> {
        if let Some(flaw) = self.design.flaw(schema) {
            return Some(flaw);
        }
        let width = self.design.width(schema.features.len());
        if [&self.coefficients, &self.imputed]
            .iter()
            .any(|values| values.len() != width)
        {
            return Some("it does not have one coefficient per column of its design");
        }
        let terms = self.design.terms(schema.features.len()).into_iter();
        let shapes = self.design.shapes(schema.features.len());
        let mut lines = terms.zip(shapes).zip(&self.coefficients);
        let is_wrong = |((term, shape), coefficient): ((Term<'_>, EffectShape), &f64)| {
            term.encoding == Encoding::Number && !shape.allows(*coefficient)
        };
        lines
            .any(is_wrong)
            .then_some("a straight line contradicts its configured shape")
    }
}
