//! One bad column among good ones: empty, constant, of another type, or anything else.
//!
//! Limit: the p-values of the good columns are far from the significance level. Near that level, a
//! verdict may depend on another column, because p-values are corrected together (Holm).

use std::cell::Cell;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use acceptance::fuzzing::fuzz;
use common::ledger::DataPosition;
use common::{Config, files};
use dataset::{BulkReader, FileProblem, Format, Scratch, Table, TargetColumn, Wanted};
use diagnostics::statistics::CumulativeScore;
use diagnostics::{
    Batch, Check, ColumnComparison, ComparisonReport, ComparisonRequest, Verdict, compare, verdicts,
};
use model::Model;

use crate::pipeline::write;

/// Number of columns: three of numbers, and a category.
const COLUMNS: usize = 4;
const HEADER: &str = "corporation,a,b,c,d,exited\n";
/// Clients of the reference, and of the file with the bad column.
const BEFORE: std::ops::Range<usize> = 0..404;
const NEW: std::ops::Range<usize> = 404..606;
/// One case in this number is also a whole run.
const WHOLE_RUNS: u32 = 100;

fn config(folder: &Path) -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","state_folder_path":"state",
        "schema":{"features":["a","b","c",{"name":"d","kind":"category"}]},"drift":{"trigger":"evidence"},
        "ingestion":{"settle_seconds":0},"diagnostics":{"check_updates":false}}"#;
    Config::parse(&folder.join("config.json"), text).expect("a config")
}

/// A client's cells. Only the column `b` of the new clients has another distribution.
fn values(client: usize) -> [String; COLUMNS] {
    let moved = if NEW.contains(&client) { 60 } else { 0 };
    let level = ["north", "south", "east, \"far\""][client * 67 % 101 % 3];
    [
        first_value(client).to_string(),
        (client * 53 % 101 + moved).to_string(),
        (client * 71 % 101).to_string(),
        format!("\"{}\"", level.replace('"', "\"\"")),
    ]
}

fn first_value(client: usize) -> usize {
    client * 37 % 101
}

/// Rows of these clients, with these cells in one column.
fn file(clients: std::ops::Range<usize>, bad: Option<(usize, &[String])>) -> String {
    let mut text = String::from(HEADER);
    for (row, client) in clients.enumerate() {
        let mut cells = values(client);
        if let Some((column, bad)) = bad {
            cells[column].clone_from(&bad[row % bad.len()]);
        }
        let left = first_value(client) + client * 29 % 101 > 100;
        writeln!(
            text,
            "client {client},{},{}",
            cells.join(","),
            u8::from(left)
        )
        .expect("a string takes all text");
    }
    text
}

/// The lines of an input as quoted cells.
fn cells(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let quoted = |line: &str| format!("\"{}\"", line.replace('"', "\"\""));
    text.split('\n').map(quoted).collect()
}

/// The rows that a run accepts.
fn accepted(config: &Config, text: &str) -> Table {
    let mut table = Table::new(&config.schema);
    let mut reader = BulkReader::open(
        text.as_bytes(),
        Format::default(),
        &config.schema,
        TargetColumn::Read,
    )
    .expect("a header that serves");
    let wanted = Wanted {
        client_numbers: true,
        ..Wanted::VALUES
    };
    let taken: Result<(), FileProblem> =
        reader.take_rows(wanted, &mut Scratch::default(), |rows| {
            table.append_all(rows);
            Ok(())
        });
    taken.expect("text in memory can be read");
    table
}

/// The findings on a column that do not depend on other columns.
fn said(column: &ColumnComparison) -> (Verdict, [[Option<f64>; 3]; 2]) {
    let of = |check: &Check| [check.statistic, check.p_value, check.effect];
    let checks = [of(&column.distribution), of(&column.missing)];
    (column.verdict, checks)
}

fn assert_others_stand(bad: usize, found: &[ColumnComparison], whole: &[ColumnComparison]) {
    assert_eq!(found.len(), COLUMNS);
    for (place, (found, whole)) in found.iter().zip(whole).enumerate() {
        if place != bad {
            assert_eq!(
                said(found),
                said(whole),
                "{} beside column {bad}",
                found.name
            );
        }
    }
}

/// The comparison of the features of two files.
fn compared(folder: &Path, config: &Config, current: &str) -> ComparisonReport {
    write(&folder.join("current.csv"), current.as_bytes());
    let request = ComparisonRequest {
        reference: &folder.join("reference.csv"),
        current: &folder.join("current.csv"),
        predictions: None,
        text: Default::default(),
    };
    compare(&request, &config.schema).expect("two files can be compared")
}

fn judged(model: &Model, table: &Table) -> Vec<ColumnComparison> {
    let batch = Batch {
        table,
        rows: 0..table.rows(),
    };
    let found = verdicts(model, &batch, &CumulativeScore::default(), 0.005)
        .expect("the rows are in memory");
    let text = format!("{} {:?}", found.model, found.feature_sentences());
    assert!(!text.contains("NaN"), "{text}");
    found.features
}

/// Checks that a run that ingests the bad file ends, and so does the next one.
fn run_whole(current: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = config(folder.path());
    for name in ["in", "test"] {
        files::create_folder(&folder.path().join(name)).expect("a folder");
    }
    let good = file(BEFORE, None);
    write(&folder.path().join("in/a.csv"), good.as_bytes());
    write(&folder.path().join("test/test.csv"), good.as_bytes());
    fullprocess::run_once(&config).expect("a cold start");
    write(&folder.path().join("in/b.csv"), current.as_bytes());
    fullprocess::run_once(&config).expect("a run with a bad column");
    fullprocess::run_once(&config).expect("a run with nothing new");
}

#[test]
fn a_bad_column_changes_no_verdict_of_another_and_ends_no_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = fs::canonicalize(folder.path()).expect("a folder");
    files::create_folder(&folder).expect("a folder");
    let config = config(&folder);
    let (before, good) = (file(BEFORE, None), file(NEW, None));
    write(&folder.join("reference.csv"), before.as_bytes());
    let table = accepted(&config, &before);
    let rows = 0..table.rows();
    let model = training::train(&config, &table, rows, DataPosition::default()).expect("a model");
    // Only the features. The comparison also has the target.
    let features = |current: &str| {
        let mut columns = compared(&folder, &config, current).columns;
        columns.truncate(COLUMNS);
        columns
    };
    let whole = features(&good);
    let of_columns: Vec<Verdict> = whole.iter().map(|column| column.verdict).collect();
    assert_eq!(
        of_columns,
        [Verdict::Ok, Verdict::Drift, Verdict::Ok, Verdict::Ok]
    );
    let good = accepted(&config, &good);
    let cases = Cell::new(0_u32);
    fuzz("columns", 60, |bytes| {
        let column = bytes.len() % COLUMNS;
        let bad = file(NEW, Some((column, &cells(bytes))));
        assert_others_stand(column, &features(&bad), &whole);

        let taken = accepted(&config, &bad);
        // Each client has one row.
        let same_rows = good.filtered(|row| {
            taken
                .in_memory()
                .clients
                .contains(&good.in_memory().clients[row])
        });
        assert_others_stand(column, &judged(&model, &taken), &judged(&model, &same_rows));
        if cases.replace(cases.get() + 1).is_multiple_of(WHOLE_RUNS) {
            run_whole(&bad);
        }
    });
}
