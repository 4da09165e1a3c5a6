//! Headers of input files: without rows, without a column, in another order, or in another
//! spelling.

use serde_json::Value;

use super::{HEADER, IN, ingested, reasons};
use crate::workspace::{Workspace, outcome};

/// Runs a pipeline with a deployed model on one more input file with this content.
fn run_with(name: &str, content: &[u8]) -> (Workspace, Value) {
    let workspace = Workspace::after_cold_start();
    workspace.write(&format!("{IN}/{name}"), content);
    let record = workspace.fullprocess();
    (workspace, record)
}

#[test]
fn s11_a_header_without_rows_is_accepted_with_a_warning_and_not_judged() {
    let (workspace, record) = run_with("later.csv", format!("{HEADER}\n").as_bytes());
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(record["new_score"], Value::Null);
    let notes = record["ingestion"]["files"][0]["notes"].to_string();
    assert!(notes.contains("no rows"), "{notes}");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn s12_a_file_without_a_needed_column_is_refused_and_the_others_go_on() {
    let (workspace, report) = ingested(&[
        (
            "a.csv",
            b"corporation,lastmonth_activity,lastyear_activity,exited\na,1,2,0\n",
        ),
        (
            "b.csv",
            b"lastmonth_activity,lastyear_activity,number_of_employees,exited\n1,2,3,0\n",
        ),
        (
            "c.csv",
            format!("{HEADER}\nc,x,2,3,0\nd,y,2,3,0\n").as_bytes(),
        ),
        (
            "d.csv",
            b"corporation,lastmonth_activity,lastyear_activity,number_of_employees\ne,1,2,3\n",
        ),
    ]);
    let status = |file: usize| report["files"][file]["status"].as_str().expect("a status");
    let reason = |file: usize| report["files"][file]["reason"].as_str().unwrap_or_default();
    assert_eq!(
        [0, 1, 2, 3].map(status),
        ["rejected", "rejected", "rejected", "ingested"]
    );
    assert!(reason(0).contains("number_of_employees"), "{}", reason(0));
    assert!(reason(1).contains("corporation"), "{}", reason(1));
    assert!(reason(2).contains("all of its 2 rows"), "{}", reason(2));
    assert_eq!(workspace.final_rows(), ["e,1,2,3,"]);
    let names = workspace.text("data/ingesteddata/ingestedfiles.txt");
    assert_eq!(names, "d.csv\n");
}

#[test]
fn s13_reordered_and_extra_columns_give_the_same_data() {
    let (plain, _) = ingested(&[(
        "a.csv",
        format!("{HEADER}\na,1,2,3,0\nb,4,5,6,1\n").as_bytes(),
    )]);
    let reordered =
        b"number_of_employees,note,exited,corporation,lastyear_activity,lastmonth_activity
3,x,0,a,2,1\n6,y,1,b,5,4\n";
    let (other, report) = ingested(&[("a.csv", reordered)]);
    let path = "data/ingesteddata/finaldata.csv";
    assert_eq!(plain.text(path), other.text(path));
    assert!(
        report["files"][0]["notes"].to_string().contains("note"),
        "{report:#}"
    );
    let (_, twice) = ingested(&[(
        "a.csv",
        format!("{HEADER},exited\na,1,2,3,0,0\n").as_bytes(),
    )]);
    assert!(reasons(&twice["files"])[0].contains("exited"), "{twice:#}");
}

#[test]
fn s14_line_ends_marks_and_header_spelling_are_tolerated_and_reported() {
    let clean = format!("{HEADER}\na,1,2,3,0\nb,4,5,6,1\n");
    let (expected, report) = ingested(&[("a.csv", clean.as_bytes())]);
    assert_eq!(report["files"][0]["notes"], Value::Array(Vec::new()));
    for (content, note) in [
        (format!("\u{feff}{clean}"), "byte order mark"),
        (clean.replace('\n', "\r\n"), "CR LF"),
        (clean.replace('\n', "\r"), "CR alone"),
        (
            clean.replace("corporation,", " Corporation ,"),
            "spaces or upper and lower case",
        ),
    ] {
        let (workspace, report) = ingested(&[("a.csv", content.as_bytes())]);
        assert_eq!(workspace.final_rows(), expected.final_rows(), "{note}");
        let notes = report["files"][0]["notes"].to_string();
        assert!(notes.contains(note), "{note} is not in {notes}");
    }
    let mut workspace = Workspace::empty();
    workspace.set("ingestion.settle_seconds", Value::from(0));
    workspace.write(&format!("{IN}/a.csv"), clean.trim_end());
    let report = workspace.run("ingestion", &["--json"]).json();
    assert_eq!(workspace.final_rows(), expected.final_rows());
    assert!(
        report["files"][0]["notes"]
            .to_string()
            .contains("no line break")
    );
}

#[test]
fn s13_ignored_columns_of_one_name_or_without_one_reject_no_file() {
    let header = "notes,corporation,lastmonth_activity,,lastyear_activity,number_of_employees,Notes,exited,,";
    let rows = "x,a,1,,2,3,,0,,\ny,b,4,,5,6,z,1,,\n";
    let (workspace, report) = ingested(&[("a.csv", format!("{header}\n{rows}").as_bytes())]);
    assert_eq!(workspace.final_rows(), ["a,1,2,3,0", "b,4,5,6,1"]);
    let notes = report["files"][0]["notes"].to_string();
    assert!(
        notes.contains("other columns are ignored: notes, (no name)"),
        "{notes}"
    );

    let more: String = (0..200)
        .map(|row| format!("x,c{row},{row},,2,3,,{},,\n", row % 2))
        .collect();
    workspace.write("b.csv", format!("{header}\n{more}"));
    let file = workspace.path("b.csv");
    let file = file.to_str().expect("UTF-8");
    let compared = workspace.run("diagnostics", &["--compare", file, file]);
    assert_eq!(compared.code, 0, "{}", compared.stderr);
    let proposed = workspace.run("ingestion", &["--infer-schema", file]).json();
    assert_eq!(proposed["id"], "corporation");
}
