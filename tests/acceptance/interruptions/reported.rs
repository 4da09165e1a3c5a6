//! Notifications about runs that are killed, and the work that such a run must not lose.

use std::collections::BTreeSet;

use common::history::StoredRun;
use serde_json::{Value, json};

use super::stories::{CLASSES, COLD_START, Client, EXTENSION, REDEPLOYMENT, Story, clients};
use super::walk::{Fault, disturb, first_change_after};
use crate::receiver::{Answer, Receiver};
use crate::workspace::{Workspace, outcome};

/// The progress of the newest run, as the history has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Progress {
    run: i64,
    step: Step,
}

/// The steps of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Undecided,
    /// The decision is made, but none of its effects is done.
    Decided,
    AnyEffect,
    Published,
    Judged,
    Closed,
}

/// A pipeline after a kill, and the notifications before it.
struct Killed {
    workspace: Workspace,
    reported: Vec<String>,
}

impl Progress {
    fn of(workspace: &Workspace) -> Self {
        let history = workspace.history();
        let open = history.unfinished_runs().expect("runs").pop();
        let closed = history.finished_runs(1).expect("runs").pop();
        let open = open.map(|run| (run.id, Step::of(&run.record)));
        let closed = closed.map(|run: StoredRun<Value>| (run.id, Step::Closed));
        let (run, step) = open.max(closed).expect("a run");
        Self { run, step }
    }

    fn next_run(self) -> i64 {
        self.run + 1
    }
}

impl Step {
    /// The step of an open run.
    fn of(record: &Value) -> Self {
        let effects = record["effects"].as_array().into_iter().flatten();
        let effects: BTreeSet<&str> = effects.filter_map(Value::as_str).collect();
        match record["decision"].is_object() {
            false => Self::Undecided,
            true if effects.contains("judged") => Self::Judged,
            true if effects.contains("published") => Self::Published,
            true if effects.is_empty() => Self::Decided,
            true => Self::AnyEffect,
        }
    }
}

/// The next run, killed at the given change; `None` if the run makes fewer changes.
fn kill(before: &Workspace, receiver: &Receiver, number: u32) -> Option<Killed> {
    let workspace = before.copy();
    receiver.posted();
    disturb(&EXTENSION, &workspace, Fault::Kill, number)?;
    let reported = receiver.reported();
    Some(Killed {
        workspace,
        reported,
    })
}

/// The next run, killed at the last change that leaves `run` at this step.
///
/// A later change never leaves less progress.
fn killed(before: &Workspace, receiver: &Receiver, run: i64, step: Step) -> Killed {
    let wanted = Progress { run, step };
    let is_beyond = |number| {
        let killed = kill(before, receiver, number);
        killed.is_none_or(|killed| Progress::of(&killed.workspace) > wanted)
    };
    let last = first_change_after(0, is_beyond) - 1;
    let last = kill(before, receiver, last).expect("a kill before the step is over");
    assert_eq!(Progress::of(&last.workspace), wanted);
    last
}

fn watched(mut workspace: Workspace, receiver: &Receiver) -> Workspace {
    workspace.set("alerts.webhook.url", json!(receiver.url()));
    workspace
}

/// Configures a schema that the live model does not fit.
fn read_one_feature(workspace: &mut Workspace) {
    workspace.set("schema.features", json!(["lastmonth_activity"]));
}

/// Configures the schema that the live model fits.
fn read_all_features(workspace: &mut Workspace) {
    let features = [
        "lastmonth_activity",
        "lastyear_activity",
        "number_of_employees",
    ];
    workspace.set("schema.features", json!(features));
}

/// The notifications about failed runs.
fn of_failures(reported: Vec<String>) -> Vec<String> {
    let is_of_failure = |one: &String| one.starts_with("run_failed");
    reported.into_iter().filter(is_of_failure).collect()
}

#[test]
fn s29_a_run_that_is_killed_each_time_after_its_decision_is_reported_once() {
    let receiver = Receiver::start();
    let before = watched((REDEPLOYMENT.prepare)(), &receiver);
    let run = Progress::of(&before).next_run();
    let first = killed(&before, &receiver, run, Step::Decided);
    assert_eq!(of_failures(first.reported), [""; 0]);
    let second = killed(&first.workspace, &receiver, run, Step::Decided);
    assert_eq!(of_failures(second.reported), ["run_failed open"]);
    let third = killed(&second.workspace, &receiver, run, Step::Decided);
    assert_eq!(of_failures(third.reported), [""; 0], "within its cool-down");
    receiver.posted();
    assert_eq!(outcome(&third.workspace.fullprocess()), "redeployed");
    assert_eq!(of_failures(receiver.reported()), ["run_failed resolved"]);

    assert_eq!(outcome(&first.workspace.fullprocess()), "redeployed");
    let once = ["run_failed open", "run_failed resolved"];
    assert_eq!(of_failures(receiver.reported()), once, "an ordinary kill");
    assert_eq!(outcome(&first.workspace.fullprocess()), "nothing_new");
    assert_eq!(receiver.reported(), [""; 0]);
}

