//! The table of waiting rows.

use super::*;
use crate::{History, Layout, Ledger};

const NONE_EVALUATED: u64 = 0;

/// A pipeline with its history.
struct Pipeline {
    _folder: tempfile::TempDir,
    layout: Layout,
    history: History,
}

fn pipeline() -> Pipeline {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::in_scratch(folder.path());
    let history = History::open(&layout).unwrap();
    Pipeline {
        _folder: folder,
        layout,
        history,
    }
}

impl Pipeline {
    fn open(&self) -> WaitingRows {
        WaitingRows::open(&self.layout, &self.history).unwrap()
    }

    fn problem(&self, ledger: &Ledger) -> Option<TableProblem> {
        WaitingRows::problem(&self.layout, &self.history, ledger).unwrap()
    }

    /// Predictions of run 5 for the clients 1 to 4, of which client 4 has its label.
    fn with_predictions() -> Self {
        let pipeline = pipeline();
        let mut rows = begun(&pipeline);
        let clients: Vec<_> = (1..5).map(|client| (client, 10 * client, None)).collect();
        add(&mut rows, 0, &clients);
        predict(&mut rows, 5, &[(1, 0), (2, 1), (3, 2), (4, 3)]);
        add(&mut rows, 4, &[(4, 40, YES)]);
        rows.commit("first", &pipeline.history).unwrap();
        pipeline
    }

    /// Executes a statement as another program would.
    fn tamper(&self, statement: &str) {
        let other = rusqlite::Connection::open(self.layout.predictions()).unwrap();
        other.execute_batch(statement).unwrap();
    }
}

/// Rows with these clients, values and labels, from this place on.
fn arriving(first: u64, rows: &[(u64, u64, Option<bool>)]) -> Vec<ArrivingRow> {
    let row = |(&(client, row, label), place)| ArrivingRow {
        client,
        row,
        place,
        label,
    };
    rows.iter().zip(first..).map(row).collect()
}

/// Adds rows; returns the places of each label and its row.
fn add(rows: &mut WaitingRows, first: u64, added: &[(u64, u64, Option<bool>)]) -> Vec<(u64, u64)> {
    add_with_evaluated(rows, first, added, NONE_EVALUATED)
}

/// Adds rows when the rows before the place `first_new` are evaluated.
fn add_with_evaluated(
    rows: &mut WaitingRows,
    first: u64,
    added: &[(u64, u64, Option<bool>)],
    first_new: u64,
) -> Vec<(u64, u64)> {
    let pairs = rows.add(&mut arriving(first, added), first_new).unwrap();
    let places = |pair: Pair| (pair.label_place, pair.waiting_place);
    pairs.into_iter().map(places).collect()
}

fn begun(pipeline: &Pipeline) -> WaitingRows {
    let mut rows = pipeline.open();
    rows.begin().unwrap();
    rows
}

/// Predicts rows with the probability 0.01 × place.
fn predict(rows: &mut WaitingRows, run: i64, clients_and_places: &[(u64, u64)]) {
    let mut predictions: Vec<_> = clients_and_places
        .iter()
        .map(|&(client, place)| RowPrediction {
            client,
            place,
            prediction: WaitingPrediction {
                run,
                margin: 1.0,
                probability: place as f64 / 100.0,
            },
        })
        .collect();
    rows.predict(run, &mut predictions).unwrap();
}

