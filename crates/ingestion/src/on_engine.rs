//! Ingestion whose rows a distributed engine reads. This module decides which files are read and in which
//! order, and commits what became of them. The caller lets the engine read them in between.
//!
//! finaldata.csv is a manifest of the rows on the storage of the engine. The ledger is the commit point, as
//! in any ingestion.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use common::history::documents;
use common::ledger::{FileStatus, Ledger, LedgerFile, MANIFEST_HEADER, RebuildBase, RowCounts};
use common::numbers::counted;
use common::{Config, Failure, History, Manifest, digest, files, regular};
use dataset::passes::Profile;
use dataset::{FingerprintKey, RecordWriter, Rejection};

use crate::accounting::FileTally;
use crate::committed::write_ingested_files;
use crate::devices::keep_devices;
use crate::dropped_files::{DroppedFiles, dropped_files};
use crate::entries::{entries_and_reports, new_files, remaining_files};
use crate::merge::OnCommit;
use crate::reading::PlannedFile;
use crate::report::{FileReport, IngestReport};
use crate::scan::{InputScan, content, is_training_data};
use crate::write::REJECTED_COLUMNS;

/// The files that an engine reads, in order.
pub struct EnginePlan {
    files: Vec<PlannedFile>,
    /// Reason to read all files again; `None` if the rows are appended.
    rebuild: Option<String>,
    /// Number of the first files, which the deployed model was fitted to.
    training: usize,
    /// Number of the first files whose rows count as evaluated if the rows before a rebuild are lost.
    evaluated: usize,
    /// Number of files in the order of the ledger, if all of them are read again only because their rows were
    /// lost.
    repeated: Option<usize>,
}

/// What became of the rows of a file on an engine.
#[derive(Debug, Default)]
pub struct EngineFile {
    /// Number of rows by result.
    pub rows: RowCounts,
    /// Number of its rows that got the first numbers because they are evaluated.
    pub in_front: u64,
    /// Reason why the whole file is rejected.
    pub reason: Option<String>,
    /// Number of rejected rows of each rule, and the reason of the first of them.
    pub rules: Vec<(u64, String)>,
    /// Some of the rejected rows. Their lines are not known.
    pub rejections: Vec<Rejection>,
    /// Deviations that were tolerated.
    pub notes: Vec<String>,
}

/// The rows that an engine read.
pub struct EngineRows {
    /// What became of each file of the plan.
    pub files: Vec<EngineFile>,
    /// True if the rows that were evaluated before got the first numbers.
    pub has_evaluated_first: bool,
    /// The new content of finaldata.csv.
    pub manifest: String,
    /// The profile of all rows.
    pub profile: Profile,
}

/// An ingestion that commits what an engine read.
pub struct EngineCommit<'a> {
    /// Configuration with paths and schema.
    pub config: &'a Config,
    /// History in which the ledger is committed.
    pub history: &'a History,
    /// The committed ledger.
    pub ledger: &'a Ledger,
    /// Result of the scan against that ledger.
    pub found: &'a InputScan,
    /// The deployed release, if any.
    pub live: Option<&'a Manifest>,
    /// Called in the transaction that commits the ingestion.
    pub on_commit: OnCommit<'a>,
}

/// An error if the data was ingested on an engine, and the configuration does not say so, or the other way
/// round.
pub(crate) fn check_mode(config: &Config, ledger: &Ledger) -> anyhow::Result<()> {
    let path = config.layout.final_data();
    if ledger.committed_bytes == 0 || ledger.rebuilding || !files::exists(&path)? {
        return Ok(());
    }
    let mut start = Vec::new();
    let context = || format!("failed to read {}", path.display());
    let file = regular::open(&path).with_context(context)?;
    file.take(MANIFEST_HEADER.len() as u64)
        .read_to_end(&mut start)
        .with_context(context)?;
    let is_wanted = config.ingests_on_engine();
    if (start == MANIFEST_HEADER.as_bytes()) == is_wanted {
        return Ok(());
    }
    Err(Failure::configuration(format!(
        "{} was made with engine.ingestion {}: set it back, or name new output, state and model folders to ingest all files again",
        path.display(),
        !is_wanted
    ))
    .into())
}

