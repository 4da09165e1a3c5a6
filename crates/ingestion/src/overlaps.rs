//! Warnings about files that repeat rows of earlier files. They matter where equal rows count as
//! different rows (`ingestion.deduplicate: false`).

use common::numbers::{count, counted};
use common::{Config, Layout};
use dataset::{Fingerprint, FingerprintSet, Wanted, read_final_data};

use crate::append_state::remove_unused_runs;
use crate::ingested::Ingested;
use crate::memory::{COMPARED_RUN_PREFIX, Memory, OWN_RUN_PREFIX};
use crate::report::FileReport;

/// Minimum share of repeated rows for a warning. A smaller share is a note: they may be different
/// clients with the same values.
const MIN_WARNED_SHARE: f64 = 0.1;

/// Notes for each appended file how many of its rows are also in earlier files. Reads
/// finaldata.csv, within the memory limit of an ingestion.
///
/// After a rebuild nothing is compared, because the order of the rows has changed. Files that
/// arrive with a rebuild are not compared either.
pub(crate) fn note_overlaps(config: &Config, ingested: &mut Ingested) -> anyhow::Result<()> {
    let Ingested { report, ledger, .. } = ingested;
    if config.ingestion.deduplicate || report.rebuilt.is_some() || report.rows.kept == 0 {
        return Ok(());
    }
    let memory = Memory::of(&config.ingestion);
    let mut comparison = Comparison {
        memory,
        layout: &config.layout,
        known: memory.compared_rows(&config.layout, COMPARED_RUN_PREFIX),
        own: memory.compared_rows(&config.layout, OWN_RUN_PREFIX),
        n_earlier: ledger.rows.saturating_sub(report.rows.kept),
        files: report.files.iter_mut(),
        file: None,
    };
    let compared = read_final_data(config, ledger, Wanted::VALUES, |rows| {
        // Rows without an id have the hash of their content instead of the client's hash.
        comparison.add(&rows.clients)
    });
    if compared.is_ok() {
        comparison.close();
    }
    remove_unused_runs(&config.layout);
    compared.map(|_| ())
}

/// Compares the rows of each appended file with those of all files before it.
struct Comparison<'a> {
    memory: Memory,
    layout: &'a Layout,
    /// Rows of finaldata.csv so far.
    known: FingerprintSet,
    /// Rows that occur first in the present file.
    own: FingerprintSet,
    /// Number of remaining rows that come before the appended rows.
    n_earlier: u64,
    files: std::slice::IterMut<'a, FileReport>,
    /// The present file.
    file: Option<ComparedFile<'a>>,
}

/// An appended file while it is compared.
struct ComparedFile<'a> {
    report: &'a mut FileReport,
    /// Rows that are still to come.
    rest: u64,
    repeated: u64,
}

impl Comparison<'_> {
    /// Adds the next rows of finaldata.csv.
    fn add(&mut self, rows: &[u64]) -> anyhow::Result<()> {
        // A set expects fingerprints whose two halves are evenly distributed, so the 64-bit hash fills both
        // halves.
        let both_halves = |row: &u64| Fingerprint::from(*row) << 64 | Fingerprint::from(*row);
        let rows: Vec<Fingerprint> = rows.iter().map(both_halves).collect();
        let earlier = self.n_earlier.min(rows.len() as u64);
        let (earlier, mut rows) = rows.split_at(earlier as usize);
        self.n_earlier -= earlier.len() as u64;
        self.known.add(earlier)?;
        while !rows.is_empty() {
            let Some(file) = self.file() else {
                return Ok(());
            };
            let part = usize::try_from(file.rest).map_or(rows.len(), |rest| rest.min(rows.len()));
            let (part, others) = rows.split_at(part);
            rows = others;
            let new = self.known.add(part)?;
            self.own.add(&new)?;
            let is_own = self.own.contains_each(part)?;
            if let Some(file) = &mut self.file {
                file.rest -= part.len() as u64;
                file.repeated += is_own.iter().filter(|own| !**own).count() as u64;
            }
        }
        Ok(())
    }

    /// The file of the next row; `None` after the last file.
    fn file(&mut self) -> Option<&ComparedFile<'_>> {
        while self.file.as_ref().is_none_or(|file| file.rest == 0) {
            self.close();
            let report = self.files.next()?;
            self.own = self.memory.compared_rows(self.layout, OWN_RUN_PREFIX);
            self.file = Some(ComparedFile {
                rest: report.rows.kept,
                repeated: 0,
                report,
            });
        }
        self.file.as_ref()
    }

    /// Adds a warning or a note about repeated rows to the report of the present file.
    fn close(&mut self) {
        let Some(ComparedFile {
            report, repeated, ..
        }) = self.file.take()
        else {
            return;
        };
        if repeated == 0 {
            return;
        }
        let rows = report.rows.kept;
        let message = format!(
            "{} of its {} are in earlier files, too; they count again, because ingestion.deduplicate is false",
            count(repeated),
            counted(rows, "row")
        );
        if repeated as f64 >= MIN_WARNED_SHARE * rows as f64 {
            report.warnings.push(message);
        } else {
            report.notes.push(message);
        }
    }
}
