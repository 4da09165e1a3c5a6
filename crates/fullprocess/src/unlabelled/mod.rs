//! New rows without a label: their predictions, the estimated performance of these, and the
//! realised performance once labels arrive.
//!
//! A row without a label stays in the data and is never fitted or scored. Its prediction is kept with
//! the row in [`common::waiting_rows`] until its label arrives. Ingestion has paired the labels, so
//! neither file nor data has to be read here.

mod prediction;
mod predictions_of_older_programs;

use std::collections::{BTreeMap, HashSet};

use common::history::is_damage;
use common::waiting_rows::{DamagedPredictions, RowPrediction};
use common::{Config, History, Ledger, WaitingRows, files};
use dataset::RowNumbers;
use dataset::passes::label_counts;
use diagnostics::Verdicts;
use model::Model;
use record::{
    EstimateKind, EstimatedPerformance, LabelledPredictions, PendingPredictions,
    RealisedPerformance, RunEstimate,
};
use scoring::{Forecast, f1_interval_of_estimate};

use self::prediction::{Prediction, predict};
use crate::evaluation::{LiveRelease, RunData};

/// The predictions of a run for the new rows without a label.
#[derive(Debug, Default)]
pub(crate) struct RunPredictions {
    run: i64,
    release: String,
    predicted: Vec<Prediction>,
    estimated: Option<EstimatedPerformance>,
}

/// What a run reports on its own predictions, and on predictions whose labels have arrived.
#[derive(Debug, Default)]
pub(crate) struct PredictionUpdate {
    pub(crate) estimated_performance: Option<EstimatedPerformance>,
    pub(crate) realised_performance: Vec<RealisedPerformance>,
    /// The estimates to commit.
    pub(crate) pending: Option<PendingPredictions>,
}

/// Predicts the new rows without a label. Nothing is stored yet.
pub(crate) fn run_predictions(
    config: &Config,
    run: i64,
    live: &LiveRelease,
    data: &RunData,
) -> anyhow::Result<RunPredictions> {
    let predicted = predict_new(config, live, data)?;
    Ok(RunPredictions {
        run,
        release: live.release.name().to_owned(),
        estimated: estimate(&live.model, &predicted),
        predicted,
    })
}

/// Predicts the new rows without a label. If the new rows are on an engine, finaldata.csv is read for
/// them.
fn predict_new(
    config: &Config,
    live: &LiveRelease,
    data: &RunData,
) -> anyhow::Result<Vec<Prediction>> {
    let new = data.new_rows(config)?;
    if !new.table.is_on_engine() {
        return Ok(predict(live, new.table, &new.selection, &new.rows.numbers)?);
    }
    if label_counts(new.table, &new.selection)?.unlabelled == 0 {
        return Ok(Vec::new());
    }
    let ledger = &data.ledger;
    let mut next = ledger.evaluated_rows;
    let mut predicted = Vec::new();
    dataset::each_block(config, ledger, next..ledger.rows, |block| {
        predicted.extend(predict(live, block, &block.all(), &RowNumbers::From(next))?);
        next += block.rows() as u64;
        Ok(())
    })?;
    Ok(predicted)
}

/// Estimated performance of some predictions; `None` without any.
fn estimate(model: &Model, predicted: &[Prediction]) -> Option<EstimatedPerformance> {
    let forecasts: Vec<Forecast> = predicted.iter().map(Prediction::forecast).collect();
    let cut = model.threshold.log_odds();
    let rows = predicted
        .iter()
        .map(|it| (it.margin + cut, it.predicts_positive()));
    let mut clients = HashSet::new();
    let is_repeated = |it: &Prediction| !clients.insert(it.client);
    // A variance for independent rows is too small for several rows of one client. This holds for
    // the predicted rows, and for the training rows that the recalibration was fitted to.
    let has_repeated_clients =
        model.client_agreement.is_some() || predicted.iter().any(is_repeated);
    let recalibration = model.recalibration.as_ref();
    let recalibration = recalibration.filter(|_| !has_repeated_clients);
    Some(EstimatedPerformance {
        kind: EstimateKind::BlindToConceptDrift,
        estimate: scoring::estimate(&forecasts)?,
        f1_interval: recalibration
            .and_then(|it| f1_interval_of_estimate(&rows.collect::<Vec<_>>(), it)),
        has_repeated_clients,
        left_reference: Vec::new(),
        newly_missing: BTreeMap::new(),
    })
}

impl RunPredictions {
    /// Notes the features whose values are unlike all training rows. If there are any, the run has no
    /// estimate of its scores.
    pub(crate) fn note_left_reference(&mut self, verdicts: &Verdicts) {
        let left = verdicts.left_reference();
        let estimated = self.estimated.take();
        self.estimated =
            estimated.map(|it| it.with_left_reference(&left, verdicts.newly_missing()));
    }

