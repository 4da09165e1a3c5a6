//! The file of predictions that wait for a class.
//!
//! Records of a fixed length, appended behind those that count; how many count, and in which file,
//! is a document of the history. One that has met its class is marked by a record behind it. Once half of
//! the records mark or are marked, those that still wait go to a new file, which counts instead from
//! then on; so a run that brings classes reads the file once, and seldom writes all of it.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use common::{Failure, History, Layout, files, regular};
use serde::{Deserialize, Serialize};

use super::prediction::Prediction;

/// The document of which predictions wait.
const AWAITING: &str = "predictions that wait for a class";
/// Five numbers of eight bytes, little-endian.
const RECORD_BYTES: usize = 40;
const BUFFER_BYTES: usize = 1 << 20;
/// In the place of a run, whose numbers begin at 1: the record marks another one.
const MARK: u64 = 0;
/// Predictions that wait at most, in 400 MB; beyond them the oldest quarter is given up.
const MOST_WAITING: u64 = 10_000_000;

/// Which predictions wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Awaiting {
    /// Number of the file.
    generation: u64,
    /// Records of it that count.
    rows: u64,
    /// Records among them that mark another.
    #[serde(default)]
    met: u64,
}

/// What a run changes of them.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Predictions that wait from now on.
    pub(super) more: Vec<Prediction>,
    /// Records that have met their class.
    pub(super) met: Vec<Met>,
}

/// A record that has met its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) client: u64,
    /// Number of the record, from 0.
    pub(super) record: u64,
}

enum Record {
    Waits(Prediction),
    Marks(Met),
}

impl Awaiting {
    /// As the history has it.
    pub(super) fn of(history: &History) -> anyhow::Result<Self> {
        Ok(history.document(AWAITING)?.unwrap_or_default())
    }

    /// Makes it count; a part of the caller's transaction.
    pub(super) fn commit(&self, history: &History) -> anyhow::Result<()> {
        history.save_document(AWAITING, self)
    }

