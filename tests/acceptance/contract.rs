//! The rules of the schema for a column: they hold wherever rows are read, and can be inferred from
//! data.

use acceptance::sample_data::HEADER;
use serde_json::{Value, json};

use crate::server::Server;
use crate::workspace::{Workspace, outcome};

const IN: &str = "data/practicedata";

/// A workspace without files whose number of employees has these rules.
fn with_rules(rules: &Value) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.limit_employees(rules);
    workspace
}

fn put(workspace: &Workspace, path: &str, rows: &str) {
    workspace.write(path, format!("{HEADER}\n{rows}"));
}

fn explain(workspace: &Workspace, path: &str) -> String {
    let file = workspace.path(path);
    let arguments = ["--explain", file.to_str().expect("UTF-8")];
    workspace.run("ingestion", &arguments).stdout
}

#[test]
fn a_row_that_breaks_a_rule_is_rejected_with_its_place() {
    let missing = "number_of_employees: the value is missing, and the schema requires it";
    let unlisted = "number_of_employees: 4 is none of the values the schema allows";
    let rules = json!({"kind": "number", "required": true, "allowed": [0, 3, 12.5]});
    let workspace = with_rules(&rules);
    let path = format!("{IN}/a.csv");
    put(
        &workspace,
        &path,
        "a,1,2,3,0\nb,1,2,,0\nc,1,2,4,1\nd,1,2,12.50,1\ne,1,2,NA,\nf,,,-0,\n",
    );
    let explained = explain(&workspace, &path);
    for line in [
        format!("3:4: rejected {missing}"),
        format!("4:4: rejected {unlisted}"),
        "6 read = 3 kept".into(),
    ] {
        assert!(explained.contains(&line), "{line} is not in:\n{explained}");
    }
    let report = workspace.run("ingestion", &["--json"]).json();
    let placed = [
        format!("3:4: {missing}"),
        format!("4:4: {unlisted}"),
        format!("6:4: {missing}"),
    ];
    assert_eq!(report["files"][0]["rejections"], json!(placed));
    let kept = ["a,1,2,3,0", "d,1,2,12.50,1", "f,,,-0,"];
    assert_eq!(workspace.final_rows(), kept);
    let refused = workspace.text("data/ingesteddata/rejectedrows.csv");
    let line = format!("a.csv,4,4,{unlisted},\"c,1,2,4,1\"\n");
    assert!(refused.contains(&line), "{refused}");
}

#[test]
fn a_file_with_too_many_missing_cells_is_rejected_and_none_of_its_rows_counts() {
    let workspace = with_rules(&json!({"max_missing_share": 0.25}));
    put(&workspace, &format!("{IN}/a.csv"), "a,1,2,3,0\n");
    workspace.run("ingestion", &["--json"]).json();

    // A share of one quarter is allowed. The other file has one bad row more, its last row.
    let good = "b,1,2,,0\nc,1,2,3,0\nd,1,2,3,1\ne,1,2,3,1\n";
    let bad = "f,1,2,3,0\ng,1,2,NA,0\nbroken\nh,1,x,null,1\n";
    put(&workspace, &format!("{IN}/b.csv"), good);
    put(&workspace, &format!("{IN}/c.csv"), bad);
    let reason = "number_of_employees is missing in 2 of 4 rows, and the largest share the schema allows is 0.25";
    let explained = explain(&workspace, &format!("{IN}/c.csv"));
    assert!(
        explained.contains(&format!("would be rejected: {reason}")),
        "{explained}"
    );
    let report = workspace.run("ingestion", &["--json"]).json();
    let refused = &report["files"][1];
    assert_eq!(
        (&refused["status"], &refused["reason"]),
        (&json!("rejected"), &json!(reason))
    );
    assert_eq!(report["rows"]["kept"], 4, "{report:#}");
    assert_eq!(report["total_rows"], 5);
    let names = workspace.text("data/ingesteddata/ingestedfiles.txt");
    assert_eq!(names, "a.csv\nb.csv\n");
    let rows = workspace.final_rows();
    assert!(!rows.iter().any(|row| row.starts_with('f')), "{rows:?}");

    // The file is known from now on. Appending to finaldata.csv and rebuilding it give the same.
    let again = workspace.run("ingestion", &["--json"]).json();
    assert_eq!(again["files"], json!([]));
    let path = "data/ingesteddata/finaldata.csv";
    let appended = workspace.text(path);
    std::fs::remove_file(workspace.path(path)).expect("a file");
    workspace.run("ingestion", &["--json"]).json();
    assert_eq!(workspace.text(path), appended);
}

