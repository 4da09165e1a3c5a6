//! The file of predictions of earlier programs, whose predictions are moved to `predictions.db` once.
//!
//! It had records of five numbers of eight bytes, little-endian. A document of the history says which
//! file counts, and how many of its records.

use std::fs;
use std::io::{BufReader, Read};

use anyhow::Context;
use common::waiting_rows::WaitingPrediction;
use common::{Failure, History, Layout, WaitingRows, files, regular};
use record::{PendingPredictions, PredictionFile};

/// Name of the document with the committed state of the file.
const DOCUMENT: &str = "predictions that wait for a class";
const RECORD_BYTES: usize = 40;
/// Value of the run number in a mark: the record at the marked position has its label. Run numbers
/// begin at 1.
const MARK: u64 = 0;

/// Hash of the client, hash of the client and the values, and the prediction.
type Waiting = (u64, u64, WaitingPrediction);

/// Commits what a run of an earlier program had pending; part of the caller's transaction.
pub(super) fn commit(pending: &PendingPredictions, history: &History) -> anyhow::Result<()> {
    let (Some(before), Some(after)) = (pending.before, pending.after) else {
        return Ok(());
    };
    if committed_file(history)? == Some(before) {
        history.save_document(DOCUMENT, &Some(after))?;
    }
    Ok(())
}

fn committed_file(history: &History) -> anyhow::Result<Option<PredictionFile>> {
    Ok(history.document(DOCUMENT)?.flatten())
}

/// Imports the predictions into `predictions.db` and removes the files. Predictions that cannot be read are
/// lost, with a warning: predictions decide nothing.
pub(super) fn import(layout: &Layout, history: &History) -> anyhow::Result<()> {
    let Some(file) = committed_file(history)? else {
        // A run that was killed a moment ago may have left the files.
        return remove_files(layout);
    };
    match read(layout, file) {
        Ok(waiting) => {
            let mut rows = WaitingRows::open(layout, history)?;
            // If the table has predictions, an interrupted run has moved them. A table without predictions
            // may come from an ingestion by hand.
            if !rows.has_predictions_from(1) {
                rows.begin()?;
                rows.import(waiting.into_iter())?;
                rows.commit("", history)?;
            }
        }
        Err(error) if files::is_access_error(&error) => return Err(error),
        Err(error) => {
            tracing::warn!("earlier predictions are not compared with their labels: {error:#}");
        }
    }
    history.save_document(DOCUMENT, &None::<PredictionFile>)?;
    remove_files(layout)
}

/// The waiting predictions, oldest first.
fn read(layout: &Layout, file: PredictionFile) -> anyhow::Result<Vec<Waiting>> {
    if file.waiting() == 0 {
        return Ok(Vec::new());
    }
    let path = layout.awaiting_labels(file.generation);
    let context = || format!("failed to read {}", path.display());
    let opened = regular::open(&path).with_context(context)?;
    let length = file.records.saturating_mul(RECORD_BYTES as u64);
    if opened.metadata().with_context(context)?.len() < length {
        let what = format!(
            "{} does not hold {} predictions",
            path.display(),
            file.records
        );
        return Err(Failure::input_output(what).into());
    }
    let mut reader = BufReader::with_capacity(1 << 20, opened);
    let mut record = [0; RECORD_BYTES];
    let mut waiting = Vec::new();
    for _ in 0..file.records {
        reader.read_exact(&mut record).with_context(context)?;
        let (words, _) = record.as_chunks::<8>();
        let word = |place: usize| u64::from_le_bytes(words[place]);
        if word(4) == MARK {
            if let Some(marked) = waiting.get_mut(word(1) as usize) {
                *marked = None;
            }
            waiting.push(None);
            continue;
        }
        let prediction = WaitingPrediction {
            run: word(4).cast_signed(),
            margin: f64::from_bits(word(2)),
            probability: f64::from_bits(word(3)),
        };
        let is_possible =
            (0.0..=1.0).contains(&prediction.probability) && prediction.margin.is_finite();
        if !is_possible {
            let what = format!("{} holds a prediction that is not one", path.display());
            return Err(Failure::input_output(what).into());
        }
        waiting.push(Some((word(0), word(1), prediction)));
    }
    Ok(waiting.into_iter().flatten().collect())
}

/// Removes the prediction files of the state folder.
fn remove_files(layout: &Layout) -> anyhow::Result<()> {
    let context = || format!("failed to list {}", layout.state().display());
    for entry in fs::read_dir(layout.state()).with_context(context)? {
        let entry = entry.with_context(context)?;
        if Layout::is_awaiting_labels(&entry.file_name()) {
            files::remove_file(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use common::waiting_rows::ArrivingRow;

    use super::*;

    fn record(words: [u64; 5]) -> Vec<u8> {
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    fn prediction(client: u64, run: u64) -> Vec<u8> {
        let bits = [1.5_f64, 0.75].map(f64::to_bits);
        record([client, 10 * client, bits[0], bits[1], run])
    }

    #[test]
    fn what_waits_is_moved_once_and_the_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::in_scratch(folder.path());
        let history = History::open(&layout).unwrap();
        let marked = record([2, 1, 0, 0, MARK]);
        let bytes = [
            prediction(1, 3),
            prediction(2, 3),
            marked,
            prediction(4, 5),
            prediction(9, 6),
        ];
        files::replace(&layout.awaiting_labels(2), &bytes.concat()).unwrap();
        files::replace(&layout.awaiting_labels(1), b"left").unwrap();
        // The last record was not committed.
        let file = PredictionFile {
            generation: 2,
            records: 4,
            labelled: 1,
        };
        history.save_document(DOCUMENT, &file).unwrap();
        let waiting = read(&layout, file).unwrap();
        let clients: Vec<_> = waiting
            .iter()
            .map(|(client, row, _)| (client, row))
            .collect();
        assert_eq!(clients, [(&1, &10), (&4, &40)]);
        let expected = WaitingPrediction {
            run: 5,
            margin: 1.5,
            probability: 0.75,
        };
        assert_eq!(waiting[1].2, expected);
        // An ingestion by hand has made the table, without predictions.
        let mut made = WaitingRows::open(&layout, &history).unwrap();
        let row = ArrivingRow {
            client: 7,
            row: 70,
            place: 0,
            label: None,
        };
        made.begin().unwrap();
        made.add(&mut [row], 0).unwrap();
        made.commit("digest", &history).unwrap();
        drop(made);
        for _ in 0..2 {
            // A kill right after the commit leaves this file.
            files::replace(&layout.awaiting_labels(1), b"left").unwrap();
            import(&layout, &history).unwrap();
            let rows = WaitingRows::open(&layout, &history).unwrap();
            assert!(rows.has_predictions_from(5) && !rows.belongs_to("digest"));
            assert!(!layout.awaiting_labels(1).exists() && !layout.awaiting_labels(2).exists());
        }
    }

    #[test]
    fn a_lost_file_loses_its_predictions_only() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::in_scratch(folder.path());
        let history = History::open(&layout).unwrap();
        let file = PredictionFile {
            generation: 3,
            records: u64::MAX,
            labelled: 0,
        };
        history.save_document(DOCUMENT, &file).unwrap();
        import(&layout, &history).unwrap();
        assert_eq!(committed_file(&history).unwrap(), None);
    }
}
