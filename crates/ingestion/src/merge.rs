//! Making finaldata.csv: by appending to it, or by laying it anew.
//!
//! Both give the same bytes for the same ledger. Three ways, tried in this order:
//! 1. *append* the unknown files behind the committed rows;
//! 2. *replay* the recorded order, when only our own files were damaged;
//! 3. *reorder*: rows judged by now first, then the others; that order is recorded.
//!
//! New bytes count once the ledger is committed. A file laid anew is swapped in under the mark
//! `rebuilding`, because from then on the old ledger describes a file that is gone.

use std::collections::HashSet;

use common::history::documents;
use common::ledger::{FileStatus, Ledger, LedgerFile, RebuildBase, RowCounts};
use common::{Config, Failure, History, Layout, Manifest, files};
use dataset::{Fingerprint, FingerprintKey, SkippedEntry, Table, load_final_data};

use crate::Ingested;
use crate::judged::{append, judged_fingerprints};
use crate::lay::{Laid, Order, Planned, Reading, Stopped};
use crate::look::{Look, content};
use crate::report::{FileReport, IngestReport};

/// Takes in what was found.
pub(crate) fn merge(
    config: &Config,
    history: &History,
    mut ledger: Ledger,
    mut found: Look,
    live: Option<&Manifest>,
) -> anyhow::Result<Ingested> {
    let key = match FingerprintKey::load(&config.layout)? {
        Some(key) => key,
        None => draw_key(config, &mut ledger)?,
    };
    let merge = Merge {
        config,
        history,
        key,
        live,
    };
    loop {
        match merge.attempt(&ledger, &mut found) {
            Ok(Some(ingested)) => return Ok(ingested),
            Ok(None) => {}
            Err(Stopped::AtFile(position, reason)) => {
                leave_out(&ledger, &mut found, position, &reason)?;
            }
            Err(Stopped::Failed(error)) => return Err(error),
        }
    }
}

/// Draws a key where there is none, and fingerprints the judged rows under it.
fn draw_key(config: &Config, ledger: &mut Ledger) -> anyhow::Result<FingerprintKey> {
    let key = FingerprintKey::draw(&config.layout)?;
    if ledger.judged_fingerprints == 0 {
        return Ok(key);
    }
    let judged = match load_final_data(config, ledger, &key) {
        Ok(data) => data.table.fingerprints,
        Err(error) => {
            tracing::warn!(
                "the key of the row fingerprints was lost, and so is what was judged: {error:#}"
            );
            Vec::new()
        }
    };
    let judged = judged
        .get(..ledger.judged_rows as usize)
        .unwrap_or_default();
    ledger.judged_fingerprints = append(&config.layout, 0, judged)?;
    Ok(key)
}

struct Merge<'a> {
    config: &'a Config,
    history: &'a History,
    key: FingerprintKey,
    live: Option<&'a Manifest>,
}

/// How a file that is laid anew is ordered, and what the ledger keeps of it.
struct Arrangement {
    base: RebuildBase,
    judged: HashSet<Fingerprint>,
    /// Judged rows that the state folder does not hold yet.
    newly_judged: Vec<Fingerprint>,
}

