//! A walk disturbs the same command at its first change, at its second, and so on.
//!
//! A kill happens at every change: one run stops in the middle of each, and its files are kept, because a kill
//! leaves the same ones ([`images`](super::images)). From each of these states the command is repeated. A
//! random ninth of the changes is killed in a run of its own; this must change no file. Every other fault happens at a random third of the changes. After a random
//! ninth of the faults, a dry run has to say what the next run does. A ninth of the kills is repeated with a clock
//! that jumps. The choice is the same in each run of the tests. With `FAULTS=all` all of this happens at every
//! change (`scripts/check-faults.sh`).
//!
//! After each fault, a reader sees either the old or the new release, complete. The same command then finishes
//! its work, and the next run finds nothing new. The final state equals that of an undisturbed run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::layout::names;
use common::{History, Manifest, digest};
use serde_json::Value;

use super::images::{self, Image};
use super::stories::Story;
use crate::workspace::{Workspace, outcome};

/// A fault that disturbs a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `kill -9`.
    Kill,
    /// From this change on, the disk is full (ENOSPC).
    NoSpace,
    /// The device fails once (EIO).
    Broken,
    /// From this change on, names must not be changed (EACCES).
    Refused,
    /// One pass over the rows fails, as if the engine that has them could not be reached. Passes are
    /// counted instead of changes.
    Unreachable,
    /// A lock of SQLite is not released (ENOLCK). Releases are counted instead of changes.
    Unreleased,
}

/// A command after a fault: how it ended, and the change at which the fault happened.
pub(super) struct Disturbed {
    ended: Output,
    /// Number and path of the change at which the fault happened.
    change: String,
    path: String,
}

/// True if a fault happens at a change. A digest selects the third of the changes, so that the
/// selection does not depend on their order.
fn is_tried(story: &Story, fault: Fault, number: u32) -> bool {
    fault == Fault::Kill || tries_all() || is_drawn(story, &fault.to_string(), number, 3)
}

fn tries_all() -> bool {
    std::env::var_os("FAULTS").is_some_and(|faults| faults == "all")
}

/// True for one of `of` changes, drawn by a digest.
fn is_drawn(story: &Story, what: &str, number: u32, of: u32) -> bool {
    let place = format!("{}, {what} at change {number}", story.name);
    let digest = digest::of_bytes(place.as_bytes());
    let draw = u32::from_str_radix(&digest[..8], 16).expect("a digest is hexadecimal");
    draw.is_multiple_of(of)
}

/// Disturbs a story at its changes, and prints the coverage.
pub(super) fn walk(story: &Story, fault: Fault) {
    walk_with(story, fault, |number| is_tried(story, fault, number), None);
}

/// Kills a story at a ninth of its changes, or with `FAULTS=all` at all of them, while the clock
/// jumps by a month in both directions.
pub(super) fn walk_with_jumping_clock(story: &Story) {
    let is_tried = |number| tries_all() || is_drawn(story, "a jumping clock", number, 9);
    walk_with(story, Fault::Kill, is_tried, Some(&JUMPS));
}

/// Offsets of the clock, in seconds, for the commands that are disturbed and for those after it.
const JUMPS: [&str; 2] = ["2592000,-2592000,0", "-5184000,5184000,-60,0"];

