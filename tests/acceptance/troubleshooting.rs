//! `docs/when-something-is-wrong.md`: each section is provoked on the real programs, its commands
//! are run, and what they print is what the page says.
//!
//! The page is the only place where commands and messages stand. A test sets the scene, does what
//! a person would do between the commands, and follows the page from one step to the next.

use std::collections::BTreeSet;
use std::fs;

use acceptance::sample_data::{World, clients, to_csv};
use common::{Config, History, RunLock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::program;
use crate::receiver::{Answer, Receiver};
use crate::server::Server;
use crate::shell::OrdinaryUser;
use crate::workspace::{Finished, Workspace, outcome};

const HEADER: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited";
const PRACTICE: &str = "data/practicedata";
const HELD_BACK: &str = "data/testdata/clients_held_back.csv";
/// Stands in the page for what differs from case to case.
const ANYTHING: char = '…';

/// One section of the page, followed step by step.
struct Section {
    test: String,
    steps: std::vec::IntoIter<Step>,
}

/// Commands, and what the page says they print.
struct Step {
    commands: String,
    printed: Vec<String>,
    code: i32,
}

impl Section {
    /// The section that names this test.
    fn of(test: &str) -> Self {
        sections()
            .into_iter()
            .find(|section| section.test == test)
            .expect("a section of the page")
    }

    /// Does what the page says next, and sees what it says.
    #[track_caller]
    fn follow(&mut self, workspace: &Workspace) {
        self.follow_by(|commands| workspace.shell(commands));
    }

    #[track_caller]
    fn follow_by(&mut self, shell: impl FnOnce(&str) -> Finished) {
        let step = self.steps.next().expect("one more step");
        // Talk and results in the order in which they come.
        let done = shell(&format!("exec 2>&1\n{}", step.commands));
        let printed = done.stdout;
        assert_eq!(done.code, step.code, "{}: {printed}", step.commands);
        let mut lines = printed.lines();
        for expected in &step.printed {
            assert!(
                lines.any(|line| matches(line, expected)),
                "{:?} does not print {expected:?} (in this order), but:\n{printed}",
                step.commands
            );
        }
    }

    /// The page has no more to say.
    #[track_caller]
    fn ends(mut self) {
        assert!(self.steps.next().is_none(), "{} goes on", self.test);
    }
}

fn page() -> String {
    let path = program::repository().join("docs/when-something-is-wrong.md");
    fs::read_to_string(path).expect("the page")
}

fn sections() -> Vec<Section> {
    let page = page();
    let sections = page.split("\n## ").skip(1);
    sections
        .map(|section| {
            let (_, rest) = section.split_once("<!-- test: ").expect("a test");
            let (test, _) = rest.split_once(" -->").expect("a whole comment");
            Section {
                test: test.to_owned(),
                steps: steps(section).into_iter(),
            }
        })
        .collect()
}

fn steps(section: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // Every second part is a fenced block.
    for block in section.split("```").skip(1).step_by(2) {
        let (kind, content) = block.split_once('\n').expect("a block");
        match kind {
            "sh" => steps.push(Step {
                commands: content.to_owned(),
                printed: Vec::new(),
                code: 0,
            }),
            "text" => {
                let step = steps.last_mut().expect("commands before what they print");
                for line in content.lines() {
                    match line.strip_prefix("exit code ") {
                        Some(code) => step.code = code.parse().expect("a number"),
                        None => step.printed.push(line.to_owned()),
                    }
                }
            }
            _ => panic!("{kind:?} is neither commands nor what they print"),
        }
    }
    steps
}

/// Whether a line is what the page says of it.
fn matches(line: &str, expected: &str) -> bool {
    let mut parts = expected.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        is_open = part.is_empty();
        match rest.find(part) {
            // What stands last on the page stands last in the line.
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    is_open || rest.is_empty()
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

/// Input rows of one class.
fn leavers() -> String {
    let rows = (1..30).map(|row| format!("c{row},{row},9,3,1\n"));
    std::iter::once(format!("{HEADER}\n")).chain(rows).collect()
}

#[test]
fn ask_the_doctor_first() {
    let mut page = Section::of("ask_the_doctor_first");
    page.follow(&after_cold_start());
    page.ends();
}

#[test]
fn the_test_data_is_of_no_use() {
    let mut page = Section::of("the_test_data_is_of_no_use");
    let workspace = Workspace::with_sample_data();
    let whole = workspace.text(HELD_BACK);
    workspace.write(HELD_BACK, whole.replacen("number_of_employees", "staff", 1));
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(HELD_BACK, whole);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn all_rows_are_of_one_class() {
    let mut page = Section::of("all_rows_are_of_one_class");
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    workspace.write(&format!("{PRACTICE}/clients.csv"), leavers());
    page.follow(&workspace);
    workspace.copy_sample("practicedata", "practicedata");
    page.follow(&workspace);
    page.ends();
}

#[test]
fn nothing_can_be_trained() {
    let mut page = Section::of("nothing_can_be_trained");
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    let path = format!("{PRACTICE}/clients.csv");
    let rows: String = (1..9)
        .map(|row| format!("c{row},\"1,5\",9,3,1\n"))
        .collect();
    workspace.write(&path, format!("{HEADER}\n{rows}"));
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(&path, to_csv(&clients(World::Before, 50, 400)));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn a_file_is_refused() {
    let mut page = Section::of("a_file_is_refused");
    let workspace = after_cold_start();
    let path = format!("{PRACTICE}/export.csv");
    let whole = to_csv(&clients(World::Before, 51, 100));
    let whole = String::from_utf8(whole).expect("UTF-8");
    workspace.write(&path, whole.replacen("number_of_employees", "staff", 1));
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(&path, whole);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn a_file_stays_waiting() {
    let mut page = Section::of("a_file_stays_waiting");
    let mut workspace = after_cold_start();
    // However slow this machine is, the file is young.
    workspace.set("ingestion.settle_seconds", json!(100_000));
    let path = format!("{PRACTICE}/growing.csv");
    workspace.write(&path, format!("{HEADER}\nGrowing Co,1,2,3,0\nGrown Co,1,2"));
    page.follow(&workspace);
    page.follow(&workspace);
    workspace.write(
        &path,
        format!("{HEADER}\nGrowing Co,1,2,3,0\nGrown Co,1,2,3,1\n"),
    );
    page.follow(&workspace);
    page.ends();
}

#[test]
fn a_candidate_is_refused() {
    let mut page = Section::of("a_candidate_is_refused");
    let mut workspace = after_cold_start();
    let few = to_csv(&clients(World::Before, 31, 30));
    workspace.write("data/few/clients.csv", few);
    workspace.set_input(&["few"]);
    page.follow(&workspace);
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn rows_are_missing() {
    let mut page = Section::of("rows_are_missing");
    let workspace = after_cold_start();
    let rows: BTreeSet<String> = workspace.final_rows().into_iter().collect();
    let path = format!("{PRACTICE}/clients_2025_h2.csv");
    let content = workspace.text(&path);
    fs::remove_file(workspace.path(&path)).expect("removed");
    page.follow(&workspace);
    workspace.write(&format!("{PRACTICE}/second half.csv"), content);
    page.follow(&workspace);
    page.ends();
    let back: BTreeSet<String> = workspace.final_rows().into_iter().collect();
    assert_eq!(back, rows);
}

#[test]
fn the_key_is_lost() {
    let mut page = Section::of("the_key_is_lost");
    let workspace = after_cold_start();
    fs::remove_file(workspace.path("data/state/fingerprint.key")).expect("removed");
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn two_releases_after_a_rollback() {
    let mut page = Section::of("two_releases_after_a_rollback");
    let workspace = after_redeployment();
    assert_eq!(workspace.run("deployment", &["--rollback"]).code, 0);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_command_line_is_wrong() {
    let mut page = Section::of("the_command_line_is_wrong");
    let workspace = after_cold_start();
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_api_does_not_answer() {
    let mut page = Section::of("the_api_does_not_answer");
    let mut workspace = Workspace::with_sample_data();
    // Nothing listens on the discard port of the loopback address.
    workspace.set("api.url", json!("http://127.0.0.1:9"));
    page.follow(&workspace);
    page.follow(&workspace);
    let server = Server::start(&mut workspace);
    workspace.set("api.url", json!(server.url()));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn alerts_are_not_delivered() {
    let mut page = Section::of("alerts_are_not_delivered");
    let mut workspace = Workspace::with_sample_data();
    let receiver = Receiver::start();
    workspace.set("alerts.webhook.url", json!(receiver.url()));
    receiver.answers(Answer::status("500 Internal Server Error"));
    page.follow(&workspace);
    page.follow(&workspace);
    receiver.answers(Answer::status("200 OK"));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_disk_is_full() {
    let mut page = Section::of("the_disk_is_full");
    let mut workspace = after_cold_start();
    workspace.set_input(&["sourcedata"]);
    // What is written to this device ends as on a full disk.
    let full = workspace.path("data/state/runs/000002/.record.json.partial");
    fs::create_dir_all(full.parent().expect("a folder")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", &full).expect("a link");
    page.follow(&workspace);
    page.follow(&workspace);
    fs::remove_file(&full).expect("room");
    page.follow(&workspace);
    page.ends();
    assert_eq!(workspace.live(), "000002");
}

#[test]
fn a_folder_may_not_be_written() {
    let mut page = Section::of("a_folder_may_not_be_written");
    let workspace = Workspace::with_sample_data();
    workspace.write("data/models/.keep", "");
    assert_eq!(workspace.shell("chmod 555 data/models").code, 0);
    let user = OrdinaryUser::of(&workspace);
    for _ in 0..3 {
        page.follow_by(|commands| user.shell(commands));
    }
    page.ends();
}

#[test]
fn finaldata_csv_is_damaged() {
    let mut page = Section::of("finaldata_csv_is_damaged");
    let workspace = after_cold_start();
    let path = "data/ingesteddata/finaldata.csv";
    let whole = workspace.text(path);
    workspace.write(path, whole.replacen("Mornonda", "Nornonda", 1));
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
    assert_eq!(workspace.text(path), whole);
}

#[test]
fn the_live_release_is_damaged() {
    let mut page = Section::of("the_live_release_is_damaged");
    let workspace = after_redeployment();
    let path = "production_deployment/releases/000002/trainedmodel.msgpack";
    let mut bytes = fs::read(workspace.path(path)).expect("a model");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    workspace.write(path, bytes);
    for _ in 0..4 {
        page.follow(&workspace);
    }
    page.ends();
}

#[test]
fn the_history_is_damaged() {
    let mut page = Section::of("the_history_is_damaged");
    let workspace = after_cold_start();
    workspace.write(
        "data/state/history.db",
        "no database, and long enough to tell",
    );
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_history_is_newer() {
    let mut page = Section::of("the_history_is_newer");
    let workspace = after_cold_start();
    let path = "data/state/history.db";
    let whole = fs::read(workspace.path(path)).expect("a history");
    let mut newer = whole.clone();
    // Where SQLite keeps the version that is the application's own.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    workspace.write(path, newer);
    page.follow(&workspace);
    page.follow(&workspace);
    // The newer program is not there to be put back, so its history goes.
    workspace.write(path, whole);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_production_folder_is_empty() {
    let mut page = Section::of("the_production_folder_is_empty");
    let workspace = after_cold_start();
    fs::remove_dir_all(workspace.path("production_deployment")).expect("wiped");
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn no_run_for_a_long_time() {
    let mut page = Section::of("no_run_for_a_long_time");
    let workspace = after_cold_start();
    let runs = workspace
        .run("fullprocess", &["--history", "--json"])
        .json();
    let record: &Value = &runs[0];
    let long_ago = Timestamp::now() - SignedDuration::from_hours(25);
    let config = Config::load(&workspace.path("config.json")).expect("a configuration");
    let history = History::open(&config.layout).expect("a history");
    let run = history.begin_run(long_ago, record).expect("a run");
    history
        .finish_run(run, long_ago, "nothing_new", record)
        .expect("an end");
    drop(history);
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn another_run_is_working() {
    let mut page = Section::of("another_run_is_working");
    let workspace = after_cold_start();
    let config = Config::load(&workspace.path("config.json")).expect("a configuration");
    let lock = RunLock::acquire(&config.layout, "a test").expect("the lock");
    page.follow(&workspace);
    page.follow(&workspace);
    drop(lock);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_configuration_is_wrong() {
    let mut page = Section::of("the_configuration_is_wrong");
    let mut workspace = after_cold_start();
    workspace.set("drift", json!({"on_ties": "keep"}));
    page.follow(&workspace);
    workspace.set("drift", json!({"on_tie": "keep"}));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn restore_a_backup() {
    let mut page = Section::of("restore_a_backup");
    let workspace = after_redeployment();
    let before = workspace.final_rows();
    page.follow(&workspace);
    fs::remove_dir_all(workspace.path("data/state")).expect("removed");
    workspace.write("data/ingesteddata/finaldata.csv", "");
    page.follow(&workspace);
    page.ends();
    assert_eq!(workspace.final_rows(), before);
}

#[test]
fn start_over() {
    let mut page = Section::of("start_over");
    let workspace = after_cold_start();
    fs::remove_file(workspace.path("data/state/history.db")).expect("removed");
    page.follow(&workspace);
    page.ends();
}

#[test]
fn each_section_has_its_test_and_each_test_its_section() {
    let sections = sections();
    let named: BTreeSet<&str> = sections
        .iter()
        .map(|section| section.test.as_str())
        .collect();
    assert_eq!(named.len(), sections.len(), "a test named twice");
    let ours = include_str!("troubleshooting.rs");
    let tests: BTreeSet<&str> = ours
        .split("Section::of(\"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .filter(|name| ours.contains(&format!("#[test]\nfn {name}() {{")))
        .collect();
    assert_eq!(named, tests);
}

#[test]
fn each_section_is_in_the_pages_table_and_each_link_leads_to_one() {
    let page = page();
    let headings: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(anchor)
        .collect();
    let links: BTreeSet<String> = page
        .split("](#")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect();
    let unlinked: Vec<&String> = headings.difference(&links).collect();
    assert_eq!(unlinked, ["ask-the-doctor-first", "start-over"]);
    assert!(links.is_subset(&headings), "{links:?}");
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .replace(' ', "-")
        .replace(|c: char| !c.is_alphanumeric() && c != '-', "")
}

#[test]
fn the_pages_marks_stand_for_anything() {
    assert!(matches("run 12: steady", "run …: steady"));
    assert!(matches("run 12: steady", "run …"));
    assert!(matches("run 12: steady", "…: steady"));
    assert!(!matches("run 12: steady", "run …: stead"));
    assert!(!matches("run 12: steady", "12: steady"));
    assert!(!matches("run 12", "run …: steady"));
}
