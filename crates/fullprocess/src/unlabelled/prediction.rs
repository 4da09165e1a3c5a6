//! A prediction for a row without a label.

use dataset::passes::{log_odds, probability, row_identities};
use scoring::{Forecast, Recalibration};

use crate::evaluation::{LiveRelease, SelectedRows};

/// The prediction for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prediction {
    /// Public hash of the client.
    pub(super) client: u64,
    /// Public hash of client and values.
    pub(super) row: u64,
    /// Log-odds above those of the model's threshold. The positive label is predicted where they are
    /// above 0.
    pub(super) margin: f64,
    /// Calibrated probability of the positive label.
    pub(super) probability: f64,
    /// The run that predicted.
    pub(super) run: i64,
    /// Position of the row among the rows of the current run; `None` for predictions of earlier
    /// runs, which come before.
    pub(super) place: Option<usize>,
}

impl Prediction {
    pub(super) fn predicts_positive(&self) -> bool {
        self.margin > 0.0
    }

    pub(super) fn forecast(&self) -> Forecast {
        Forecast {
            score: self.margin,
            probability: self.probability,
            predicts_one: self.predicts_positive(),
        }
    }
}

/// Predicts the rows without a label.
pub(super) fn predict(run: i64, live: &LiveRelease, new: &SelectedRows<'_>) -> Vec<Prediction> {
    let rows = new.selection.clone().unlabelled();
    let identities = row_identities(new.table, &rows);
    if identities.is_empty() {
        return Vec::new();
    }
    let recalibration = live.model.recalibration.as_ref();
    let recalibration = recalibration.map_or(Recalibration::NONE, Recalibration::from);
    let expression = live.model.predictor.expression();
    let scored = log_odds(&expression, new.table, &rows);
    let cut = live.model.threshold.log_odds();
    identities
        .into_iter()
        .zip(scored)
        .map(|(row, scored)| Prediction {
            client: row.client,
            row: row.hash,
            margin: scored.log_odds - cut,
            probability: probability(recalibration.log_odds(scored.log_odds)),
            run,
            place: Some(row.position),
        })
        .collect()
}
