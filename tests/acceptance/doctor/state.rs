//! The state of the pipeline: the history, the ingested data, the key, and their disk space.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{FINAL_DATA, Visit, fix, is_fixed};
use crate::past::of_a_newer_program;
use crate::pipes::put_pipe;
use crate::workspace::{Workspace, outcome};

#[test]
fn a_key_that_others_may_read_is_found_and_closed() {
    let workspace = Workspace::after_cold_start();
    let key = workspace.path("data/state/fingerprint.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).expect("a mode");
    is_fixed(&workspace, "permissions", "problem", "which is a secret");
}

#[test]
fn keys_of_the_api_that_others_may_read_are_found_and_closed() {
    let mut workspace = Workspace::after_cold_start();
    for (setting, name) in [("api.keys_file", "keys"), ("api.key_file", "key")] {
        workspace.write(name, "secret\n");
        workspace.set(setting, json!(name));
        let path = workspace.path(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).expect("a mode");
        is_fixed(&workspace, "permissions", "problem", "which is a secret");
    }
}

#[test]
fn a_damaged_history_is_set_aside_by_the_remedy() {
    let workspace = Workspace::after_cold_start();
    let data = workspace.text(FINAL_DATA);
    workspace.write(
        "data/state/history.db",
        "this is no database, and was never one",
    );
    is_fixed(
        &workspace,
        "history",
        "problem",
        "restore it from a backup, or set it aside",
    );
    assert_eq!(workspace.text(FINAL_DATA), data);
    assert_eq!(workspace.live(), "000001");

    let mut bytes = fs::read(workspace.path("data/state/history.db")).expect("a file");
    bytes[4096 + 8..4096 + 2000].fill(0xff);
    workspace.write("data/state/history.db", bytes);
    is_fixed(&workspace, "history", "problem", "the history is damaged");

    fs::remove_file(workspace.path("data/state/history.db")).expect("removed");
    is_fixed(&workspace, "history", "problem", "history.db is missing");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn a_change_by_hand_that_cannot_be_read_is_named_and_set_aside_by_the_remedy() {
    let workspace = Workspace::after_redeployment();
    assert_eq!(workspace.run("deployment", &["--rollback"]).code, 0);
    let entries = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    let time = entries[0]["made_at"].as_str().expect("a time of a change");
    let path = "data/state/history.db";
    let mut bytes = fs::read(workspace.path(path)).expect("a file");
    let mut windows = bytes.windows(time.len());
    let place = windows.position(|it| it == time.as_bytes());
    bytes[place.expect("the time in the history")] = b'x';
    workspace.write(path, bytes);
    // A history without a seal is one that an older program closed.
    fs::remove_file(workspace.path("data/state/history.db-seal")).expect("the seal");
    let visit = Visit::to(&workspace);
    assert_eq!(visit.code, 74);
    let says = "the time of change 1 by hand in the history cannot be read";
    fix(&workspace, visit.remedy("history", "problem", says));
    let visit = Visit::to(&workspace);
    assert_eq!(visit.code, 0, "{:#?}", visit.findings);
}

#[test]
fn a_newer_history_is_named_and_kept() {
    let workspace = Workspace::after_cold_start();
    let path = "data/state/history.db";
    let whole = fs::read(workspace.path(path)).expect("a file");
    workspace.write(path, of_a_newer_program(&whole));
    let visit = Visit::to(&workspace);
    assert_eq!(visit.code, 74);
    let remedy = visit.remedy("history", "problem", "version 99");
    assert_eq!(remedy, "fullprocess --version");
    fix(&workspace, remedy);
    workspace.write(path, whole);
    Visit::to(&workspace).is_healthy();
}

#[test]
fn data_that_differs_from_the_ledger_is_rebuilt_by_the_remedy() {
    let workspace = Workspace::after_cold_start();
    let whole = workspace.text(FINAL_DATA);
    workspace.write(FINAL_DATA, whole.replacen("Mornonda", "Nornonda", 1));
    is_fixed(
        &workspace,
        "history",
        "problem",
        "does not contain the ingested rows",
    );
    workspace.write(FINAL_DATA, &whole[..whole.len() / 2]);
    is_fixed(&workspace, "history", "problem", "finaldata.csv was cut");
    fs::remove_file(workspace.path(FINAL_DATA)).expect("removed");
    is_fixed(&workspace, "history", "problem", "finaldata.csv");
    workspace.write("data/ingesteddata/rejectedrows.csv", "");
    is_fixed(&workspace, "history", "problem", "rejectedrows.csv was cut");
    let path = "data/ingesteddata/rejectedrows.csv";
    let rejected = workspace.text(path);
    workspace.write(path, rejected.replacen('e', "f", 1));
    is_fixed(
        &workspace,
        "history",
        "problem",
        "rejectedrows.csv does not contain the rejected rows",
    );
    assert_eq!(workspace.text(path), rejected);
    assert_eq!(workspace.text(FINAL_DATA), whole);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn a_lost_or_broken_key_is_replaced_by_the_remedy() {
    let workspace = Workspace::after_cold_start();
    let key = workspace.path("data/state/fingerprint.key");
    fs::remove_file(&key).expect("removed");
    is_fixed(&workspace, "history", "note", "fingerprint.key is missing");
    workspace.write("data/state/fingerprint.key", "");
    is_fixed(&workspace, "history", "note", "fingerprint.key is missing");
    fs::OpenOptions::new()
        .write(true)
        .open(&key)
        .and_then(|file| file.set_len(7))
        .expect("cut");
    is_fixed(
        &workspace,
        "history",
        "problem",
        "does not hold a key of 16 bytes",
    );
    workspace.write("data/state/judged.fingerprints", "");
    is_fixed(&workspace, "history", "note", "judged.fingerprints was cut");
    assert_eq!(workspace.fullprocess()["rows"]["new"], 0);
}

#[test]
fn what_is_in_the_place_of_the_seal_and_an_older_history_are_set_aside_by_the_remedy() {
    let workspace = Workspace::after_cold_start();
    let [history, seal] =
        ["history.db", "history.db-seal"].map(|name| workspace.path(&format!("data/state/{name}")));
    let older = fs::read(&history).expect("a file");
    fs::remove_file(&seal).expect("removed");
    fs::create_dir(&seal).expect("a folder");
    let failed = workspace.run("fullprocess", &[]);
    assert_eq!(failed.code, 74, "{}", failed.stderr);
    is_fixed(&workspace, "history", "problem", "history.db-seal");
    workspace.write("data/state/history.db", older);
    is_fixed(&workspace, "history", "problem", "it is an older copy");
    fs::remove_file(&history).expect("removed");
    workspace
        .run("fullprocess", &["--history"])
        .failed(74, "put a backup in its place and remove its seal");
}

const PREDICTIONS: &str = "data/state/predictions.db";

#[test]
fn what_is_in_the_place_of_the_key_or_of_the_fingerprints_is_set_aside_by_the_remedy() {
    let workspace = Workspace::after_cold_start();
    let data = workspace.text(FINAL_DATA);
    for name in ["fingerprint.key", "judged.fingerprints"] {
        for kind in ["folder", "pipe"] {
            let path = workspace.path(&format!("data/state/{name}"));
            match kind {
                "pipe" => put_pipe(&path),
                _ => {
                    fs::remove_file(&path).expect("removed");
                    fs::create_dir(&path).expect("a folder");
                }
            }
            is_fixed(&workspace, "history", "problem", name);
        }
    }
    assert_eq!(workspace.text(FINAL_DATA), data);
    assert_eq!(workspace.fullprocess()["rows"]["new"], 0);
}

#[test]
fn a_damaged_seal_is_named_and_written_again_by_the_remedy() {
    let workspace = Workspace::after_cold_start();
    let seal = "data/state/history.db-seal";
    let mut changed = fs::read(workspace.path(seal)).expect("the seal");
    let last = changed.len() - 1;
    changed[last] ^= 1;
    for damage in [&changed[..], b"", b"no seal"] {
        workspace.write(seal, damage);
        is_fixed(&workspace, "history", "note", "history.db-seal");
    }
}

/// A pipeline whose predictions wait for their labels.
fn with_predictions() -> Workspace {
    let mut workspace = Workspace::after_cold_start();
    workspace.set_input(&["practicedata", "newclients"]);
    workspace.rank_new_clients();
    workspace.fullprocess();
    workspace
}

#[test]
fn predictions_of_a_newer_program_are_named_and_kept() {
    let workspace = with_predictions();
    let whole = fs::read(workspace.path(PREDICTIONS)).expect("rows that wait");
    workspace.write(PREDICTIONS, of_a_newer_program(&whole));
    let visit = Visit::to(&workspace);
    let remedy = visit.remedy("history", "problem", "version 99");
    assert_eq!(remedy, "fullprocess --version");
    fix(&workspace, remedy);
    workspace
        .run("fullprocess", &[])
        .failed(74, "use the newer program");
    workspace.write(PREDICTIONS, whole);
    assert_eq!(notices(&workspace.fullprocess()), Vec::<String>::new());
    Visit::to(&workspace).is_healthy();
}

#[test]
fn lost_predictions_are_found_by_the_doctor_and_reported_by_the_next_run() {
    let says = "the predictions that wait for a label cannot be used";
    let workspace = with_predictions();
    let older = fs::read(workspace.path(PREDICTIONS)).expect("rows that wait");
    workspace.write(
        "data/newclients/more.csv",
        "corporation,lastmonth_activity,lastyear_activity,number_of_employees\nA,1,2,3\n",
    );
    workspace.fullprocess();
    for damage in ["missing", "empty", "older", "row"] {
        for command in ["the remedy", "a run"] {
            let workspace = workspace.copy();
            let path = workspace.path(PREDICTIONS);
            match damage {
                "missing" => fs::remove_file(&path).expect("removed"),
                "empty" => workspace.write(PREDICTIONS, ""),
                "older" => workspace.write(PREDICTIONS, &older),
                _ => change_a_row(&workspace),
            }
            let visit = Visit::to(&workspace);
            let remedy = visit.remedy("history", "problem", says);
            if command == "the remedy" {
                fix(&workspace, remedy);
                Visit::to(&workspace).is_healthy();
                assert!(path.metadata().is_ok_and(|found| found.len() > 0));
            } else if damage == "row" {
                // A run that reads no row compares none.
                assert_eq!(notices(&workspace.fullprocess()), Vec::<String>::new());
                continue;
            }
            let run = workspace.run("fullprocess", &["--quiet", "--json"]);
            let found = notices(&run.json());
            assert_eq!(found.len(), 1, "{damage}: {found:?}");
            assert!(found[0].contains("are lost"), "{found:?}");
            Visit::to(&workspace).is_healthy();
            let found = notices(&workspace.fullprocess());
            assert_eq!(found, Vec::<String>::new(), "it is reported once");
        }
    }
}

/// What the notices of a run say.
fn notices(record: &serde_json::Value) -> Vec<String> {
    let notices = record["notices"].as_array().into_iter().flatten();
    notices
        .map(|notice| notice["what"].as_str().expect("a text").to_owned())
        .collect()
}

/// Changes a bit of a row of `predictions.db`: the last one of a page with rows.
fn change_a_row(workspace: &Workspace) {
    const PAGE: usize = 4096;
    const HAS_ROWS_BY_KEY: u8 = 0x0a;
    let mut bytes = fs::read(workspace.path(PREDICTIONS)).expect("rows that wait");
    let mut pages = bytes.chunks_mut(PAGE);
    let page = pages.find(|page| page[0] == HAS_ROWS_BY_KEY);
    page.expect("a page with rows")[PAGE - 1] ^= 1;
    workspace.write(PREDICTIONS, bytes);
}

#[test]
fn predictions_that_cannot_be_used_are_set_aside_by_the_remedy() {
    let workspace = with_predictions();
    let path = workspace.path(PREDICTIONS);
    let whole = fs::read(&path).expect("rows that wait");
    Visit::to(&workspace).is_healthy();
    let mut changed = whole.clone();
    let page = changed.len() / 4096 / 2 * 4096;
    changed[page..page + 4096].fill(0xff);
    let says = "the predictions that wait for a label cannot be used";
    for damage in ["changed", "text", "folder", "link"] {
        fs::remove_file(&path).expect("removed");
        match damage {
            "changed" => workspace.write(PREDICTIONS, &changed),
            "text" => workspace.write(PREDICTIONS, "this is no database"),
            "folder" => fs::create_dir(&path).expect("a folder"),
            _ => std::os::unix::fs::symlink("nowhere", &path).expect("a link"),
        }
        is_fixed(&workspace, "history", "problem", says);
        assert!(
            path.metadata().is_ok_and(|found| found.is_file()),
            "{damage}: it was made again"
        );
    }
}

#[test]
fn a_dry_run_names_the_files_of_the_user() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set_input(&["practicedata", "newclients"]);
    workspace.rank_new_clients();
    workspace.fullprocess();
    workspace.write("data/state/predictions.db", "this is no database");
    workspace.write(
        "data/newclients/more.csv",
        "corporation,lastmonth_activity,lastyear_activity,number_of_employees\nA,1,2,3\n",
    );
    let looked = workspace.run("fullprocess", &["--dry-run"]);
    let path = workspace.path("data/state/predictions.db");
    let said = looked.stdout + &looked.stderr;
    assert!(said.contains(&path.display().to_string()), "{said}");
    assert!(!said.contains("risk-dry-run-"), "{said}");
}

#[test]
fn a_disk_that_is_nearly_full_is_found() {
    let workspace = Workspace::after_cold_start();
    // A sparse file of a large size, so that the disk has less than twice its size free.
    let free = rustix::fs::statvfs(workspace.path("")).expect("a file system");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(workspace.path(FINAL_DATA))
        .expect("a file");
    file.set_len(free.f_bavail * free.f_frsize / 2 + 1)
        .expect("a hole");
    let visit = Visit::unwatched(&workspace);
    fix(
        &workspace,
        visit.remedy("space", "problem", "a run may need"),
    );
    fix(
        &workspace,
        visit.remedy("orphans", "note", "no run committed"),
    );
    Visit::to(&workspace).is_healthy();
}