impl Merge<'_> {
    /// One way to take in what was found; `None` when it turned out that another way is needed,
    /// which is then noted in `found`.
    fn attempt(&self, ledger: &Ledger, found: &mut Look) -> Result<Option<Ingested>, Stopped> {
        if ledger.committed_bytes == 0 {
            found
                .reorder
                .get_or_insert("it is the first ingestion".into());
        } else if !found.missing.is_empty() {
            found
                .reorder
                .get_or_insert("input files are gone or have changed".into());
        } else if found
            .unknown
            .iter()
            .any(|file| self.is_fitted(&file.sha256))
        {
            found
                .reorder
                .get_or_insert("files that the live model was fitted to came back".into());
        }
        match (found.reorder.clone(), found.damage.clone()) {
            (Some(reason), _) => self.reorder(ledger, found, reason).map(Some),
            (None, Some(reason)) => self.replay(ledger, found, reason),
            (None, None) => self.append(ledger, found),
        }
    }

    fn append(&self, ledger: &Ledger, found: &mut Look) -> Result<Option<Ingested>, Stopped> {
        let data = match load_final_data(self.config, ledger, &self.key) {
            Ok(data) => data,
            Err(error) => {
                found.damage = Some(error.root_cause().to_string());
                return Ok(None);
            }
        };
        let planned = unknown(found);
        let laid = match self.reading().lay_behind(ledger, data, &planned) {
            Ok(laid) => laid,
            Err(stopped) => {
                cut_to_committed(&self.config.layout, ledger)?;
                return Err(stopped);
            }
        };
        if self.brings_back_judged_rows(ledger, &laid.table)? {
            cut_to_committed(&self.config.layout, ledger)?;
            found.reorder = Some(BROUGHT_BACK.into());
            return Ok(None);
        }
        let (entries, reports) = entries_and_reports(planned, &laid);
        let extended = Ledger {
            files: ledger.files.iter().cloned().chain(entries).collect(),
            ..self.ledger_of(&laid, ledger)
        };
        Ok(Some(self.commit(extended, laid, found, reports, None)?))
    }

    fn replay(
        &self,
        ledger: &Ledger,
        found: &mut Look,
        reason: String,
    ) -> Result<Option<Ingested>, Stopped> {
        let mut planned = still_there(ledger, found);
        let known = planned.len();
        planned.extend(unknown(found));
        let arrangement = Arrangement {
            base: ledger.base,
            judged: self.judged(ledger.base.judged_fingerprints)?,
            newly_judged: Vec::new(),
        };
        let laid = self.lay_anew(&planned, &arrangement)?;
        let known_rows: u64 = laid.tallies[..known]
            .iter()
            .map(|tally| tally.rows.kept)
            .sum();
        if known_rows != ledger.rows || self.brings_back_judged_rows(ledger, &laid.table)? {
            found.reorder = Some(BROUGHT_BACK.into());
            return Ok(None);
        }
        let replayed = Ledger {
            files: Vec::new(),
            ..self.ledger_of(&laid, ledger)
        };
        self.swap_in(ledger, replayed, planned, laid, found, reason, &arrangement)
            .map(Some)
            .map_err(Stopped::Failed)
    }

    fn reorder(&self, ledger: &Ledger, found: &Look, reason: String) -> Result<Ingested, Stopped> {
        let mut planned = still_there(ledger, found);
        planned.extend(unknown(found));
        let arrangement = self.judged_first(ledger, &planned)?;
        let laid = self.lay_anew(&planned, &arrangement)?;
        let judged_rows = laid
            .table
            .fingerprints
            .iter()
            .take_while(|fingerprint| arrangement.judged.contains(fingerprint))
            .count() as u64;
        let reordered = Ledger {
            files: Vec::new(),
            judged_rows,
            seen_rows: judged_rows,
            base: arrangement.base,
            ..self.ledger_of(&laid, ledger)
        };
        self.swap_in(
            ledger,
            reordered,
            planned,
            laid,
            found,
            reason,
            &arrangement,
        )
        .map_err(Stopped::Failed)
    }

    /// The rows judged by now, those that the live model was fitted to included.
    fn judged_first(&self, ledger: &Ledger, planned: &[Planned]) -> Result<Arrangement, Stopped> {
        let mut judged = self.judged(ledger.judged_fingerprints)?;
        let mut newly_judged = Vec::new();
        for (position, file) in planned.iter().enumerate() {
            if self.is_fitted(&file.entry.sha256) {
                let rows = self.reading().fingerprints(file, position)?;
                newly_judged.extend(rows.into_iter().filter(|row| judged.insert(*row)));
            }
        }
        Ok(Arrangement {
            base: RebuildBase {
                files: planned.len(),
                judged_fingerprints: ledger.judged_fingerprints + newly_judged.len() as u64,
            },
            judged,
            newly_judged,
        })
    }

    fn lay_anew(&self, planned: &[Planned], arrangement: &Arrangement) -> Result<Laid, Stopped> {
        self.reading().lay_anew(
            planned,
            &Order {
                files: arrangement.base.files,
                judged: &arrangement.judged,
            },
        )
    }

    /// Puts a file that was laid anew in the place of the old one, and commits.
    #[expect(
        clippy::too_many_arguments,
        reason = "old and new state of one step, passed once"
    )]
    fn swap_in(
        &self,
        old: &Ledger,
        mut new: Ledger,
        planned: Vec<Planned>,
        laid: Laid,
        found: &Look,
        reason: String,
        arrangement: &Arrangement,
    ) -> anyhow::Result<Ingested> {
        let layout = &self.config.layout;
        self.history.save_ledger(&Ledger {
            rebuilding: true,
            ..old.clone()
        })?;
        files::settle(&layout.final_data())?;
        files::settle(&layout.rejected_rows())?;
        new.judged_fingerprints =
            append(layout, old.judged_fingerprints, &arrangement.newly_judged)?;
        let (entries, reports) = entries_and_reports(planned, &laid);
        new.files = entries;
        new.files.extend(
            old.files
                .iter()
                .filter(|file| file.status == FileStatus::Copy && found.is_there(file))
                .cloned(),
        );
        self.commit(new, laid, found, reports, Some(reason))
    }

    /// Commits the ledger and makes what follows from it.
    fn commit(
        &self,
        ledger: Ledger,
        laid: Laid,
        found: &Look,
        reports: Vec<FileReport>,
        rebuilt: Option<String>,
    ) -> anyhow::Result<Ingested> {
        let ledger = found.restamp(&ledger).unwrap_or(ledger);
        let schema = &self.config.schema;
        let summary = dataset::passes::profile(schema, &laid.table, &laid.table.all()).summary();
        self.history.transaction(|history| {
            history.save_ledger(&ledger)?;
            history.save_document(documents::SUMMARY, &summary)?;
            // Whatever the live model was fitted to is judged now.
            match self.live {
                Some(live) => {
                    history.save_document(documents::RECONCILED_MODEL, &live.model_digest())
                }
                None => Ok(()),
            }
        })?;
        write_ingested_files(&self.config.layout, &ledger)?;
        let rows = reports
            .iter()
            .fold(RowCounts::default(), |sum, file| sum.plus(file.rows));
        let report = IngestReport {
            files: reports,
            ignored: found.ignored.clone(),
            waiting: found.waiting.clone(),
            removed: found
                .missing
                .iter()
                .map(|file| format!("{}/{}", file.folder, file.name))
                .collect(),
            // The first ingestion makes nothing anew.
            rebuilt: rebuilt.filter(|_| ledger.rows > 0 && !found.is_first),
            rows,
            total_rows: ledger.rows,
        };
        Ok(Ingested {
            report,
            table: laid.table,
            ledger,
            key: self.key.clone(),
        })
    }

    /// The ledger of what was laid; marks and order are those of the old one.
    fn ledger_of(&self, laid: &Laid, old: &Ledger) -> Ledger {
        Ledger {
            files: Vec::new(),
            committed_bytes: laid.bytes,
            digest: laid.digest.clone(),
            rejected_bytes: laid.rejected_bytes,
            rows: laid.table.rows() as u64,
            rebuilding: false,
            schema: self.config.schema.digest(),
            ..old.clone()
        }
    }

    fn reading(&self) -> Reading<'_> {
        Reading {
            layout: &self.config.layout,
            schema: &self.config.schema,
            key: &self.key,
        }
    }

    fn judged(&self, count: u64) -> anyhow::Result<HashSet<Fingerprint>> {
        Ok(judged_fingerprints(&self.config.layout, count)?
            .into_iter()
            .collect())
    }

    fn is_fitted(&self, sha256: &str) -> bool {
        self.live
            .is_some_and(|live| live.data.files.iter().any(|file| file.sha256 == sha256))
    }

    /// Whether a row behind the ledger's was judged before.
    fn brings_back_judged_rows(&self, ledger: &Ledger, table: &Table) -> anyhow::Result<bool> {
        let newly = table
            .fingerprints
            .get(ledger.rows as usize..)
            .unwrap_or_default();
        // Where all judged rows are in front, a row that is not there was not judged.
        if newly.is_empty() || ledger.judged_fingerprints == ledger.judged_rows {
            return Ok(false);
        }
        let judged = self.judged(ledger.judged_fingerprints)?;
        Ok(newly.iter().any(|fingerprint| judged.contains(fingerprint)))
    }
}