/// Run, probability in percent and label of the predictions that have a label.
fn labelled(rows: &WaitingRows, evaluated: u64) -> Vec<(i64, u64, bool)> {
    let mut found = Vec::new();
    rows.each_labelled(evaluated, |it| {
        let percent = (it.prediction.probability * 100.0).round() as u64;
        found.push((it.prediction.run, percent, it.label));
    })
    .unwrap();
    found.sort_unstable();
    found
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

#[test]
fn a_label_goes_to_the_same_values_else_to_the_latest_row_of_the_client_before_it() {
    let waiting = [(1, 10, None), (1, 11, None), (2, 20, None), (3, 30, None)];
    let no_pairs: &[(u64, u64)] = &[];
    for (label, expected) in [
        (&[][..], no_pairs),
        // The same values, though a later row of the client waits.
        (&[(1, 10, YES)], &[(4, 0)]),
        (&[(1, 99, YES)], &[(4, 1)]),
        // Each label goes to one row, and each row takes one label.
        (&[(2, 20, YES), (2, 20, NO)], &[(4, 2)]),
        // One by one: the first label takes the latest row, whose values the second one has.
        (&[(1, 99, YES), (1, 11, NO)], &[(4, 1), (5, 0)]),
        // Values alone are no identity, and an unknown client pairs nothing.
        (&[(2, 30, YES), (9, 10, YES)], &[(4, 2)]),
        // A label never goes to a row below it.
        (&[(4, 40, YES), (4, 40, None), (4, 41, NO)], &[(6, 5)]),
    ] {
        let pipeline = pipeline();
        // At once, and row by row.
        let mut rows = begun(&pipeline);
        let all: Vec<_> = waiting.iter().chain(label).copied().collect();
        assert_eq!(add(&mut rows, 0, &all), expected, "{label:?}");
        let left = rows.places();
        drop(rows);
        let mut rows = begun(&pipeline);
        let one_by_one: Vec<_> = (0..)
            .zip(&all)
            .flat_map(|(place, row)| add(&mut rows, place, &[*row]))
            .collect();
        assert_eq!(one_by_one, expected, "{label:?}");
        assert_eq!(rows.places(), left, "{label:?}");
    }
}

#[test]
fn very_many_rows_of_one_client_are_as_fast_as_rows_of_many_clients() {
    const ROWS: u64 = 100_000;
    let pipeline = pipeline();
    for in_reverse in [false, true] {
        let mut rows = begun(&pipeline);
        let waiting: Vec<_> = (0..ROWS).map(|row| (7, row, None)).collect();
        let mut labels: Vec<_> = (0..ROWS).map(|row| (7, row, YES)).collect();
        if in_reverse {
            labels.reverse();
        }
        add(&mut rows, 0, &waiting);
        let pairs = add(&mut rows, ROWS, &labels);
        assert_eq!(pairs.len() as u64, ROWS);
        assert_eq!(pairs[0], (ROWS, if in_reverse { ROWS - 1 } else { 0 }));
    }
}

#[test]
fn a_prediction_has_its_label_until_the_label_is_evaluated() {
    let pipeline = pipeline();
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &[(1, 10, None), (2, 20, None), (3, 30, None)]);
    predict(&mut rows, 5, &[(1, 0), (2, 1), (3, 2)]);
    rows.commit("first", &pipeline.history).unwrap();
    let mut rows = begun(&pipeline);
    assert!(rows.belongs_to("first"));
    assert_eq!(labelled(&rows, 3), []);
    // The label of row 2 arrives together with a row that is not predicted yet, and its label.
    let added = [(2, 20, YES), (4, 40, None), (4, 41, NO)];
    add_with_evaluated(&mut rows, 3, &added, 3);
    assert_eq!(labelled(&rows, 3), [(5, 1, true)]);
    predict(&mut rows, 6, &[(4, 4)]);
    assert_eq!(labelled(&rows, 3), [(5, 1, true), (6, 4, false)]);
    rows.forget_evaluated(3).unwrap();
    assert_eq!(labelled(&rows, 3).len(), 2, "no run has evaluated them");
    rows.forget_evaluated(6).unwrap();
    assert_eq!(labelled(&rows, 0), []);
    assert_eq!(rows.places(), [(1, 0), (3, 2)]);
}

#[test]
fn what_is_not_committed_has_not_happened() {
    let pipeline = pipeline();
    let mut rows = begun(&pipeline);
    assert!(!rows.exists());
    assert_eq!(add(&mut rows, 0, &[(1, 10, YES)]), []);
    rows.commit("labels only", &pipeline.history).unwrap();
    assert!(!pipeline.layout.predictions().exists(), "nothing waits");
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &[(1, 10, None)]);
    drop(rows);
    let rows = begun(&pipeline);
    assert!(rows.is_empty() && rows.places().is_empty());
}