fn walk_with(
    story: &Story,
    fault: Fault,
    is_tried: impl Fn(u32) -> bool,
    clock: Option<&[&'static str; 2]>,
) {
    let before = (story.prepare)();
    let undisturbed = before.copy();
    finish(story, &undisturbed);
    let expected = State::of(&undisturbed);
    let mut coverage = BTreeMap::<String, usize>::new();
    for number in (1..).filter(|number| is_tried(*number)) {
        let mut workspace = before.copy();
        workspace.clock = clock.map(|[disturbed, _]| *disturbed);
        let Some(disturbed) = disturb(story, &workspace, fault, number) else {
            break;
        };
        if matches!(fault, Fault::Unreachable | Fault::Unreleased) && disturbed.is_of_an_answer() {
            // The server makes its answers last, of the test data and the history. Its rows are always in
            // memory, and it commits nothing.
            break;
        }
        let place = format!(
            "{}, {fault} at change {number}, {} {}",
            story.name, disturbed.change, disturbed.path
        );
        workspace.clock = clock.map(|[_, after]| *after);
        disturbed.ended_as_it_should(fault, &place);
        if fault == Fault::Unreachable {
            let live = [&before, &workspace].map(live_release);
            assert_eq!(live[0], live[1], "{place}: a release was deployed");
        }
        let said = String::from_utf8_lossy(&disturbed.ended.stderr);
        recovers(story, &workspace, number, &place, &said, &expected);
        *coverage.entry(disturbed.change).or_default() += 1;
    }
    print_coverage(story, fault, &coverage);
}

/// Kills a story at each of its changes, and prints the coverage.
pub(super) fn walk_killed(story: &Story) {
    let before = (story.prepare)();
    let undisturbed = before.copy();
    finish(story, &undisturbed);
    let expected = State::of(&undisturbed);
    let mut coverage = BTreeMap::<String, usize>::new();
    let mut workspace = before.copy();
    for (number, image) in (1..).zip(images::images(story, &workspace)) {
        let Image { tree, change, path } = image;
        let place = format!("{}, kill at change {number}, {change} {path}", story.name);
        workspace.restore(&tree);
        recovers(story, &workspace, number, &place, "", &expected);
        if tries_all() || is_drawn(story, "a kill of its own", number, 9) {
            let killed = before.copy();
            let (change, path) = images::kill(story, &killed, number).expect("as many changes");
            let place = format!("{place}; in a run of its own, {change} {path}");
            recovers(story, &killed, number, &place, "", &expected);
        }
        *coverage.entry(change).or_default() += 1;
    }
    print_coverage(story, Fault::Kill, &coverage);
}

/// Checks what a reader sees after a fault, and that the command recovers from it. `said` is what the
/// disturbed command said.
fn recovers(
    story: &Story,
    workspace: &Workspace,
    number: u32,
    place: &str,
    said: &str,
    expected: &State,
) {
    a_reader_sees_a_whole_release(workspace, place);
    // A dry run writes nothing, so that the command meets what the fault left.
    if tries_all() || is_drawn(story, "a dry run", number, 9) {
        let copy = workspace.copy();
        a_dry_run_says_what_the_next_run_does(&copy, place);
    }
    finish(story, workspace);
    if said.contains("the call list is not made") {
        // What the documentation says to do then.
        assert_eq!(workspace.run("scoring", &["--rank"]).code, 0, "{place}");
    }
    let difference = State::of(workspace).difference(expected);
    assert!(difference.is_empty(), "{place}: {said}{difference}");
}

#[expect(
    clippy::print_stdout,
    reason = "the coverage is for a person who asks for it"
)]
fn print_coverage(story: &Story, fault: Fault, coverage: &BTreeMap<String, usize>) {
    let total: usize = coverage.values().sum();
    assert!(total > 0, "nothing of {} was disturbed", story.name);
    println!("{:14} {fault:6} {total:4} changes {coverage:?}", story.name);
}

/// Disturbs the command at its change `number`; `None` if it makes fewer changes.
pub(super) fn disturb(
    story: &Story,
    workspace: &Workspace,
    fault: Fault,
    number: u32,
) -> Option<Disturbed> {
    let log = workspace.path("fault.log");
    let ended = workspace
        .command(story.program)
        .args(story.arguments)
        .env("RISK_FAULT", format!("{fault}:{number}:{}", log.display()))
        .output()
        .expect("the program starts");
    let noted = fs::read_to_string(&log).ok();
    let Some(noted) = noted else {
        assert!(ended.status.success(), "{ended:?}");
        return None;
    };
    let (change, path) = noted.trim_end().split_once(' ').expect("change and path");
    Some(Disturbed {
        ended,
        change: change.to_owned(),
        path: path.to_owned(),
    })
}

/// The first change after change `known` for which `is_so` returns true. From that change on, it
/// must always return true: the change is found by bisection.
pub(super) fn first_change_after(known: u32, is_so: impl Fn(u32) -> bool) -> u32 {
    let (mut before, mut step) = (known, 1);
    while !is_so(before + step) {
        (before, step) = (before + step, 2 * step);
    }
    let mut found = before + step;
    while found - before > 1 {
        let middle = before.midpoint(found);
        if is_so(middle) {
            found = middle;
        } else {
            before = middle;
        }
    }
    found
}

impl Disturbed {
    /// The change, and the last part of its path.
    pub(super) fn change_within_its_folder(&self) -> (String, String) {
        let name = Path::new(&self.path).file_name().unwrap_or_default();
        (self.change.clone(), name.to_string_lossy().into_owned())
    }

    /// True if the fault ended a request to the server, which the run made after all other work.
    fn is_of_an_answer(&self) -> bool {
        let said = String::from_utf8_lossy(&self.ended.stderr);
        self.ended.status.code() == Some(69) && said.contains("a request failed: ")
    }

