//! `fullprocess --doctor`: what is wrong is found, and the command it names mends it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use common::{Config, History, RunLock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::workspace::{Workspace, outcome};

const EVERYTHING: [&str; 1] = [""];
const FINAL_DATA: &str = "data/ingesteddata/finaldata.csv";

/// What the doctor found.
struct Visit {
    code: i32,
    findings: Vec<Value>,
}

impl Visit {
    /// Lets the doctor look, and holds him to changing nothing.
    #[track_caller]
    fn to(workspace: &Workspace) -> Self {
        let before = workspace.snapshot(&EVERYTHING);
        let visit = Self::unwatched(workspace);
        assert_eq!(workspace.snapshot(&EVERYTHING), before);
        visit
    }

    /// Lets the doctor look where a file is too large to be read by this test.
    #[track_caller]
    fn unwatched(workspace: &Workspace) -> Self {
        let looked = workspace.run("fullprocess", &["--doctor", "--json"]);
        assert_eq!(looked.stderr, "");
        let report: Value = serde_json::from_str(&looked.stdout).expect("JSON");
        let examinations = report["examinations"].as_array().expect("examinations");
        assert_eq!(
            examinations.len(),
            9,
            "each is made whatever the others find"
        );
        Self {
            code: looked.code,
            findings: report["findings"].as_array().expect("findings").clone(),
        }
    }

    /// The remedy of the finding of this examination that says this.
    #[track_caller]
    fn remedy(&self, check: &str, severity: &str, says: &str) -> &str {
        let found = self.findings.iter().find(|finding| {
            let what = finding["what"].as_str().expect("a text");
            finding["check"] == check && what.contains(says)
        });
        let found = found.unwrap_or_else(|| panic!("{says:?} is not in {:#?}", self.findings));
        assert_eq!(found["severity"], severity, "{found:#}");
        found["remedy"].as_str().expect("a remedy")
    }

    #[track_caller]
    fn is_healthy(&self) {
        assert_eq!((self.code, &self.findings), (0, &Vec::new()));
    }
}

fn after_cold_start() -> Workspace {
    let workspace = Workspace::with_sample_data();
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    workspace
}

/// A pipeline with releases 1 and 2, the second live.
fn after_redeployment() -> Workspace {
    let mut workspace = after_cold_start();
    workspace.set_input(&["sourcedata"]);
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    workspace
}

/// The doctor finds it, its remedy runs, and then the doctor finds nothing.
#[track_caller]
fn is_mended(workspace: &Workspace, check: &str, severity: &str, says: &str) {
    let visit = Visit::to(workspace);
    let expected = if severity == "problem" { 74 } else { 0 };
    assert_eq!(visit.code, expected, "{:#?}", visit.findings);
    mend(workspace, visit.remedy(check, severity, says));
    Visit::to(workspace).is_healthy();
}

#[track_caller]
fn mend(workspace: &Workspace, remedy: &str) {
    let mended = workspace.shell(remedy);
    assert_eq!(
        mended.code, 0,
        "{remedy}: {}{}",
        mended.stdout, mended.stderr
    );
}

/// A run of `record`'s kind that began and, where it has an outcome, ended at `time`.
fn add_run(workspace: &Workspace, time: Timestamp, outcome: Option<&str>, record: &Value) {
    let config = Config::load(&workspace.path("config.json")).expect("a configuration");
    let history = History::open(&config.layout).expect("a history");
    let run = history.begin_run(time, record).expect("a run");
    if let Some(outcome) = outcome {
        history
            .finish_run(run, time, outcome, record)
            .expect("an end");
    }
}

/// The record of a run that found nothing new.
fn a_record(workspace: &Workspace) -> Value {
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    runs[0].clone()
}

fn flip_a_byte(workspace: &Workspace, path: &str) {
    let mut bytes = fs::read(workspace.path(path)).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    workspace.write(path, bytes);
}

fn set_modified(workspace: &Workspace, path: &str, time: SystemTime) {
    let file = fs::OpenOptions::new()
        .write(true)
        .open(workspace.path(path));
    file.and_then(|file| file.set_modified(time))
        .expect("a time");
}

