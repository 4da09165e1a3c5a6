//! Entries of the input folders: files that are no data, still grow, cannot be read, are compressed
//! or have an odd name; and the check of a file elsewhere.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use acceptance::sample_data::{World, clients, to_csv};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

use super::{HEADER, IN, ingested, reasons};
use crate::workspace::{Workspace, outcome};

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
fn s23_what_cannot_be_read_is_reported_does_not_hang_and_is_tried_again() {
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
        (b"PK\x03\x04\x00\x00rest\n", "not a text"),
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
fn invisible_characters_of_a_files_name_are_written_out_on_the_terminal() {
    let workspace = Workspace::with_sample_data();
    // One hides its ending, the other would clear the screen.
    for name in ["ends\u{202e}vsc.csv", "\u{1b}[2J.csv"] {
        let content = format!("not,the,header\n1,2,{}\n", name.len());
        workspace.write(&format!("{IN}/{name}"), content);
    }
    let run = workspace.run("fullprocess", &[]);
    let again = workspace.run("ingestion", &["--explain", "\u{1b}[2J.csv"]);
    let said = [run.stdout, run.stderr, again.stdout, again.stderr].concat();
    for shown in [r"ends\u{202e}vsc.csv", r"\x1B[2J.csv"] {
        assert!(said.contains(shown), "{shown} is not in {said}");
    }
    let is_plain = |character: char| character == '\n' || !character.is_control();
    assert!(
        said.chars().all(|it| is_plain(it) && it != '\u{202e}'),
        "{said:?}"
    );
}
