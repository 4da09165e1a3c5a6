//! The file of predictions that wait for a label.
//!
//! Records have a fixed length and are appended. A document of the history says which file counts,
//! and how many of its records are committed. A prediction whose label arrived is marked by a later
//! record. Once half of the records mark or are marked, the waiting ones are copied to a new file,
//! which then counts instead. So a run whose rows bring labels reads the file once, and seldom
//! writes all of it.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use common::{Failure, History, Layout, files, regular};
use record::PredictionFile;

use super::prediction::Prediction;

/// Name of the document with the committed state of the file.
const DOCUMENT: &str = "predictions that wait for a class";
/// Five numbers of eight bytes, little-endian.
const RECORD_BYTES: usize = 40;
const BUFFER_BYTES: usize = 1 << 20;
/// Value of the run number in a mark, a record that marks another record. Run numbers begin at 1.
const MARK: u64 = 0;
/// Upper limit of waiting predictions, which take 400 MB. Above it the oldest quarter is dropped.
const MAX_WAITING: u64 = 10_000_000;

/// The file of predictions in a state folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct PredictionLog<'a> {
    layout: &'a Layout,
    /// Committed state of the file.
    pub(super) file: PredictionFile,
}

/// Changes of a run to the file.
#[derive(Debug, Default)]
pub(super) struct LogChanges {
    /// New predictions that wait.
    pub(super) new: Vec<Prediction>,
    /// Predictions whose label arrived.
    pub(super) labelled: Vec<LabelledRecord>,
}

/// A prediction of the file whose label arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LabelledRecord {
    /// Public hash of the client.
    pub(super) client: u64,
    /// Position of the prediction in the file, from 0.
    pub(super) record: u64,
}

enum Record {
    Waiting(Prediction),
    Mark(LabelledRecord),
}

/// The committed file according to the history.
pub(super) fn committed_file(history: &History) -> anyhow::Result<PredictionFile> {
    Ok(history.document(DOCUMENT)?.unwrap_or_default())
}

/// Commits a file; part of the caller's transaction.
pub(super) fn commit(file: PredictionFile, history: &History) -> anyhow::Result<()> {
    history.save_document(DOCUMENT, &file)
}

impl LogChanges {
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.labelled.is_empty()
    }
}

impl<'a> PredictionLog<'a> {
    /// The log as it is committed.
    pub(super) fn committed(layout: &'a Layout, history: &History) -> anyhow::Result<Self> {
        let file = committed_file(history)?;
        Ok(Self { layout, file })
    }

    fn with(self, file: PredictionFile) -> Self {
        Self { file, ..self }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.layout.awaiting_labels(self.file.generation)
    }

    /// Number of predictions that wait.
    pub(super) fn waiting(&self) -> u64 {
        self.file.waiting()
    }

    /// Byte length of the committed records. Saturates, so that a corrupt count never equals a real
    /// length.
    fn bytes(&self) -> u64 {
        self.file.records.saturating_mul(RECORD_BYTES as u64)
    }

    /// The waiting predictions for some clients, oldest first, each with its position in the file.
    /// Empty, with a warning, when the file is lost: predictions decide nothing, so the run goes on.
    pub(super) fn of_clients(&self, clients: &HashSet<u64>) -> Vec<(u64, Prediction)> {
        if self.waiting() == 0 || clients.is_empty() {
            return Vec::new();
        }
        let mut found = BTreeMap::new();
        let read = self.each(|position, record| match record {
            Record::Waiting(row) if clients.contains(&row.client) => {
                found.insert(position, row);
            }
            Record::Mark(labelled) => {
                found.remove(&labelled.record);
            }
            Record::Waiting(_) => {}
        });
        if let Err(error) = read {
            tracing::warn!("earlier predictions are not compared with their labels: {error:#}");
            return Vec::new();
        }
        found.into_iter().collect()
    }

    /// Writes changes; they count once the caller commits the file of the returned log.
    pub(super) fn change(self, changes: &LogChanges) -> anyhow::Result<Self> {
        self.change_within(changes, MAX_WAITING)
    }

    fn change_within(self, changes: &LogChanges, max_waiting: u64) -> anyhow::Result<Self> {
        let path = self.path();
        if path.metadata().map_or(0, |metadata| metadata.len()) < self.bytes() {
            tracing::warn!("{} is lost", path.display());
            let kept = newest(&changes.new, max_waiting);
            warn_of_dropped((changes.new.len() - kept.len()) as u64);
            return self.replace(0, kept, |_| Ok(()));
        }
        let (n_new, n_labelled) = (changes.new.len() as u64, changes.labelled.len() as u64);
        let appended = self.with(PredictionFile {
            records: self.file.records + n_new + n_labelled,
            labelled: self.file.labelled + n_labelled,
            ..self.file
        });
        let PredictionFile {
            records, labelled, ..
        } = appended.file;
        if appended.waiting() > max_waiting || labelled.saturating_mul(4) >= records {
            return self.compact(changes, max_waiting);
        }
        let mut writer = files::open_for_appending(&path, self.bytes())?;
        let marks = changes.labelled.iter().map(encode_mark);
        marks
            .chain(changes.new.iter().map(encode))
            .try_for_each(|record| writer.write_all(&record))
            .with_context(|| format!("failed to write {}", path.display()))?;
        files::close(writer)?;
        Ok(appended)
    }