#[test]
fn after_a_changed_rule_the_files_are_checked_again() {
    let mut workspace = with_rules(&json!({}));
    put(&workspace, &format!("{IN}/a.csv"), "a,1,2,,0\nb,1,2,,1\n");
    put(&workspace, &format!("{IN}/b.csv"), "c,1,2,3,0\nd,1,2,,1\n");
    workspace.run("ingestion", &["--json"]).json();
    let rows = workspace.final_rows();
    assert_eq!(rows.len(), 4);
    let mut left = |rules: &Value| {
        workspace.limit_employees(rules);
        let report = workspace.run("ingestion", &["--json"]).json();
        assert_eq!(
            report["rebuilt"], "the schema or a setting of ingestion has changed",
            "{rules}"
        );
        workspace.final_rows()
    };
    let of_b = ["c,1,2,3,0", "d,1,2,,1"];
    assert_eq!(left(&json!({"max_missing_share": 0.5})), of_b);
    assert_eq!(left(&json!({"required": true})), of_b[..1]);
    assert_eq!(left(&json!({"allowed": [4]})).len(), 3);
    assert_eq!(left(&json!({})), rows);
}

#[test]
fn evaluated_rows_of_a_file_that_is_rejected_now_leave_and_are_still_evaluated_when_they_return() {
    let mut workspace = Workspace::after_cold_start();
    let rows = workspace.final_rows();
    workspace.limit_employees(&json!({"max_missing_share": 0}));
    let record = workspace.run("fullprocess", &["--json"]);
    let refused = workspace.text("data/ingesteddata/ingestedfiles.txt");
    assert!(refused.lines().count() < 2, "{refused}{}", record.stderr);
    workspace.limit_employees(&json!({}));
    let report = workspace.run("ingestion", &["--json"]).json();
    assert_eq!(
        report["rebuilt"],
        "the schema or a setting of ingestion has changed"
    );
    assert_eq!(workspace.final_rows(), rows);
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "nothing_new", "{record:#}");
}

#[test]
fn test_data_must_follow_the_rules_too() {
    let mut workspace = Workspace::with_sample_data();
    workspace.limit_employees(&json!({"required": true}));
    let rows = "a,1,2,,0\nb,1,2,3,1\n";
    put(&workspace, "data/testdata/more.csv", rows);
    let warnings = |workspace: &Workspace| {
        let run = workspace.run("fullprocess", &["--json"]);
        let record: Value = serde_json::from_str(&run.stdout).expect("JSON");
        record["warnings"].to_string()
    };
    let said = warnings(&workspace);
    assert!(said.contains("data/testdata/more.csv:2:4: "), "{said}");

    let mut workspace = Workspace::with_sample_data();
    workspace.limit_employees(&json!({"max_missing_share": 0.4}));
    put(&workspace, "data/testdata/more.csv", rows);
    let said = warnings(&workspace);
    assert!(
        said.contains("more.csv: number_of_employees is missing in 1 of 2 rows"),
        "{said}"
    );
}

#[test]
fn a_prediction_is_refused_for_a_row_that_breaks_a_rule() {
    let mut workspace = Workspace::after_cold_start();
    workspace
        .limit_employees(&json!({"required": true, "allowed": [3, 4], "max_missing_share": 0}));
    put(
        &workspace,
        "data/testdata/more.csv",
        "a,1,2,3,0\nb,1,2,,1\n",
    );
    let server = Server::start(&mut workspace);
    let names = "corporation,lastmonth_activity,lastyear_activity,number_of_employees";
    let absent = json!([{"corporation": "a", "lastmonth_activity": 1, "lastyear_activity": 2,
        "number_of_employees": 3}, {"corporation": "b"}]);
    let unlisted =
        json!({"columns": names.split(',').collect::<Vec<_>>(), "data": [["a", 1, 2, 5]]});
    for (kind, body, row, code) in [
        (
            "text/csv",
            format!("{HEADER}\na,1,2,NA,1\n"),
            1,
            "missing-value",
        ),
        (
            "text/csv",
            format!("{HEADER}\na,1,2,3,1\nb,1,2,5,1\n"),
            2,
            "not-listed",
        ),
        ("application/json", absent.to_string(), 2, "missing-value"),
        ("application/json", unlisted.to_string(), 1, "not-listed"),
        (
            "application/json",
            json!("data/testdata/more.csv").to_string(),
            2,
            "missing-value",
        ),
    ] {
        let refused = server.post("/prediction", kind, &body).refused_row();
        assert_eq!(
            [&refused["row"], &refused["code"], &refused["column"]],
            [&json!(row), &json!(code), &json!("number_of_employees")]
        );
    }
    // The other features may be missing. The share is a rule for input files only.
    let allowed = format!("{HEADER}\nb,,2,3,0\nc,1,,4,1\n");
    server.post("/prediction", "text/csv", &allowed).json(200);
    let served = server.get("/v1/model").json(200);
    assert_eq!(served["features"][2]["allowed"]["required"], true);
}

