//! One prediction for a row without a class.

use dataset::passes::{Sample, ScoredRow, log_odds, probability};
use model::Model;
use scoring::{Forecast, Recalibration, recalibrate};

use crate::judge::{Live, Rows};

/// What was predicted for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prediction {
    /// Public hash of its client.
    pub(super) client: u64,
    /// Public hash of its client and values.
    pub(super) row: u64,
    /// The model's log-odds.
    pub(super) log_odds: f64,
    /// Calibrated probability of class 1.
    pub(super) probability: f64,
    /// The run that predicted it.
    pub(super) run: i64,
    /// Its row's place among the rows of the run that is under way; `None` for an earlier run's,
    /// which stands before all of those.
    pub(super) place: Option<usize>,
}

impl Prediction {
    pub(super) fn forecast(&self) -> Forecast {
        Forecast {
            score: self.log_odds,
            probability: self.probability,
            predicts_one: self.log_odds > 0.0,
        }
    }
}

/// Predicts the rows without a class.
pub(super) fn predict(run: i64, live: &Live, new: &Rows<'_>) -> Vec<Prediction> {
    let labels = &new.table.labels;
    let rows = new.selection.rows.clone();
    let places: Vec<usize> = rows.filter(|row| labels[*row].is_none()).collect();
    if places.is_empty() {
        return Vec::new();
    }
    let recalibration = recalibration(&live.model);
    let expression = live.model.predictor.expression();
    let scored = log_odds(&expression, new.table, &new.selection);
    let scored = scored.into_iter().filter(|scored| scored.label.is_none());
    let hashes = new.table.row_hashes(&places);
    places
        .iter()
        .zip(hashes)
        .zip(scored)
        .map(|((place, row), scored)| Prediction {
            client: new.table.clients[*place],
            row,
            log_odds: scored.log_odds,
            probability: probability(recalibration.log_odds(scored.log_odds)),
            run,
            place: Some(*place),
        })
        .collect()
}

/// What makes a model's log-odds mean what they say, fitted out of fold on the sample of its
/// training rows that it carries.
pub(super) fn recalibration(model: &Model) -> Recalibration {
    let scored = scored_sample(model, &model.profile.sample);
    // The sample names no clients, so each of its rows counts as a client of its own: rows of one
    // client may fall into different folds.
    let places: Vec<u64> = (0..scored.len() as u64).collect();
    recalibrate(&scored, &places)
}

fn scored_sample(model: &Model, sample: &Sample) -> Vec<ScoredRow> {
    // The target is the last column of a profile.
    let Some((target, features)) = sample.columns.split_last() else {
        return Vec::new();
    };
    let expression = model.predictor.expression();
    let row = |(position, class): (usize, &f64)| ScoredRow {
        log_odds: expression.value(|feature| features[feature][position]),
        label: (!class.is_nan()).then_some(*class == 1.0),
    };
    target.iter().enumerate().map(row).collect()
}