const BROUGHT_BACK: &str = "rows that were judged before came back";

/// The files that the ledger knows and whose content is still there, in ingestion order.
fn still_there(ledger: &Ledger, found: &Look) -> Vec<Planned> {
    ledger
        .files
        .iter()
        .filter(|file| file.status != FileStatus::Copy)
        .filter_map(|file| {
            Some(Planned {
                entry: file.clone(),
                path: found.places.get(&content(file))?.clone(),
            })
        })
        .collect()
}

fn unknown(found: &Look) -> Vec<Planned> {
    found
        .unknown
        .iter()
        .map(|candidate| Planned {
            entry: LedgerFile {
                folder: candidate.file.folder.clone(),
                name: candidate.file.name.clone(),
                sha256: candidate.sha256.clone(),
                stamp: candidate.file.stamp,
                status: FileStatus::Ingested,
                reason: None,
                rows: RowCounts::default(),
            },
            path: candidate.file.path.clone(),
        })
        .collect()
}

fn entries_and_reports(planned: Vec<Planned>, laid: &Laid) -> (Vec<LedgerFile>, Vec<FileReport>) {
    planned
        .into_iter()
        .zip(&laid.tallies)
        .map(|(Planned { mut entry, .. }, tally)| {
            entry.rows = tally.rows;
            entry.reason = tally.reason.clone();
            entry.status = match tally.reason {
                None => FileStatus::Ingested,
                Some(_) => FileStatus::Rejected,
            };
            let report = FileReport {
                folder: entry.folder.clone(),
                name: entry.name.clone(),
                status: entry.status,
                reason: entry.reason.clone(),
                notes: tally.notes.clone(),
                rows: entry.rows,
                rejections: tally.rejections.clone(),
            };
            (entry, report)
        })
        .unzip()
}

