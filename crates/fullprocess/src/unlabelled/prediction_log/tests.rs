//! The prediction file on disk.

use super::*;

fn row(client: u64) -> Prediction {
    Prediction {
        client,
        row: u64::MAX - client,
        margin: -1.5,
        probability: 0.25,
        run: 7,
        place: None,
    }
}

fn new(clients: impl IntoIterator<Item = u64>) -> LogChanges {
    LogChanges {
        new: clients.into_iter().map(row).collect(),
        labelled: Vec::new(),
    }
}

fn labelled(records: impl IntoIterator<Item = u64>) -> LogChanges {
    let labelled = |record| LabelledRecord {
        client: record,
        record,
    };
    LogChanges {
        new: Vec::new(),
        labelled: records.into_iter().map(labelled).collect(),
    }
}

fn state_folder() -> (tempfile::TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::in_scratch(folder.path());
    files::create_folder(layout.state()).unwrap();
    (folder, layout)
}

fn empty(layout: &Layout) -> PredictionLog<'_> {
    PredictionLog {
        layout,
        file: PredictionFile::default(),
    }
}

/// A log whose file is gone.
fn lost(layout: &Layout) -> PredictionLog<'_> {
    empty(layout).with(PredictionFile {
        generation: 3,
        records: u64::MAX,
        labelled: 0,
    })
}

/// The clients that wait, of the first hundred.
fn clients(log: PredictionLog<'_>) -> Vec<u64> {
    let found = log.of_clients(&(0..100).collect());
    assert_eq!(log.waiting(), found.len() as u64);
    found.into_iter().map(|(_, row)| row.client).collect()
}

#[test]
fn committed_records_are_read_whatever_a_killed_run_left_behind_them() {
    let (_folder, layout) = state_folder();
    let first = empty(&layout).change(&new([0, 1])).unwrap();
    // Never committed, so the next change cuts it off.
    first.change(&new([2, 2])).unwrap();
    let second = first.change(&new([3])).unwrap();
    let found = second.of_clients(&HashSet::from([1, 3, 9]));
    assert_eq!(found, [(1, row(1)), (2, row(3))]);
    let third = second.change(&labelled([0, 2])).unwrap();
    assert_eq!(clients(second), [0, 1, 3], "until it is committed");
    third.remove_others().unwrap();
    assert_eq!(clients(third), [1]);
    assert_eq!(second.of_clients(&HashSet::from([1])), []);
}

#[test]
fn a_label_is_marked_and_once_half_of_the_records_are_a_new_file_is_written() {
    let (_folder, layout) = state_folder();
    let eight = empty(&layout).change(&new(0..8)).unwrap();
    let marked = eight.change(&labelled([3, 5])).unwrap();
    assert_eq!(marked.path(), eight.path());
    assert_eq!(clients(marked), [0, 1, 2, 4, 6, 7]);
    let both = LogChanges {
        labelled: labelled([0]).labelled,
        ..new([8])
    };
    let compacted = marked.change(&both).unwrap();
    assert_eq!((compacted.file.records, compacted.file.labelled), (6, 0));
    assert_eq!(clients(compacted), [1, 2, 4, 6, 7, 8]);
}

#[test]
fn the_oldest_are_dropped_beyond_the_limit() {
    let (_folder, layout) = state_folder();
    let full = empty(&layout).change_within(&new(0..8), 8).unwrap();
    assert_eq!(clients(full).len(), 8);
    let cut = full.change_within(&new([8]), 8).unwrap();
    assert_eq!(clients(cut), [3, 4, 5, 6, 7, 8]);
}

#[test]
fn the_limit_holds_for_the_predictions_of_a_single_run() {
    let (_folder, layout) = state_folder();
    let three = empty(&layout).change_within(&new(0..3), 8).unwrap();
    for before in [empty(&layout), three, lost(&layout)] {
        let cut = before.change_within(&new(10..22), 8).unwrap();
        assert_eq!(clients(cut), [16, 17, 18, 19, 20, 21]);
    }
    let full = three.change_within(&new(10..18), 8).unwrap();
    assert_eq!(clients(full), [10, 11, 12, 13, 14, 15, 16, 17]);
}

#[test]
fn every_file_except_the_committed_one_is_removed() {
    let (_folder, layout) = state_folder();
    let first = empty(&layout).change(&new([1])).unwrap();
    for stray in [1, 7] {
        files::replace(&layout.awaiting_labels(stray), b"left").unwrap();
    }
    let other = layout.state().join("awaiting-others");
    files::replace(&other, b"").unwrap();
    first.remove_others().unwrap();
    let left = super::files(&layout).unwrap();
    assert_eq!(left, [first.path()]);
    assert!(other.exists(), "it is no prediction file");
}

#[test]
fn a_lost_file_is_begun_again() {
    let (_folder, layout) = state_folder();
    let lost = lost(&layout);
    assert_eq!(lost.of_clients(&HashSet::from([1])), []);
    let begun = lost.change(&new([1])).unwrap();
    assert_eq!(clients(begun), [1]);
}
