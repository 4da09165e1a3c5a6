//! Logistic worlds: three independent features, and log-odds that are linear in them.

use common::Schema;
use common::ledger::DataPosition;
use dataset::Table;
use model::Model;

use super::Begin;
use crate::draws::{Draws, Shape};
use crate::rows::{Row, Rows, config, schema};

/// Number of features of a client.
pub(crate) const FEATURES: usize = 3;
/// Coefficients of the log-odds of leaving: the intercept, then one per standard deviation of each
/// feature.
pub(crate) type Weights = [f64; FEATURES + 1];
/// Coefficients of the world of every first model. The model's ROC-AUC is 0.76 there. It is 0.65
/// after all coefficients are halved, and 0.59 after the first one becomes 0.
pub(crate) const WEIGHTS: Weights = [0.0, 0.95, 0.45, -0.45];

/// The distribution of rows at one time.
#[derive(Clone, Copy)]
pub(crate) struct Logistic {
    pub(crate) shape: Shape,
    pub(crate) weights: Weights,
    /// Shift of each feature, in standard deviations.
    pub(crate) moved: [f64; FEATURES],
    /// Share of missing values of the first feature.
    pub(crate) missing: f64,
    /// A feature whose values are all missing; `None` if there is none.
    pub(crate) broken: Option<usize>,
    /// Share of labels that are wrong for the pipeline.
    pub(crate) flipped: f64,
}

impl Logistic {
    pub(crate) const SAME: Self = Self {
        shape: Shape::Normal,
        weights: WEIGHTS,
        moved: [0.0; FEATURES],
        missing: 0.02,
        broken: None,
        flipped: 0.0,
    };

    pub(crate) fn of(shape: Shape) -> Self {
        Self {
            shape,
            ..Self::SAME
        }
    }

    pub(crate) fn with(weights: Weights) -> Self {
        Self {
            weights,
            ..Self::SAME
        }
    }

    /// With another intercept, and the first coefficient smaller by a share.
    pub(crate) fn without_first(intercept: f64, share: f64) -> Self {
        let [_, first, second, third] = WEIGHTS;
        Self::with([intercept, first * (1.0 - share), second, third])
    }

    pub(crate) fn schema() -> Schema {
        schema(&["a", "b", "c"], &[])
    }

    /// Draws rows; the clients are numbered from `first_id`.
    pub(crate) fn draw(&self, draws: &mut Draws, first_id: usize, rows: usize) -> Rows {
        let mut drawn = Rows::new(&Self::schema());
        (first_id..)
            .take(rows)
            .for_each(|id| drawn.push(id, self.row(draws)));
        drawn
    }

    /// Draws rows of new clients with [`draw`](Self::draw), as the pipeline gets them.
    pub(crate) fn observed(&self, draws: &mut Draws, rows: usize) -> Table {
        self.draw(draws, 0, rows).observed
    }

    /// A model that is fitted to `rows` rows as in the pipeline.
    pub(crate) fn model(&self, draws: &mut Draws, rows: usize) -> Model {
        fitted(&self.observed(draws, rows))
    }

    /// Draws one row.
    pub(crate) fn row(&self, draws: &mut Draws) -> Row {
        let mut values = [0.0; FEATURES];
        for (value, moved) in values.iter_mut().zip(self.moved) {
            *value = draws.standard(self.shape) + moved;
        }
        let left = draws.is(self.probability(&values));
        if draws.is(self.missing) {
            values[0] = f64::NAN;
        }
        if let Some(broken) = self.broken {
            values[broken] = f64::NAN;
        }
        let is_flipped = draws.is(self.flipped);
        Row {
            observed: left != is_flipped,
            ..Row::of(values.to_vec(), left)
        }
    }

    /// The probability that a client with these values leaves.
    pub(crate) fn probability(&self, values: &[f64; FEATURES]) -> f64 {
        1.0 / (1.0 + (-self.log_odds(values)).exp())
    }

    /// The log-odds that a client with these values leaves.
    pub(crate) fn log_odds(&self, values: &[f64; FEATURES]) -> f64 {
        let [intercept, weights @ ..] = self.weights;
        let terms = weights
            .iter()
            .zip(values)
            .map(|(weight, value)| weight * value);
        intercept + terms.sum::<f64>()
    }
}

/// A world with this distribution at each batch.
pub(super) fn at(distribution: impl Fn(usize) -> Logistic + Copy + Sync + 'static) -> Begin {
    Box::new(move |_| Box::new(move |draws, batch| distribution(batch).row(draws)))
}

/// A model that is fitted as in the pipeline, except for the independent check.
pub(crate) fn fitted(table: &Table) -> Model {
    let config = config("score", &Logistic::schema());
    training::train(&config, table, 0..table.rows(), DataPosition::default())
        .expect("rows of both labels give a model")
}
