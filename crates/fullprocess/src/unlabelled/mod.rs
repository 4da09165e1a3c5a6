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

use std::collections::BTreeMap;

use common::history::documents;
use common::{Config, History};
use scoring::{Estimate, Forecast};

use self::awaiting::Awaiting;
use self::expectation::{Came, StoredExpectation};
use self::prediction::{Prediction, predict};
use crate::judge::{Data, Live};

pub use self::expectation::{EstimateKind, Expectation, Realised};

/// What the new rows say of predictions, made and to be made.
#[derive(Debug, Default)]
pub(crate) struct Foreseen {
    pub(crate) expectation: Option<Expectation>,
    pub(crate) realised: Vec<Realised>,
    /// What waits for its class once this is kept; `None` where nothing changes.
    waiting: Option<Waiting>,
    /// The runs whose rows were met by their class, as they stand then.
    met: Vec<(i64, StoredExpectation)>,
}

/// The predictions that wait for a class.
#[derive(Debug)]
enum Waiting {
    /// These come behind those that wait already.
    More(Vec<Prediction>),
    /// These are all.
    Instead(Vec<Prediction>),
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
    if predicted.is_empty() && awaiting.rows == 0 {
        return Ok(Foreseen::default());
    }
    let labelled = pairing::labelled(&new);
    let expectation = expect(&predicted).map(|estimate| Expectation {
        kind: EstimateKind::BlindToConceptDrift,
        estimate,
    });
    let mut foreseen = Foreseen {
        expectation,
        ..Foreseen::default()
    };
    if labelled.is_empty() {
        foreseen.waiting = (!predicted.is_empty()).then_some(Waiting::More(predicted));
        return Ok(foreseen);
    }
    let mut all = awaiting.read_or_forget(&config.layout);
    let n_before = all.len();
    all.extend(predicted);
    let paired = pairing::pair(&all, &labelled);
    if paired.iter().all(Option::is_none) {
        let predicted = all.split_off(n_before);
        foreseen.waiting = (!predicted.is_empty()).then_some(Waiting::More(predicted));
        return Ok(foreseen);
    }
    foreseen.meet(history, run, live, &all, &paired)?;
    let still = all
        .into_iter()
        .zip(&paired)
        .filter(|(_, class)| class.is_none());
    foreseen.waiting = Some(Waiting::Instead(still.map(|(row, _)| row).collect()));
    Ok(foreseen)
}

/// What is to be expected of some predictions; `None` without any.
fn expect(predicted: &[Prediction]) -> Option<Estimate> {
    let forecasts: Vec<Forecast> = predicted.iter().map(Prediction::forecast).collect();
    scoring::estimate(&forecasts)
}

impl Foreseen {
    /// Counts the rows that have met their class with the run that predicted them.
    fn meet(
        &mut self,
        history: &History,
        run: i64,
        live: &Live,
        all: &[Prediction],
        paired: &[Option<bool>],
    ) -> anyhow::Result<()> {
        let mut by_run: BTreeMap<i64, Came> = BTreeMap::new();
        for (row, class) in all.iter().zip(paired) {
            if let Some(class) = class {
                by_run.entry(row.run).or_default().add(row, *class);
            }
        }
        for (of, came) in by_run {
            let stored = if of == run {
                // What was predicted in this run is not in the history yet.
                let release = live.release.name().to_owned();
                self.expectation
                    .clone()
                    .map(|expectation| StoredExpectation {
                        release,
                        expectation,
                        came: Came::default(),
                    })
            } else {
                history.estimate_of::<StoredExpectation>(of)?
            };
            let Some(mut stored) = stored else {
                tracing::warn!(
                    run = of,
                    "what was expected of its predictions is not known"
                );
                continue;
            };
            stored.came = stored.came.plus(came);
            self.realised.push(stored.realised(of));
            self.met.push((of, stored));
        }
        Ok(())
    }

    /// Keeps it: the file first, then, in the caller's transaction, that it counts.
    pub(crate) fn keep(
        &self,
        config: &Config,
        history: &History,
        run: i64,
        release: &str,
    ) -> anyhow::Result<()> {
        let awaiting = Awaiting::of(history)?;
        let awaiting = match &self.waiting {
            None => None,
            Some(Waiting::More(rows)) => Some(awaiting.append(&config.layout, rows)?),
            Some(Waiting::Instead(rows)) => Some(awaiting.replace(&config.layout, rows)?),
        };
        if let Some(awaiting) = awaiting {
            history.save_document(documents::AWAITING, &awaiting)?;
        }
        if let Some(expectation) = &self.expectation {
            let stored = StoredExpectation {
                release: release.to_owned(),
                expectation: expectation.clone(),
                came: Came::default(),
            };
            history.save_estimate(run, &stored)?;
        }
        for (of, stored) in &self.met {
            history.save_estimate(*of, stored)?;
        }
        Ok(())
    }
}

/// Removes the file that no longer counts, since an earlier run put another in its place.
pub(crate) fn sweep(config: &Config, history: &History) {
    match Awaiting::of(history) {
        Ok(awaiting) => awaiting.remove_others(&config.layout),
        Err(error) => tracing::warn!("{error:#}"),
    }
}

/// The file of predictions that wait for a class; `None` where none does.
pub(crate) fn file(
    config: &Config,
    history: &History,
) -> anyhow::Result<Option<std::path::PathBuf>> {
    let awaiting = Awaiting::of(history)?;
    Ok((awaiting.rows > 0).then(|| awaiting.path(&config.layout)))
}
