//! What becomes of input of every kind: scenarios 10 to 27.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use acceptance::sample_data::{World, clients, to_csv};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

use crate::server::Server;
use crate::workspace::{Workspace, outcome};

const HEADER: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited";
const IN: &str = "data/practicedata";

/// A workspace with test data and these input files, ingested by hand.
fn ingested(files: &[(&str, &[u8])]) -> (Workspace, Value) {
    let workspace = Workspace::empty();
    for (name, content) in files {
        workspace.write(&format!("{IN}/{name}"), content);
    }
    let report = workspace.run("ingestion", &["--json"]).json();
    (workspace, report)
}

/// The rows of finaldata.csv that one file of these lines leaves, and the report.
fn rows_of(lines: &str) -> (Vec<String>, Value) {
    let (workspace, report) = ingested(&[("a.csv", format!("{HEADER}\n{lines}").as_bytes())]);
    (workspace.final_rows(), report)
}

fn reasons(entries: &Value) -> Vec<&str> {
    let entries = entries.as_array().expect("entries");
    entries
        .iter()
        .map(|entry| entry["reason"].as_str().expect("a reason"))
        .collect()
}

/// A deployed model, then this content as one more input file and a run.
fn run_with(name: &str, content: &[u8]) -> (Workspace, Value) {
    let workspace = Workspace::with_sample_data();
    workspace.fullprocess();
    workspace.write(&format!("{IN}/{name}"), content);
    let record = workspace.fullprocess();
    (workspace, record)
}