/// Columns without a schema, with text, missing values and a typing error.
fn foreign_export(first: u32, rows: u32) -> String {
    let line = |row: u32| {
        let tickets = match row % 10 {
            0 => String::new(),
            _ => (row % 7).to_string(),
        };
        let logins = if row == 7 {
            "12 k".into()
        } else {
            (row * 3).to_string()
        };
        format!(
            "Client {row},north,{logins},{tickets},-{row}.5,{}\n",
            row % 2
        )
    };
    let header = "client,region,logins,tickets,balance,churned\n".to_owned();
    (first..first + rows).fold(header, |text, row| text + &line(row))
}

#[test]
fn a_schema_proposed_from_foreign_data_is_accepted_and_refuses_nothing_of_it() {
    let mut workspace = Workspace::empty();
    workspace.write(&format!("{IN}/a.csv"), foreign_export(0, 150));
    workspace.write(&format!("{IN}/b.csv"), foreign_export(150, 60));
    workspace.write(&format!("{IN}/page.csv"), "");
    let before = workspace.snapshot(&["."]);
    let proposed = workspace.run("ingestion", &["--infer-schema", "--strict"]);
    assert_eq!(workspace.snapshot(&["."]), before, "nothing is changed");
    let schema = proposed.json();
    assert_eq!(
        (&schema["id"], &schema["target"]),
        (&json!("client"), &json!("churned"))
    );
    let features = json!([
        {"name": "logins", "min": 0.0, "max": 1300.0, "required": true},
        {"name": "tickets", "min": 0.0, "max": 12.0, "max_missing_share": 0.25},
        {"name": "balance", "min": -420.0, "max": 0.0, "required": true},
    ]);
    assert_eq!(schema["features"], features);
    for said in [
        "target: churned, two values",
        "id: client, unique in 210 rows",
        "region is left out",
    ] {
        assert!(
            proposed.stderr.contains(said),
            "{said}: {}",
            proposed.stderr
        );
    }
    let with_json = workspace.run(
        "ingestion",
        &["--json", "--quiet", "--strict", "--infer-schema"],
    );
    assert_eq!(with_json.json(), proposed.json());

    workspace.set("schema", schema);
    let report = workspace.run("ingestion", &["--json"]).json();
    assert_eq!(report["rows"]["read"], 210);
    assert_eq!(report["rows"]["rejected"], 1, "the slip: {report:#}");
    for file in report["files"].as_array().expect("files") {
        assert_eq!(file["status"], "ingested", "{file:#}");
    }
    // A schema that is already in the configuration is kept.
    for options in [&["--infer-schema"][..], &["--infer-schema", "--strict"]] {
        let again = workspace.run("ingestion", options).json();
        assert_eq!(again["features"], features);
    }
}

#[test]
fn a_schema_is_proposed_from_named_files_and_for_the_columns_of_today() {
    let workspace = Workspace::with_sample_data();
    let file = workspace.path("data/testdata/clients_held_back.csv");
    let named = ["--infer-schema", file.to_str().expect("UTF-8")];
    let proposed = workspace.run("ingestion", &named);
    assert_eq!(proposed.stderr, "", "nothing was guessed");
    let schema = proposed.json();
    let columns: Vec<&str> = HEADER.split(',').collect();
    assert_eq!(schema["id"], columns[0]);
    assert_eq!(schema["features"], json!(columns[1..4]));
    assert_eq!(schema["target"], columns[4]);

    let nowhere = workspace.run("ingestion", &["--infer-schema", "/nowhere.csv"]);
    nowhere.failed(74, "failed to read /nowhere.csv");
    let both = workspace.run("ingestion", &["--infer-schema", "--explain", "x"]);
    both.failed(2, "cannot be used with");
    Workspace::empty()
        .run("ingestion", &["--infer-schema"])
        .failed(65, "there is no row to propose a schema from");
}
