//! The file of predictions that wait for a class.
//!
//! Records of a fixed length, appended behind those that count; how many count, and in which file,
//! is a document of the history. When some have met their class the others go to a new file, which
//! counts instead from then on.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use common::history::documents;
use common::{History, Layout, files};
use serde::{Deserialize, Serialize};

use super::prediction::Prediction;

/// Five numbers of eight bytes, little-endian.
const RECORD_BYTES: usize = 40;

/// Which predictions wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Awaiting {
    /// Number of the file.
    generation: u64,
    /// Records of it that count.
    pub(super) rows: u64,
}

impl Awaiting {
    /// As the history has it.
    pub(super) fn of(history: &History) -> anyhow::Result<Self> {
        Ok(history.document(documents::AWAITING)?.unwrap_or_default())
    }

    pub(super) fn path(&self, layout: &Layout) -> PathBuf {
        layout.awaiting_labels(self.generation)
    }

    /// The predictions, oldest first; none, and a warning, where the file is lost.
    ///
    /// They decide nothing, so their loss is no reason for a run to fail.
    pub(super) fn read_or_forget(&self, layout: &Layout) -> Vec<Prediction> {
        self.read(layout).unwrap_or_else(|error| {
            tracing::warn!("what was predicted before is not held against its classes: {error:#}");
            Vec::new()
        })
    }

    fn read(&self, layout: &Layout) -> anyhow::Result<Vec<Prediction>> {
        if self.rows == 0 {
            return Ok(Vec::new());
        }
        let path = self.path(layout);
        let context = || format!("failed to read {}", path.display());
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(self.bytes()).read_to_end(&mut bytes))
            .with_context(context)?;
        ensure!(
            bytes.len() as u64 == self.bytes(),
            "{} does not hold {} predictions",
            path.display(),
            self.rows
        );
        let (records, _) = bytes.as_chunks::<RECORD_BYTES>();
        Ok(records.iter().map(decode).collect())
    }

    /// These behind the others; the caller commits what is returned.
    pub(super) fn append(self, layout: &Layout, more: &[Prediction]) -> anyhow::Result<Self> {
        let path = self.path(layout);
        let holds = path.metadata().map_or(0, |metadata| metadata.len());
        if holds < self.bytes() {
            tracing::warn!("{} is lost", path.display());
            return self.replace(layout, more);
        }
        let mut writer = files::open_at(&path, self.bytes())?;
        write(&mut writer, more).with_context(|| format!("failed to write {}", path.display()))?;
        files::close(writer)?;
        Ok(Self {
            rows: self.rows + more.len() as u64,
            ..self
        })
    }

    /// These instead of all others, in a file of their own; the caller commits what is returned.
    pub(super) fn replace(self, layout: &Layout, all: &[Prediction]) -> anyhow::Result<Self> {
        let next = Self {
            generation: self.generation + 1,
            rows: all.len() as u64,
        };
        files::replace_with(&next.path(layout), |writer| Ok(write(writer, all)?))?;
        Ok(next)
    }

    /// Removes the file that this one took the place of; the one before it was removed then.
    pub(super) fn remove_others(&self, layout: &Layout) {
        let Some(before) = self.generation.checked_sub(1) else {
            return;
        };
        let path = layout.awaiting_labels(before);
        if path.exists()
            && let Err(error) = files::remove_file(&path)
        {
            tracing::warn!("{error:#}");
        }
    }

    /// The length of the records; no file has that of a count beyond measure, which is then seen.
    fn bytes(&self) -> u64 {
        self.rows.saturating_mul(RECORD_BYTES as u64)
    }
}

fn write(writer: &mut impl Write, rows: &[Prediction]) -> std::io::Result<()> {
    rows.iter()
        .try_for_each(|row| writer.write_all(&encode(row)))
}

fn encode(row: &Prediction) -> [u8; RECORD_BYTES] {
    let words = [
        row.client,
        row.row,
        row.log_odds.to_bits(),
        row.probability.to_bits(),
        row.run.cast_unsigned(),
    ];
    let mut record = [0; RECORD_BYTES];
    for (place, word) in record.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    record
}

fn decode(record: &[u8; RECORD_BYTES]) -> Prediction {
    let (words, _) = record.as_chunks::<8>();
    let word = |place: usize| u64::from_le_bytes(words[place]);
    Prediction {
        client: word(0),
        row: word(1),
        log_odds: f64::from_bits(word(2)),
        probability: f64::from_bits(word(3)),
        run: word(4).cast_signed(),
    }
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
        }
    }

    #[test]
    fn what_was_committed_comes_back_whatever_a_killed_run_left_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::in_scratch(folder.path());
        files::create_folder(layout.state()).unwrap();
        let none = Awaiting::default();
        let first = none.append(&layout, &[row(1), row(2)]).unwrap();
        // Not committed, and so cut off by the next.
        first.append(&layout, &[row(3), row(3)]).unwrap();
        let second = first.append(&layout, &[row(4)]).unwrap();
        let expected = vec![row(1), row(2), row(4)];
        assert_eq!(second.read(&layout).unwrap(), expected);
        let third = second.replace(&layout, &[row(2)]).unwrap();
        assert_eq!(
            second.read(&layout).unwrap(),
            expected,
            "until it is committed"
        );
        third.remove_others(&layout);
        assert_eq!(third.read(&layout).unwrap(), [row(2)]);
        assert!(second.read(&layout).is_err());
    }

    #[test]
    fn a_lost_file_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::in_scratch(folder.path());
        files::create_folder(layout.state()).unwrap();
        let lost = Awaiting {
            generation: 3,
            rows: u64::MAX,
        };
        assert_eq!(lost.read_or_forget(&layout), []);
        let anew = lost.append(&layout, &[row(1)]).unwrap();
        assert_eq!(anew.read(&layout).unwrap(), [row(1)]);
    }
}
