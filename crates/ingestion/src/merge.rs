//! Making finaldata.csv: by appending to it, or by laying it anew.
//!
//! Both give the same bytes for the same ledger. Three ways, tried in this order:
//! 1. *append* the unknown files behind the committed rows;
//! 2. *replay* the recorded order, when only our own files were damaged;
//! 3. *reorder*: rows judged by now first, then the others; that order is recorded.
//!
//! New bytes count once the ledger is committed. A file laid anew is swapped in under the mark
//! `rebuilding`, because from then on the old ledger describes a file that is gone.

use common::history::documents;
use common::ledger::{FileStamp, FileStatus, Ledger, LedgerFile, RebuildBase, RowCounts};
use common::{Config, Failure, History, Manifest, files};
use dataset::{
    DamagedRun, Fingerprint, FingerprintKey, FingerprintSet, SkippedEntry, load_fingerprints,
};

use crate::Ingested;
use crate::committed::{cut_to_committed, write_ingested_files};
use crate::entries::{entries_and_reports, still_there, unknown};
use crate::judged::{append, each_judged, is_intact};
use crate::lay::{Keep, Laid, Order, Planned, Reading, Stopped};
use crate::look::Look;
use crate::memory::Memory;
use crate::report::{FileReport, IngestReport};
use crate::standing::{self, Standing};

/// Takes in what was found.
pub(crate) fn merge(
    config: &Config,
    history: &History,
    ledger: Ledger,
    found: Look,
    live: Option<&Manifest>,
    keep: Keep,
) -> anyhow::Result<Ingested> {
    let (key, ledger) = match FingerprintKey::load(&config.layout)? {
        Some(key) if is_intact(&config.layout, &ledger) => (key, ledger),
        key => renew_fingerprints(config, history, key, ledger)?,
    };
    let merge = Merge {
        config,
        history,
        key,
        live,
        keep,
    };
    let mut state = State {
        ledger,
        found,
        replayed: None,
        is_forgotten: false,
    };
    loop {
        match merge.attempt(&mut state) {
            Ok(Some(ingested)) => return Ok(ingested),
            Ok(None) => {}
            Err(Stopped::AtFile(position, reason)) => {
                leave_out(history, &mut state, position, &reason)?;
            }
            Err(Stopped::JudgedRowCameBack) => {
                state.found.reorder = Some("rows that were judged before came back".into());
            }
            Err(Stopped::Failed(error)) => return Err(error),
        }
    }
}

/// Draws a key where there is none, and fingerprints the judged rows anew.
///
/// The key is written last: while it is missing, nobody trusts the fingerprints beside it.
fn renew_fingerprints(
    config: &Config,
    history: &History,
    key: Option<FingerprintKey>,
    mut ledger: Ledger,
) -> anyhow::Result<(FingerprintKey, Ledger)> {
    let is_new = key.is_none();
    let key = match key {
        Some(key) => key,
        None => FingerprintKey::generate()?,
    };
    if ledger.judged_fingerprints > 0 {
        let rows = match load_fingerprints(config, &ledger, &key) {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(
                    "the fingerprints of the judged rows were lost, and so were the rows: {error:#}"
                );
                Vec::new()
            }
        };
        let judged = rows.get(..ledger.judged_rows as usize).unwrap_or_default();
        ledger.judged_fingerprints = append(&config.layout, 0, judged)?;
        let is_copy = |file: &&LedgerFile| file.status == FileStatus::Copy;
        ledger.base = RebuildBase {
            files: ledger.files.len() - ledger.files.iter().filter(is_copy).count(),
            judged_fingerprints: ledger.judged_fingerprints,
        };
        ledger.rebuilding = true;
        history.save_ledger(&ledger)?;
    }
    if is_new {
        key.save(&config.layout)?;
    }
    Ok((key, ledger))
}

struct Merge<'a> {
    config: &'a Config,
    history: &'a History,
    key: FingerprintKey,
    live: Option<&'a Manifest>,
    keep: Keep,
}

/// How far a merge has come.
struct State {
    ledger: Ledger,
    found: Look,
    /// Why the known files were replayed, and what became of them; the unknown ones follow.
    replayed: Option<(String, Vec<FileReport>)>,
    /// What appending continues from was damaged, and is made anew; once is enough.
    is_forgotten: bool,
}

/// How a file that is laid anew is ordered, and what the ledger keeps of it.
struct Arrangement {
    base: RebuildBase,
    judged: FingerprintSet,
    /// Judged rows that the state folder does not hold yet.
    newly_judged: Vec<Fingerprint>,
}

/// A file laid anew, ready to take the place of the old one.
struct Swap<'a> {
    old: &'a Ledger,
    /// The ledger of the new file, but for its files.
    new: Ledger,
    planned: Vec<Planned>,
    laid: Laid,
    newly_judged: Vec<Fingerprint>,
    reason: String,
}

/// What is in place and becomes valid by the ledger.
struct Committed {
    ledger: Ledger,
    laid: Laid,
    /// Of finaldata.csv.
    stamp: FileStamp,
    reports: Vec<FileReport>,
    /// Why it was made anew, if it was.
    rebuilt: Option<String>,
}

