//! Interrupted runs whose files are damaged before the next run. Files that can be rebuilt are
//! rebuilt. Where a person must act, the message says how.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::stories::{REBUILD, REDEPLOYMENT, Story};
use super::walk::{Fault, State, disturb, finish, first_change_after};
use crate::workspace::Workspace;

const FINAL_DATA: &str = "data/ingesteddata/finaldata.csv";

/// The damage to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Changed,
    Zeroed,
    Cut,
    Removed,
}

const DAMAGES: [Damage; 4] = [
    Damage::Changed,
    Damage::Zeroed,
    Damage::Cut,
    Damage::Removed,
];

impl Damage {
    /// Damages the file; true if there was one.
    fn befall(self, workspace: &Workspace, file: &str) -> bool {
        let Ok(mut content) = fs::read(workspace.path(file)) else {
            return false;
        };
        if content.is_empty() {
            return false;
        }
        let middle = content.len() / 2;
        match self {
            Self::Changed => content[middle] ^= 1,
            Self::Zeroed => content[middle..].fill(0),
            Self::Cut => content.truncate(middle),
            Self::Removed => {
                fs::remove_file(workspace.path(file)).expect("removed");
                return true;
            }
        }
        workspace.write(file, content);
        true
    }
}

/// Pipelines after a kill of the story's command, one for each state of its run.
///
/// A run does not return to a state that it left. So the first change of the next state is found by
/// bisection.
fn killed(story: &Story) -> Vec<(String, Workspace)> {
    let before = (story.prepare)();
    let kill = |number| {
        let workspace = before.copy();
        disturb(story, &workspace, Fault::Kill, number)?;
        Some((state_of_run(&workspace), workspace))
    };
    let mut states: Vec<(String, Workspace)> = Vec::new();
    let mut number = 0;
    loop {
        number = first_change_after(number, |number| {
            kill(number).is_none_or(|(state, _)| states.iter().all(|(known, _)| *known != state))
        });
        match kill(number) {
            Some(next) => states.push(next),
            None => return states,
        }
    }
}

/// The progress of the interrupted run, as the history has it.
fn state_of_run(workspace: &Workspace) -> String {
    let history = workspace.history();
    let open = history.unfinished_runs::<Value>().expect("runs");
    let ledger = history.ledger().expect("a ledger");
    let of_run = |record: &Value| {
        format!(
            "decided {}, {}",
            record["decision"].is_object(),
            record["effects"]
        )
    };
    let open: Vec<String> = open.iter().map(|run| of_run(&run.record)).collect();
    format!(
        "{open:?}, {} rows, {} judged, rebuilding {}",
        ledger.rows, ledger.evaluated_rows, ledger.rebuilding
    )
}

#[test]
fn s31_an_interrupted_run_whose_files_are_damaged_is_finished_or_says_what_a_person_must_do() {
    let undisturbed = (REDEPLOYMENT.prepare)();
    finish(&REDEPLOYMENT, &undisturbed);
    let expected = State::of(&undisturbed);
    let states = killed(&REDEPLOYMENT);
    assert!(states.len() > 5, "{}", states.len());
    for (number, (state, killed)) in states.iter().enumerate() {
        if State::of(killed).difference(&expected).is_empty() {
            // Only the seal of the history is missing: no run reads the data again.
            continue;
        }
        // The kinds of damage alternate, so that each kind meets several states.
        let damages = || DAMAGES.into_iter().cycle().skip(number);
        let damage = damages().next().expect("a damage");
        let workspace = killed.copy();
        assert!(damage.befall(&workspace, FINAL_DATA), "{state}");
        finish(&REDEPLOYMENT, &workspace);
        let difference = State::of(&workspace).difference(&expected);
        assert!(difference.is_empty(), "{state}, {damage:?}: {difference}");

        let files = files(killed);
        let of_this_turn = files.iter().skip(number % 3).step_by(3);
        for (file, damage) in of_this_turn.zip(damages()) {
            let workspace = killed.copy();
            if damage.befall(&workspace, file) {
                fails_twice_the_same_way_only_with_a_remedy(
                    &workspace,
                    &format!("{state}, {file} {damage:?}"),
                );
            }
        }
    }
}

