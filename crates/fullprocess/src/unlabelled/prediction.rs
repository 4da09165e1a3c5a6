//! A prediction for a row without a label.

use common::Failure;
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
pub(super) fn predict(
    run: i64,
    live: &LiveRelease,
    new: &SelectedRows<'_>,
) -> Result<Vec<Prediction>, Failure> {
    let rows = new.selection.clone().unlabelled();
    let identities = row_identities(new.table, &rows)?;
    if identities.is_empty() {
        return Ok(Vec::new());
    }
    let recalibration = live.model.recalibration.as_ref();
    let recalibration = recalibration.map_or(Recalibration::NONE, Recalibration::from);
    let expression = live.model.predictor.expression();
    let log_odds = log_odds(&expression, new.table, &rows)?;
    let cut = live.model.threshold.log_odds();
    let predictions = identities
        .into_iter()
        .zip(log_odds)
        .map(|(row, log_odds)| Prediction {
            client: row.client,
            row: row.hash,
            margin: log_odds - cut,
            probability: probability(recalibration.log_odds(log_odds)),
            run,
            place: Some(row.position),
        });
    Ok(predictions.collect())
}
