//! Values outside the range of the schema: rejected everywhere, by the range that applies now.

use serde_json::{Value, json};

use super::{HEADER, IN};
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

#[test]
fn s18_a_value_outside_its_range_is_refused_wherever_rows_are_read() {
    let mut workspace = Workspace::with_sample_data();
    workspace.limit_employees(&json!({"min": 1, "max": 1_000_000}));
    let rows = "a,1,2,12000000,0\nb,1,2,,0\nc,1,2,1e6,1\nd,-5,2,0,1\n";
    let path = format!("{IN}/more.csv");
    workspace.write(&path, format!("{HEADER}\n{rows}"));
    workspace.write("data/testdata/more.csv", format!("{HEADER}\n{rows}"));
    let file = workspace.path(&path);
    let explain = ["--explain", file.to_str().expect("UTF-8")];
    let above =
        "number_of_employees: 12000000 is above 1000000, the largest value the schema allows";
    let below = "number_of_employees: 0 is below 1, the smallest value the schema allows";
    let explained = workspace.run("ingestion", &explain).stdout;
    assert!(explained.contains("4 read = 2 kept"), "{explained}");
    assert!(
        explained.contains(&format!("2:4: rejected {above}")),
        "{explained}"
    );

    let run = workspace.run("fullprocess", &["--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let record: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let taken = &record["ingestion"]["files"][2];
    assert_eq!(taken["rows"]["kept"], 2, "{taken:#}");
    let placed = [format!("2:4: {above}"), format!("5:4: {below}")];
    assert_eq!(taken["rejections"], json!(placed));
    let refused = workspace.text("data/ingesteddata/rejectedrows.csv");
    let line = format!("more.csv,5,4,\"{below}\",\"d,-5,2,0,1\"\n");
    assert!(refused.ends_with(&line), "{refused}");
    let warnings = record["warnings"].to_string();
    assert!(
        warnings.contains("2 rows of the test data were rejected: data/testdata/"),
        "{warnings}"
    );

    let server = Server::start(&mut workspace);
    let json_rows = json!([{"corporation": "a", "lastmonth_activity": 1, "lastyear_activity": 2,
        "number_of_employees": 1e9}, {"corporation": "b"}]);
    for (kind, body, row, code) in [
        (
            "text/csv",
            format!("{HEADER}\na,1,2,0,1\n"),
            1,
            "below-minimum",
        ),
        (
            "application/json",
            json_rows.to_string(),
            1,
            "above-maximum",
        ),
        (
            "application/json",
            json!("data/testdata/more.csv").to_string(),
            1,
            "above-maximum",
        ),
    ] {
        let refused = server.post("/prediction", kind, &body).refused_row();
        assert_eq!(
            [&refused["row"], &refused["code"], &refused["column"]],
            [&json!(row), &json!(code), &json!("number_of_employees")]
        );
    }
    let allowed = format!("{HEADER}\nb,1,2,,0\nc,1,2,1e6,1\n");
    server.post("/prediction", "text/csv", &allowed).json(200);
}

#[test]
fn s18_after_a_changed_range_the_rows_are_checked_again_and_the_release_stays() {
    let mut workspace = Workspace::after_cold_start();
    let rows = workspace.final_rows();
    let production = workspace.snapshot(&["production_deployment"]);
    workspace.limit_employees(&json!({"max": 300}));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(
        record["ingestion"]["rebuilt"],
        "the schema or a setting of ingestion has changed"
    );
    let fewer = workspace.final_rows();
    assert!(
        !fewer.is_empty() && fewer.len() < rows.len(),
        "{}",
        fewer.len()
    );
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    workspace.limit_employees(&json!({}));
    let record = workspace.fullprocess();
    assert_eq!(
        record["rows"]["new"], 0,
        "evaluated rows stay evaluated: {record:#}"
    );
    assert_eq!(workspace.final_rows(), rows);
    assert_eq!(workspace.snapshot(&["production_deployment"]), production);
}
