//! Compares the ledger with the deployed release.
//!
//! Training rows of the deployed model count as evaluated, however the model was deployed. The
//! ledger may not show this yet. Causes are a deployment by hand, a run that was killed before it
//! recorded the rows, or a lost history.

use std::collections::BTreeSet;

use common::history::documents;
use common::ledger::{DataPosition, FileStatus, Ledger};
use common::{Config, History, Manifest, files};
use dataset::FingerprintKey;

use crate::devices::recorded_devices;
use crate::evaluated::{is_intact, mark_rows_evaluated};
use crate::prepared::Prepared;

/// Commits a ledger in which the training rows of the deployed model count as evaluated.
///
/// Training rows that are scattered among other rows are left to the next ingestion, which moves
/// them to the front.
pub(crate) fn reconcile(
    config: &Config,
    history: &History,
    ledger: Ledger,
    live: Option<&Manifest>,
) -> anyhow::Result<Prepared> {
    let devices = recorded_devices(history)?;
    let is_new_pipeline =
        live.is_none() && ledger.files.is_empty() && ledger.evaluated_fingerprints == 0;
    let prepared = |ledger| Prepared {
        ledger,
        has_scattered_evaluated_rows: false,
        is_new_pipeline,
        is_damaged: false,
        devices: devices.clone(),
    };
    let Some(live) = live else {
        return Ok(prepared(ledger));
    };
    let reconciled_with: Option<String> = history.document(documents::RECONCILED_MODEL)?;
    if reconciled_with.as_deref() == Some(live.model_digest()) {
        return Ok(prepared(ledger));
    }
    let reconciled = match evaluated_by(&ledger, &live.data) {
        EvaluatedRows::UpTo(rows) if rows <= ledger.evaluated_rows => Some(ledger.clone()),
        EvaluatedRows::UpTo(rows) => advance(config, &ledger, rows)?,
        EvaluatedRows::Scattered => None,
    };
    let Some(reconciled) = reconciled else {
        return Ok(Prepared {
            ledger,
            has_scattered_evaluated_rows: true,
            is_new_pipeline,
            is_damaged: false,
            devices,
        });
    };
    history.transaction(|history| {
        history.save_ledger(&reconciled)?;
        history.save_document(documents::RECONCILED_MODEL, &live.model_digest())
    })?;
    Ok(prepared(reconciled))
}

/// Which rows of the ledger a model was fitted to.
#[derive(Debug, PartialEq, Eq)]
enum EvaluatedRows {
    /// This number of rows from the start; 0 if none.
    UpTo(u64),
    /// Rows that are scattered among rows not yet evaluated.
    Scattered,
}

fn evaluated_by(ledger: &Ledger, fitted: &DataPosition) -> EvaluatedRows {
    if ledger.rows == fitted.rows && ledger.digest == fitted.digest {
        return EvaluatedRows::UpTo(ledger.rows);
    }
    let contents: Vec<&str> = ledger.ingested().map(|file| file.sha256.as_str()).collect();
    let fitted_contents: Vec<&str> = fitted
        .files
        .iter()
        .map(|file| file.sha256.as_str())
        .collect();
    if !fitted_contents.is_empty() && contents.starts_with(&fitted_contents) {
        let later: u64 = ledger
            .ingested()
            .skip(fitted_contents.len())
            .map(|file| file.rows.kept)
            .sum();
        if ledger.rows - later == fitted.rows && ingested_in_base(ledger) <= fitted_contents.len() {
            return EvaluatedRows::UpTo(fitted.rows);
        }
    }
    let fitted_contents: BTreeSet<&str> = fitted_contents.into_iter().collect();
    let has_new = ledger.evaluated_rows < ledger.rows;
    if has_new
        && contents
            .iter()
            .any(|sha256| fitted_contents.contains(sha256))
    {
        EvaluatedRows::Scattered
    } else {
        EvaluatedRows::UpTo(0)
    }
}

/// Number of ingested files among the files that the last rebuild ordered.
fn ingested_in_base(ledger: &Ledger) -> usize {
    ledger
        .files
        .iter()
        .filter(|file| file.status != FileStatus::Copy)
        .take(ledger.base.files)
        .filter(|file| file.status == FileStatus::Ingested)
        .count()
}

/// Returns a ledger in which the first `rows` rows are evaluated. `None` if an ingestion must
/// repair the data first.
fn advance(config: &Config, ledger: &Ledger, rows: u64) -> anyhow::Result<Option<Ledger>> {
    if ledger.rebuilding || !is_intact(&config.layout, ledger)? {
        return Ok(None);
    }
    if config.ingests_on_engine() {
        return Ok(Some(Ledger {
            evaluated_rows: rows,
            ..ledger.clone()
        }));
    }
    let Some(key) = FingerprintKey::load(&config.layout)? else {
        return Ok(None);
    };
    match mark_rows_evaluated(config, ledger, &key, rows) {
        Ok(ledger) => Ok(Some(ledger)),
        Err(error) if files::is_access_error(&error) => Err(error),
        Err(error) => {
            tracing::warn!("{error:#}");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ledger::{FileReference, LedgerFile, RowCounts};

    fn ledger(files: &[(&str, u64)]) -> Ledger {
        let mut ledger = Ledger {
            digest: "now".into(),
            ..Ledger::default()
        };
        for (sha256, kept) in files {
            ledger.rows += kept;
            ledger.files.push(LedgerFile {
                folder: "in".into(),
                name: format!("{sha256}.csv"),
                sha256: (*sha256).into(),
                stamp: Default::default(),
                status: FileStatus::Ingested,
                reason: None,
                rows: RowCounts {
                    read: *kept,
                    kept: *kept,
                    ..RowCounts::default()
                },
                run: None,
            });
        }
        ledger
    }

    fn fitted(rows: u64, digest: &str, files: &[&str]) -> DataPosition {
        DataPosition {
            sample: None,
            rows,
            committed_bytes: 0,
            digest: digest.into(),
            files: files
                .iter()
                .map(|sha256| FileReference {
                    folder: "in".into(),
                    name: String::new(),
                    sha256: (*sha256).into(),
                })
                .collect(),
        }
    }

    #[test]
    fn training_rows_of_the_deployed_model_are_evaluated() {
        let ledger = ledger(&[("a", 10), ("b", 5)]);
        for (position, evaluated) in [
            (fitted(15, "now", &["a", "b"]), EvaluatedRows::UpTo(15)),
            (fitted(10, "then", &["a"]), EvaluatedRows::UpTo(10)),
            (fitted(5, "then", &["b"]), EvaluatedRows::Scattered),
            (fitted(9, "then", &["a"]), EvaluatedRows::Scattered),
            (fitted(7, "then", &["c"]), EvaluatedRows::UpTo(0)),
        ] {
            assert_eq!(evaluated_by(&ledger, &position), evaluated, "{position:?}");
        }
    }
}
