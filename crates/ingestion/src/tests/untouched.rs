//! Tests of how a change of finaldata.csv is found: by its stamp before appending, by its content if
//! nothing is new.

use std::fs;

use super::pipeline::{Pipeline, damage, many_rows};
use crate::append_state::restamp;
use crate::run;

#[test]
fn appending_does_not_read_the_existing_rows() {
    let pipeline = Pipeline::new();
    let [first, second] = many_rows();
    pipeline.foreign(0, &first);
    run(&pipeline.config).unwrap();
    // A change that is invisible without reading: one byte is changed, and the recorded stamp is that
    // of the changed file.
    let path = pipeline.config.layout.final_data();
    let at = pipeline.final_data().len() / 2;
    damage(&path, at);
    restamp(&pipeline.config.layout);
    let changed = pipeline.final_data();

    pipeline.foreign(1, &second);
    let report = run(&pipeline.config).unwrap();
    assert!(report.rebuilt.is_none() && report.rows.kept > 0, "{report}");
    assert!(pipeline.final_data().starts_with(&changed));

    // If nothing is new, an ingestion by hand compares every byte.
    let rebuilt = run(&pipeline.config).unwrap();
    assert!(rebuilt.rebuilt.is_some(), "{rebuilt}");
    assert!(!pipeline.final_data().starts_with(&changed));
}

#[test]
fn a_change_within_the_same_tick_of_the_clock_is_seen() {
    let pipeline = Pipeline::new();
    pipeline.foreign(0, "client,x,left\nc1,1,1\nc2,2,0\n");
    run(&pipeline.config).unwrap();
    let whole = pipeline.final_data();
    let path = pipeline.config.layout.final_data();
    let left_at = fs::metadata(&path).unwrap().modified().unwrap();
    let at = whole.len() - 3;
    damage(&path, at);
    // The ingestion set the time back by 1 ns. A write in the same tick of the clock has the time before
    // that.
    let tick = left_at + std::time::Duration::from_nanos(1);
    let file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_modified(tick).unwrap();
    let report = run(&pipeline.config).unwrap();
    assert!(report.rebuilt.is_some(), "{report}");
    assert_eq!(pipeline.final_data(), whole);
}