#[test]
fn s29_runs_that_are_killed_each_time_before_their_decision_are_reported_once() {
    let receiver = Receiver::start();
    let before = watched((EXTENSION.prepare)(), &receiver);
    let run = Progress::of(&before).next_run();
    let first = killed(&before, &receiver, run, Step::Undecided);
    assert_eq!(first.reported, [""; 0]);
    let second = killed(&first.workspace, &receiver, run + 1, Step::Undecided);
    assert_eq!(second.reported, ["run_failed open"]);
    let third = killed(&second.workspace, &receiver, run + 2, Step::Undecided);
    assert_eq!(third.reported, [""; 0], "within its cool-down");
    receiver.posted();
    assert_eq!(outcome(&third.workspace.fullprocess()), "steady");
    assert_eq!(receiver.reported(), ["run_failed resolved"]);
}

#[test]
fn s29_rejected_input_is_reported_although_the_run_that_rejected_it_was_killed() {
    let receiver = Receiver::start();
    let before = watched((EXTENSION.prepare)(), &receiver);
    let broken = "Broken Co,many,1,1,0\n";
    let rows = clients(230..240, Client::is_quiet) + broken;
    before.write("data/practicedata/broken.csv", rows);
    let rows = |workspace: &Workspace| workspace.history().ledger().expect("a ledger").rows;
    let rows_before = rows(&before);
    let undecided = Progress {
        run: Progress::of(&before).next_run(),
        step: Step::Undecided,
    };
    let mut n_killed = 0;
    let kill = |number| kill(&before, &receiver, number);
    let first = first_change_after(0, |number| {
        kill(number).is_none_or(|killed| rows(&killed.workspace) != rows_before)
    });
    let taken_in = (first..)
        .map_while(kill)
        .take_while(|killed| Progress::of(&killed.workspace) == undecided);
    for Killed {
        workspace,
        reported,
    } in taken_in
    {
        n_killed += 1;
        assert_eq!(reported, [""; 0]);
        receiver.posted();
        assert_eq!(outcome(&workspace.fullprocess()), "steady");
        let reported = receiver.reported();
        assert!(
            reported.contains(&"input_rejected open".to_owned()),
            "{reported:?}"
        );
    }
    assert!(n_killed > 1, "at several changes after it was taken in");
}

#[test]
fn s29_predictions_wait_on_though_a_run_that_put_them_elsewhere_cannot_be_finished() {
    let receiver = Receiver::start();
    let mut before = watched((CLASSES.prepare)(), &receiver);
    // Without a cool-down, a repeated alert is also notified twice.
    before.set("alerts.cool_down_hours", json!(0));
    let predicted = before.last_record()["run_id"].as_i64().expect("a run");
    let run = Progress::of(&before).next_run();
    let mut workspace = killed(&before, &receiver, run, Step::Decided).workspace;

    read_one_feature(&mut workspace);
    receiver.posted();
    let says = "correct the schema";
    workspace.run("fullprocess", &[]).failed(78, says);
    assert_eq!(receiver.reported(), ["run_failed open"]);
    let closed = workspace.history().finished_run(run).expect("runs");
    let closed: Value = closed.expect("it is closed").read().expect("a record");
    assert_eq!(outcome(&closed), "failed");
    assert!(closed["reason"].as_str().expect("a reason").contains(says));
    workspace.run("fullprocess", &[]).failed(78, says);
    assert_eq!(receiver.reported(), ["run_failed open"]);

    read_all_features(&mut workspace);
    assert_eq!(outcome(&workspace.fullprocess()), "steady");
    let labelled = || {
        let kept: Option<Value> = workspace
            .history()
            .estimate_of(predicted)
            .expect("readable");
        kept.expect("an estimate")["labelled"]["rows"].clone()
    };
    assert_eq!(labelled(), 30);
    // Ten labels alone are too few, so a run would wait for more.
    let others = clients(500..530, Client::is_quiet);
    let rest = clients(190..200, Client::is_quiet);
    let rest = others
        .lines()
        .skip(1)
        .fold(rest, |text, row| text + row + "\n");
    workspace.write("data/practicedata/rest.csv", rest);
    workspace.fullprocess();
    assert_eq!(labelled(), 40, "the others waited on");
}

#[test]
fn s29_predictions_outlast_a_kill_behind_the_publication_though_the_data_moves_on() {
    let receiver = Receiver::start();
    let before = watched((REDEPLOYMENT.prepare)(), &receiver);
    let run = Progress::of(&before).next_run();
    let workspace = killed(&before, &receiver, run, Step::Published).workspace;
    workspace.write(
        "data/practicedata/moved.csv",
        clients(400..430, Client::is_quiet),
    );
    assert_eq!(workspace.run("ingestion", &[]).code, 0);
    workspace.fullprocess();
    let kept = |run| {
        let kept: Option<Value> = workspace.history().estimate_of(run).expect("readable");
        kept.expect("an estimate")
    };
    assert_eq!(kept(run)["estimated_performance"]["rows"], 30);
    assert_eq!(kept(run - 1)["labelled"]["rows"], 10);
}

