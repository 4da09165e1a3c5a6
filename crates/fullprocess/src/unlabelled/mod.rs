//! New rows without a label: their predictions, the estimated performance of these, and the
//! realised performance once labels arrive.
//!
//! A row without a label stays in the data and is never fitted or scored. Its prediction is kept in
//! a file of the state folder until a row of the same client brings the label. So neither file nor
//! data has to be read while no labels arrive.

mod matching;
mod prediction;
mod prediction_log;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use common::{Config, History};
use model::Model;
use record::{
    EstimateKind, EstimatedPerformance, LabelledPredictions, PendingPredictions,
    RealisedPerformance, RunEstimate,
};
use scoring::{Forecast, f1_interval_of_estimate};
use serde::de::IgnoredAny;

use self::matching::LabelledRow;
use self::prediction::{Prediction, predict};
use self::prediction_log::{LabelledRecord, LogChanges, PredictionLog};
use crate::evaluation::{LiveRelease, RunData};

/// Changes that a run makes to the stored predictions, and the performance that it reports.
#[derive(Debug, Default)]
pub(crate) struct PredictionUpdate {
    pub(crate) estimated_performance: Option<EstimatedPerformance>,
    pub(crate) realised_performance: Vec<RealisedPerformance>,
    changes: LogChanges,
    /// Estimates of the runs whose predictions change, by run.
    estimates: BTreeMap<i64, RunEstimate>,
}

/// Predicts the new rows without a label, and finds the labels that the new rows bring for earlier
/// predictions. Nothing is stored yet.
pub(crate) fn prediction_update(
    config: &Config,
    history: &History,
    run: i64,
    live: &LiveRelease,
    data: &RunData,
) -> anyhow::Result<PredictionUpdate> {
    let new = data.new_rows(config)?;
    let predicted = predict(run, live, &new)?;
    let log = PredictionLog::committed(&config.layout, history)?;
    let mut update = PredictionUpdate::default();
    if predicted.is_empty() && log.waiting() == 0 {
        return Ok(update);
    }
    if let Some(estimated) = estimate(&live.model, &predicted) {
        let of_run = RunEstimate::new(live.release.name(), estimated.clone());
        update.estimates.insert(run, of_run);
        update.estimated_performance = Some(estimated);
    }
    let labelled = matching::labelled_rows(&new)?;
    let clients: HashSet<u64> = labelled.iter().map(|row| row.client).collect();
    update.match_labels(history, log.of_clients(&clients), predicted, &labelled);
    Ok(update)
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
    // A variance that takes rows as independent is too small for the rows of one client. That of the
    // recalibration is of the training rows.
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
    })
}

impl PredictionUpdate {
    /// Notes the features whose values are not those of the training rows, so that the run has no estimate of
    /// its scores.
    pub(crate) fn note_left_reference(&mut self, run: i64, features: &[String]) {
        let estimated = self.estimated_performance.take();
        self.estimated_performance = estimated.map(|it| it.with_left_reference(features));
        let Some(stored) = self.estimates.get_mut(&run) else {
            return;
        };
        let estimated = stored.estimated_performance.clone();
        stored.estimated_performance = estimated.with_left_reference(features);
        // Labels may already have arrived with the same rows.
        let of_run = self.realised_performance.iter_mut();
        for realised in of_run.filter(|it| it.run == run) {
            *realised = stored.realised(run);
        }
    }

    /// Gives the waiting predictions the labels that arrived, and adds both to the run that
    /// predicted.
    fn match_labels(
        &mut self,
        history: &History,
        earlier: Vec<(u64, Prediction)>,
        predicted: Vec<Prediction>,
        labelled: &[LabelledRow],
    ) {
        let records: Vec<u64> = earlier.iter().map(|(record, _)| *record).collect();
        let mut waiting: Vec<Prediction> = earlier.into_iter().map(|(_, row)| row).collect();
        waiting.extend(predicted);
        let mut by_run: BTreeMap<i64, LabelledPredictions> = BTreeMap::new();
        let labels = matching::match_labels(&waiting, labelled);
        for (position, (row, label)) in waiting.into_iter().zip(labels).enumerate() {
            match (label, records.get(position)) {
                (Some(label), record) => {
                    let of_run = by_run.entry(row.run).or_default();
                    of_run.add(row.probability, row.predicts_positive(), label);
                    let client = row.client;
                    let labelled = record.map(|&record| LabelledRecord { client, record });
                    self.changes.labelled.extend(labelled);
                }
                (None, None) => self.changes.new.push(row),
                (None, Some(_)) => {}
            }
        }
        for (run, labelled) in by_run {
            self.add_labelled(history, run, labelled);
        }
    }

    /// Adds predictions of a run whose labels arrived.
    fn add_labelled(&mut self, history: &History, run: i64, labelled: LabelledPredictions) {
        // The estimate of the current run is not in the history yet.
        let stored = match self.estimates.remove(&run) {
            Some(stored) => Some(stored),
            // An unreadable estimate decides nothing, so it does not make the run fail.
            None => history.estimate_of(run).unwrap_or_else(|error| {
                tracing::warn!("{error:#}");
                None
            }),
        };
        let Some(mut stored) = stored else {
            tracing::warn!(run, "the estimate for the run's predictions is not known");
            return;
        };
        stored.add(labelled);
        self.realised_performance.push(stored.realised(run));
        self.estimates.insert(run, stored);
    }

    /// Writes the changes, which are still to be committed; `None` without changes.
    pub(crate) fn write(
        self,
        config: &Config,
        history: &History,
    ) -> anyhow::Result<Option<PendingPredictions>> {
        let Self {
            changes, estimates, ..
        } = self;
        let before = PredictionLog::committed(&config.layout, history)?;
        let after = if changes.is_empty() {
            before
        } else {
            before.change(&changes)?
        };
        let is_changed = !(changes.is_empty() && estimates.is_empty());
        Ok(is_changed.then_some(PendingPredictions {
            before: before.file,
            after: after.file,
            estimates,
        }))
    }
}

/// Commits pending predictions; part of the caller's transaction.
pub(crate) fn commit(pending: &PendingPredictions, history: &History) -> anyhow::Result<()> {
    if prediction_log::committed_file(history)? != pending.before {
        tracing::warn!("the stored predictions have changed since, so the run's are dropped");
        return Ok(());
    }
    prediction_log::commit(pending.after, history)?;
    for (run, estimate) in &pending.estimates {
        history.save_estimate(*run, estimate)?;
    }
    Ok(())
}

/// Removes prediction files that are not committed: replaced ones, and those of a killed run.
///
/// Nothing is removed while a run is open: its file is committed once the run is finished.
pub(crate) fn sweep(config: &Config, history: &History) {
    let swept = history
        .unfinished_runs::<IgnoredAny>()
        .and_then(|open| match open[..] {
            [] => PredictionLog::committed(&config.layout, history)?.remove_others(),
            [..] => Ok(()),
        });
    if let Err(error) = swept {
        tracing::warn!("{error:#}");
    }
}

/// Path of the prediction file; `None` when no prediction waits.
pub(crate) fn file(config: &Config, history: &History) -> anyhow::Result<Option<PathBuf>> {
    let log = PredictionLog::committed(&config.layout, history)?;
    Ok((log.waiting() > 0).then(|| log.path()))
}