    /// Copies the waiting predictions to a new file.
    fn compact(self, changes: &LogChanges, max_waiting: u64) -> anyhow::Result<Self> {
        let is_obsolete = self.obsolete_records(changes)?;
        let n_before = is_obsolete.iter().filter(|is| !**is).count() as u64;
        let n_new = changes.new.len() as u64;
        let n_dropped = match n_before + n_new {
            waiting if waiting > max_waiting => (waiting - kept_of(max_waiting)).min(n_before),
            _ => 0,
        };
        let new = newest(&changes.new, max_waiting);
        warn_of_dropped(n_dropped + n_new - new.len() as u64);
        self.replace(n_before - n_dropped, new, |writer| {
            let mut to_skip = n_dropped;
            let mut written = Ok(());
            self.each(|position, record| {
                let Record::Waiting(row) = record else { return };
                if is_obsolete[position as usize] || written.is_err() {
                    return;
                }
                match to_skip.checked_sub(1) {
                    Some(left) => to_skip = left,
                    None => written = writer.write_all(&encode(&row)),
                }
            })?;
            Ok(written?)
        })
    }

    /// Flags of the records: true for a mark, and for a prediction whose label arrived.
    fn obsolete_records(&self, changes: &LogChanges) -> anyhow::Result<Vec<bool>> {
        let mut is_obsolete = vec![false; self.file.records as usize];
        let mut strike = |record: u64| {
            if let Some(is_obsolete) = is_obsolete.get_mut(record as usize) {
                *is_obsolete = true;
            }
        };
        self.each(|position, record| match record {
            Record::Mark(labelled) => {
                strike(labelled.record);
                strike(position);
            }
            Record::Waiting(_) => {}
        })?;
        let labelled = changes.labelled.iter();
        labelled.for_each(|labelled| strike(labelled.record));
        Ok(is_obsolete)
    }

    /// Writes a new file of `n_old` records, which `write_old` writes, and of new predictions.
    fn replace(
        self,
        n_old: u64,
        new: &[Prediction],
        write_old: impl FnOnce(&mut files::FileWriter) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let next = self.with(PredictionFile {
            generation: self.file.generation + 1,
            records: n_old + new.len() as u64,
            labelled: 0,
        });
        files::replace_with(&next.path(), |writer| {
            write_old(writer)?;
            let mut new = new.iter();
            Ok(new.try_for_each(|row| writer.write_all(&encode(row)))?)
        })?;
        Ok(next)
    }

    /// Visits each committed record, in order, with its position.
    fn each(&self, mut visit: impl FnMut(u64, Record)) -> anyhow::Result<()> {
        let path = self.path();
        let context = || format!("failed to read {}", path.display());
        let file = regular::open(&path).with_context(context)?;
        let records = self.file.records;
        if file.metadata().with_context(context)?.len() < self.bytes() {
            let what = format!("{} does not hold {records} predictions", path.display());
            return Err(Failure::input_output(what).into());
        }
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut record = [0; RECORD_BYTES];
        for position in 0..records {
            reader.read_exact(&mut record).with_context(context)?;
            visit(position, decode(&record));
        }
        Ok(())
    }

    /// Removes every other file: a replaced one, or one that was never committed.
    pub(super) fn remove_others(&self) -> anyhow::Result<()> {
        let current = self.path();
        let others = files(self.layout)?
            .into_iter()
            .filter(|path| *path != current);
        for path in others {
            files::remove_file(&path)?;
        }
        Ok(())
    }
}

/// The newest of a run's predictions, where the run alone makes more than may wait.
fn newest(predictions: &[Prediction], max_waiting: u64) -> &[Prediction] {
    let n_predictions = predictions.len() as u64;
    let n_dropped = if n_predictions > max_waiting {
        n_predictions - kept_of(max_waiting)
    } else {
        0
    };
    &predictions[n_dropped as usize..]
}

/// Predictions that are kept when more than `max_waiting` would wait.
fn kept_of(max_waiting: u64) -> u64 {
    max_waiting / 4 * 3
}

fn warn_of_dropped(n_dropped: u64) {
    if n_dropped > 0 {
        tracing::warn!(
            n_dropped,
            "more predictions wait for a label than are kept, so the oldest are dropped"
        );
    }
}

/// All prediction files of the state folder.
fn files(layout: &Layout) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("failed to list {}", layout.state().display());
    let mut found = Vec::new();
    for entry in fs::read_dir(layout.state()).with_context(context)? {
        let entry = entry.with_context(context)?;
        if Layout::is_awaiting_labels(&entry.file_name()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn encode(row: &Prediction) -> [u8; RECORD_BYTES] {
    encode_words([
        row.client,
        row.row,
        row.margin.to_bits(),
        row.probability.to_bits(),
        row.run.cast_unsigned(),
    ])
}

fn encode_mark(labelled: &LabelledRecord) -> [u8; RECORD_BYTES] {
    encode_words([labelled.client, labelled.record, 0, 0, MARK])
}

fn encode_words(words: [u64; 5]) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    for (place, word) in record.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    record
}

fn decode(record: &[u8; RECORD_BYTES]) -> Record {
    let (words, _) = record.as_chunks::<8>();
    let word = |place: usize| u64::from_le_bytes(words[place]);
    if word(4) == MARK {
        return Record::Mark(LabelledRecord {
            client: word(0),
            record: word(1),
        });
    }
    Record::Waiting(Prediction {
        client: word(0),
        row: word(1),
        margin: f64::from_bits(word(2)),
        probability: f64::from_bits(word(3)),
        run: word(4).cast_signed(),
        place: None,
    })
}

#[cfg(test)]
mod tests;
