//! Quantities at the limits: more rows than the memory limit, very many files, endless records. The
//! resulting rows stay the same.

use std::collections::BTreeSet;
use std::fs;

use super::pipeline::{Pipeline, foreign, many_rows};
use super::step::Step;
use crate::run;

const N_TINY_FILES: u64 = 20_000;

#[test]
fn a_row_that_quoting_makes_longer_than_the_input_limit_is_read_back() {
    let pipeline = Pipeline::new();
    // The row is within the record limit when it is read, and exceeds it once each quote is doubled.
    let quotes = "\"".repeat(9 * 1024 * 1024);
    pipeline.foreign(0, &format!("client,x,left\na{quotes},1,0\nb,2,1\n"));
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 2);
    pipeline.foreign(1, "client,x,left\nc,3,1\n");
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 3);
}

#[test]
fn a_quote_that_is_not_closed_within_the_longest_record_rejects_the_file() {
    let pipeline = Pipeline::new();
    let endless = "x".repeat(40 * 1024 * 1024);
    pipeline.foreign(0, &format!("client,x,left\na,1,0\n\"b,{endless}\nc,3,1\n"));
    pipeline.foreign(1, "client,x,left\nd,3,1\n");
    let report = run(&pipeline.config).unwrap();
    assert_eq!((report.rows.read, report.rows.kept), (1, 1));
    let reason = report.files[0].reason.as_deref().unwrap();
    assert!(
        reason.starts_with("the quote that opens in line 3 is not closed within 16 MiB"),
        "{reason}"
    );
}

#[test]
fn a_memory_limit_smaller_than_one_block_gives_the_same_bytes() {
    let ingested = |mib: u64| {
        let mut pipeline = Pipeline::new();
        pipeline.apply(&Step::LimitMemory { mib });
        let [first, second] = many_rows();
        pipeline.foreign(0, &first);
        pipeline.foreign(1, &second);
        let whole = run(&pipeline.config).unwrap();
        // A third file is appended to the others.
        pipeline.foreign(2, &first.replace("c1", "d1"));
        let more = run(&pipeline.config).unwrap();
        let rejected = fs::read(pipeline.config.layout.rejected_rows()).unwrap();
        let reports = (whole.to_string(), more.to_string());
        (pipeline.final_data(), rejected, pipeline.summary(), reports)
    };
    let plenty = ingested(1024);
    assert!(plenty.0.len() > 1_000_000);
    assert!(plenty.2.as_ref().unwrap().superseded > 1_000);
    assert!(plenty == ingested(0), "with no memory at all");
}

#[test]
fn a_file_of_known_rows_adds_none() {
    let pipeline = Pipeline::new();
    let [first, _] = many_rows();
    pipeline.foreign(0, &first);
    let whole = run(&pipeline.config).unwrap();
    let before = pipeline.final_data();
    // Different bytes, the same rows.
    pipeline.foreign(1, &format!("{first}\n"));
    let again = run(&pipeline.config).unwrap();
    assert_eq!(
        (again.rows.kept, again.rows.rejected),
        (0, whole.rows.rejected)
    );
    assert_eq!(again.rows.duplicate, whole.rows.kept + whole.rows.duplicate);
    assert_eq!(pipeline.final_data(), before);
}

#[test]
fn very_many_tiny_files_are_ingested_at_once() {
    let pipeline = Pipeline::new();
    let folder = &pipeline.config.input_folders[0].path;
    for file in 0..N_TINY_FILES {
        let rows = format!("client,x,left\nc{file},3,1\nin all of them,1,0\n");
        foreign(&folder.join(format!("{file}.csv")), &rows);
    }
    let report = run(&pipeline.config).unwrap();
    assert_eq!(report.rows.read, 2 * N_TINY_FILES);
    assert_eq!(report.rows.kept, N_TINY_FILES + 1);
    let kept: BTreeSet<u64> = report.files.iter().map(|file| file.rows.kept).collect();
    assert_eq!(kept, BTreeSet::from([1, 2]));
}
