//! An unlabelled row counts in the summary until a later row brings its label, in whatever way the
//! rows were ingested.

use std::fs;

use dataset::passes::Summary;

use super::pipeline::Pipeline;
use super::step::Step;
use crate::run;

const UNLABELLED: &str = "client,x\na,1\nb,2\nc,3\nd,40\n";
/// Client a with its values, b with other values, and e without an unlabelled row.
const LABELLED: &str = "client,x,left\na,1,1\nb,20,0\ne,7,1\n";

/// Counted rows, superseded rows, labelled rows, and the mean of `x`.
fn counts(summary: &Summary) -> (u64, u64, u64, Option<f64>) {
    let [x, label] = summary.columns.as_slice() else {
        panic!("{summary:?}");
    };
    (summary.rows, summary.superseded, label.count, x.mean)
}

fn ingested(pipeline: &Pipeline) -> Summary {
    run(&pipeline.config).unwrap();
    assert_eq!(pipeline.summary(), pipeline.expected_summary());
    pipeline.summary().unwrap()
}

/// Ingests both files, one after the other.
fn ingested_both() -> (Pipeline, Summary) {
    let pipeline = Pipeline::new();
    pipeline.foreign(0, UNLABELLED);
    let before = ingested(&pipeline);
    assert_eq!(counts(&before), (4, 0, 0, Some(11.5)));
    pipeline.foreign(1, LABELLED);
    let after = ingested(&pipeline);
    (pipeline, after)
}

#[test]
fn each_client_counts_once_after_its_label_came() {
    let (pipeline, summary) = ingested_both();
    // a, b and e with their label; c and d, which wait.
    assert_eq!(counts(&summary), (5, 2, 3, Some(71.0 / 5.0)));
    assert_eq!(summary.rows + summary.superseded, pipeline.ledger().rows);
    assert_eq!(pipeline.final_lines().len(), 7, "all stay in the data");
    // The labels of the other clients.
    pipeline.foreign(2, "client,x,left\nd,40,0\nc,30,1\n");
    assert_eq!(counts(&ingested(&pipeline)), (5, 4, 5, Some(98.0 / 5.0)));
}

#[test]
fn the_summary_is_the_same_however_the_rows_came() {
    let (appended, summary) = ingested_both();
    fs::remove_file(appended.config.layout.ingestion_carry()).unwrap();
    appended.foreign(2, "client,x,left\nc,3,1\n");
    let without_carry = ingested(&appended);
    assert_eq!(counts(&without_carry), (5, 3, 4, Some(71.0 / 5.0)));

    let (mut rebuilt, _) = ingested_both();
    rebuilt.apply(&Step::LoseFinalData);
    assert_eq!(ingested(&rebuilt), summary);
    rebuilt.foreign(2, "client,x,left\nc,3,1\n");
    assert_eq!(ingested(&rebuilt), without_carry);

    let at_once = Pipeline::new();
    at_once.foreign(0, UNLABELLED);
    at_once.foreign(1, LABELLED);
    assert_eq!(ingested(&at_once), summary);
}

#[test]
fn a_label_that_comes_before_a_row_in_its_file_does_not_belong_to_it() {
    let pipeline = Pipeline::new();
    pipeline.foreign(0, "client,x,left\na,1,1\na,2,\n");
    assert_eq!(counts(&ingested(&pipeline)), (2, 0, 1, Some(1.5)));
    pipeline.foreign(1, "client,x,left\na,4,0\n");
    assert_eq!(counts(&ingested(&pipeline)), (2, 1, 2, Some(2.5)));
}

#[test]
fn an_unlabelled_row_counts_again_when_its_labelled_row_is_gone() {
    let (mut pipeline, _) = ingested_both();
    pipeline.apply(&Step::Remove { file: 1 });
    assert_eq!(counts(&ingested(&pipeline)), (4, 0, 0, Some(11.5)));
}