#[test]
fn predictions_outlast_a_new_order_and_a_file_that_is_gone() {
    let pipeline = pipeline();
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &[(1, 10, None), (2, 20, None), (3, 30, None)]);
    predict(&mut rows, 5, &[(1, 0), (2, 1)]);
    rows.commit("first", &pipeline.history).unwrap();
    for _ in 0..2 {
        // Row 1 stays, at another place. The file of row 2 is gone, and its label is new. The label of
        // client 3 was evaluated.
        let mut rows = begun(&pipeline);
        rows.begin_rebuild().unwrap();
        let all = [(8, 80, NO), (3, 31, YES), (1, 10, None), (2, 21, NO)];
        assert_eq!(add_with_evaluated(&mut rows, 0, &all, 3), []);
        assert_eq!(labelled(&rows, 3), [(5, 1, false)]);
        assert_eq!(rows.places().last(), Some(&(1, 2)));
        rows.commit("second", &pipeline.history).unwrap();
    }
    let mut rows = begun(&pipeline);
    add_with_evaluated(&mut rows, 4, &[(1, 10, YES)], 4);
    assert_eq!(labelled(&rows, 4), [(5, 0, true)]);
    assert_eq!(labelled(&rows, 3), [(5, 0, true), (5, 1, false)]);
}

#[test]
fn a_label_of_an_evaluated_row_goes_to_the_prediction_of_an_absent_row() {
    let pipeline = pipeline();
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &[(1, 10, None)]);
    predict(&mut rows, 5, &[(1, 0)]);
    rows.commit("first", &pipeline.history).unwrap();
    // Another schema: the same row has another hash, and is evaluated.
    let mut rows = begun(&pipeline);
    rows.begin_rebuild().unwrap();
    add_with_evaluated(&mut rows, 0, &[(1, 99, None)], 1);
    assert_eq!(
        add_with_evaluated(&mut rows, 1, &[(1, 98, YES)], 1),
        [(1, 0)]
    );
    assert_eq!(labelled(&rows, 1), [(5, 0, true)]);
}

#[test]
fn the_second_predictions_of_a_run_replace_its_first() {
    let pipeline = pipeline();
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &[(1, 10, None), (2, 20, None)]);
    predict(&mut rows, 5, &[(1, 0)]);
    predict(&mut rows, 6, &[(2, 1)]);
    // Run 6 predicts again, as after the loss of a history.
    predict(&mut rows, 6, &[]);
    add(&mut rows, 2, &[(1, 10, YES), (2, 20, YES)]);
    assert_eq!(labelled(&rows, 2), [(5, 0, true)]);
}

