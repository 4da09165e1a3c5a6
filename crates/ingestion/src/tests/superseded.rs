//! A row without a class counts in the summary until a later row brings the class, whichever way
//! the rows came.

use std::fs;

use dataset::passes::Summary;

use super::pipeline::Pipeline;
use super::step::Step;
use crate::run;

const WITHOUT: &str = "client,x\na,1\nb,2\nc,3\nd,40\n";
/// The first with its values, the second with others; the third is of a client nobody waits for.
const WITH: &str = "client,x,left\na,1,1\nb,20,0\ne,7,1\n";

/// Rows, those left out, classes, and the mean of `x`.
fn told(summary: &Summary) -> (u64, u64, u64, Option<f64>) {
    let [x, class] = summary.columns.as_slice() else {
        panic!("{summary:?}");
    };
    (summary.rows, summary.superseded, class.count, x.mean)
}

fn ingested(pipeline: &Pipeline) -> Summary {
    run(&pipeline.config).unwrap();
    assert_eq!(pipeline.summary(), pipeline.promised_summary());
    pipeline.summary().unwrap()
}

/// Both files, one after the other.
fn of_both() -> (Pipeline, Summary) {
    let pipeline = Pipeline::new();
    pipeline.foreign(0, WITHOUT);
    let before = ingested(&pipeline);
    assert_eq!(told(&before), (4, 0, 0, Some(11.5)));
    pipeline.foreign(1, WITH);
    let after = ingested(&pipeline);
    (pipeline, after)
}

#[test]
fn each_client_counts_once_when_its_class_came() {
    let (pipeline, summary) = of_both();
    // a, b and e as they came with their class; c and d, which wait.
    assert_eq!(told(&summary), (5, 2, 3, Some(71.0 / 5.0)));
    assert_eq!(summary.rows + summary.superseded, pipeline.ledger().rows);
    assert_eq!(pipeline.final_lines().len(), 7, "all stay in the data");
    // The others come at last.
    pipeline.foreign(2, "client,x,left\nd,40,0\nc,30,1\n");
    assert_eq!(told(&ingested(&pipeline)), (5, 4, 5, Some(98.0 / 5.0)));
}

#[test]
fn the_summary_is_the_same_however_the_rows_came() {
    let (appended, summary) = of_both();
    fs::remove_file(appended.config.layout.ingestion_carry()).unwrap();
    appended.foreign(2, "client,x,left\nc,3,1\n");
    let without_carry = ingested(&appended);
    assert_eq!(told(&without_carry), (5, 3, 4, Some(71.0 / 5.0)));

    let (mut rebuilt, _) = of_both();
    rebuilt.apply(&Step::LoseFinalData);
    assert_eq!(ingested(&rebuilt), summary);
    rebuilt.foreign(2, "client,x,left\nc,3,1\n");
    assert_eq!(ingested(&rebuilt), without_carry);

    let at_once = Pipeline::new();
    at_once.foreign(0, WITHOUT);
    at_once.foreign(1, WITH);
    assert_eq!(ingested(&at_once), summary);
}

#[test]
fn a_class_above_the_row_in_the_same_file_is_not_its_own() {
    let pipeline = Pipeline::new();
    pipeline.foreign(0, "client,x,left\na,1,1\na,2,\n");
    assert_eq!(told(&ingested(&pipeline)), (2, 0, 1, Some(1.5)));
    pipeline.foreign(1, "client,x,left\na,4,0\n");
    assert_eq!(told(&ingested(&pipeline)), (2, 1, 2, Some(2.5)));
}

#[test]
fn a_row_that_left_counts_again_when_the_one_that_brought_its_class_is_gone() {
    let (mut pipeline, _) = of_both();
    pipeline.apply(&Step::Remove { file: 1 });
    assert_eq!(told(&ingested(&pipeline)), (4, 0, 0, Some(11.5)));
}
