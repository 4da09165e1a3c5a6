//! Stray quotes. A stray quote makes one cell of all text after it, so the file is rejected, or
//! there is a warning.

use std::fmt::Write;

use serde_json::Value;

use super::{HEADER, IN, ingested};
use crate::workspace::{Workspace, outcome};

/// Rows of input. The rows on the given lines have one quote too many.
fn rows(n: usize, strays: &[usize]) -> String {
    let mut text = format!("{HEADER}\n");
    for row in 0..n {
        let quote = if strays.contains(&(row + 2)) {
            "\""
        } else {
            ""
        };
        writeln!(text, "{quote}Client {row},{row},2,3,{}", row % 2).expect("text");
    }
    text
}

const NEVER_CLOSED: &str = "the quote that opens in line 502 is never closed";
const SPANS: &str = "a field opens in line 502 and closes in line 9502 (9001 lines, ";

#[test]
fn s15_a_quote_that_is_never_closed_rejects_its_file_and_names_the_line() {
    let good = format!("{HEADER}\na,1,2,3,0\n");
    // The file is larger than a batch of blocks, so rows are read before its end is known.
    for n in [10_000, 200_000] {
        let text = rows(n, &[502]);
        let (workspace, report) = ingested(&[
            ("a.csv", good.as_bytes()),
            ("b.csv", text.as_bytes()),
            ("c.csv", good.replace("a,", "c,").as_bytes()),
        ]);
        let file = &report["files"][1];
        assert_eq!(file["status"], "rejected");
        let reason = file["reason"].as_str().expect("a reason");
        assert!(reason.contains(NEVER_CLOSED), "{reason}");
        assert_eq!(workspace.final_rows(), ["a,1,2,3,0", "c,1,2,3,0"]);
        let refused = workspace.text("data/ingesteddata/rejectedrows.csv");
        assert_eq!(refused.lines().count(), 1, "{refused}");
        let again = workspace.run("ingestion", &["--json"]).json();
        assert_eq!(again["files"], Value::Array(Vec::new()));

        workspace.write(&format!("{IN}/b.csv"), rows(n, &[]));
        workspace.run("ingestion", &[]);
        assert_eq!(workspace.final_rows().len(), n + 2);
    }
}

#[test]
fn s15_rows_of_a_file_after_others_are_removed_when_its_end_rejects_it() {
    let workspace = Workspace::after_cold_start();
    let before = workspace.final_rows();
    workspace.write(&format!("{IN}/big.csv"), rows(200_000, &[190_002]));
    workspace.write(&format!("{IN}/small.csv"), rows(30, &[]));
    let record = workspace.fullprocess();
    let files = record["ingestion"]["files"].as_array().expect("files");
    assert_eq!(
        (&files[0]["status"], &files[1]["status"]),
        (&"rejected".into(), &"ingested".into())
    );
    assert_eq!(workspace.final_rows().len(), before.len() + 30);
    assert_eq!(record["rows"]["new"], 30);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn s15_every_reader_of_files_names_the_quote() {
    let workspace = Workspace::with_sample_data();
    workspace.write("stray.csv", rows(10_000, &[502]));
    workspace.write("whole.csv", rows(10_000, &[]));
    let (stray, whole) = (workspace.path("stray.csv"), workspace.path("whole.csv"));
    let (stray, whole) = (
        stray.to_str().expect("UTF-8"),
        whole.to_str().expect("UTF-8"),
    );
    let explained = workspace
        .run("ingestion", &["--explain", stray, "--json"])
        .json();
    assert_eq!(explained["fate"], "rejected");
    assert!(
        explained["reason"].to_string().contains(NEVER_CLOSED),
        "{explained:#}"
    );
    assert_eq!(explained["rows"]["read"], 0);
    for (program, arguments) in [
        ("ingestion", vec!["--infer-schema", stray]),
        ("diagnostics", vec!["--compare", whole, stray]),
    ] {
        workspace.run(program, &arguments).failed(65, NEVER_CLOSED);
    }
    workspace.write("data/testdata/stray.csv", rows(10_000, &[502]));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    let warnings = record["warnings"].to_string();
    assert!(
        warnings.contains("data/testdata/stray.csv: ") && warnings.contains(NEVER_CLOSED),
        "{warnings}"
    );
}

#[test]
fn s15_a_field_that_spans_many_lines_is_a_warning_with_both_lines() {
    let workspace = Workspace::with_sample_data();
    let text = rows(10_000, &[502, 9_502]);
    workspace.write("strays.csv", &text);
    let strays = workspace.path("strays.csv");
    let strays = strays.to_str().expect("UTF-8");
    let said = |finished: crate::workspace::Finished| {
        let all = format!("{}{}", finished.stdout, finished.stderr);
        assert!(all.contains(SPANS), "{all}");
    };
    said(workspace.run("ingestion", &["--explain", strays]));
    said(workspace.run("ingestion", &["--infer-schema", strays]));
    said(workspace.run("diagnostics", &["--compare", strays, strays]));
    workspace.write("data/testdata/strays.csv", &text);
    workspace.write(&format!("{IN}/strays.csv"), &text);
    let run = workspace.run("fullprocess", &["--quiet"]);
    assert_eq!(run.stdout.matches(SPANS).count(), 2, "{}", run.stdout);
    let again = workspace.run("fullprocess", &["--quiet"]);
    assert_eq!(again.stdout, "");
}

#[test]
fn s15_rows_between_two_stray_quotes_are_rejected_and_kept() {
    // The quotes are in a column that the schema does not read, so that nothing else is wrong.
    let mut text = format!("note,{HEADER}\n");
    for row in 0..40 {
        let quote = if row % 2 == 0 { "\"" } else { "" };
        let end = if row % 2 == 1 { "\"!" } else { "" };
        writeln!(
            text,
            "{quote}{end}call back,c{row},{row},2,3,{}",
            row / 2 % 2
        )
        .expect("text");
    }
    let (workspace, report) = ingested(&[("a.csv", text.as_bytes())]);
    let file = &report["files"][0];
    assert_eq!(
        (&file["rows"]["kept"], &file["rows"]["rejected"]),
        (&0.into(), &20.into())
    );
    let rejected = workspace.text("data/ingesteddata/rejectedrows.csv");
    for row in 0..40 {
        let cells = format!(",c{row},{row},2,3,");
        assert!(rejected.contains(&cells), "{row}: {rejected}");
    }
    assert!(rejected.contains("stray quote"), "{rejected}");
    let explained = workspace.path(&format!("{IN}/a.csv"));
    let explained = explained.to_str().expect("UTF-8");
    let explained = workspace
        .run("ingestion", &["--explain", explained, "--json"])
        .json();
    assert_eq!(explained["rows"]["rejected"], 20);
}