#[test]
fn the_oldest_are_dropped_beyond_the_limit() {
    let pipeline = pipeline();
    let mut rows = WaitingRows::open_with_limit(&pipeline.layout, &pipeline.history, 8).unwrap();
    rows.begin().unwrap();
    let clients: Vec<_> = (0..8).map(|client| (client, 1, None)).collect();
    add(&mut rows, 0, &clients);
    rows.commit("eight", &pipeline.history).unwrap();
    assert_eq!(rows.places().len(), 8);
    rows.begin().unwrap();
    add(&mut rows, 8, &[(8, 1, None)]);
    rows.commit("nine", &pipeline.history).unwrap();
    let left: Vec<u64> = rows.places().iter().map(|(client, _)| *client).collect();
    // Beyond the limit, rows are dropped down to three quarters of it.
    assert_eq!(left, [3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_damaged_file_is_begun_again() {
    let pipeline = pipeline();
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &[(1, 10, None)]);
    rows.commit("first", &pipeline.history).unwrap();
    drop(rows);
    for damage in [&b"no database, though it is as long as a header of one, more or less ..............................."[..], b""] {
        crate::files::replace(&pipeline.layout.predictions(), damage).unwrap();
        let rows = pipeline.open();
        assert!(rows.is_empty() && !rows.belongs_to("first"));
    }
}

#[test]
fn values_that_no_run_writes_are_rejected_and_a_table_without_parts_is_lost() {
    for tampering in ["DROP TABLE waiting", "DELETE FROM state"] {
        let pipeline = pipeline();
        let mut rows = begun(&pipeline);
        add(&mut rows, 0, &[(1, 10, None)]);
        rows.commit("first", &pipeline.history).unwrap();
        drop(rows);
        let other = rusqlite::Connection::open(pipeline.layout.predictions()).unwrap();
        for impossible in [
            "run = 1",
            "run = 1, margin = 'a', probability = 0.5",
            "run = 1, margin = 0.5, probability = 7.0",
            "label = 2",
        ] {
            let update = format!("UPDATE waiting SET {impossible}");
            assert!(other.execute(&update, []).is_err(), "{impossible}");
        }
        other.execute_batch(tampering).unwrap();
        drop(other);
        let rows = pipeline.open();
        assert!(rows.is_empty() && !rows.belongs_to("first"), "{tampering}");
    }
}

/// Seconds for a million rows that wait, their predictions and their labels. Run it alone and with
/// optimisation.
#[test]
#[ignore = "it measures"]
#[expect(clippy::print_stdout, reason = "a person reads the figures")]
fn measured_a_million_rows() {
    use std::time::Instant;
    const ROWS: u64 = 1_000_000;
    // A public hash has no order.
    let hash = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (number << 7);
    let pipeline = pipeline();
    let mut began = Instant::now();
    let mut took = |what: &str| {
        println!("{what} {:.2} s", began.elapsed().as_secs_f64());
        began = Instant::now();
    };
    let rows_of = |label: fn(u64) -> Option<bool>| -> Vec<_> {
        let row = |number| (hash(number), hash(number + ROWS), label(number));
        (0..ROWS).map(row).collect()
    };
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &rows_of(|_| None));
    rows.commit("waiting", &pipeline.history).unwrap();
    took("added");
    rows.begin().unwrap();
    let places: Vec<_> = (0..ROWS).map(|place| (hash(place), place)).collect();
    predict(&mut rows, 1, &places);
    rows.commit("waiting", &pipeline.history).unwrap();
    took("predicted");
    drop(rows);
    let mut rows = begun(&pipeline);
    took("opened");
    let labels = rows_of(|number| Some(number % 2 == 0));
    let pairs = add_with_evaluated(&mut rows, ROWS, &labels, ROWS);
    assert_eq!(pairs.len() as u64, ROWS);
    rows.commit("labelled", &pipeline.history).unwrap();
    took("paired");
    let mut n_labelled = 0;
    rows.each_labelled(ROWS, |_| n_labelled += 1).unwrap();
    assert_eq!(n_labelled, ROWS);
    took("read");
    rows.begin().unwrap();
    rows.forget_evaluated(2 * ROWS).unwrap();
    rows.commit("labelled", &pipeline.history).unwrap();
    took("forgotten");
}

#[test]
fn a_file_shrinks_once_most_of_its_rows_are_removed() {
    const ROWS: u64 = 240_000;
    let pipeline = pipeline();
    let length = || pipeline.layout.predictions().metadata().unwrap().len();
    let hash = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let waiting: Vec<_> = (0..ROWS).map(|row| (hash(row), row, None)).collect();
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &waiting);
    rows.commit("waiting", &pipeline.history).unwrap();
    let full = length();
    // All rows except the last thousand get their label.
    let labels: Vec<_> = waiting[..239_000]
        .iter()
        .map(|(client, row, _)| (*client, *row, YES))
        .collect();
    rows.begin().unwrap();
    add_with_evaluated(&mut rows, ROWS, &labels, ROWS);
    rows.forget_evaluated(2 * ROWS).unwrap();
    rows.commit("labelled", &pipeline.history).unwrap();
    assert!(length() < full / 10, "{} of {full} bytes", length());
    assert_eq!(rows.places().len(), 1_000);
    drop(rows);
    let rows = pipeline.open();
    assert!(!rows.is_empty() && !rows.has_labelled());
    let ledger = Ledger {
        rows: 2 * ROWS,
        ..Ledger::default()
    };
    assert_eq!(pipeline.problem(&ledger), None);
}