    fn ended_as_it_should(&self, fault: Fault, place: &str) {
        let status = self.ended.status;
        let said = String::from_utf8_lossy(&self.ended.stderr);
        if fault == Fault::Kill {
            assert_eq!(status.signal(), Some(9), "{place}: {said}");
            return;
        }
        if fault == Fault::Unreleased && status.success() {
            // Nothing was committed at this release, or no other program waits for the lock.
            return;
        }
        let names_it = said.contains(&self.path) || said.contains(&known_path(&self.path));
        assert!(names_it, "{place}: {said}");
        // The next command that writes removes or rebuilds these files.
        let can_wait = said.contains("old releases could not be removed")
            || said.contains("the next ingestion has to read finaldata.csv whole")
            || said.contains("old fingerprints could not be removed")
            || said.contains("predictions with an evaluated label could not be removed")
            || said.contains("the history was not sealed");
        let codes = if can_wait { [0, 74] } else { [74, 74] };
        let code = status.code().expect("it ends by itself");
        assert!(codes.contains(&code), "{place}: exit {code}: {said}");
    }
}

/// The path that a person knows: the history for its journal, and the final file for a temporary
/// one.
///
/// Files of fingerprints are written in parallel. When the disk is full, the error may name any of
/// them.
fn known_path(path: &str) -> String {
    let path = path.trim_end_matches("-journal");
    const SIDE_BY_SIDE: &str = "/row.fingerprints/";
    if let Some((state, _)) = path.split_once(SIDE_BY_SIDE) {
        return format!("{state}{SIDE_BY_SIDE}");
    }
    let known = path.strip_suffix(".partial").and_then(|path| {
        let (folder, hidden) = path.rsplit_once('/')?;
        Some(format!("{folder}/{}", hidden.strip_prefix('.')?))
    });
    known.unwrap_or_else(|| path.to_owned())
}

/// Members of a record that a dry run knows beforehand.
const KNOWN_BEFOREHAND: [&str; 12] = [
    "outcome",
    "decision",
    "verdict",
    "candidate_model",
    "candidate_score",
    "new_score",
    "deployed_score",
    "rows",
    "files",
    "regime",
    "windows",
    "notices",
];

/// Checks that a dry run changes nothing, and that the next run does what it says.
fn a_dry_run_says_what_the_next_run_does(workspace: &Workspace, place: &str) {
    let everything = ["data", "production_deployment"];
    let before = workspace.snapshot(&everything);
    let dry = workspace.run("fullprocess", &["--dry-run", "--json"]);
    assert!(
        workspace.snapshot(&everything) == before,
        "{place}: it wrote"
    );
    let real = workspace.run("fullprocess", &["--json"]);
    let said = format!("{place}: {}{}", dry.stderr, real.stderr);
    assert_eq!((dry.code, real.code), (0, 0), "{said}");
    let (dry, real) = (dry.json(), real.json());
    for part in KNOWN_BEFOREHAND {
        assert_eq!(dry[part], real[part], "{part}: {said}");
    }
    let reason = dry["reason"].as_str().expect("a reason");
    let done = real["reason"].as_str().expect("a reason");
    assert!(reason.ends_with(done), "{reason} / {done}: {said}");
}

/// Checks that the repeated command finishes its work, and that the next run finds nothing new.
pub(super) fn finish(story: &Story, workspace: &Workspace) {
    let again = workspace.run(story.program, story.arguments);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
    let next = workspace.fullprocess();
    assert_eq!(outcome(&next), "nothing_new", "{next:#}");
    assert_eq!(workspace.live(), story.live_after);
    let runs = workspace.history();
    assert!(runs.unfinished_runs::<Value>().expect("runs").is_empty());
    if let Some(expected) = story.outcome {
        let runs = runs.finished_runs::<Value>(9).expect("runs");
        let last = runs
            .iter()
            .map(|run| outcome(&run.record))
            .find(|outcome| !["nothing_new", "interrupted", "failed"].contains(outcome));
        assert_eq!(last, Some(expected));
    }
}

/// The folder that `current` leads to; `None` before the first deployment.
fn live_release(workspace: &Workspace) -> Option<PathBuf> {
    fs::read_link(workspace.configuration().layout.current()).ok()
}

/// Checks that `current` leads to a release whose files are all as published.
fn a_reader_sees_a_whole_release(workspace: &Workspace, place: &str) {
    let layout = workspace.configuration().layout;
    let ledger = History::read(&layout).and_then(|history| match history {
        Some(history) => history.ledger().map(Some),
        None => Ok(None),
    });
    assert!(ledger.is_ok(), "{place}: {ledger:?}");
    let current = layout.current();
    if current.symlink_metadata().is_err() {
        // Before the first deployment.
        assert!(!layout.production().join(names::MODEL).exists(), "{place}");
        return;
    }
    let manifest = Manifest::read(&current).unwrap_or_else(|error| panic!("{place}: {error:#}"));
    for (name, expected) in &manifest.files {
        let (found, _) = digest::of_file(&current.join(name)).expect("a file of the release");
        assert_eq!(found, *expected, "{place}: {name}");
    }
}