impl EnginePlan {
    /// Decides which files are read, in the given run.
    pub fn of(
        found: &InputScan,
        ledger: &Ledger,
        live: Option<&Manifest>,
        run: i64,
    ) -> anyhow::Result<Self> {
        let reason = found
            .damage
            .clone()
            .or_else(|| found.reorder.clone())
            .or_else(|| {
                let is_gone = !found.missing.is_empty();
                is_gone.then(|| "input files are gone or have changed".to_owned())
            });
        let new = new_files(found, Some(run));
        if ledger.committed_bytes > 0 && reason.is_none() {
            return Ok(Self {
                files: new,
                rebuild: None,
                training: 0,
                evaluated: 0,
                repeated: None,
            });
        }
        if let Some(blocked) = found.why_blocked(ledger) {
            return Err(Failure::input_output(format!(
                "all input files have to be read again, but one cannot be read now: {blocked}; nothing was changed, the next run tries again"
            ))
            .into());
        }
        let of_ledger = evaluated_files(ledger);
        let is_evaluated = |file: &PlannedFile| {
            of_ledger.contains(&content(&file.entry))
                || is_training_data(live, file.sha256.as_deref())
        };
        let mut files = remaining_files(ledger, found);
        let is_only_lost = ledger.committed_bytes > 0
            && found.reorder.is_none()
            && found.missing.is_empty()
            && new.iter().all(|file| !is_evaluated(file));
        let repeated = is_only_lost.then_some(files.len());
        files.extend(new);
        let is_training = |file: &PlannedFile| is_training_data(live, file.sha256.as_deref());
        if repeated.is_none() {
            // Sorting keeps the order of files that are alike.
            files.sort_by_key(|file| !is_training(file));
        }
        let training = files.iter().take_while(|file| is_training(file)).count();
        let evaluated = files.iter().take_while(|file| is_evaluated(file)).count();
        Ok(Self {
            files,
            rebuild: Some(reason.unwrap_or_else(|| "it is the first ingestion".into())),
            training,
            evaluated,
            repeated,
        })
    }

    /// The files to read.
    pub fn paths(&self) -> Vec<&Path> {
        self.files.iter().map(|file| file.path.as_path()).collect()
    }

    /// True if evaluated rows get the first numbers.
    pub fn puts_evaluated_first(&self) -> bool {
        self.rebuild.is_some() && self.repeated.is_none()
    }

    /// True if the rows follow the committed ones.
    pub fn appends(&self) -> bool {
        self.rebuild.is_none()
    }
}

/// The files whose rows are all evaluated.
fn evaluated_files(ledger: &Ledger) -> Vec<(String, String)> {
    let mut rows = 0;
    let evaluated = ledger.ingested().take_while(|file| {
        rows += file.rows.kept;
        rows <= ledger.evaluated_rows
    });
    evaluated.map(content).collect()
}