#[test]
fn what_a_run_cannot_use_is_a_problem_and_nothing_is_changed() {
    let pipeline = pipeline();
    let ledger = Ledger::default();
    let path = pipeline.layout.predictions();
    assert_eq!(pipeline.problem(&ledger), None);
    let mut rows = begun(&pipeline);
    add(&mut rows, 0, &[(1, 10, None), (2, 20, None)]);
    // The digest of the default ledger.
    rows.commit("", &pipeline.history).unwrap();
    drop(rows);
    let damage = || match pipeline.problem(&ledger) {
        Some(TableProblem::Damaged(what)) => what,
        other => panic!("{other:?}"),
    };
    assert!(
        damage().contains("belongs to 2 rows of finaldata.csv"),
        "{}",
        damage()
    );
    let whole = crate::regular::read(&path).unwrap();
    for (statement, says) in [
        (
            "UPDATE waiting SET row = 11 WHERE client = 1",
            "its rows were changed",
        ),
        (
            "UPDATE state SET newest_run = 7",
            "changed by another program",
        ),
        ("DELETE FROM waiting WHERE client = 1", "it has 1 row"),
    ] {
        pipeline.tamper(statement);
        assert!(damage().contains(says), "{statement}: {}", damage());
        crate::files::replace(&path, &whole).unwrap();
    }
    crate::files::replace(&path, &whole[..whole.len() - 4096]).unwrap();
    assert!(damage().contains("predictions.db: "), "{}", damage());
    crate::files::replace(&path, b"").unwrap();
    assert!(damage().contains("missing or empty"), "{}", damage());
    crate::files::remove_file(&path).unwrap();
    assert!(damage().contains("missing or empty"), "{}", damage());
    crate::files::create_folder(&path).unwrap();
    let problem = pipeline.problem(&ledger);
    assert!(
        matches!(problem, Some(TableProblem::Unreadable(_))),
        "{problem:?}"
    );
}

