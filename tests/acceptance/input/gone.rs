//! Input folders that lose all their files, and links to entries that are not input.

use std::fs;
use std::os::unix::fs::symlink;

use common::files;
use serde_json::json;

use super::{HEADER, IN};
use crate::workspace::{Workspace, outcome};

#[test]
fn s26_an_emptied_input_folder_stops_the_run_until_one_command_confirms_it() {
    let mut workspace = Workspace::with_sample_data();
    let reported = workspace.path("reported");
    workspace.set(
        "alerts.command",
        json!([
            "/bin/sh",
            "-c",
            format!("/bin/cat >> {}", reported.display())
        ]),
    );
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    let rows = workspace.final_rows().len();
    let folder = workspace.path(IN);
    let away = workspace.path("data/unmounted");
    files::rename(&folder, &away).expect("moved");
    fs::create_dir(&folder).expect("the mount point");
    let says = "the input folder data/practicedata holds no data file any more";
    let stopped = workspace.run("fullprocess", &["--quiet"]);
    stopped.failed(74, says);
    stopped.failed(74, "`ingestion --accept-removal`");
    workspace
        .run("fullprocess", &["--dry-run"])
        .failed(74, says);
    workspace.run("ingestion", &[]).failed(74, says);
    assert_eq!(workspace.final_rows().len(), rows, "nothing is dropped");
    let reported = fs::read_to_string(reported).expect("an alert is sent");
    assert!(reported.contains("run_failed"), "{reported}");
    let doctor = workspace.run("fullprocess", &["--doctor"]);
    assert!(doctor.stdout.contains(says), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("ingestion --accept-removal"));

    // After mounting it again, everything is as before.
    fs::remove_dir(&folder).expect("removed");
    files::rename(&away, &folder).expect("moved");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");

    for entry in fs::read_dir(&folder).expect("files") {
        fs::remove_file(entry.expect("an entry").path()).expect("removed");
    }
    workspace.run("fullprocess", &["--quiet"]).failed(74, says);
    let confirmed = workspace.run("ingestion", &["--accept-removal"]);
    assert_eq!(confirmed.code, 0, "{}", confirmed.stderr);
    assert!(
        confirmed.stdout.contains("are gone"),
        "{}",
        confirmed.stdout
    );
    assert!(workspace.final_rows().is_empty());
    workspace.fullprocess();
    assert_eq!(workspace.live(), "000001");
}

#[test]
fn s26_a_changed_input_folder_is_reported_as_no_longer_one() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set_input(&["sourcedata"]);
    let said = workspace.run("fullprocess", &[]).stdout;
    let line = "removed    data/practicedata is no longer an input folder";
    assert!(said.contains(line), "{said}");
    assert!(!said.contains("is gone"), "{said}");
}

#[test]
fn s25_links_to_test_data_output_and_folders_above_bring_no_rows() {
    let workspace = Workspace::with_sample_data();
    let clean = workspace.copy();
    clean.fullprocess();
    workspace.fullprocess();
    let link = |to: &str, name: &str| {
        let target = if to == ".." {
            to.into()
        } else {
            workspace.path(to)
        };
        symlink(target, workspace.path(&format!("{IN}/{name}"))).expect("a link");
    };
    link("..", "up");
    link("data/ingesteddata", "output");
    link("data/ingesteddata/finaldata.csv", "final.csv");
    link("data/testdata", "test");
    link("data/testdata/clients_held_back.csv", "test.csv");
    link("production_deployment", "production");
    workspace.write("elsewhere/more.csv", format!("{HEADER}\nlinked,1,2,3,0\n"));
    link("elsewhere", "elsewhere");
    let record = workspace.fullprocess();
    assert_eq!(record["files"]["ingested"], 1, "{record:#}");
    assert_eq!(record["files"]["ignored"], 6, "{record:#}");
    let mut expected = clean.final_rows();
    expected.push("linked,1,2,3,0".into());
    assert_eq!(workspace.final_rows(), expected);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn s35_no_folder_of_a_users_may_be_one_that_a_run_makes_and_cleans() {
    let mut workspace = Workspace::after_cold_start();
    let mine = "data/state/row.fingerprints/mine.csv";
    workspace.write(mine, format!("{HEADER}\nmine,1,2,3,0\n"));
    workspace.write("data/ingesteddata/.mine.partial", "mine");
    workspace.set("input_folder_path", json!("data/state/row.fingerprints"));
    workspace.run("fullprocess", &[]).failed(
        78,
        "input_folder_path: data/state/row.fingerprints lies in the folder of state_folder_path",
    );
    workspace.set_input(&["practicedata", "sourcedata"]);
    workspace.fullprocess();
    assert!(
        workspace.text(mine).contains("mine,"),
        "it is not a run's to remove"
    );
    assert_eq!(workspace.text("data/ingesteddata/.mine.partial"), "mine");
}