#[test]
fn a_healthy_pipeline_is_said_to_be_so_examination_by_examination() {
    let workspace = after_redeployment();
    Visit::to(&workspace).is_healthy();
    let looked = workspace.run("fullprocess", &["--doctor"]);
    assert_eq!(looked.code, 0, "{}", looked.stdout);
    let lines: Vec<&str> = looked.stdout.lines().collect();
    assert_eq!(lines.len(), 10, "{}", looked.stdout);
    for (line, begins) in lines.iter().zip([
        "permissions  6 folders",
        "space        ",
        "clock        ",
        "lock         free",
        "history      version 3, whole, 2 runs",
        "releases     2 whole, 000002 is live",
        "orphans      none",
        "runs         run 2 was the last: redeployed",
        "alerts       nobody is told of anything",
        "nothing is wrong",
    ]) {
        assert!(line.starts_with(begins), "{line:?}, {begins:?}");
    }
    let quiet = workspace.run("fullprocess", &["--doctor", "--quiet"]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (0, ""));
}

#[test]
fn a_pipeline_that_never_ran_is_healthy() {
    let workspace = Workspace::with_sample_data();
    Visit::to(&workspace).is_healthy();
    fs::remove_dir_all(workspace.path("data/practicedata")).expect("removed");
    is_mended(
        &workspace,
        "permissions",
        "problem",
        "practicedata is missing",
    );
}

