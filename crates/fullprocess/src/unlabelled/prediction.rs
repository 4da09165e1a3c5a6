//! A prediction for a row without a label.

use common::Failure;
use common::waiting_rows::{RowPrediction, WaitingPrediction};
use dataset::passes::{log_odds, probability, row_identities};
use dataset::{RowNumbers, Selection, Table};
use scoring::{Forecast, Recalibration};

use crate::evaluation::LiveRelease;

/// The prediction for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prediction {
    /// Public hash of the client.
    pub(super) client: u64,
    /// Log-odds minus the log-odds of the model's threshold. Above 0, the positive label is predicted.
    pub(super) margin: f64,
    /// Calibrated probability of the positive label.
    pub(super) probability: f64,
    /// Number of the row in finaldata.csv.
    place: u64,
}

impl Prediction {
    pub(super) fn predicts_positive(&self) -> bool {
        self.margin > 0.0
    }

    /// The prediction as it is stored.
    pub(super) fn of_row(&self, run: i64) -> RowPrediction {
        RowPrediction {
            client: self.client,
            place: self.place,
            prediction: WaitingPrediction {
                run,
                margin: self.margin,
                probability: self.probability,
            },
        }
    }

    pub(super) fn forecast(&self) -> Forecast {
        Forecast {
            score: self.margin,
            probability: self.probability,
            predicts_positive: self.predicts_positive(),
        }
    }
}

/// Predicts the selected rows without a label. `numbers` gives the number in finaldata.csv of each row
/// of the table.
pub(super) fn predict(
    live: &LiveRelease,
    table: &Table,
    selection: &Selection,
    numbers: &RowNumbers,
) -> Result<Vec<Prediction>, Failure> {
    let rows = selection.clone().unlabelled();
    let identities = row_identities(table, &rows)?;
    if identities.is_empty() {
        return Ok(Vec::new());
    }
    let recalibration = live.model.recalibration.as_ref();
    let recalibration = recalibration.map_or(Recalibration::NONE, Recalibration::from);
    let expression = live.model.predictor.expression();
    let log_odds = log_odds(&expression, table, &rows)?;
    let cut = live.model.threshold.log_odds();
    let predictions = identities
        .into_iter()
        .zip(log_odds)
        .map(|(row, log_odds)| Prediction {
            client: row.client,
            margin: log_odds - cut,
            probability: probability(recalibration.log_odds(log_odds)),
            place: numbers.number(row.position),
        });
    Ok(predictions.collect())
}
