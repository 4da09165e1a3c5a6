//! Every file of the state and of the ingested data, damaged in every region: a run names the file, or
//! answers as if nothing had happened. No row is lost or counted twice, and no rollback is undone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::workspace::{Finished, Workspace};

const HISTORY: &str = "data/state/history.db";
const NEW_ROWS: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited
Calm Co,900,9000,40,0
Keen Co,30,700,12,1
";

/// A way to damage a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// One bit is changed in this part of so many equal parts.
    Flip(usize, usize),
    /// All bytes are zeros in this part of so many equal parts.
    Zero(usize, usize),
    /// Only this percentage of the bytes is left.
    Truncate(usize),
    /// The file is as it was before the last change by hand.
    OlderCopy,
}

impl Damage {
    fn all(parts: usize) -> Vec<Self> {
        let flips = (0..parts).map(|part| Self::Flip(part, parts));
        let zeros = (0..2).map(|part| Self::Zero(part, 2));
        let cuts = [0, 50].map(Self::Truncate);
        flips
            .chain(zeros)
            .chain(cuts)
            .chain([Self::OlderCopy])
            .collect()
    }

    /// The damaged content; `None` if it would be the whole one.
    fn of(self, whole: &[u8], older: Option<Vec<u8>>, seed: &mut u64) -> Option<Vec<u8>> {
        let mut bytes = whole.to_vec();
        let range = |part: usize, parts: usize| {
            part * whole.len() / parts..(part + 1) * whole.len() / parts
        };
        match self {
            Self::Flip(part, parts) => {
                let range = range(part, parts);
                let at = range.start + next(seed) as usize % range.len().max(1);
                *bytes.get_mut(at)? ^= 1 << (next(seed) % 8);
            }
            Self::Zero(part, parts) => bytes[range(part, parts)].fill(0),
            Self::Truncate(percent) => bytes.truncate(whole.len() * percent / 100),
            Self::OlderCopy => bytes = older?,
        }
        (bytes != whole).then_some(bytes)
    }
}

/// The next number of a linear congruential generator, as Knuth's MMIX has it.
fn next(seed: &mut u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// The result of a run with new rows.
#[derive(Debug, PartialEq)]
struct Answer {
    code: i32,
    live: String,
    rows: BTreeSet<String>,
    n_rows: usize,
    /// Outcome and number of new rows.
    summary: (Value, Value),
}

fn answer(workspace: &Workspace, finished: &Finished) -> Answer {
    let record: Value = serde_json::from_str(&finished.stdout).unwrap_or_default();
    let rows = workspace.final_rows();
    Answer {
        code: finished.code,
        live: workspace.live(),
        n_rows: rows.len(),
        rows: rows.into_iter().collect(),
        summary: (record["outcome"].clone(), record["rows"]["new"].clone()),
    }
}

/// Runs once after new rows arrived.
fn run(workspace: &Workspace) -> Finished {
    workspace.write("data/sourcedata/later.csv", NEW_ROWS);
    workspace.run("fullprocess", &["--json"])
}

fn files_below(workspace: &Workspace, folder: &str) -> Vec<PathBuf> {
    let found = workspace.snapshot(&[folder]).into_keys();
    let is_state = |path: &PathBuf| {
        let is_of_a_run = path.starts_with("data/state/runs");
        !is_of_a_run && !path.ends_with("run.lock")
    };
    found.filter(is_state).collect()
}

/// What a message has to contain that names the file.
fn name_of(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str());
    name.expect("UTF-8").trim_end_matches("-seal").to_owned()
}

#[test]
fn damaged_state_is_named_or_changes_nothing() {
    let whole = Workspace::after_redeployment();
    let older = whole.copy();
    let by_hand = whole.run("deployment", &["--rollback", "000001"]);
    assert_eq!(by_hand.code, 0, "{}", by_hand.stderr);
    assert_eq!(whole.fullprocess()["outcome"], "nothing_new");
    let undamaged = whole.copy();
    let finished = run(&undamaged);
    let wanted = answer(&undamaged, &finished);
    assert_eq!((wanted.code, wanted.live.as_str()), (0, "000001"));

    let mut seed = 25;
    let mut wrong = Vec::new();
    let mut files = files_below(&whole, "data/state");
    files.extend(files_below(&whole, "data/ingesteddata"));
    for path in files {
        let text = path.to_str().expect("UTF-8");
        let bytes = fs::read(whole.path(text)).expect("a file");
        for damage in Damage::all(if text == HISTORY { 12 } else { 3 }) {
            let before = fs::read(older.path(text)).ok();
            let Some(content) = damage.of(&bytes, before, &mut seed) else {
                continue;
            };
            let workspace = whole.copy();
            workspace.write(text, content);
            let finished = run(&workspace);
            let found = answer(&workspace, &finished);
            let is_named = finished.stderr.contains(&name_of(&path))
                || finished.stdout.contains(&name_of(&path));
            let is_right = match found.code {
                74 => is_named && found.live == wanted.live,
                _ if found == wanted => true,
                0 => {
                    is_named
                        && (&found.live, &found.rows, found.n_rows)
                            == (&wanted.live, &wanted.rows, wanted.n_rows)
                }
                _ => false,
            };
            if !is_right {
                wrong.push(format!(
                    "{text} {damage:?}: exit code {}, release {}, {} rows, {:?}: {}",
                    found.code, found.live, found.n_rows, found.summary, finished.stderr
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
