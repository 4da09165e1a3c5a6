//! Making what was laid down count: in its place first, then by the ledger.

use common::files;
use common::history::documents;
use common::ledger::{FileStamp, FileStatus, Ledger, RowCounts};
use dataset::Fingerprint;

use super::Merge;
use crate::Ingested;
use crate::append_state;
use crate::committed::write_ingested_files;
use crate::entries::entries_and_reports;
use crate::judged::append;
use crate::lay::{Laid, Planned};
use crate::look::Look;
use crate::misspelt::keep_misspelt;
use crate::removal::{gone_and_former, keep_devices};
use crate::report::{FileReport, IngestReport};

/// A file laid anew, ready to take the place of the old one.
pub(super) struct Swap<'a> {
    pub(super) old: &'a Ledger,
    /// The ledger of the new file, but for its files.
    pub(super) new: Ledger,
    pub(super) planned: Vec<Planned>,
    pub(super) laid: Laid,
    pub(super) newly_judged: Vec<Fingerprint>,
    pub(super) reason: String,
}

/// What is in place and becomes valid by the ledger.
pub(super) struct Committed {
    pub(super) ledger: Ledger,
    pub(super) laid: Laid,
    /// Of finaldata.csv.
    pub(super) stamp: FileStamp,
    pub(super) reports: Vec<FileReport>,
    /// Why it was made anew, if it was.
    pub(super) rebuilt: Option<String>,
}

impl Merge<'_> {
    /// The ledger of what was laid, but for its files; marks and order are those of the old one.
    pub(super) fn ledger_of(&self, laid: &Laid, old: &Ledger) -> Ledger {
        Ledger {
            files: Vec::new(),
            committed_bytes: laid.bytes,
            digest: laid.digest.clone(),
            rejected_bytes: laid.rejected_bytes,
            rows: laid.append_state.summarised.rows(),
            rebuilding: false,
            schema: self.config.schema.digest(),
            ..old.clone()
        }
    }

    /// Puts a file that was laid anew in the place of the old one, and commits.
    pub(super) fn swap_in(&self, swap: Swap<'_>, found: &Look) -> anyhow::Result<Ingested> {
        let Swap {
            old,
            mut new,
            planned,
            laid,
            newly_judged,
            reason,
        } = swap;
        let layout = &self.config.layout;
        self.history.save_ledger(&Ledger {
            rebuilding: true,
            ..old.clone()
        })?;
        files::settle(&layout.final_data())?;
        let stamp = append_state::set_apart(layout);
        files::settle(&layout.rejected_rows())?;
        new.judged_fingerprints = append(layout, old.judged_fingerprints, &newly_judged)?;
        let (entries, reports) = entries_and_reports(planned, &laid);
        new.files = entries;
        new.files.extend(
            old.files
                .iter()
                .filter(|file| file.status == FileStatus::Copy && found.is_there(file))
                .cloned(),
        );
        let committed = Committed {
            ledger: new,
            laid,
            stamp,
            reports,
            rebuilt: Some(reason),
        };
        self.commit(committed, found)
    }

    /// Commits the ledger and makes what follows from it.
    pub(super) fn commit(&self, committed: Committed, found: &Look) -> anyhow::Result<Ingested> {
        let Committed {
            ledger,
            mut laid,
            stamp,
            reports,
            rebuilt,
        } = committed;
        let ledger = found.restamp(&ledger).unwrap_or(ledger);
        let summarised = &laid.append_state.summarised;
        let profile = summarised.profile(&self.config.schema);
        let summary = summarised.summary(&profile);
        let rows = reports
            .iter()
            .fold(RowCounts::default(), |sum, file| sum.plus(file.rows));
        let (removed, no_longer_input) = gone_and_former(self.config, &found.missing);
        let report = IngestReport {
            files: reports,
            ignored: found.ignored.clone(),
            waiting: found.waiting.clone(),
            empty_folders: found.empty_folders.clone(),
            removed,
            no_longer_input,
            // The first ingestion makes nothing anew.
            rebuilt: rebuilt.filter(|_| !found.is_first),
            rows,
            total_rows: ledger.rows,
            warnings: profile.why_no_categories(),
        };
        self.history.transaction(|history| {
            history.save_ledger(&ledger)?;
            history.save_document(documents::SUMMARY, &summary)?;
            keep_devices(history, found)?;
            keep_misspelt(history, &report.files, &ledger)?;
            // Whatever the live model was fitted to is judged now.
            if let Some(live) = self.live {
                history.save_document(documents::RECONCILED_MODEL, &live.model_digest())?;
            }
            (self.note)(history, &report)
        })?;
        for warning in &report.warnings {
            tracing::warn!("{warning}");
        }
        write_ingested_files(&self.config.layout, &ledger)?;
        laid.append_state.keep(&self.reading(), &ledger, stamp);
        Ok(Ingested {
            report,
            rows: laid.rows,
            known: laid.append_state.known,
            before: Ledger::default(),
            ledger,
            key: self.key.clone(),
        })
    }
}