impl EngineCommit<'_> {
    /// Commits the ledger and writes what is derived from it. Returns the ledger, the report, and the key of
    /// the fingerprints of the test data.
    pub fn commit(
        &self,
        plan: EnginePlan,
        read: EngineRows,
    ) -> anyhow::Result<(Ledger, IngestReport, FingerprintKey)> {
        let EnginePlan {
            files: planned,
            rebuild,
            training,
            evaluated,
            repeated,
        } = plan;
        let (config, old, found) = (self.config, self.ledger, self.found);
        let layout = &config.layout;
        let key = self.key()?;
        let tallies: Vec<FileTally> = read.files.iter().zip(&planned).map(tally).collect();
        let (first, others) = read.files.split_at(match read.has_evaluated_first {
            true => training,
            false => evaluated,
        });
        let evaluated_rows = first.iter().map(|it| it.rows.kept).sum::<u64>()
            + others.iter().map(|it| it.in_front).sum::<u64>();
        let repeated = repeated.map(|files| tallies[..files].iter().map(|it| it.rows.kept).sum());
        let are_as_before = rebuild.is_none() || repeated == Some(old.rows);
        let rejected = self.rejected_rows(rebuild.is_some(), &planned, &read.files)?;
        let n_planned = planned.len();
        let (entries, reports) = entries_and_reports(planned, &tallies);
        let kept = old
            .files
            .iter()
            .filter(|file| rebuild.is_none() || is_copy_that_stays(file, found));
        let (first, rest): (Vec<_>, Vec<_>) = match rebuild {
            Some(_) => (entries, kept.cloned().collect()),
            None => (kept.cloned().collect(), entries),
        };
        let ledger = Ledger {
            files: first.into_iter().chain(rest).collect(),
            committed_bytes: read.manifest.len() as u64,
            digest: digest::of_bytes(read.manifest.as_bytes()),
            rejected_bytes: rejected.len() as u64,
            rejected_digest: digest::of_bytes(&rejected),
            rows: read.profile.rows,
            rebuilding: false,
            schema: config.data_digest(),
            ..old.clone().with_key(key.digest())
        };
        let ledger = match are_as_before {
            true => ledger,
            false => Ledger {
                evaluated_rows,
                seen_rows: evaluated_rows,
                base: RebuildBase {
                    files: n_planned,
                    evaluated_fingerprints: 0,
                },
                evaluated_fingerprints: 0,
                ..ledger
            },
        };
        if rebuild.is_some() {
            self.history.save_ledger(&Ledger {
                rebuilding: true,
                ..old.clone()
            })?;
        }
        // After a kill, the committed ledger drops what was appended, and a rebuild begins again.
        files::replace(&layout.final_data(), read.manifest.as_bytes())?;
        files::replace(&layout.rejected_rows(), &rejected)?;
        let ledger = found.restamp(&ledger).unwrap_or(ledger);
        let report = self.report(&ledger, rebuild, reports, &read.profile);
        self.history.transaction(|history| {
            history.save_ledger(&ledger)?;
            history.save_document(documents::SUMMARY, &read.profile.summary())?;
            keep_devices(history, &found.devices)?;
            if let Some(live) = self.live {
                history.save_document(documents::RECONCILED_MODEL, &live.model_digest())?;
            }
            (self.on_commit)(history, &report)
        })?;
        for warning in &report.warnings {
            tracing::warn!("{warning}");
        }
        write_ingested_files(layout, &ledger)?;
        Ok((ledger, report, key))
    }

    /// The key of fingerprints. Only those of the test data are made with it.
    fn key(&self) -> anyhow::Result<FingerprintKey> {
        let layout = &self.config.layout;
        if let Some(key) = FingerprintKey::load(layout)? {
            return Ok(key);
        }
        let key = FingerprintKey::generate()?;
        key.save(layout)?;
        Ok(key)
    }

    fn report(
        &self,
        ledger: &Ledger,
        rebuild: Option<String>,
        reports: Vec<FileReport>,
        profile: &Profile,
    ) -> IngestReport {
        let found = self.found;
        let DroppedFiles {
            removed,
            changed,
            no_longer_input,
        } = dropped_files(self.config, found);
        let counts = reports.iter().map(|file| file.rows);
        let rows = counts.fold(RowCounts::default(), RowCounts::plus);
        IngestReport {
            files: reports,
            ignored: found.ignored.clone(),
            waiting: found.waiting.clone(),
            empty_folders: found.empty_folders.clone(),
            removed,
            changed,
            deferred: found.deferred.clone(),
            no_longer_input,
            rebuilt: rebuild.filter(|_| !found.is_first),
            rows,
            total_rows: ledger.rows,
            verified: None,
            warnings: profile.reasons_not_categories(),
        }
    }

    /// The new content of rejectedrows.csv.
    fn rejected_rows(
        &self,
        is_rebuild: bool,
        planned: &[PlannedFile],
        read: &[EngineFile],
    ) -> anyhow::Result<Vec<u8>> {
        let path = self.config.layout.rejected_rows();
        let mut text = Vec::new();
        if !is_rebuild {
            text = regular::read(&path)?;
            text.truncate(usize::try_from(self.ledger.rejected_bytes).unwrap_or(usize::MAX));
        }
        let mut writer = RecordWriter::new(&mut text);
        if is_rebuild {
            writer.write(REJECTED_COLUMNS)?;
        }
        for (file, read) in planned.iter().zip(read) {
            for row in &read.rejections {
                let (name, column) = (&file.entry.name, row.column.to_string());
                writer.write([name, "", &column, &row.reason, &row.text])?;
            }
        }
        writer.finish()?;
        Ok(text)
    }
}

fn is_copy_that_stays(file: &LedgerFile, found: &InputScan) -> bool {
    file.status == FileStatus::Copy && found.has_content_of(file)
}

fn tally((read, planned): (&EngineFile, &PlannedFile)) -> FileTally {
    let rules = read.rules.iter();
    let mut tally = FileTally {
        sha256: planned.sha256.clone().unwrap_or_default(),
        rows: read.rows,
        notes: read.notes.clone(),
        rejections: rules
            .map(|(rows, reason)| format!("{}: {reason}", counted(*rows, "row")))
            .collect(),
        reason: read.reason.clone(),
        ..FileTally::default()
    };
    tally.close();
    tally
}