#[test]
fn s10_files_that_are_no_client_data_are_ignored_with_a_reason() {
    let workspace = Workspace::with_sample_data();
    for name in [
        "empty.csv",
        ".DS_Store",
        "Icon\r",
        ".hidden.csv",
        "a.csv.part",
        "b.tmp",
        "c.csv~",
        "notes.txt",
        ".git/d.csv",
    ] {
        let content = if name == "empty.csv" { "" } else { HEADER };
        workspace.write(&format!("{IN}/{name}"), content);
    }
    let record = workspace.fullprocess();
    assert_eq!(record["files"]["ignored"], 9, "{record:#}");
    assert_eq!(record["files"]["ingested"], 2);
    let reasons = reasons(&record["ingestion"]["ignored"]);
    assert!(reasons.iter().all(|reason| !reason.is_empty()));
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
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
fn s14_line_ends_marks_and_header_spelling_are_tolerated_and_said() {
    let clean = format!("{HEADER}\na,1,2,3,0\nb,4,5,6,1\n");
    let (expected, report) = ingested(&[("a.csv", clean.as_bytes())]);
    assert_eq!(report["files"][0]["notes"], Value::Array(Vec::new()));
    for (content, note) in [
        (format!("\u{feff}{clean}"), "byte order mark"),
        (clean.replace('\n', "\r\n"), "CR LF"),
        (clean.replace('\n', "\r"), "CR alone"),
        (
            clean.replace("corporation,", " Corporation ,"),
            "spaces or case",
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
        "3:1: the text is not UTF-8"
    );
    let refused = workspace.text("data/ingesteddata/rejectedrows.csv");
    assert!(refused.contains(r"caf\xE9,1,2,3,0"), "{refused}");

    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(HEADER.bytes().flat_map(|b| [b, 0]))
        .collect();
    let mut workspace = Workspace::empty();
    workspace.set("ingestion.settle_seconds", Value::from(0));
    workspace.write(&format!("{IN}/a.csv"), wide);
    let report = workspace.run("ingestion", &["--json"]).json();
    assert!(
        reasons(&report["files"])[0].contains("UTF-16"),
        "{report:#}"
    );
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
    assert_eq!(trained["rows"], 4896, "a row without a class is not fitted");
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

/// Limits the number of employees.
fn limit_employees(workspace: &mut Workspace, limits: Value) {
    let mut feature = json!({"name": "number_of_employees"});
    for (key, limit) in limits.as_object().expect("limits") {
        feature[key] = limit.clone();
    }
    let features = json!(["lastmonth_activity", "lastyear_activity", feature]);
    workspace.set("schema.features", features);
}

#[test]
fn s18_a_value_outside_its_range_is_refused_wherever_rows_are_read() {
    let mut workspace = Workspace::with_sample_data();
    limit_employees(&mut workspace, json!({"min": 1, "max": 1_000_000}));
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
    // The calls at its end name the file of the test data, which is refused for its rows.
    assert_eq!(run.code, 69, "{}", run.stderr);
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
        warnings.contains("2 rows of the test data were refused"),
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
        let problem = server
            .post("/prediction", kind, &body)
            .problem(422, "row-invalid");
        let error = &problem["errors"][0];
        assert_eq!((&error["row"], &error["code"]), (&json!(row), &json!(code)));
        assert_eq!(error["column"], "number_of_employees");
    }
    let allowed = format!("{HEADER}\nb,1,2,,0\nc,1,2,1e6,1\n");
    server.post("/prediction", "text/csv", &allowed).json(200);
}

#[test]
fn s18_a_changed_range_judges_the_rows_anew_and_leaves_the_release() {
    let mut workspace = Workspace::with_sample_data();
    workspace.fullprocess();
    let rows = workspace.final_rows();
    let production = workspace.snapshot(&["production_deployment"]);
    limit_employees(&mut workspace, json!({"max": 300}));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "not_judged", "{record:#}");
    assert_eq!(record["ingestion"]["rebuilt"], "the schema has changed");
    let fewer = workspace.final_rows();
    assert!(
        !fewer.is_empty() && fewer.len() < rows.len(),
        "{}",
        fewer.len()
    );
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    limit_employees(&mut workspace, json!({}));
    let record = workspace.fullprocess();
    assert_eq!(
        record["rows"]["new"], 0,
        "judged rows stay judged: {record:#}"
    );
    assert_eq!(workspace.final_rows(), rows);
    assert_eq!(workspace.snapshot(&["production_deployment"]), production);
}

#[test]
fn s19_a_target_is_zero_or_one() {
    let (rows, report) =
        rows_of("a,1,2,3,1.0\nb,1,2,3,true\nc,1,2,3,FALSE\nd,1,2,3,2\ne,1,2,3,-1\nf,1,2,3,yes\n");
    assert_eq!(rows, ["a,1,2,3,1.0", "b,1,2,3,true", "c,1,2,3,FALSE"]);
    assert_eq!(report["rows"]["rejected"], 3);
}

#[test]
fn s20_one_class_is_refused_and_deploys_nothing() {
    let one_class = |first: u32| -> String {
        let rows = (first..first + 30).map(|row| format!("c{row},{row},9,3,1\n"));
        std::iter::once(format!("{HEADER}\n")).chain(rows).collect()
    };
    let cold = Workspace::empty();
    cold.copy_sample("testdata", "testdata");
    cold.write(&format!("{IN}/a.csv"), one_class(0));
    let run = cold.run("fullprocess", &["--json"]);
    assert_eq!(run.code, 65, "{}", run.stderr);
    let record: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(outcome(&record), "training_refused");
    assert!(
        record["reason"]
            .as_str()
            .expect("a reason")
            .contains("class"),
        "{record:#}"
    );
    assert!(!cold.path("production_deployment/current").exists());
    assert!(!cold.path("data/models/trainedmodel.msgpack").exists());

    let mut warm = Workspace::with_sample_data();
    warm.fullprocess();
    let production = warm.snapshot(&["production_deployment"]);
    warm.write("data/one/a.csv", one_class(500));
    warm.set_input(&["one"]);
    assert_eq!(warm.run("fullprocess", &[]).code, 65);
    assert_eq!(warm.snapshot(&["production_deployment"]), production);
    assert_eq!(outcome(&warm.fullprocess()), "nothing_new");
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

#[test]
fn s22_a_file_that_is_still_being_written_is_left_and_then_taken_once_whole() {
    let workspace = Workspace::with_sample_data();
    let whole = to_csv(&clients(World::Before, 40, 600));
    let path = format!("{IN}/growing.csv");
    workspace.write(&path, &whole[..whole.len() - 7]);
    let record = workspace.fullprocess();
    assert_eq!(record["files"]["waiting"], 1, "{record:#}");
    assert_eq!(workspace.final_rows().len(), 4895);
    workspace.write(&path, &whole);
    let record = workspace.fullprocess();
    assert_eq!(record["rows"]["kept"], 600, "{record:#}");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn s23_what_cannot_be_read_is_said_does_not_hang_and_is_tried_again() {
    let workspace = Workspace::with_sample_data();
    symlink(
        "/nowhere/later.csv",
        workspace.path(&format!("{IN}/dangling.csv")),
    )
    .expect("a link");
    let fifo = workspace.path(&format!("{IN}/fifo.csv"));
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).expect("a FIFO");
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start");
    assert_eq!(record["files"]["ingested"], 2);
    let waiting = record["ingestion"]["waiting"].to_string();
    assert!(waiting.contains("dangling.csv"), "{waiting}");
    let ignored = record["ingestion"]["ignored"].to_string();
    assert!(ignored.contains("fifo.csv"), "{ignored}");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    fs::remove_file(workspace.path(&format!("{IN}/dangling.csv"))).expect("removed");
    let later = to_csv(&clients(World::Clear, 41, 300));
    workspace.write(&format!("{IN}/dangling.csv"), later);
    assert_eq!(workspace.fullprocess()["rows"]["kept"], 300);
}

#[test]
fn s24_compressed_files_are_read_and_what_is_no_csv_is_refused() {
    let plain = format!("{HEADER}\na,1,2,3,0\n");
    let (workspace, _) = ingested(&[("a.CSV", plain.as_bytes())]);
    assert_eq!(workspace.final_rows(), ["a,1,2,3,0"]);

    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(plain.as_bytes()).expect("written");
    let compressed = gzip.finish().expect("compressed");
    let (workspace, _) = ingested(&[("a.csv.gz", &compressed)]);
    assert_eq!(workspace.final_rows(), ["a,1,2,3,0"]);
    let (_, cut) = ingested(&[("a.csv.gz", &compressed[..compressed.len() - 5])]);
    assert_eq!(cut["waiting"].as_array().map(Vec::len), Some(1), "{cut:#}");

    for (content, says) in [
        (
            &b"<!DOCTYPE html>\n<html><body>404</body></html>\n"[..],
            "HTML",
        ),
        (b"PK\x03\x04\x00\x00rest\n", "no text"),
        (b"\x89PNG\r\n\x1a\n", "UTF-8"),
    ] {
        let (_, report) = ingested(&[("a.csv", content)]);
        assert!(reasons(&report["files"])[0].contains(says), "{report:#}");
    }
}

#[test]
fn s25_folders_links_and_odd_names_work() {
    let workspace = Workspace::empty();
    let names = [
        "with space.csv",
        "a,b.csv",
        "two\nlines.csv",
        "東京.csv",
        "-dash.csv",
        "deep/er/x.csv",
    ];
    for (row, name) in names.iter().enumerate() {
        workspace.write(
            &format!("{IN}/{name}"),
            format!("{HEADER}\nc{row},1,2,3,0\n"),
        );
    }
    symlink("..", workspace.path(&format!("{IN}/deep/loop"))).expect("a link");
    let report = workspace.run("ingestion", &["--json"]).json();
    assert_eq!(report["rows"]["kept"], 6, "{report:#}");
    let list = workspace.text("data/ingesteddata/ingestedfiles.txt");
    assert_eq!(
        list.lines().collect::<Vec<_>>(),
        [
            "-dash.csv",
            "a,b.csv",
            "deep/er/x.csv",
            r"two\x0Alines.csv",
            "with space.csv",
            "東京.csv"
        ]
    );
    let again = workspace.run("ingestion", &["--json"]).json();
    assert_eq!(again["files"], Value::Array(Vec::new()));
}

#[test]
fn a_file_is_explained_row_by_row_without_being_taken_in() {
    let (workspace, _) = ingested(&[("a.csv", format!("{HEADER}\na,1,2,3,0\n").as_bytes())]);
    let before = workspace.snapshot(&[""]);
    let text = format!("{HEADER}\na,1.0,2,3,0\nb,12 k,2,3,0\nc,1,2,3,1\n");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let path = elsewhere.path().join("new.csv");
    common::files::replace(&path, text.as_bytes()).expect("a file");
    let path = path.to_str().expect("UTF-8");

    let short = workspace.run("ingestion", &["--explain", path]);
    assert_eq!(short.code, 0, "{}", short.stderr);
    let lines: Vec<&str> = short.stdout.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "rows: 3 read = 1 kept + 1 duplicate + 1 rejected",
            "3:2: rejected lastmonth_activity: \"12 k\" is not a number",
        ]
    );
    let whole = workspace.run("ingestion", &["--explain", path, "--rows", "--json"]);
    let fates: Vec<String> = whole.json()["details"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| format!("{}:{}", row["line"], row["fate"].as_str().expect("a fate")))
        .collect();
    assert_eq!(fates, ["2:duplicate", "3:rejected", "4:kept"]);
    assert_eq!(workspace.snapshot(&[""]), before);

    let config = workspace.path("config.json");
    let ignored = workspace.run("ingestion", &["--explain", config.to_str().expect("UTF-8")]);
    assert!(
        ignored.stdout.contains("would be ignored"),
        "{}",
        ignored.stdout
    );
    workspace
        .run("ingestion", &["--explain", "/nowhere.csv"])
        .failed(74, "/nowhere.csv");
}