/// Names of the files that were set aside.
fn set_aside(pipeline: &Pipeline) -> Vec<String> {
    let folders = std::fs::read_dir(pipeline.layout.state()).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let kept = folders
        .filter(|path| path.is_dir())
        .flat_map(|path| std::fs::read_dir(path).unwrap());
    kept.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The loss that a run will report.
fn loss(pipeline: &Pipeline) -> String {
    let loss = WaitingRows::unreported_loss(&pipeline.history).unwrap();
    loss.unwrap_or_default()
}

#[test]
fn a_table_that_the_history_does_not_know_is_lost_and_kept_aside() {
    for damage in ["older", "missing", "empty", "state", "foreign"] {
        let pipeline = Pipeline::with_predictions();
        let path = pipeline.layout.predictions();
        let older = crate::regular::read(&path).unwrap();
        let mut rows = begun(&pipeline);
        add(&mut rows, 5, &[(9, 90, None)]);
        rows.commit("second", &pipeline.history).unwrap();
        drop(rows);
        match damage {
            "older" => crate::files::replace(&path, &older).unwrap(),
            "missing" => crate::files::remove_file(&path).unwrap(),
            "empty" => crate::files::replace(&path, b"").unwrap(),
            "state" => pipeline.tamper("UPDATE state SET end_place = 99"),
            _ => crate::files::replace(&path, &[7; 9000]).unwrap(),
        }
        let problem = pipeline.problem(&Ledger::default());
        assert!(
            matches!(problem, Some(TableProblem::Damaged(_))),
            "{damage}: {problem:?}"
        );
        assert_eq!(loss(&pipeline), "");
        let rows = pipeline.open();
        assert!(
            rows.is_empty() && rows.is_lost() && !rows.belongs_to("second"),
            "{damage}"
        );
        assert!(
            loss(&pipeline).contains("are lost"),
            "{damage}: {}",
            loss(&pipeline)
        );
        let has_content = !["missing", "empty"].contains(&damage);
        assert_eq!(
            set_aside(&pipeline).len(),
            usize::from(has_content),
            "{damage}"
        );
        WaitingRows::note_loss_reported(&pipeline.history).unwrap();
        // The loss is found once. Once rows are added again, the older copy counts as lost too.
        assert!(!pipeline.open().is_lost(), "{damage}");
        let mut rows = begun(&pipeline);
        add(&mut rows, 0, &[(1, 10, None)]);
        rows.commit("third", &pipeline.history).unwrap();
        drop(rows);
        assert!(pipeline.open().belongs_to("third") && loss(&pipeline).is_empty());
        crate::files::replace(&path, &older).unwrap();
        assert!(pipeline.open().is_lost(), "{damage}");
    }
}

#[test]
fn rows_that_were_changed_are_noticed_where_they_are_read() {
    for statement in [
        "UPDATE waiting SET probability = 0.5 WHERE client = 4",
        "UPDATE waiting SET probability = 0.5 WHERE client = 1",
        "UPDATE waiting SET label = 0 WHERE client = 4",
        "UPDATE waiting SET client = 5 WHERE client = 3",
        "UPDATE waiting SET row = 5 WHERE client = 3",
        "DELETE FROM waiting WHERE client = 2",
        "INSERT INTO waiting VALUES (8, 80, 7, 5, 1.0, 0.5, NULL, NULL)",
    ] {
        let pipeline = Pipeline::with_predictions();
        pipeline.tamper(statement);
        let is_damage = |result: anyhow::Result<()>| {
            result.is_err_and(|error| {
                assert_eq!(
                    crate::exit::classify(&error),
                    crate::exit::Exit::InputOutput
                );
                error.is::<DamagedPredictions>() && !crate::history::is_damage(&error)
            })
        };
        let rows = pipeline.open();
        assert!(is_damage(rows.each_labelled(0, |_| ())), "{statement}");
        drop(rows);
        // A label of another client whose rows have the same sum (`sums::part_of`).
        let mut rows = begun(&pipeline);
        let added = rows.add(&mut arriving(5, &[(7, 70, YES)]), 5);
        assert!(is_damage(added.map(|_| ())), "{statement}");
        drop(rows);
        let mut rows = begun(&pipeline);
        assert!(is_damage(rows.begin_rebuild()), "{statement}");
        drop(rows);
        let mut rows = begun(&pipeline);
        assert!(is_damage(rows.predict(5, &mut [])), "{statement}");
        drop(rows);
        // A label of a client whose rows have another sum needs none of these rows.
        let mut rows = begun(&pipeline);
        rows.add(&mut arriving(5, &[(1 << 62, 70, YES)]), 5)
            .unwrap();
    }
}

#[test]
fn sums_follow_every_change() {
    let pipeline = Pipeline::with_predictions();
    let is_whole = |what| {
        let ledger = Ledger {
            rows: 100,
            ..Ledger::default()
        };
        assert_eq!(pipeline.problem(&ledger), None, "{what}");
    };
    is_whole("labelled");
    let mut rows = begun(&pipeline);
    add(&mut rows, 5, &[(1, 10, YES), (5, 50, None)]);
    rows.commit("second", &pipeline.history).unwrap();
    is_whole("another label");
    rows.begin().unwrap();
    predict(&mut rows, 6, &[(5, 6), (77, 99)]);
    rows.commit("second", &pipeline.history).unwrap();
    is_whole("predicted");
    rows.begin().unwrap();
    predict(&mut rows, 6, &[(5, 6)]);
    rows.commit("second", &pipeline.history).unwrap();
    is_whole("predicted again");
    rows.begin().unwrap();
    rows.forget_evaluated(6).unwrap();
    rows.commit("second", &pipeline.history).unwrap();
    is_whole("forgotten");
    rows.begin().unwrap();
    rows.begin_rebuild().unwrap();
    add(&mut rows, 0, &[(2, 20, None), (3, 31, YES)]);
    rows.commit("third", &pipeline.history).unwrap();
    is_whole("begun again");
    let mut rows = WaitingRows::open_with_limit(&pipeline.layout, &pipeline.history, 8).unwrap();
    rows.begin().unwrap();
    let imported = WaitingPrediction {
        run: 1,
        // SQLite stores -0 as 0, which must not change the hash.
        margin: -0.0,
        probability: 0.5,
    };
    let imported: Vec<_> = (40..46).map(|client| (client, 1, imported)).collect();
    rows.import(imported.into_iter()).unwrap();
    rows.commit("third", &pipeline.history).unwrap();
    assert_eq!(rows.places().len(), 6);
    is_whole("dropped");
}

#[test]
fn a_kill_between_the_two_commits_loses_nothing() {
    let pipeline = Pipeline::with_predictions();
    let before = crate::waiting_rows::loss::Known::load(&pipeline.history)
        .unwrap()
        .unwrap();
    let mut rows = begun(&pipeline);
    add(&mut rows, 5, &[(9, 90, None)]);
    rows.commit("second", &pipeline.history).unwrap();
    drop(rows);
    // The history as a killed program leaves it.
    before.save(&pipeline.history).unwrap();
    assert_eq!(pipeline.problem(&Ledger::default()), None);
    let mut rows = begun(&pipeline);
    assert!(rows.belongs_to("second") && !rows.is_lost());
    add(&mut rows, 6, &[(10, 91, None)]);
    rows.commit("third", &pipeline.history).unwrap();
    drop(rows);
    assert!(pipeline.open().belongs_to("third"));
    // Another program was killed before the table was committed at all.
    let mut rows = begun(&pipeline);
    add(&mut rows, 7, &[(11, 91, None)]);
    drop(rows);
    assert!(pipeline.open().belongs_to("third"));
}

#[test]
fn a_table_of_an_older_program_gets_its_sums_and_is_kept() {
    let pipeline = Pipeline::with_predictions();
    pipeline.tamper(
        "ALTER TABLE state DROP COLUMN sums; ALTER TABLE state DROP COLUMN former;
         PRAGMA user_version = 1",
    );
    pipeline
        .history
        .save_document("digest of the waiting rows", &None::<()>)
        .unwrap();
    assert_eq!(pipeline.problem(&Ledger::default()), None);
    let rows = pipeline.open();
    assert!(rows.belongs_to("first"));
    assert_eq!(labelled(&rows, 0), [(5, 3, true)]);
    drop(rows);
    assert_eq!(
        pipeline.problem(&Ledger {
            rows: 9,
            ..Ledger::default()
        }),
        None
    );
    pipeline.tamper("UPDATE waiting SET row = 5 WHERE client = 3");
    assert!(pipeline.open().each_labelled(0, |_| ()).is_err());
}

#[test]
fn a_table_of_a_newer_program_is_refused_and_kept() {
    let pipeline = Pipeline::with_predictions();
    pipeline.tamper("PRAGMA user_version = 99");
    let error = WaitingRows::open(&pipeline.layout, &pipeline.history).err();
    let error = format!("{:#}", error.expect("refused"));
    assert!(
        error.contains("version 99") && error.contains("use the newer program"),
        "{error}"
    );
    let problem = pipeline.problem(&Ledger::default());
    assert!(
        matches!(problem, Some(TableProblem::Newer(_))),
        "{problem:?}"
    );
    pipeline.tamper("PRAGMA user_version = 2");
    assert!(pipeline.open().belongs_to("first"));
}
