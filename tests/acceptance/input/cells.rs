//! What a cell may hold, and which rows are equal.

use serde_json::Value;

use super::{HEADER, IN, ingested, reasons, rows_of};
use crate::workspace::{Workspace, outcome};

#[test]
fn s15_quoted_commas_quotes_and_newlines_are_one_row() {
    let row = "\"Smith, \"\"Jones\"\"\nand sons\",1,2,3,0\n";
    let (workspace, report) = ingested(&[("a.csv", format!("{HEADER}\n{row}").as_bytes())]);
    assert_eq!(report["rows"]["kept"], 1);
    assert_eq!(
        workspace.text("data/ingesteddata/finaldata.csv"),
        format!("{HEADER}\n{row}")
    );
}

#[test]
fn s16_text_that_is_not_utf8_is_placed_and_never_mangled() {
    let mut latin = format!("{HEADER}\na,1,2,3,0\n").into_bytes();
    latin.extend(b"caf\xe9,1,2,3,0\nb,1,2,3,1\n");
    let (workspace, report) = ingested(&[("a.csv", &latin)]);
    assert_eq!(workspace.final_rows(), ["a,1,2,3,0", "b,1,2,3,1"]);
    assert_eq!(
        report["files"][0]["rejections"][0],
        "3:1: the text is not UTF-8 (see ingestion.encoding)"
    );
    let refused = workspace.text("data/ingesteddata/rejectedrows.csv");
    assert!(refused.contains(r"caf\xE9,1,2,3,0"), "{refused}");

    // UTF-16 without a byte order mark.
    let text = format!("{HEADER}\na,1,2,3,0\n");
    let wide: Vec<u8> = text.bytes().flat_map(|byte| [byte, 0]).collect();
    let mut workspace = Workspace::empty();
    workspace.write(&format!("{IN}/a.csv"), wide);
    let report = workspace.run("ingestion", &["--json"]).json();
    let reasons = reasons(&report["files"]);
    assert!(reasons[0].contains("UTF-16"), "{report:#}");
    workspace.set("ingestion.encoding", Value::from("utf-16le"));
    workspace.run("ingestion", &["--json"]).json();
    assert_eq!(workspace.final_rows(), ["a,1,2,3,0"]);
}

#[test]
fn s17_missing_markers_are_missing_in_numbers_and_text_in_ids() {
    let (rows, report) = rows_of("NaN,,2,3,0\nNA,1,NA,3,1\nnull,1,2,NaN,0\nd,null,2,3,\n");
    assert_eq!(report["rows"]["kept"], 4);
    assert_eq!(
        rows,
        ["NaN,,2,3,0", "NA,1,NA,3,1", "null,1,2,NaN,0", "d,null,2,3,"]
    );

    let workspace = Workspace::with_sample_data();
    workspace.write(
        &format!("{IN}/more.csv"),
        format!("{HEADER}\nx,1,,3,\ny,NA,2,3,1\n"),
    );
    workspace.fullprocess();
    let diagnostics = workspace.run("diagnostics", &["--json"]).json();
    let missing = |column: usize| {
        diagnostics["missing"][column]["missing"]
            .as_u64()
            .expect("a count")
    };
    assert_eq!([0, 1, 3].map(missing), [3, 3, 1]);
    let trained = workspace.run("training", &["--json"]).json();
    assert_eq!(trained["rows"], 4896, "a row without a label is not fitted");
}

#[test]
fn s18_text_in_a_number_is_refused_with_its_place_and_huge_numbers_are_kept() {
    for bad in ["12 k", "\"1,234\"", "0x1F", "inf", "-Infinity", "1e999"] {
        let (rows, report) = rows_of(&format!("a,1,2,3,0\nb,1,{bad},3,0\n"));
        assert_eq!(rows, ["a,1,2,3,0"], "{bad}");
        let placed = report["files"][0]["rejections"][0]
            .as_str()
            .expect("a rejection");
        assert!(placed.starts_with("3:3: lastyear_activity: "), "{placed}");
    }
    let huge = "x,1e308,9223372036854775809,3,0\ny,-1e308,2,3,1\n";
    let workspace = Workspace::with_sample_data();
    workspace.write(&format!("{IN}/huge.csv"), format!("{HEADER}\n{huge}"));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    let shown = workspace.run("diagnostics", &["--json"]).json();
    let columns = shown["summary"]["columns"].as_array().expect("columns");
    for column in columns {
        for statistic in ["mean", "median", "std", "min", "max"] {
            assert!(column[statistic].is_f64(), "{statistic} of {column}");
        }
    }
}

#[test]
fn s19_a_target_is_zero_or_one() {
    let (rows, report) =
        rows_of("a,1,2,3,1.0\nb,1,2,3,true\nc,1,2,3,FALSE\nd,1,2,3,2\ne,1,2,3,-1\nf,1,2,3,yes\n");
    assert_eq!(rows, ["a,1,2,3,1.0", "b,1,2,3,true", "c,1,2,3,FALSE"]);
    assert_eq!(report["rows"]["rejected"], 3);
}

#[test]
fn s21_equal_rows_are_one_and_the_first_text_stays() {
    let (workspace, report) = ingested(&[
        (
            "a.csv",
            format!("{HEADER}\na,5,2,3,0\na,5.0,2,3,0\na,6,2,3,0\n").as_bytes(),
        ),
        (
            "b.csv",
            format!("{HEADER}\na, 5,2.0,3,0\na,-0,2,3,1\na,0,2,3,1\nb,,2,3,1\nb,NaN,2,3,1\n")
                .as_bytes(),
        ),
    ]);
    assert_eq!(
        workspace.final_rows(),
        ["a,5,2,3,0", "a,6,2,3,0", "a,-0,2,3,1", "b,,2,3,1"]
    );
    let duplicates = |file: usize| report["files"][file]["rows"]["duplicate"].as_u64();
    assert_eq!([0, 1].map(duplicates), [Some(1), Some(3)]);
}
