//! The history, and the pipeline on a history that was tampered with.

use acceptance::fuzzing::fuzz;
use common::exit::{Exit, classify};
use common::history::{STAGES, documents};
use common::{Failure, History, Ledger};
use dataset::passes::Summary;
use record::RunRecord;

use crate::pipeline::{Pipeline, write};

/// Reads everything that any program reads from the history.
fn read_all(history: &History) -> anyhow::Result<Ledger> {
    history.unfinished_runs::<RunRecord>()?;
    for run in history.finished_runs::<RunRecord>(20)? {
        drop(run.record.to_string());
    }
    history.last_run()?;
    history.latest_score()?;
    for stage in STAGES {
        history.stage_durations(stage, 100)?;
    }
    history.document::<Summary>(documents::SUMMARY)?;
    history.document::<String>(documents::RECONCILED_MODEL)?;
    history.unfinished_changes()?;
    history.release_change_since(0)?;
    history.changes_between(0, i64::MAX, 100)?;
    history.ledger()
}

/// Checks the promises of a ledger that the stages depend on.
fn check(ledger: &Ledger) {
    assert!(ledger.evaluated_rows <= ledger.rows && ledger.seen_rows <= ledger.rows);
    let kept: u64 = ledger.ingested().map(|file| file.rows.kept).sum();
    assert!(kept <= ledger.rows);
    for file in &ledger.files {
        let rows = file.rows;
        assert_eq!(rows.read, rows.kept + rows.duplicate + rows.rejected);
    }
}

/// Checks that an error about a history names the file as the cause, not the program.
fn is_blamed_on_a_file(error: &anyhow::Error) {
    let is_expected = error.chain().any(|cause| cause.is::<Failure>());
    let exit = classify(error);
    assert!(
        is_expected || exit == Exit::InputOutput,
        "{exit:?}: {error:#}"
    );
}

#[test]
fn a_history_is_read_whole_or_refused() {
    let pipeline = Pipeline::new();
    let layout = &pipeline.config.layout;
    fuzz("history", 100, |bytes| {
        write(&layout.history(), bytes);
        let read = History::read(layout).and_then(|history| {
            let history = history.expect("a history");
            read_all(&history)
        });
        match read {
            Ok(ledger) => check(&ledger),
            Err(error) => is_blamed_on_a_file(&error),
        }
    });
}

#[test]
fn an_ingestion_on_a_tampered_history_ends_well_or_says_why_not() {
    let whole = Pipeline::ingested();
    fuzz("history", 30, |bytes| {
        let pipeline = whole.copy();
        let config = &pipeline.config;
        write(&config.layout.history(), bytes);
        let ended = ingestion::run(config).and_then(|_| {
            pipeline.write("in/b.csv", b"client,x,y,left\nd,1,2,0\na,1,2,0\n");
            ingestion::run(config)?;
            History::read(&config.layout)?.expect("a history").ledger()
        });
        match ended {
            Ok(ledger) => check(&ledger),
            Err(error) => is_blamed_on_a_file(&error),
        }
    });
}

#[test]
fn the_record_of_a_run_is_valid_or_refused() {
    fuzz("record", 400, |bytes| {
        if let Ok(record) = serde_json::from_slice::<RunRecord>(bytes) {
            drop(record.to_string());
            serde_json::to_string(&record).expect("a record encodes");
        }
    });
}