#[track_caller]
fn fails_twice_the_same_way_only_with_a_remedy(workspace: &Workspace, place: &str) {
    let first = workspace.run("fullprocess", &["--quiet"]);
    if first.code == 0 {
        return;
    }
    let second = workspace.run("fullprocess", &["--quiet"]);
    let is_same = (second.code, &second.stderr) == (first.code, &first.stderr);
    let says_how = second.stderr.contains('`') || second.stderr.contains("remove it");
    assert!(!is_same || says_how, "{place}: {}", second.stderr);
}

#[test]
fn s31_data_that_is_damaged_before_its_rows_are_evaluated_is_made_again_by_the_run() {
    for damage in DAMAGES {
        let undisturbed = (REDEPLOYMENT.prepare)();
        finish(&REDEPLOYMENT, &undisturbed);
        let workspace = (REDEPLOYMENT.prepare)();
        assert_eq!(workspace.run("ingestion", &[]).code, 0);
        assert!(damage.befall(&workspace, FINAL_DATA));
        finish(&REDEPLOYMENT, &workspace);
        assert_eq!(
            workspace.text(FINAL_DATA),
            undisturbed.text(FINAL_DATA),
            "{damage:?}"
        );
    }
}

/// Commands that a person may type at any time.
const COMMANDS: [(&str, &[&str]); 10] = [
    ("training", &[]),
    ("scoring", &[]),
    ("deployment", &[]),
    ("deployment", &["--rollback"]),
    ("reporting", &[]),
    ("diagnostics", &[]),
    ("ingestion", &[]),
    ("fullprocess", &["--dry-run"]),
    ("fullprocess", &["--doctor"]),
    ("fullprocess", &["--history"]),
];

/// Runs a command, which may fail, but not in a way that nobody foresaw.
#[track_caller]
fn is_foreseen(workspace: &Workspace, (program, arguments): (&str, &[&str]), place: &str) -> i32 {
    let ended = workspace.run(program, arguments);
    let said = format!("{place}, {program} {arguments:?}: {}", ended.stderr);
    assert!(![1, 101].contains(&ended.code), "{said}");
    assert!(!ended.stderr.contains("please report it"), "{said}");
    ended.code
}

#[test]
fn s31_a_command_between_a_kill_and_its_recovery_works_or_says_what_to_run() {
    let states = killed(&REBUILD);
    let is_rebuilding = |state: &str| state.contains("rebuilding true");
    assert!(states.iter().any(|(state, _)| is_rebuilding(state)));
    for (state, killed) in &states {
        for command in COMMANDS {
            let workspace = killed.copy();
            let code = is_foreseen(&workspace, command, state);
            if is_rebuilding(state) && command.0 == "training" {
                assert_eq!(code, 74, "{state}");
                let remedy = "finish it with `fullprocess` or `ingestion`";
                workspace.run("training", &[]).failed(74, remedy);
            }
            assert_eq!(
                workspace.run("fullprocess", &[]).code,
                0,
                "{state}, {command:?}"
            );
        }
    }
}

#[test]
fn s31_no_damage_of_a_file_asks_for_a_report() {
    let before = (REDEPLOYMENT.prepare)();
    let mut commands = COMMANDS.iter().cycle();
    for file in files(&before) {
        for damage in DAMAGES {
            let workspace = before.copy();
            if damage.befall(&workspace, &file) {
                let place = format!("{file} {damage:?}");
                is_foreseen(&workspace, *commands.next().expect("a command"), &place);
                is_foreseen(&workspace, ("fullprocess", &[]), &place);
            }
        }
    }
}

/// One file of each kind that runs read.
fn files(workspace: &Workspace) -> Vec<String> {
    let rows = fs::read_dir(workspace.path("data/state/row.fingerprints"));
    let rows: Vec<PathBuf> = rows
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    let rows = rows.iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        Some(format!("data/state/row.fingerprints/{name}"))
    });
    [
        "data/ingesteddata/rejectedrows.csv",
        "data/ingesteddata/ingestedfiles.txt",
        "data/models/trainedmodel.msgpack",
        "data/models/latestscore.txt",
        "data/state/fingerprint.key",
        "data/state/judged.fingerprints",
        "data/state/ingestion.carry",
        "data/state/predictions.db",
        "production_deployment/current/manifest.json",
        "production_deployment/current/trainedmodel.msgpack",
        "production_deployment/current/confusionmatrix.png",
        "production_deployment/current/scorecard.csv",
        "production_deployment/current/report.html",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(rows)
    .collect()
}