impl Merge<'_> {
    /// One way to take in what was found; `None` when another has to follow, which is then noted
    /// in the state.
    fn attempt(&self, state: &mut State) -> Result<Option<Ingested>, Stopped> {
        let State { ledger, found, .. } = &mut *state;
        let reason = if ledger.committed_bytes == 0 {
            Some("it is the first ingestion")
        } else if !found.missing.is_empty() {
            Some("input files are gone or have changed")
        } else if found
            .unknown
            .iter()
            .any(|file| self.is_fitted(file.sha256.as_deref()))
        {
            Some("files that the live model was fitted to came back")
        } else {
            None
        };
        if let Some(reason) = reason {
            found.reorder.get_or_insert(reason.into());
        }
        match (found.reorder.clone(), found.damage.clone()) {
            (Some(reason), _) => self.reorder(ledger, found, reason).map(Some),
            (None, Some(reason)) => self.replay(state, reason),
            (None, None) => self.append(state),
        }
    }

    fn append(&self, state: &mut State) -> Result<Option<Ingested>, Stopped> {
        let State {
            ledger,
            found,
            replayed,
            is_forgotten,
        } = &mut *state;
        let reading = self.reading();
        let standing = match Standing::of_committed(self.config, ledger, &reading)? {
            Ok(standing) => standing,
            // Made anew a moment ago: making it again would give the same.
            Err(damage) if replayed.is_some() => {
                return Err(Stopped::Failed(Failure::input_output(damage).into()));
            }
            Err(damage) => {
                found.damage = Some(damage);
                return Ok(None);
            }
        };
        let unwanted = self.judged_elsewhere(ledger)?;
        let planned = unknown(found);
        let laid = match reading.lay_behind(ledger, standing, &planned, &unwanted) {
            Ok(laid) => laid,
            Err(stopped) => {
                cut_to_committed(&self.config.layout, ledger)?;
                standing::sweep(&self.config.layout);
                return match stopped {
                    Stopped::Failed(error) if error.is::<DamagedRun>() && !*is_forgotten => {
                        tracing::warn!("{error:#}");
                        standing::forget(&self.config.layout)?;
                        *is_forgotten = true;
                        Ok(None)
                    }
                    stopped => Err(stopped),
                };
            }
        };
        let (entries, reports) = entries_and_reports(planned, &laid);
        let extended = Ledger {
            files: ledger.files.iter().cloned().chain(entries).collect(),
            ..self.ledger_of(&laid, ledger)
        };
        let before = ledger.clone();
        let replayed = state.replayed.take();
        let reason = replayed.as_ref().map(|(reason, _)| reason.clone());
        let mut all_reports = replayed.map(|(_, reports)| reports).unwrap_or_default();
        all_reports.extend(reports);
        let stamp = standing::set_apart(&self.config.layout);
        let committed = Committed {
            ledger: extended,
            laid,
            stamp,
            reports: all_reports,
            rebuilt: reason,
        };
        let ingested = self.commit(committed, &state.found)?;
        Ok(Some(Ingested { before, ..ingested }))
    }

    /// Lays down the known files as they were; unknown ones are appended after that.
    fn replay(&self, state: &mut State, reason: String) -> Result<Option<Ingested>, Stopped> {
        let State { ledger, found, .. } = &mut *state;
        let planned = still_there(ledger, found);
        let arrangement = Arrangement {
            base: ledger.base,
            judged: self.judged(ledger.base.judged_fingerprints)?,
            newly_judged: Vec::new(),
        };
        let laid = self.lay_anew(ledger, found, &planned, &arrangement)?;
        if laid.digest != ledger.digest {
            found.reorder = Some(format!("{reason}, and its order could not be repeated"));
            return Ok(None);
        }
        let replayed = Ledger {
            files: Vec::new(),
            ..self.ledger_of(&laid, ledger)
        };
        let swap = Swap {
            old: ledger,
            new: replayed,
            planned,
            laid,
            newly_judged: Vec::new(),
            reason: reason.clone(),
        };
        let ingested = self.swap_in(swap, found).map_err(Stopped::Failed)?;
        if found.unknown.is_empty() {
            return Ok(Some(ingested));
        }
        found.damage = None;
        state.ledger = ingested.ledger;
        state.replayed = Some((reason, ingested.report.files));
        Ok(None)
    }

    fn reorder(&self, ledger: &Ledger, found: &Look, reason: String) -> Result<Ingested, Stopped> {
        let mut planned = still_there(ledger, found);
        planned.extend(unknown(found));
        let arrangement = self.judged_first(ledger, &planned)?;
        let laid = self.lay_anew(ledger, found, &planned, &arrangement)?;
        let reordered = Ledger {
            files: Vec::new(),
            judged_rows: laid.rows_in_front,
            seen_rows: laid.rows_in_front,
            base: arrangement.base,
            ..self.ledger_of(&laid, ledger)
        };
        let swap = Swap {
            old: ledger,
            new: reordered,
            planned,
            laid,
            newly_judged: arrangement.newly_judged,
            reason,
        };
        self.swap_in(swap, found).map_err(Stopped::Failed)
    }

    /// The rows judged by now, those that the live model was fitted to included.
    fn judged_first(&self, ledger: &Ledger, planned: &[Planned]) -> Result<Arrangement, Stopped> {
        let mut judged = self.judged(ledger.judged_fingerprints)?;
        let mut newly_judged = Vec::new();
        for (position, file) in planned.iter().enumerate() {
            if self.is_fitted(file.sha256.as_deref()) {
                let new = self.reading().add_to(&mut judged, file, position)?;
                newly_judged.extend(new);
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

    fn lay_anew(
        &self,
        ledger: &Ledger,
        found: &Look,
        planned: &[Planned],
        arrangement: &Arrangement,
    ) -> Result<Laid, Stopped> {
        if let Some(held_up) = found.held_up(ledger) {
            return Err(Stopped::Failed(
                Failure::input_output(format!(
                    "finaldata.csv has to be made anew, but an ingested file cannot be read now: {held_up}; nothing was changed, the next run tries again"
                ))
                .into(),
            ));
        }
        let order = Order {
            files: arrangement.base.files,
            judged: &arrangement.judged,
        };
        self.reading()
            .lay_anew(planned, &order)
            .inspect_err(|_| standing::sweep(&self.config.layout))
    }

    /// Puts a file that was laid anew in the place of the old one, and commits.
    fn swap_in(&self, swap: Swap<'_>, found: &Look) -> anyhow::Result<Ingested> {
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
        let stamp = standing::set_apart(layout);
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
    fn commit(&self, committed: Committed, found: &Look) -> anyhow::Result<Ingested> {
        let Committed {
            ledger,
            mut laid,
            stamp,
            reports,
            rebuilt,
        } = committed;
        let ledger = found.restamp(&ledger).unwrap_or(ledger);
        let schema = &self.config.schema;
        let summary = laid.standing.profile.profile(schema).summary();
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
        laid.standing.keep(&self.reading(), &ledger, stamp);
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
            rebuilt: rebuilt.filter(|_| !found.is_first),
            rows,
            total_rows: ledger.rows,
        };
        Ok(Ingested {
            report,
            rows: laid.rows,
            known: laid.standing.known,
            before: Ledger::default(),
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
            rows: laid.standing.profile.rows(),
            rebuilding: false,
            schema: self.config.schema.digest(),
            ..old.clone()
        }
    }

    fn reading(&self) -> Reading<'_> {
        Reading::of(self.config, &self.key, self.keep)
    }

    /// The first `count` rows that were judged.
    fn judged(&self, count: u64) -> anyhow::Result<FingerprintSet> {
        let layout = &self.config.layout;
        let memory = Memory::of(&self.config.ingestion);
        let mut judged = memory.judged(layout);
        each_judged(layout, count, memory.pending() / 4, |rows| {
            judged.add(rows).map(|_| ())
        })?;
        Ok(judged)
    }

    /// The rows that were judged, if not all of them stand in front; where they do, a row that is
    /// not there was not judged.
    fn judged_elsewhere(&self, ledger: &Ledger) -> anyhow::Result<FingerprintSet> {
        let is_elsewhere = ledger.judged_fingerprints != ledger.judged_rows;
        self.judged(if is_elsewhere {
            ledger.judged_fingerprints
        } else {
            0
        })
    }

    /// Whether the live model was fitted to this content; while one is live, each file's is known.
    fn is_fitted(&self, sha256: Option<&str>) -> bool {
        let is_this = |live: &Manifest| {
            let mut fitted = live.data.files.iter().map(|file| file.sha256.as_str());
            fitted.any(|fitted| Some(fitted) == sha256)
        };
        self.live.is_some_and(is_this)
    }
}

/// Leaves a file for the next run; a known file cannot be left out of a file laid anew.
fn leave_out(
    history: &History,
    state: &mut State,
    position: usize,
    reason: &str,
) -> anyhow::Result<()> {
    let State { ledger, found, .. } = state;
    let lays_anew = found.reorder.is_some() || found.damage.is_some();
    let known = if lays_anew {
        still_there(ledger, found)
    } else {
        Vec::new()
    };
    if let Some(planned) = known.get(position) {
        let entry = &planned.entry;
        for file in &mut ledger.files {
            if file.folder == entry.folder && file.sha256 == entry.sha256 {
                // Whatever the file system says, the next look has to read it.
                file.stamp = FileStamp::default();
            }
        }
        history.save_ledger(ledger)?;
        return Err(Failure::input_output(format!(
            "the ingested file {} could not be read again: {reason}; the next run looks at it anew",
            planned.path.display()
        ))
        .into());
    }
    let candidate = found.unknown.remove(position - known.len());
    found.waiting.push(SkippedEntry {
        folder: candidate.file.folder,
        name: candidate.file.name,
        reason: reason.into(),
    });
    Ok(())
}