/// Leaves a file for the next run; a known file cannot be left out of a rebuild.
fn leave_out(
    ledger: &Ledger,
    found: &mut Look,
    position: usize,
    reason: &str,
) -> anyhow::Result<()> {
    let lays_anew = found.reorder.is_some() || found.damage.is_some();
    let known = if lays_anew {
        still_there(ledger, found).len()
    } else {
        0
    };
    let candidate = position
        .checked_sub(known)
        .filter(|unknown| *unknown < found.unknown.len())
        .map(|unknown| found.unknown.remove(unknown));
    match candidate {
        Some(candidate) => {
            found.waiting.push(SkippedEntry {
                name: format!("{}/{}", candidate.file.folder, candidate.file.name),
                reason: reason.into(),
            });
            Ok(())
        }
        None => Err(Failure::input_output(format!(
            "an ingested file could not be read again ({reason}); nothing was changed, the next run tries again"
        ))
        .into()),
    }
}

/// Cuts what an interrupted run appended without committing it.
pub(crate) fn cut_to_committed(layout: &Layout, ledger: &Ledger) -> anyhow::Result<()> {
    if ledger.rebuilding || ledger.committed_bytes == 0 {
        return Ok(());
    }
    for (path, committed) in [
        (layout.final_data(), ledger.committed_bytes),
        (layout.rejected_rows(), ledger.rejected_bytes),
    ] {
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        if length > committed {
            files::open_at(&path, committed)?;
        }
    }
    Ok(())
}

/// Makes ingestedfiles.txt what the ledger says; untouched when it is that already.
pub(crate) fn write_ingested_files(layout: &Layout, ledger: &Ledger) -> anyhow::Result<()> {
    let path = layout.ingested_files();
    let text = ledger.position().file_list();
    let found = files::read_if_present(&path)?;
    let is_right = match &found {
        Some(found) => *found == text.as_bytes(),
        None => ledger.files.is_empty(),
    };
    if is_right {
        return Ok(());
    }
    files::replace(&path, text.as_bytes())
}
