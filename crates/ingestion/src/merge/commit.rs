//! Commit of written rows: first put the files in place, then save the ledger.

use common::files;
use common::history::documents;
use common::ledger::{FileStatus, Ledger, RowCounts};
use dataset::Fingerprint;

use super::intake::Merge;
use crate::append_state::{self, Stamps};
use crate::committed::write_ingested_files;
use crate::devices::keep_devices;
use crate::dropped_files::{DroppedFiles, dropped_files};
use crate::entries::entries_and_reports;
use crate::evaluated::append_fingerprints;
use crate::ingested::Ingested;
use crate::misspelt::keep_misspelt;
use crate::reading::PlannedFile;
use crate::report::{FileReport, IngestReport};
use crate::scan::InputScan;
use crate::write::WrittenRows;

/// A rebuilt file that is ready to replace the old one.
pub(super) struct Swap<'a> {
    pub(super) old: &'a Ledger,
    /// The ledger of the new file, without its list of files.
    pub(super) new: Ledger,
    pub(super) planned: Vec<PlannedFile>,
    pub(super) written: WrittenRows,
    pub(super) newly_evaluated: Vec<Fingerprint>,
    pub(super) reason: String,
}

/// Written rows that are in place and become valid with the ledger.
pub(super) struct Committed {
    pub(super) ledger: Ledger,
    pub(super) written: WrittenRows,
    /// Stamps of the written files.
    pub(super) stamps: Stamps,
    pub(super) reports: Vec<FileReport>,
    /// Reason for the rebuild. `None` if rows were appended.
    pub(super) rebuilt: Option<String>,
}

impl Merge<'_> {
    /// The ledger of the written rows, without its list of files. Evaluated counts and order come
    /// from the old ledger.
    pub(super) fn ledger_of(&self, written: &WrittenRows, old: &Ledger) -> Ledger {
        Ledger {
            files: Vec::new(),
            committed_bytes: written.bytes,
            digest: written.digest.clone(),
            rejected_bytes: written.rejected_bytes,
            rejected_digest: written.rejected_digest.clone(),
            rows: written.append_state.summary_state.rows(),
            rebuilding: false,
            schema: self.config.data_digest(),
            ..old.clone()
        }
    }

    /// Replaces finaldata.csv by the rebuilt file and commits.
    pub(super) fn swap_in(&self, swap: Swap<'_>, found: &InputScan) -> anyhow::Result<Ingested> {
        let Swap {
            old,
            mut new,
            planned,
            written,
            newly_evaluated,
            reason,
        } = swap;
        let layout = &self.config.layout;
        self.history.save_ledger(&Ledger {
            rebuilding: true,
            ..old.clone()
        })?;
        files::put_in_place(&layout.final_data())?;
        files::put_in_place(&layout.rejected_rows())?;
        let stamps = append_state::set_distinct_times(layout);
        append_fingerprints(layout, &mut new, &newly_evaluated)?;
        let (entries, reports) = entries_and_reports(planned, &written.tallies);
        new.files = entries;
        new.files.extend(
            old.files
                .iter()
                .filter(|file| file.status == FileStatus::Copy && found.has_content_of(file))
                .cloned(),
        );
        let committed = Committed {
            ledger: new,
            written,
            stamps,
            reports,
            rebuilt: Some(reason),
        };
        self.commit(committed, found)
    }

    /// Commits the ledger and writes everything derived from it.
    pub(super) fn commit(
        &self,
        committed: Committed,
        found: &InputScan,
    ) -> anyhow::Result<Ingested> {
        let Committed {
            ledger,
            mut written,
            stamps,
            reports,
            rebuilt,
        } = committed;
        let ledger = found.restamp(&ledger).unwrap_or(ledger);
        let summary_state = &written.append_state.summary_state;
        let profile = summary_state.profile(&self.config.schema);
        let summary = summary_state.summary(&profile);
        let rows = reports
            .iter()
            .fold(RowCounts::default(), |sum, file| sum.plus(file.rows));
        let DroppedFiles {
            removed,
            changed,
            no_longer_input,
        } = dropped_files(self.config, found);
        let report = IngestReport {
            files: reports,
            ignored: found.ignored.clone(),
            waiting: found.waiting.clone(),
            empty_folders: found.empty_folders.clone(),
            removed,
            changed,
            deferred: found.deferred.clone(),
            no_longer_input,
            // The first ingestion is not a rebuild.
            rebuilt: rebuilt.filter(|_| !found.is_first),
            rows,
            total_rows: ledger.rows,
            verified: None,
            warnings: profile.reasons_not_categories(),
        };
        self.history.transaction(|history| {
            history.save_ledger(&ledger)?;
            history.save_document(documents::SUMMARY, &summary)?;
            keep_devices(history, &found.devices)?;
            keep_misspelt(history, &report.files, &ledger)?;
            // All training rows of the deployed model count as evaluated now.
            if let Some(live) = self.live {
                history.save_document(documents::RECONCILED_MODEL, &live.model_digest())?;
            }
            (self.on_commit)(history, &report)
        })?;
        for warning in &report.warnings {
            tracing::warn!("{warning}");
        }
        write_ingested_files(&self.config.layout, &ledger)?;
        let append_state = &mut written.append_state;
        append_state.store(&self.reading(), self.history, &ledger, stamps);
        Ok(Ingested {
            report,
            rows: written.rows,
            known: written.append_state.known,
            before: Ledger::default(),
            ledger,
            key: self.key.clone(),
        })
    }
}