/// The final state of a pipeline, without parts that differ between runs: times, run numbers and
/// random keys.
pub(super) struct State(BTreeMap<String, String>);

impl State {
    pub(super) fn of(workspace: &Workspace) -> Self {
        let layout = workspace.configuration().layout;
        let mut state = BTreeMap::new();
        for (path, (digest, _)) in workspace.snapshot(&["data", "production_deployment"]) {
            let path = path.to_string_lossy().into_owned();
            // The state for appending may be outdated after a kill. It is then rebuilt.
            if ["runs/", "row.fingerprints/", "ingestion.carry"]
                .iter()
                .any(|cache| path.starts_with(&format!("data/state/{cache}")))
            {
                continue;
            }
            // The content of these files is compared below, or always differs.
            let is_dated = path.starts_with("data/state/")
                || path.ends_with(names::MANIFEST)
                || path.ends_with(names::REPORT)
                || path.ends_with("apireturns.txt")
                || path.ends_with("apireturns.json");
            state.insert(path, if is_dated { "there".into() } else { digest });
        }
        let history = workspace.history();
        let mut ledger = history.ledger().expect("a ledger");
        state.insert("batches".into(), format!("{:?}", ledger.batches()));
        // Every pipeline has a key of its own.
        ledger.state = Default::default();
        for file in &mut ledger.files {
            file.stamp = Default::default();
            // A run that was cut short leaves its files to the next one.
            file.run = None;
        }
        state.insert("ledger".into(), format!("{ledger:?}"));
        let regime: Option<Option<Value>> = history.document("regime").expect("a regime");
        let regime = regime.flatten().map(|mut stored| {
            stored["regime"]["run"] = Value::Null;
            stored["regime"].take()
        });
        state.insert("regime".into(), format!("{regime:?}"));
        let sums: Option<Value> = history.document("sums of the score test").expect("sums");
        let sums = sums.map(|mut stored| stored["sums"].take());
        state.insert("sums of the score test".into(), format!("{sums:?}"));
        let estimates: Vec<Option<Value>> = (1..9)
            .map(|run| history.estimate_of(run).expect("an estimate"))
            .filter(Option::is_some)
            .collect();
        state.insert("estimates".into(), format!("{estimates:?}"));
        for manifest in manifests(&layout.releases()) {
            state.insert(
                format!("manifest {}", manifest.release),
                format!("{manifest:?}"),
            );
        }
        let returns = fs::read_to_string(layout.api_returns()).unwrap_or_default();
        state.insert("calls".into(), calls(&returns));
        Self(state)
    }

    /// The differences between two states.
    pub(super) fn difference(&self, other: &Self) -> String {
        let keys: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter()
            .filter(|key| self.0.get(*key) != other.0.get(*key))
            .map(|key| format!("\n{key}: {:?} / {:?}", self.0.get(key), other.0.get(key)))
            .collect()
    }
}

fn manifests(releases: &Path) -> Vec<Manifest> {
    let mut manifests: Vec<Manifest> = fs::read_dir(releases)
        .expect("releases")
        .map(|entry| Manifest::read(&entry.expect("an entry").path()).expect("a manifest"))
        .map(|mut manifest| {
            // The report of a release has its time and its run.
            let report = manifest.files.remove(names::REPORT);
            assert!(report.is_some(), "{}", manifest.release);
            Manifest {
                run: None,
                created_at: jiff::Timestamp::UNIX_EPOCH,
                ..manifest
            }
        })
        .collect();
    manifests.sort_by(|a, b| a.release.cmp(&b.release));
    manifests
}

/// The API calls in apireturns.txt, with a mark at those that failed.
fn calls(returns: &str) -> String {
    let is_call = |line: &&str| {
        ["GET", "POST", "ERROR"]
            .iter()
            .any(|word| line.starts_with(word))
    };
    returns
        .lines()
        .filter(is_call)
        .collect::<Vec<_>>()
        .join("; ")
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Self::Kill => "kill",
            Self::NoSpace => "enospc",
            Self::Broken => "eio",
            Self::Refused => "eacces",
            Self::Unreachable => "pass",
            Self::Unreleased => "enolck",
        })
    }
}