#[test]
fn a_key_that_others_may_read_is_found_and_closed() {
    let workspace = after_cold_start();
    let key = workspace.path("data/state/fingerprint.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).expect("a mode");
    is_mended(&workspace, "permissions", "problem", "which is a secret");
}

#[test]
fn with_quiet_a_problem_is_printed() {
    let workspace = after_cold_start();
    let key = workspace.path("data/state/fingerprint.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).expect("a mode");
    let quiet = workspace.run("fullprocess", &["--doctor", "--quiet"]);
    assert_eq!(quiet.code, 74);
    assert!(quiet.stdout.contains("chmod 600 "), "{}", quiet.stdout);
}

#[test]
fn who_holds_the_lock_is_said_and_the_unfinished_work_is_not_judged() {
    let workspace = after_cold_start();
    let config = Config::load(&workspace.path("config.json")).expect("a configuration");
    let lock = RunLock::acquire(&config.layout, "a test").expect("the lock");
    workspace.write("data/ingesteddata/.finaldata.csv.partial", "half a ro");
    add_run(&workspace, Timestamp::now(), None, &a_record(&workspace));
    let visit = Visit::to(&workspace);
    assert_eq!((visit.code, visit.findings.len()), (0, 1));
    let holder = format!("a test, process {}", std::process::id());
    let remedy = visit.remedy("lock", "note", &holder);
    mend(&workspace, remedy);
    drop(lock);
    assert_eq!(Visit::to(&workspace).findings.len(), 2);
}

#[test]
fn the_text_of_a_run_that_ended_is_no_holder() {
    let workspace = after_cold_start();
    // Its process lives, but it does not hold the lock.
    let text = format!("fullprocess, process {}\n", std::process::id());
    workspace.write("data/state/run.lock", text);
    Visit::to(&workspace).is_healthy();
}

#[test]
fn a_run_that_was_cut_short_is_finished_by_the_remedy() {
    let workspace = after_cold_start();
    let mut record = a_record(&workspace);
    record["decision"] = json!(null);
    add_run(&workspace, Timestamp::now(), None, &record);
    is_mended(&workspace, "runs", "note", "run 2 was cut short");
}

#[test]
fn a_run_that_failed_is_named_with_its_reason() {
    let workspace = after_cold_start();
    let held_back = workspace.text("data/testdata/clients_held_back.csv");
    let header = held_back.lines().next().expect("a header").to_owned();
    workspace.write("data/testdata/clients_held_back.csv", header + "\n");
    workspace.copy_sample("sourcedata", "practicedata");
    workspace
        .run("fullprocess", &[])
        .failed(65, "no usable labelled row");
    let visit = Visit::to(&workspace);
    visit.remedy("runs", "problem", "no usable labelled row");
    workspace.write("data/testdata/clients_held_back.csv", held_back);
    is_mended(&workspace, "runs", "problem", "run 2 failed");
}

#[test]
fn a_last_run_of_long_ago_is_found() {
    let workspace = after_cold_start();
    let long_ago = Timestamp::now() - SignedDuration::from_hours(25);
    add_run(
        &workspace,
        long_ago,
        Some("nothing_new"),
        &a_record(&workspace),
    );
    is_mended(&workspace, "runs", "problem", "more than 24 hours ago");
}

#[test]
fn a_clock_that_went_back_is_found() {
    let workspace = after_cold_start();
    let to_come = Timestamp::now() + SignedDuration::from_hours(3);
    add_run(
        &workspace,
        to_come,
        Some("nothing_new"),
        &a_record(&workspace),
    );
    is_mended(&workspace, "clock", "problem", "run 2 ended at");

    let to_come = SystemTime::now() + Duration::from_secs(10_000);
    set_modified(&workspace, FINAL_DATA, to_come);
    is_mended(
        &workspace,
        "clock",
        "problem",
        "finaldata.csv was written at",
    );

    let path = "production_deployment/current/manifest.json";
    let mut manifest: Value = serde_json::from_str(&workspace.text(path)).expect("JSON");
    manifest["created_at"] = json!(Timestamp::now() + SignedDuration::from_hours(3));
    workspace.write(path, manifest.to_string());
    let visit = Visit::to(&workspace);
    assert_eq!(visit.code, 0);
    mend(
        &workspace,
        visit.remedy("clock", "note", "release 000001 was made at"),
    );
}

#[test]
fn what_a_killed_run_left_is_found_and_removed() {
    let workspace = after_cold_start();
    for (path, says) in [
        (
            "data/ingesteddata/.finaldata.csv.partial",
            "finaldata.csv.partial",
        ),
        (
            "data/models/.latestscore.txt.partial",
            "latestscore.txt.partial",
        ),
        (
            "data/state/.fingerprint.key.partial",
            "fingerprint.key.partial",
        ),
        ("production_deployment/.current.partial", "current.partial"),
        (
            "production_deployment/releases/.staging-000002/latestscore.txt",
            ".staging-000002",
        ),
        ("data/state/runs/000077/record.json", "1 report folder"),
    ] {
        workspace.write(path, "half a fi");
        is_mended(&workspace, "orphans", "note", says);
    }
    for (path, more, says) in [
        (
            FINAL_DATA,
            "Quiet Co,1,2,",
            "13 bytes that no run committed",
        ),
        (
            "data/ingesteddata/rejectedrows.csv",
            "x",
            "1 byte that no run committed",
        ),
        (
            "data/ingesteddata/ingestedfiles.txt",
            "another.csv\n",
            "not the list of the ingested files",
        ),
    ] {
        let text = workspace.text(path);
        workspace.write(path, text.clone() + more);
        is_mended(&workspace, "orphans", "note", says);
        assert_eq!(workspace.text(path), text);
    }
}

#[test]
fn a_damaged_live_release_is_named_with_the_way_back() {
    for damaged in [
        "trainedmodel.msgpack",
        "manifest.json",
        "confusionmatrix.png",
    ] {
        let workspace = after_redeployment();
        let path = format!("production_deployment/releases/000002/{damaged}");
        if damaged == "manifest.json" {
            workspace.write(&path, "{}");
        } else {
            flip_a_byte(&workspace, &path);
        }
        let visit = Visit::to(&workspace);
        assert_eq!(visit.code, 74);
        let remedy = visit.remedy(
            "releases",
            "problem",
            "release 000002, the live one, is damaged",
        );
        assert_eq!(remedy, "deployment --rollback 000001");
        mend(&workspace, remedy);
        assert_eq!(workspace.live(), "000001");
        // It is kept for whoever wants to know what happened to it, and named until it is removed.
        is_mended(
            &workspace,
            "releases",
            "problem",
            "release 000002 cannot be gone back to",
        );
    }
}

#[test]
fn a_run_that_cannot_read_the_live_release_sends_to_the_doctor() {
    let workspace = after_cold_start();
    workspace.write("production_deployment/releases/000001/manifest.json", "{}");
    let run = workspace.run("fullprocess", &[]);
    run.failed(74, "`fullprocess --doctor` names one that is whole");
}

#[test]
fn without_another_whole_release_the_way_back_is_a_new_one() {
    let workspace = after_cold_start();
    workspace.write("production_deployment/releases/000001/manifest.json", "{}");
    let visit = Visit::to(&workspace);
    mend(
        &workspace,
        visit.remedy("releases", "problem", "release 000001, the live one"),
    );
    assert_eq!(workspace.live(), "000002");
    is_mended(
        &workspace,
        "releases",
        "problem",
        "release 000001 cannot be gone back to",
    );
}

#[test]
fn a_production_folder_that_does_not_serve_is_found() {
    let workspace = after_redeployment();
    let current = workspace.path("production_deployment/current");
    fs::remove_file(&current).expect("removed");
    is_mended(
        &workspace,
        "releases",
        "problem",
        "release 000002 was after the last run",
    );
    assert_eq!(workspace.live(), "000002");

    fs::remove_file(&current).expect("removed");
    symlink("releases/000009", &current).expect("a link");
    is_mended(&workspace, "releases", "problem", "where no release is");

    fs::remove_file(&current).expect("removed");
    workspace.write("production_deployment/current/note.txt", "a folder");
    is_mended(&workspace, "releases", "problem", "nothing is live");

    let link = workspace.path("production_deployment/latestscore.txt");
    fs::remove_file(link).expect("removed");
    workspace.write("production_deployment/latestscore.txt", "0.99\n");
    is_mended(
        &workspace,
        "releases",
        "problem",
        "does not lead to the live release",
    );

    fs::remove_dir_all(workspace.path("production_deployment")).expect("wiped");
    is_mended(&workspace, "releases", "problem", "nothing is live");
    assert_eq!(workspace.live(), "000003");
}

#[test]
fn a_damaged_history_is_set_aside_by_the_remedy() {
    let workspace = after_cold_start();
    let data = workspace.text(FINAL_DATA);
    workspace.write(
        "data/state/history.db",
        "this is no database, and was never one",
    );
    is_mended(
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
    is_mended(&workspace, "history", "problem", "the history is damaged");

    fs::remove_file(workspace.path("data/state/history.db")).expect("removed");
    is_mended(&workspace, "history", "problem", "history.db is missing");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn a_newer_history_is_named_and_kept() {
    let workspace = after_cold_start();
    let path = "data/state/history.db";
    let whole = fs::read(workspace.path(path)).expect("a file");
    // Where SQLite keeps the version that is the application's own.
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    workspace.write(path, newer);
    let visit = Visit::to(&workspace);
    assert_eq!(visit.code, 74);
    let remedy = visit.remedy("history", "problem", "version 99");
    assert_eq!(remedy, "fullprocess --version");
    mend(&workspace, remedy);
    workspace.write(path, whole);
    Visit::to(&workspace).is_healthy();
}

#[test]
fn data_that_is_not_what_the_ledger_says_is_made_anew_by_the_remedy() {
    let workspace = after_cold_start();
    let whole = workspace.text(FINAL_DATA);
    workspace.write(FINAL_DATA, whole.replacen("Mornonda", "Nornonda", 1));
    is_mended(
        &workspace,
        "history",
        "problem",
        "does not hold what was ingested",
    );
    workspace.write(FINAL_DATA, &whole[..whole.len() / 2]);
    is_mended(&workspace, "history", "problem", "finaldata.csv was cut");
    fs::remove_file(workspace.path(FINAL_DATA)).expect("removed");
    is_mended(&workspace, "history", "problem", "finaldata.csv");
    workspace.write("data/ingesteddata/rejectedrows.csv", "");
    is_mended(&workspace, "history", "problem", "rejectedrows.csv was cut");
    assert_eq!(workspace.text(FINAL_DATA), whole);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn a_lost_or_broken_key_is_drawn_anew_by_the_remedy() {
    let workspace = after_cold_start();
    let key = workspace.path("data/state/fingerprint.key");
    fs::remove_file(&key).expect("removed");
    is_mended(&workspace, "history", "note", "fingerprint.key is missing");
    fs::OpenOptions::new()
        .write(true)
        .open(&key)
        .and_then(|file| file.set_len(7))
        .expect("cut");
    is_mended(
        &workspace,
        "history",
        "problem",
        "does not hold a key of 16 bytes",
    );
    workspace.write("data/state/judged.fingerprints", "");
    is_mended(&workspace, "history", "note", "judged.fingerprints was cut");
    assert_eq!(workspace.fullprocess()["rows"]["new"], 0);
}

#[test]
fn a_disk_that_is_nearly_full_is_found() {
    let workspace = after_cold_start();
    // A file that only says that it is large, so that twice its size is not free.
    let free = rustix::fs::statvfs(workspace.path("")).expect("a file system");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(workspace.path(FINAL_DATA))
        .expect("a file");
    file.set_len(free.f_bavail * free.f_frsize / 2 + 1)
        .expect("a hole");
    let visit = Visit::unwatched(&workspace);
    mend(
        &workspace,
        visit.remedy("space", "problem", "a run may need"),
    );
    mend(
        &workspace,
        visit.remedy("orphans", "note", "no run committed"),
    );
    Visit::to(&workspace).is_healthy();
}
