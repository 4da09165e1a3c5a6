//! Rows without a class: predicted, with what the predictions are probably worth, and held against
//! the classes once they come.
//!
//! A row without a class stays in the data and is never fitted or scored. What was predicted for it
//! is kept in a file of the state folder until a row of the same client brings the class; so neither
//! file nor data has to be read while none comes.

mod awaiting;
mod expectation;
mod pairing;
mod prediction;

use std::collections::{BTreeMap, HashSet};

use common::{Config, History};
use scoring::{Estimate, Forecast};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use self::awaiting::{Awaiting, Changes, Met};
use self::expectation::{Came, StoredExpectation};
use self::pairing::Labelled;
use self::prediction::{Prediction, predict};
use crate::judge::{Data, Live};

pub use self::expectation::{EstimateKind, Expectation, Realised};

/// What the new rows say of predictions, made and to be made.
#[derive(Debug, Default)]
pub(crate) struct Foreseen {
    pub(crate) expectation: Option<Expectation>,
    pub(crate) realised: Vec<Realised>,
    /// What becomes of the predictions that wait.
    changes: Changes,
    /// The runs whose predictions this one made or met, as they stand then.
    estimates: BTreeMap<i64, StoredExpectation>,
}

/// What was foreseen, written and not yet committed: it counts once the rows of the run count as
/// judged. The run's record has it until then, so that whoever finishes the run need not see the
/// rows again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Written {
    before: Awaiting,
    after: Awaiting,
    estimates: BTreeMap<i64, StoredExpectation>,
}

/// Predicts the new rows without a class, and looks which of the rows that wait for one meet it in
/// the new rows; nothing is kept yet.
pub(crate) fn foresee(
    config: &Config,
    history: &History,
    run: i64,
    live: &Live,
    data: &Data,
) -> anyhow::Result<Foreseen> {
    let new = data.new_rows(config)?;
    let predicted = predict(run, live, &new);
    let awaiting = Awaiting::of(history)?;
    if predicted.is_empty() && awaiting.waiting() == 0 {
        return Ok(Foreseen::default());
    }
    let mut foreseen = Foreseen::default();
    if let Some(estimate) = expect(&predicted) {
        let expectation = Expectation {
            kind: EstimateKind::BlindToConceptDrift,
            estimate,
        };
        let stored = StoredExpectation::of(live.release.name(), expectation.clone());
        foreseen.estimates.insert(run, stored);
        foreseen.expectation = Some(expectation);
    }
    let labelled = pairing::labelled(&new);
    let clients: HashSet<u64> = labelled.iter().map(|row| row.client).collect();
    let earlier = awaiting.of_clients(&config.layout, &clients);
    foreseen.meet(history, earlier, predicted, &labelled);
    Ok(foreseen)
}

/// What is to be expected of some predictions; `None` without any.
fn expect(predicted: &[Prediction]) -> Option<Estimate> {
    let forecasts: Vec<Forecast> = predicted.iter().map(Prediction::forecast).collect();
    scoring::estimate(&forecasts)
}

impl Foreseen {
    /// Gives the rows that wait the classes that have come, and counts those with the run that
    /// predicted them.
    fn meet(
        &mut self,
        history: &History,
        earlier: Vec<(u64, Prediction)>,
        predicted: Vec<Prediction>,
        labelled: &[Labelled],
    ) {
        let records: Vec<u64> = earlier.iter().map(|(record, _)| *record).collect();
        let mut waiting: Vec<Prediction> = earlier.into_iter().map(|(_, row)| row).collect();
        waiting.extend(predicted);
        let mut by_run: BTreeMap<i64, Came> = BTreeMap::new();
        let classes = pairing::pair(&waiting, labelled);
        for (position, (row, class)) in waiting.into_iter().zip(classes).enumerate() {
            match (class, records.get(position)) {
                (Some(class), record) => {
                    by_run.entry(row.run).or_default().add(&row, class);
                    let client = row.client;
                    let met = record.map(|&record| Met { client, record });
                    self.changes.met.extend(met);
                }
                (None, None) => self.changes.more.push(row),
                (None, Some(_)) => {}
            }
        }
        for (of, came) in by_run {
            self.note_what_came(history, of, came);
        }
    }

    fn note_what_came(&mut self, history: &History, of: i64, came: Came) {
        // What was predicted in this run is not in the history yet.
        let stored = match self.estimates.remove(&of) {
            Some(stored) => Some(stored),
            // What cannot be read decides nothing, so it is no reason for a run to fail.
            None => history.estimate_of(of).unwrap_or_else(|error| {
                tracing::warn!("{error:#}");
                None
            }),
        };
        let Some(mut stored) = stored else {
            tracing::warn!(
                run = of,
                "what was expected of its predictions is not known"
            );
            return;
        };
        stored.add(came);
        self.realised.push(stored.realised(of));
        self.estimates.insert(of, stored);
    }

    /// Writes it; `None` where nothing changes.
    pub(crate) fn write(
        self,
        config: &Config,
        history: &History,
    ) -> anyhow::Result<Option<Written>> {
        let Self {
            changes, estimates, ..
        } = self;
        let before = Awaiting::of(history)?;
        let is_changed = !(changes.more.is_empty() && changes.met.is_empty());
        let after = if is_changed {
            before.change(&config.layout, &changes)?
        } else {
            before
        };
        Ok((is_changed || !estimates.is_empty()).then_some(Written {
            before,
            after,
            estimates,
        }))
    }
}

impl Written {
    /// Makes it count; a part of the caller's transaction.
    pub(crate) fn commit(&self, history: &History) -> anyhow::Result<()> {
        if Awaiting::of(history)? != self.before {
            tracing::warn!("other predictions wait than those that these were added to");
            return Ok(());
        }
        self.after.commit(history)?;
        for (run, stored) in &self.estimates {
            history.save_estimate(*run, stored)?;
        }
        Ok(())
    }
}

/// Removes the files that do not count, since a run put another in their place or was killed.
///
/// While a run is open nothing is removed: what it wrote counts once it is finished.
pub(crate) fn sweep(config: &Config, history: &History) {
    let swept = history
        .unfinished_runs::<IgnoredAny>()
        .and_then(|open| match open[..] {
            [] => Awaiting::of(history)?.remove_others(&config.layout),
            [..] => Ok(()),
        });
    if let Err(error) = swept {
        tracing::warn!("{error:#}");
    }
}

/// The file of predictions that wait for a class; `None` where none does.
pub(crate) fn file(
    config: &Config,
    history: &History,
) -> anyhow::Result<Option<std::path::PathBuf>> {
    let awaiting = Awaiting::of(history)?;
    Ok((awaiting.waiting() > 0).then(|| awaiting.path(&config.layout)))
}