    /// Stores the predictions, and finds those whose labels have arrived. The caller has decided that the
    /// rows will count as evaluated. If they do not, a later run predicts them again.
    pub(crate) fn store(
        self,
        config: &Config,
        history: &History,
        ledger: &Ledger,
    ) -> anyhow::Result<PredictionUpdate> {
        let labelled = match self.has_work(config)? {
            true => self.store_rows_again_if_lost(config, history, ledger)?,
            false => BTreeMap::new(),
        };
        let mut estimates = BTreeMap::new();
        if let Some(estimated) = &self.estimated {
            estimates.insert(self.run, RunEstimate::new(&self.release, estimated.clone()));
        }
        let mut realised_performance = Vec::new();
        for (run, labelled) in labelled {
            // The estimate of the current run is not in the history yet.
            let stored = match estimates.remove(&run) {
                Some(own) => Some(own),
                None => estimate_of(history, run)?,
            };
            let Some(mut stored) = stored else {
                tracing::warn!(run, "the estimate for the run's predictions is not known");
                continue;
            };
            stored.add(labelled);
            realised_performance.push(stored.realised(run));
            estimates.insert(run, stored);
        }
        let pending = PendingPredictions {
            estimates,
            ..PendingPredictions::default()
        };
        Ok(PredictionUpdate {
            estimated_performance: self.estimated,
            realised_performance,
            pending: (!pending.estimates.is_empty()).then_some(pending),
        })
    }

    /// False if no row waits or was predicted.
    fn has_work(&self, config: &Config) -> anyhow::Result<bool> {
        Ok(config.schema.id.is_some()
            && (!self.predicted.is_empty() || files::exists(&config.layout.predictions())?))
    }

    /// Stores the predictions, also if the predictions of earlier runs turn out to be lost. Returns the
    /// predictions whose labels have arrived, by run.
    fn store_rows_again_if_lost(
        &self,
        config: &Config,
        history: &History,
        ledger: &Ledger,
    ) -> anyhow::Result<BTreeMap<i64, LabelledPredictions>> {
        match self.store_rows(config, history, ledger) {
            Err(error) if error.is::<DamagedPredictions>() => {
                WaitingRows::lose(&config.layout, history, &error.to_string())?;
                self.store_rows(config, history, ledger)
            }
            stored => stored,
        }
    }

    fn store_rows(
        &self,
        config: &Config,
        history: &History,
        ledger: &Ledger,
    ) -> anyhow::Result<BTreeMap<i64, LabelledPredictions>> {
        let Some(mut waiting) = ingestion::waiting_rows(config, history, ledger)? else {
            tracing::warn!("the predictions of the run are not compared with their labels");
            return Ok(BTreeMap::new());
        };
        let rows = self.predicted.iter();
        let mut rows: Vec<RowPrediction> = rows.map(|row| row.of_row(self.run)).collect();
        if !rows.is_empty() || waiting.has_predictions_from(self.run) {
            waiting.begin()?;
            waiting.predict(self.run, &mut rows)?;
            waiting.commit(&ledger.digest, history)?;
        }
        let mut by_run: BTreeMap<i64, LabelledPredictions> = BTreeMap::new();
        waiting.each_labelled(ledger.evaluated_rows, |found| {
            let prediction = found.prediction;
            let of_run = by_run.entry(prediction.run).or_default();
            of_run.add(prediction.probability, prediction.margin > 0.0, found.label);
        })?;
        Ok(by_run)
    }
}

/// The stored estimate of a run; `None` if it is damaged, because estimates decide nothing. If it cannot be
/// read now, the run fails: otherwise the labels would not be added to an estimate that is intact.
fn estimate_of(history: &History, run: i64) -> anyhow::Result<Option<RunEstimate>> {
    match history.estimate_of(run) {
        Err(error) if is_damage(&error) => {
            tracing::warn!("{error:#}");
            Ok(None)
        }
        estimate => estimate,
    }
}

/// Commits pending estimates; part of the caller's transaction.
pub(crate) fn commit(pending: &PendingPredictions, history: &History) -> anyhow::Result<()> {
    predictions_of_older_programs::commit(pending, history)?;
    for (run, estimate) in &pending.estimates {
        history.save_estimate(*run, estimate)?;
    }
    Ok(())
}

/// Removes the waiting rows whose labels are evaluated. The ledger already counts these labels as evaluated,
/// so if the removal fails, the next ingestion repeats it.
pub(crate) fn forget_evaluated(config: &Config, history: &History, ledger: &Ledger) {
    if let Err(error) = WaitingRows::forget_evaluated_of(&config.layout, history, ledger) {
        tracing::warn!("predictions with an evaluated label could not be removed: {error:#}");
    }
}

/// Imports the predictions that a program of an older version stored in files.
pub(crate) fn import_predictions_of_older_programs(
    config: &Config,
    history: &History,
) -> anyhow::Result<()> {
    predictions_of_older_programs::import(&config.layout, history)
}
