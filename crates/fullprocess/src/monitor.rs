//! The drift verdicts of a run, and the sums that they continue.
//!
//! The sums of the score test belong to one release while it is live. They are committed with the
//! mark that the rows are evaluated, so no row is added twice. They restart when another release
//! goes live, and after every retraining because of model drift, even if the retraining failed.

use common::{Config, History};
use diagnostics::statistics::CumulativeScore;
use diagnostics::{Batch, Verdict, Verdicts, verdicts};
use record::{Action, RunRecord};
use serde::{Deserialize, Serialize};

use crate::evaluation::{LiveRelease, RunData};

/// Name of the history document with the sums over the batches since the live release went live.
const SCORE_SUMS: &str = "sums of the score test";

/// The sums in the history, and the release that they belong to.
#[derive(Serialize, Deserialize)]
struct StoredSums {
    release: String,
    /// Number of the newest change of the live release by hand. The sums restart after a rollback.
    #[serde(default)]
    after_change: i64,
    sums: CumulativeScore,
}

/// The drift verdicts on the deployed model; `None` without a deployed model or without new rows.
pub(crate) fn monitor(
    config: &Config,
    history: &History,
    live: Option<&LiveRelease>,
    data: &RunData,
) -> anyhow::Result<Option<Verdicts>> {
    let new = data.new_rows(config)?;
    let is_sample = new.sample().is_some();
    let rows = new.selection.rows;
    let Some(live) = live.filter(|_| !rows.is_empty()) else {
        return Ok(None);
    };
    let before = load_sums(history, live.release.name())?;
    let batch = Batch {
        table: new.table,
        rows,
    };
    let mut found = verdicts(&live.model, &batch, &before, config.drift.alpha)?;
    if is_sample {
        let labels = data.labels_from(config, data.ledger.evaluated_rows)?;
        found.model.sample_of =
            Some(labels.labelled()).filter(|labelled| *labelled > found.model.rows);
    }
    Ok(Some(found))
}

/// The sums to which the next batch is added, if the same model is then deployed. `before` has the
/// sums before this run; the batch that `verdicts` tested is added to them. The sums restart after a
/// candidate was fitted because of model drift.
pub fn sums_after(
    mut before: CumulativeScore,
    action: Action,
    verdicts: &Verdicts,
) -> CumulativeScore {
    if action == Action::Retrain && verdicts.model.verdict == Verdict::Drift {
        return CumulativeScore::default();
    }
    if let Err(why) = verdicts.add_to(&mut before) {
        tracing::warn!("the batch is not part of later drift tests: {why}");
    }
    before
}

/// Stores the sums of a run; part of the transaction that marks its rows as evaluated.
pub(crate) fn save_sums(history: &History, record: &RunRecord) -> anyhow::Result<()> {
    let Some((evidence, decision)) = record.evidence.as_ref().zip(record.decision.as_ref()) else {
        return Ok(());
    };
    let Some((deployed, verdicts)) = evidence.deployed.as_ref().zip(evidence.verdicts.as_ref())
    else {
        return Ok(());
    };
    let before = load_sums(history, &deployed.release)?;
    let stored = StoredSums {
        release: deployed.release.clone(),
        after_change: history.newest_release_change()?,
        sums: sums_after(before, decision.action, verdicts),
    };
    history.save_document(SCORE_SUMS, &stored)
}

/// Sums of a release since it went live.
fn load_sums(history: &History, release: &str) -> anyhow::Result<CumulativeScore> {
    let after_change = history.newest_release_change()?;
    let stored: Option<StoredSums> = history.document(SCORE_SUMS)?;
    let own =
        stored.filter(|stored| stored.release == release && stored.after_change == after_change);
    Ok(own.map(|stored| stored.sums).unwrap_or_default())
}