#[test]
fn s27_test_data_that_cannot_serve_stops_before_anything_is_deployed() {
    let whole = to_csv(&clients(World::Before, 42, 50));
    let stayed: String = String::from_utf8(whole.clone())
        .expect("UTF-8")
        .lines()
        .filter(|line| !line.ends_with(",1"))
        .flat_map(|line| [line.replace("exited", "left"), "\n".into()])
        .collect();
    let none_positive = stayed.replacen("left", "exited", 1);
    for (content, says) in [
        (format!("{HEADER}\n"), "no usable labelled row"),
        ("corporation,exited\na,1\n".to_owned(), "lastmonth_activity"),
        (stayed, "no usable labelled row"),
    ] {
        let workspace = Workspace::with_sample_data();
        workspace.write("data/testdata/clients_held_back.csv", content);
        workspace.run("fullprocess", &[]).failed(65, says);
        assert!(
            !workspace.path("production_deployment/current").exists(),
            "{says}"
        );
    }
    // Nobody left and, by a model that predicts nobody to leave, nobody is predicted to.
    let mut workspace = Workspace::with_sample_data();
    workspace.set("training.c", Value::from(1e-12));
    workspace.write("data/testdata/clients_held_back.csv", none_positive);
    workspace
        .run("fullprocess", &[])
        .failed(65, "F1 is undefined");
    assert!(!workspace.path("production_deployment/current").exists());

    let workspace = Workspace::with_sample_data();
    let practice = workspace.text(&format!("{IN}/clients_2025_h1.csv"));
    let shared: Vec<&str> = practice.lines().skip(1).take(10).collect();
    let test = workspace.text("data/testdata/clients_held_back.csv");
    workspace.write(
        "data/testdata/clients_held_back.csv",
        format!("{test}{}\n", shared.join("\n")),
    );
    let record = workspace.fullprocess();
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("10 rows of the test data"), "{warnings}");
}
