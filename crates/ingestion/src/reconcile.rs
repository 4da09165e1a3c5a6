//! Holding the ledger against the live release.
//!
//! Rows that the live model was fitted to are judged, however the model came to be live: deployed
//! by hand, by a run that was killed before it could say so, or before the history was lost.

use std::collections::BTreeSet;

use common::history::documents;
use common::ledger::{DataPosition, FileStatus, Ledger};
use common::{Config, History, Manifest};
use dataset::{FingerprintKey, load_fingerprints};

use crate::Prepared;
use crate::judged::{is_intact, mark_judged};
use crate::removal::recorded_devices;

/// Commits the ledger in which the rows of the live model are judged.
///
/// Rows that stand among others are left to the next ingestion, which puts them in front.
pub(crate) fn reconcile(
    config: &Config,
    history: &History,
    ledger: Ledger,
    live: Option<&Manifest>,
) -> anyhow::Result<Prepared> {
    let devices = recorded_devices(history)?;
    let is_untouched = live.is_none() && ledger.files.is_empty() && ledger.judged_fingerprints == 0;
    let prepared = |ledger| Prepared {
        ledger,
        has_scattered_judged_rows: false,
        is_untouched,
        is_damaged: false,
        devices: devices.clone(),
    };
    let Some(live) = live else {
        return Ok(prepared(ledger));
    };
    let held_against: Option<String> = history.document(documents::RECONCILED_MODEL)?;
    if held_against.as_deref() == Some(live.model_digest()) {
        return Ok(prepared(ledger));
    }
    let reconciled = match judged_by(&ledger, &live.data) {
        Judged::UpTo(rows) if rows <= ledger.judged_rows => Some(ledger.clone()),
        Judged::UpTo(rows) => advance(config, &ledger, rows)?,
        Judged::Scattered => None,
    };
    let Some(reconciled) = reconciled else {
        return Ok(Prepared {
            ledger,
            has_scattered_judged_rows: true,
            is_untouched,
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
enum Judged {
    /// The first so many; 0 when none.
    UpTo(u64),
    /// Some that stand among others.
    Scattered,
}

fn judged_by(ledger: &Ledger, fitted: &DataPosition) -> Judged {
    if ledger.rows == fitted.rows && ledger.digest == fitted.digest {
        return Judged::UpTo(ledger.rows);
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
            return Judged::UpTo(fitted.rows);
        }
    }
    let fitted_contents: BTreeSet<&str> = fitted_contents.into_iter().collect();
    let has_unjudged = ledger.judged_rows < ledger.rows;
    if has_unjudged
        && contents
            .iter()
            .any(|sha256| fitted_contents.contains(sha256))
    {
        Judged::Scattered
    } else {
        Judged::UpTo(0)
    }
}

/// Ingested files among those that the last rebuild ordered.
fn ingested_in_base(ledger: &Ledger) -> usize {
    ledger
        .files
        .iter()
        .filter(|file| file.status != FileStatus::Copy)
        .take(ledger.base.files)
        .filter(|file| file.status == FileStatus::Ingested)
        .count()
}

/// The ledger in which the first `rows` rows are judged; `None` when the data has to be mended
/// first, which the ingestion does that follows.
fn advance(config: &Config, ledger: &Ledger, rows: u64) -> anyhow::Result<Option<Ledger>> {
    if ledger.rebuilding || !is_intact(&config.layout, ledger) {
        return Ok(None);
    }
    let Some(key) = FingerprintKey::load(&config.layout)? else {
        return Ok(None);
    };
    match load_fingerprints(config, ledger, &key) {
        Ok(all) => {
            let judged = all.get(..rows as usize).unwrap_or_default();
            mark_judged(&config.layout, ledger, judged, rows).map(Some)
        }
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
            });
        }
        ledger
    }

    fn fitted(rows: u64, digest: &str, files: &[&str]) -> DataPosition {
        DataPosition {
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
    fn rows_of_the_live_model_are_judged() {
        let ledger = ledger(&[("a", 10), ("b", 5)]);
        for (position, judged) in [
            (fitted(15, "now", &["a", "b"]), Judged::UpTo(15)),
            (fitted(10, "then", &["a"]), Judged::UpTo(10)),
            (fitted(5, "then", &["b"]), Judged::Scattered),
            (fitted(9, "then", &["a"]), Judged::Scattered),
            (fitted(7, "then", &["c"]), Judged::UpTo(0)),
        ] {
            assert_eq!(judged_by(&ledger, &position), judged, "{position:?}");
        }
    }
}
