//! The open [regime](Regime) in the history: while it is open, further candidates are tried after
//! model drift.
//!
//! It is committed with the decision that opens or changes it. It becomes void when somebody
//! deploys by hand, when the data is rebuilt, and when the schema changes.

use common::ledger::RebuildBase;
use common::{Config, History};
use dataset::count_labels;
use record::Regime;
use serde::{Deserialize, Serialize};

use crate::evaluation::RunData;

/// Name of the history document with the open regime.
const REGIME: &str = "regime";

/// A regime, with the state that it belongs to.
#[derive(Serialize, Deserialize)]
struct StoredRegime {
    regime: Regime,
    /// Number of the newest change of the live release by hand.
    #[serde(default)]
    after_change: i64,
    /// Numbers of files and of evaluated rows at the last rebuild.
    rebuilt: (usize, u64),
    /// Digest of the schema.
    schema: String,
}

/// The open regime; `None` if none is open.
pub(crate) fn load(
    config: &Config,
    history: &History,
    data: &RunData,
) -> anyhow::Result<Option<Regime>> {
    let Some(stored) = history.document::<Option<StoredRegime>>(REGIME)?.flatten() else {
        return Ok(None);
    };
    let ledger = &data.ledger;
    let is_valid = stored.after_change == history.newest_release_change()?
        && stored.rebuilt == rebuilt(ledger.base)
        && stored.schema == ledger.schema
        && stored.regime.is_open(&ledger.batches());
    if !is_valid {
        return Ok(None);
    }
    let regime = stored.regime;
    if regime.counted_rows == ledger.evaluated_rows {
        return Ok(Some(regime));
    }
    // A run was interrupted after its decision and before it marked its rows as evaluated.
    let evaluated = regime.first_row..ledger.evaluated_rows;
    Ok(Some(Regime {
        counted_rows: ledger.evaluated_rows,
        labelled_rows: count_labels(config, ledger, evaluated)?.labelled(),
        ..regime
    }))
}

/// Stores the regime after a decision; part of the decision's transaction.
pub(crate) fn save(
    history: &History,
    regime: Option<Regime>,
    data: &RunData,
) -> anyhow::Result<()> {
    let stored = match regime {
        None => None,
        Some(regime) => Some(StoredRegime {
            regime,
            after_change: history.newest_release_change()?,
            rebuilt: rebuilt(data.ledger.base),
            schema: data.ledger.schema.clone(),
        }),
    };
    history.save_document(REGIME, &stored)
}

fn rebuilt(base: RebuildBase) -> (usize, u64) {
    (base.files, base.evaluated_fingerprints)
}

#[cfg(test)]
mod tests {
    use common::Ledger;
    use common::history::{ChangeKind, NewChange};

    use super::*;

    const OPEN: Regime = Regime {
        run: 2,
        first_row: 0,
        counted_rows: 0,
        labelled_rows: 50,
        labelled_rows_at_trial: 50,
        refusals: 0,
    };

    /// Stores a regime, changes the state by `change`, and returns whether the regime is still
    /// open.
    fn is_open_after(regime: Regime, change: impl FnOnce(&History, &mut Ledger)) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod"}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).unwrap();
        let history = History::open(&config.layout).unwrap();
        let data = |ledger: &Ledger| RunData::load(&config, ledger.clone()).unwrap();
        let mut ledger = Ledger::default();
        save(&history, Some(regime), &data(&ledger)).unwrap();
        change(&history, &mut ledger);
        load(&config, &history, &data(&ledger)).unwrap().is_some()
    }

    #[test]
    fn a_change_by_hand_a_rebuild_and_other_columns_close_a_regime() {
        assert!(is_open_after(OPEN, |_, _| {}));
        assert!(!is_open_after(OPEN, |history, _| {
            let rollback = NewChange {
                kind: ChangeKind::Rollback,
                from: None,
                to: None,
                note: None,
            };
            history
                .record_change(common::clock::now(), &rollback)
                .unwrap();
        }));
        assert!(!is_open_after(OPEN, |_, ledger| ledger.base.files = 1));
        assert!(!is_open_after(OPEN, |_, ledger| ledger.schema = "other".into()));
    }

    #[test]
    fn a_second_refused_candidate_closes_a_regime() {
        let refused = OPEN.after_gate(true);
        assert!(is_open_after(refused, |_, _| {}));
        assert!(!is_open_after(refused.after_gate(true), |_, _| {}));
    }
}