    pub(super) fn path(&self, layout: &Layout) -> PathBuf {
        layout.awaiting_labels(self.generation)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> u64 {
        self.rows.saturating_sub(self.met.saturating_mul(2))
    }

    /// The predictions for some clients, oldest first, each with the number of its record; none,
    /// and a warning, where the file is lost.
    ///
    /// They decide nothing, so their loss is no reason for a run to fail.
    pub(super) fn of_clients(
        &self,
        layout: &Layout,
        clients: &HashSet<u64>,
    ) -> Vec<(u64, Prediction)> {
        if self.waiting() == 0 || clients.is_empty() {
            return Vec::new();
        }
        let mut found = BTreeMap::new();
        let read = self.each(layout, |number, record| match record {
            Record::Waits(row) if clients.contains(&row.client) => {
                found.insert(number, row);
            }
            Record::Marks(met) => {
                found.remove(&met.record);
            }
            Record::Waits(_) => {}
        });
        if let Err(error) = read {
            tracing::warn!("what was predicted before is not held against its classes: {error:#}");
            return Vec::new();
        }
        found.into_iter().collect()
    }

    /// Writes some changes; they count once the caller commits what is returned.
    pub(super) fn change(self, layout: &Layout, changes: &Changes) -> anyhow::Result<Self> {
        self.change_within(layout, changes, MOST_WAITING)
    }

    fn change_within(self, layout: &Layout, changes: &Changes, most: u64) -> anyhow::Result<Self> {
        let path = self.path(layout);
        if path.metadata().map_or(0, |metadata| metadata.len()) < self.bytes() {
            tracing::warn!("{} is lost", path.display());
            let none = Self { rows: 0, ..self };
            let more = newest(&changes.more, most);
            say_given_up((changes.more.len() - more.len()) as u64);
            return none.replace(layout, more, |_| Ok(()));
        }
        let appended = Self {
            rows: self.rows + (changes.more.len() + changes.met.len()) as u64,
            met: self.met + changes.met.len() as u64,
            ..self
        };
        if appended.waiting() > most || appended.met.saturating_mul(4) >= appended.rows {
            return self.compact(layout, changes, most);
        }
        let mut writer = files::open_at(&path, self.bytes())?;
        let marks = changes.met.iter().map(encode_mark);
        marks
            .chain(changes.more.iter().map(encode))
            .try_for_each(|record| writer.write_all(&record))
            .with_context(|| format!("failed to write {}", path.display()))?;
        files::close(writer)?;
        Ok(appended)
    }

    /// Puts those that wait in a file of their own.
    fn compact(self, layout: &Layout, changes: &Changes, most: u64) -> anyhow::Result<Self> {
        let mut is_over = vec![false; self.rows as usize];
        let mut strike = |record: u64| {
            if let Some(is_over) = is_over.get_mut(record as usize) {
                *is_over = true;
            }
        };
        self.each(layout, |number, record| match record {
            Record::Marks(met) => {
                strike(met.record);
                strike(number);
            }
            Record::Waits(_) => {}
        })?;
        changes.met.iter().for_each(|met| strike(met.record));
        let n_before = is_over.iter().filter(|is_over| !**is_over).count() as u64;
        let n_more = changes.more.len() as u64;
        let given_up = match n_before + n_more {
            waiting if waiting > most => (waiting - kept_of(most)).min(n_before),
            _ => 0,
        };
        let more = newest(&changes.more, most);
        say_given_up(given_up + n_more - more.len() as u64);
        let left = Self {
            rows: n_before - given_up,
            ..self
        };
        left.replace(layout, more, |writer| {
            let mut to_skip = given_up;
            let mut written = Ok(());
            self.each(layout, |number, record| {
                let Record::Waits(row) = record else { return };
                if is_over[number as usize] || written.is_err() {
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

    /// A new file, of what `old` writes, which is as many records as count here, and of more.
    fn replace(
        self,
        layout: &Layout,
        more: &[Prediction],
        old: impl FnOnce(&mut files::FileWriter) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let next = Self {
            generation: self.generation + 1,
            rows: self.rows + more.len() as u64,
            met: 0,
        };
        files::replace_with(&next.path(layout), |writer| {
            old(writer)?;
            let mut more = more.iter();
            Ok(more.try_for_each(|row| writer.write_all(&encode(row)))?)
        })?;
        Ok(next)
    }

    /// Each record that counts, in its order, with its number.
    fn each(&self, layout: &Layout, mut see: impl FnMut(u64, Record)) -> anyhow::Result<()> {
        let path = self.path(layout);
        let context = || format!("failed to read {}", path.display());
        let file = regular::open(&path).with_context(context)?;
        if file.metadata().with_context(context)?.len() < self.bytes() {
            let rows = self.rows;
            let what = format!("{} does not hold {rows} predictions", path.display());
            return Err(Failure::input_output(what).into());
        }
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut record = [0; RECORD_BYTES];
        for number in 0..self.rows {
            reader.read_exact(&mut record).with_context(context)?;
            see(number, decode(&record));
        }
        Ok(())
    }

    /// Removes every other file: an earlier one, or one that was never committed.
    pub(super) fn remove_others(&self, layout: &Layout) -> anyhow::Result<()> {
        let current = self.path(layout);
        let others = files(layout)?.into_iter().filter(|path| *path != current);
        for path in others {
            files::remove_file(&path)?;
        }
        Ok(())
    }

    /// The length of the records; no file has that of a count beyond measure, which is then seen.
    fn bytes(&self) -> u64 {
        self.rows.saturating_mul(RECORD_BYTES as u64)
    }
}

/// Those of a run's predictions that are kept where they alone are more than may wait.
fn newest(more: &[Prediction], most: u64) -> &[Prediction] {
    let n_more = more.len() as u64;
    let given_up = if n_more > most {
        n_more - kept_of(most)
    } else {
        0
    };
    &more[given_up as usize..]
}

/// How many are left where more than so many would wait.
fn kept_of(most: u64) -> u64 {
    most / 4 * 3
}

fn say_given_up(given_up: u64) {
    if given_up > 0 {
        tracing::warn!(
            given_up,
            "more predictions wait for a class than are kept, and the oldest are given up"
        );
    }
}

/// The files of predictions that there are.
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
        row.log_odds.to_bits(),
        row.probability.to_bits(),
        row.run.cast_unsigned(),
    ])
}

fn encode_mark(met: &Met) -> [u8; RECORD_BYTES] {
    encode_words([met.client, met.record, 0, 0, MARK])
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
        return Record::Marks(Met {
            client: word(0),
            record: word(1),
        });
    }
    Record::Waits(Prediction {
        client: word(0),
        row: word(1),
        log_odds: f64::from_bits(word(2)),
        probability: f64::from_bits(word(3)),
        run: word(4).cast_signed(),
        place: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(client: u64) -> Prediction {
        Prediction {
            client,
            row: u64::MAX - client,
            log_odds: -1.5,
            probability: 0.25,
            run: 7,
            place: None,
        }
    }

    fn more(clients: impl IntoIterator<Item = u64>) -> Changes {
        Changes {
            more: clients.into_iter().map(row).collect(),
            met: Vec::new(),
        }
    }

    fn met(records: impl IntoIterator<Item = u64>) -> Changes {
        let met = |record| Met {
            client: record,
            record,
        };
        Changes {
            more: Vec::new(),
            met: records.into_iter().map(met).collect(),
        }
    }

    fn place() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::in_scratch(folder.path());
        files::create_folder(layout.state()).unwrap();
        (folder, layout)
    }

    /// The clients that wait, of the first hundred.
    fn clients(awaiting: Awaiting, layout: &Layout) -> Vec<u64> {
        let found = awaiting.of_clients(layout, &(0..100).collect());
        assert_eq!(awaiting.waiting(), found.len() as u64);
        found.into_iter().map(|(_, row)| row.client).collect()
    }

    #[test]
    fn what_was_committed_comes_back_whatever_a_killed_run_left_behind_it() {
        let (_folder, layout) = place();
        let none = Awaiting::default();
        let first = none.change(&layout, &more([0, 1])).unwrap();
        // Not committed, and so cut off by the next.
        first.change(&layout, &more([2, 2])).unwrap();
        let second = first.change(&layout, &more([3])).unwrap();
        let found = second.of_clients(&layout, &HashSet::from([1, 3, 9]));
        assert_eq!(found, [(1, row(1)), (2, row(3))]);
        let third = second.change(&layout, &met([0, 2])).unwrap();
        assert_eq!(clients(second, &layout), [0, 1, 3], "until it is committed");
        third.remove_others(&layout).unwrap();
        assert_eq!(clients(third, &layout), [1]);
        assert_eq!(second.of_clients(&layout, &HashSet::from([1])), []);
    }

    #[test]
    fn a_class_that_comes_is_marked_and_half_of_them_make_a_new_file() {
        let (_folder, layout) = place();
        let eight = Awaiting::default().change(&layout, &more(0..8)).unwrap();
        let marked = eight.change(&layout, &met([3, 5])).unwrap();
        assert_eq!(marked.path(&layout), eight.path(&layout));
        assert_eq!(clients(marked, &layout), [0, 1, 2, 4, 6, 7]);
        let both = Changes {
            met: met([0]).met,
            ..more([8])
        };
        let compacted = marked.change(&layout, &both).unwrap();
        assert_eq!((compacted.rows, compacted.met), (6, 0));
        assert_eq!(clients(compacted, &layout), [1, 2, 4, 6, 7, 8]);
    }

    #[test]
    fn the_oldest_are_given_up_beyond_a_number() {
        let (_folder, layout) = place();
        let full = Awaiting::default();
        let full = full.change_within(&layout, &more(0..8), 8).unwrap();
        assert_eq!(clients(full, &layout).len(), 8);
        let cut = full.change_within(&layout, &more([8]), 8).unwrap();
        assert_eq!(clients(cut, &layout), [3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn of_one_run_no_more_wait_than_of_many() {
        let (_folder, layout) = place();
        let three = Awaiting::default();
        let three = three.change_within(&layout, &more(0..3), 8).unwrap();
        let lost = Awaiting {
            generation: 3,
            rows: u64::MAX,
            met: 0,
        };
        for before in [Awaiting::default(), three, lost] {
            let cut = before.change_within(&layout, &more(10..22), 8).unwrap();
            assert_eq!(clients(cut, &layout), [16, 17, 18, 19, 20, 21]);
        }
        let full = three.change_within(&layout, &more(10..18), 8).unwrap();
        assert_eq!(clients(full, &layout), [10, 11, 12, 13, 14, 15, 16, 17]);
    }

    #[test]
    fn every_file_but_the_one_that_counts_is_removed() {
        let (_folder, layout) = place();
        let first = Awaiting::default().change(&layout, &more([1])).unwrap();
        for stray in [1, 7] {
            files::replace(&layout.awaiting_labels(stray), b"left").unwrap();
        }
        let other = layout.state().join("awaiting-others");
        files::replace(&other, b"").unwrap();
        first.remove_others(&layout).unwrap();
        let left = super::files(&layout).unwrap();
        assert_eq!(left, [first.path(&layout)]);
        assert!(other.exists(), "which is none of them");
    }

    #[test]
    fn a_lost_file_is_begun_anew() {
        let (_folder, layout) = place();
        let lost = Awaiting {
            generation: 3,
            rows: u64::MAX,
            met: 0,
        };
        assert_eq!(lost.of_clients(&layout, &HashSet::from([1])), []);
        let anew = lost.change(&layout, &more([1])).unwrap();
        assert_eq!(clients(anew, &layout), [1]);
    }
}