#[test]
fn s29_the_predictions_of_a_publication_are_kept_though_its_run_cannot_be_finished() {
    let receiver = Receiver::start();
    let before = watched((REDEPLOYMENT.prepare)(), &receiver);
    let run = Progress::of(&before).next_run();
    let mut workspace = killed(&before, &receiver, run, Step::Published).workspace;
    read_one_feature(&mut workspace);
    workspace
        .run("fullprocess", &[])
        .failed(78, "correct the schema");
    read_all_features(&mut workspace);
    workspace.fullprocess();
    let kept: Option<Value> = workspace.history().estimate_of(run).expect("readable");
    assert_eq!(
        kept.expect("an estimate")["estimated_performance"]["rows"],
        30
    );
}

#[test]
fn s30_what_waits_is_posted_once_though_the_disk_is_full_for_several_runs() {
    let receiver = Receiver::start();
    let mut workspace = watched((EXTENSION.prepare)(), &receiver);
    workspace.write(
        "data/practicedata/broken.csv",
        clients(230..240, Client::is_quiet) + "Broken Co,many,1,1,0\n",
    );
    receiver.answers(Answer::status("503 Service Unavailable"));
    workspace.set("alerts.timeout_seconds", json!(0.2));
    assert_eq!(outcome(&workspace.fullprocess()), "steady");
    workspace.set("alerts.timeout_seconds", json!(5));
    receiver.answers(Answer::status("200 OK"));
    receiver.posted();
    // Without the changes before it, there is no run yet that could notify anybody.
    let reported = |number| {
        disturb(&EXTENSION, &workspace, Fault::NoSpace, number).expect("it changes something");
        receiver.reported()
    };
    let failed: Vec<_> = (1..)
        .map(reported)
        .skip_while(Vec::is_empty)
        .take_while(|reported| reported.contains(&"run_failed open".to_owned()))
        .collect();
    assert!(failed.len() > 1, "{failed:?}");
    for reported in failed {
        assert_eq!(reported, ["run_failed open"]);
    }
    workspace.fullprocess();
    assert_eq!(receiver.reported(), ["input_rejected open"]);
}

/// The first change at which a kill leaves this release complete.
fn first_kill_behind(release: &str, story: &Story, before: &Workspace) -> u32 {
    let path = format!("production_deployment/releases/{release}");
    first_change_after(0, |number| {
        let workspace = before.copy();
        disturb(story, &workspace, Fault::Kill, number).is_none() || workspace.path(&path).exists()
    })
}

#[test]
fn s29_a_killed_run_whose_release_was_left_by_a_rollback_says_what_is_live() {
    let before = (REDEPLOYMENT.prepare)();
    let first = first_kill_behind("000003", &REDEPLOYMENT, &before);
    for number in (first..first + 3).chain((first + 3..).step_by(7)) {
        let workspace = before.copy();
        disturb(&REDEPLOYMENT, &workspace, Fault::Kill, number);
        let open = workspace.history().unfinished_runs::<Value>();
        let Some(run) = open.expect("runs").pop() else {
            assert!(number > first + 3);
            break;
        };
        let to = match workspace.live().as_str() {
            "000002" => "000001",
            _ => "000002",
        };
        let back = workspace.run("deployment", &["--rollback", to]);
        assert_eq!(back.code, 0, "{}", back.stderr);
        let dry = workspace.run("fullprocess", &["--dry-run", "--json"]);
        for said in [dry.json(), workspace.fullprocess()] {
            assert_eq!(said["outcome"], "nothing_new", "{number}: {said:#}");
            assert_eq!(said["release"], to, "{number}");
        }
        assert_eq!(workspace.live(), to, "{number}");
        let closed = workspace.history().finished_runs::<Value>(9);
        let closed = closed.expect("runs");
        let record = closed
            .into_iter()
            .find(|closed| closed.id == run.id)
            .expect("it")
            .record;
        assert_eq!(record["outcome"], "interrupted", "{number}");
        assert_eq!(record["release"], to, "{number}");
    }
}

#[test]
fn s29_a_first_deployment_by_hand_that_was_killed_is_finished_by_the_next_run() {
    let before = (COLD_START.prepare)();
    for stage in ["ingestion", "training", "scoring"] {
        let done = before.run(stage, &[]);
        assert_eq!(done.code, 0, "{stage}: {}", done.stderr);
    }
    let deployment = Story {
        program: "deployment",
        ..COLD_START
    };
    let first = first_kill_behind("000001", &deployment, &before);
    for number in first..first + 3 {
        let workspace = before.copy();
        disturb(&deployment, &workspace, Fault::Kill, number).expect("a kill");
        for arguments in [&["--dry-run", "--json"][..], &["--json"]] {
            let ran = workspace.run("fullprocess", arguments);
            assert_eq!(ran.code, 0, "{number}: {}", ran.stderr);
            assert_eq!(ran.json()["release"], "000001", "{number}");
        }
        assert_eq!(workspace.live(), "000001", "{number}");
    }
}
