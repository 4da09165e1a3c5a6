//! Complete ingestions of a mutated file together with an ordinary one.

use std::fs;

use acceptance::fuzzing::fuzz;
use common::History;
use common::ledger::Ledger;
use dataset::{Table, load_final_data};
use ingestion::{Detail, explain};

use crate::pipeline::Pipeline;

fn committed(pipeline: &Pipeline) -> (Ledger, Table) {
    let layout = &pipeline.config.layout;
    let history = History::read(layout).expect("a history");
    let ledger = history.expect("a history").ledger().expect("a ledger");
    let table = load_final_data(&pipeline.config, &ledger).expect("the data");
    (ledger, table)
}

#[test]
fn every_row_is_accounted_for_and_what_was_committed_is_read_back() {
    let plain = Pipeline::ingested();
    fuzz("ingestion", 30, |bytes| {
        let pipeline = plain.copy();
        let config = &pipeline.config;
        let name = if bytes.starts_with(b"\x1f\x8b") {
            "in/b.csv.gz"
        } else {
            "in/b.csv"
        };
        pipeline.write(name, bytes);
        let explained = explain(config, &pipeline.path(name), Detail::EveryRow);
        let report = ingestion::run(config).expect("an ingestion");
        for file in &report.files {
            let rows = file.rows;
            assert_eq!(rows.read, rows.kept + rows.duplicate + rows.rejected);
            assert_eq!(explained.as_ref().expect("explained").rows, rows);
        }
        if explained.is_err() {
            assert_eq!(report.waiting.len(), 1, "{report}");
        }
        let (ledger, table) = committed(&pipeline);
        assert_eq!(table.rows() as u64, ledger.rows);
        assert_eq!(report.total_rows, ledger.rows);

        let again = ingestion::run(config).expect("an ingestion");
        assert!(again.files.is_empty(), "{again}");

        // Rebuilding finaldata.csv gives the same bytes.
        let read = || fs::read(config.layout.final_data()).expect("finaldata.csv");
        let appended = read();
        fs::remove_file(config.layout.final_data()).expect("removed");
        ingestion::run(config).expect("an ingestion");
        assert_eq!(read(), appended);
        assert_eq!(committed(&pipeline).0.digest, ledger.digest);
    });
}
