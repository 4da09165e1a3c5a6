//! What needs attention now, and what to do about it.

use common::history::OpenCondition;
use common::numbers::{count, counted, listed};
use diagnostics::Verdict;
use jiff::Timestamp;
use maud::{Markup, html};
use record::{Outcome, RunRecord};

use super::absence::{BEGIN_HISTORY, FIRST_STEPS, REPAIR_HISTORY, WAIT};
use super::address::{self, paths};
use super::calls::{MISSING_CALL_LIST, how_to_rebuild, problem_in_words};
use super::cells::in_words;
use super::drift::feature_drift_in_words;
use super::frame::ago;
use super::overview::{Overview, RunsSoFar, outcome};
use crate::page::prose::{prose, with_code};
use crate::report::joint_drift;

/// State of the live release, and which release the server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveRelease {
    /// Nothing is deployed, and no release is kept.
    None,
    /// The link to the live release is gone, and nothing is served; releases are kept.
    Unlinked {
        /// The undamaged release that was live last, or else the newest undamaged one.
        return_to: Option<String>,
    },
    /// This release is live, and served.
    Served(String),
    /// No release is live any more. The server still predicts with the last one.
    Missing {
        /// The release that is served.
        served: String,
        /// The undamaged release to make live: the served one, if it is kept.
        return_to: Option<String>,
    },
    /// The live release cannot be used.
    Damaged {
        /// The release that is served in its place.
        served: Option<String>,
    },
}

/// A run that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfinishedRun {
    /// Number of the run.
    pub run: i64,
    /// When it began.
    pub started_at: Timestamp,
}

/// Something that needs attention.
struct Item {
    is_problem: bool,
    what: String,
    to_do: String,
    /// Address of a page that shows more, and the text of the link.
    more: Option<(String, &'static str)>,
}

/// What to do if no undamaged release is kept, and none is live.
const RESTORE_RELEASES: &str = "no undamaged release is left: put a backup of the production folder in its place. Without one, the next run of `fullprocess` trains a first model again";

/// Maximum number of open conditions that the page names.
const MAX_CONDITIONS: usize = 5;

pub(super) fn section(overview: &Overview) -> Markup {
    let mut items = items(overview);
    // Problems come first; the order is otherwise kept.
    items.sort_by_key(|item| !item.is_problem);
    html! {
        section.attention aria-labelledby="attention" {
            h2 #attention { "What needs attention" }
            @if items.is_empty() {
                p.well { "Nothing. The last run ended as it should, and no alert is open." }
            } @else {
                ul {
                    @for item in &items {
                        li.problem[item.is_problem] {
                            p {
                                strong { @if item.is_problem { "Problem: " } @else { "Note: " } }
                                (prose(&item.what))
                            }
                            p {
                                "What to do: " (with_code(&item.to_do))
                                @if let Some((to, words)) = &item.more { " " a href=(to) { (words) } "." }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn items(overview: &Overview) -> Vec<Item> {
    let mut items: Vec<Item> = release(overview).into_iter().collect();
    let runs = match &overview.runs {
        Err(_) => {
            items.push(damaged_history());
            return items;
        }
        Ok(runs) => runs.as_ref(),
    };
    items.extend(lost_history(overview));
    let Some(runs) = runs else {
        return items;
    };
    let last = runs.last.as_ref();
    // A run that has not ended may have deployed.
    let settled = last.filter(|_| runs.unfinished.is_none());
    items.extend(settled.and_then(|last| changed_by_hand(&overview.release, runs, last)));
    items.extend(stale(overview, runs));
    items.extend(call_list(overview, runs));
    items.extend(runs.unreadable.map(unreadable));
    items.extend(last.and_then(failed));
    items.extend(runs.unfinished.map(|run| unfinished(run, overview.now)));
    let evaluated = runs.evaluated.as_ref();
    // Drift of a release that is no longer live needs no attention.
    let of_live = evaluated.filter(|run| !overview.is_replaced_after(run));
    items.extend(of_live.and_then(model_drift));
    items.extend(runs.evaluated.as_ref().and_then(feature_drift));
    items.extend(steps(overview, runs));
    items.extend(open_alerts(&runs.conditions, overview.now));
    items.extend(waiting_alerts(runs.waiting_alerts));
    items
}

fn damaged_history() -> Item {
    Item {
        is_problem: true,
        what: "the history of the runs cannot be read".into(),
        to_do: REPAIR_HISTORY.into(),
        more: None,
    }
}

/// A history that is gone, although a release was deployed.
fn lost_history(overview: &Overview) -> Option<Item> {
    let what = match &overview.release {
        LiveRelease::None => return None,
        LiveRelease::Served(release) => {
            format!("release {release} is live, but history.db is missing or has no run")
        }
        _ => "history.db is missing or has no run, although a model was deployed".into(),
    };
    overview.knows_no_run().then(|| Item {
        is_problem: true,
        what,
        to_do: BEGIN_HISTORY.into(),
        more: None,
    })
}

fn release(overview: &Overview) -> Option<Item> {
    let problem = |what: String, to_do: String| {
        Some(Item {
            is_problem: true,
            what,
            to_do,
            more: None,
        })
    };
    match &overview.release {
        LiveRelease::Served(_) => None,
        LiveRelease::None if overview.knows_no_run() => Some(Item {
            is_problem: false,
            what: "nothing has been deployed yet, and no run has ended".into(),
            to_do: FIRST_STEPS.into(),
            more: None,
        }),
        // The first run works, or was killed; an item says so.
        LiveRelease::None if overview.first_run_is_unfinished() => None,
        LiveRelease::None => problem(
            "no model is deployed, so nothing can be predicted".into(),
            "the newest run says why; `fullprocess --doctor` looks for the cause".into(),
        ),
        LiveRelease::Unlinked { return_to } => problem(
            "the link to the live release is gone, so nothing can be predicted".into(),
            match return_to {
                Some(release) => format!(
                    "on the server, run `deployment --rollback {release}`, which makes this release live. `deployment --list` shows the others"
                ),
                None => RESTORE_RELEASES.into(),
            },
        ),
        LiveRelease::Missing { served, return_to } => problem(
            format!("the live release is missing; predictions still come from release {served}"),
            match return_to {
                Some(release) if release == served => format!(
                    "on the server, run `deployment --rollback {served}`, which makes it live again. Until then, a restarted server cannot predict"
                ),
                Some(release) => format!(
                    "put a backup of release {served} in its place, or run `deployment --rollback {release}` on the server, which makes release {release} live. Until then, a restarted server cannot predict"
                ),
                None => format!("{RESTORE_RELEASES}. Until then, a restarted server cannot predict"),
            },
        ),
        LiveRelease::Damaged { served } => problem(
            match served {
                Some(served) => format!(
                    "the live release cannot be used; predictions still come from release {served}"
                ),
                None => "the live release cannot be used, so nothing can be predicted".into(),
            },
            "on the server, run `fullprocess --doctor`: it names the damage, and the command that repairs it".into(),
        ),
    }
}

/// A release that was made live after the newest run that evaluated a release. Runs without new rows do not
/// end the note, because they evaluate nothing.
fn changed_by_hand(live: &LiveRelease, runs: &RunsSoFar, last: &RunRecord) -> Option<Item> {
    let evaluated = runs.evaluated.as_ref().unwrap_or(last);
    let (LiveRelease::Served(live), Some(before)) = (live, &evaluated.release) else {
        return None;
    };
    let is_of_last = last.release.as_ref() == Some(live);
    let has_deployed = matches!(last.outcome, Some(Outcome::Redeployed | Outcome::ColdStart));
    if is_of_last && has_deployed {
        return None;
    }
    let last = if is_of_last { evaluated } else { last };
    (live != before).then(|| Item {
        is_problem: false,
        what: format!(
            "release {live} was made live by hand after run {}; what runs found below is of release {before}",
            last.run_id.unwrap_or_default()
        ),
        to_do: "nothing: the next run with new rows evaluates the release that is live now".into(),
        more: Some((address::release(live), "What changed")),
    })
}

fn stale(overview: &Overview, runs: &RunsSoFar) -> Option<Item> {
    let last = runs.last.as_ref().filter(|_| runs.is_stale)?;
    let ended = last.finished_at.unwrap_or(last.started_at);
    let hours = counted(overview.stale_after_hours, "hour");
    Some(Item {
        is_problem: true,
        what: format!(
            "this state is old: the last run ended {}, and the limit is {hours} (diagnostics.stale_after_hours)",
            ago(overview.now, ended)
        ),
        to_do: "check with `crontab -l` that cron still starts `fullprocess`, and read its mail. `fullprocess --doctor` looks for other causes".into(),
        more: None,
    })
}

fn failed(last: &RunRecord) -> Option<Item> {
    let run = last.run_id?;
    let what = match last.outcome.as_ref()? {
        Outcome::Failed => "failed",
        Outcome::Interrupted => "was interrupted",
        _ => return None,
    };
    Some(Item {
        is_problem: true,
        what: format!("run {run} {what}: {}", last.reason),
        to_do: last.steps().join("; "),
        more: Some((address::run(run), "The run")),
    })
}

fn unreadable(run: i64) -> Item {
    Item {
        is_problem: true,
        what: format!("the record of run {run} cannot be read"),
        to_do: "on the server, run `fullprocess --doctor`: it says why. What runs found below is of the newest run whose record can be read".into(),
        more: Some((address::run(run), "The run")),
    }
}

fn unfinished(unfinished: UnfinishedRun, now: Timestamp) -> Item {
    let UnfinishedRun { run, started_at } = unfinished;
    Item {
        is_problem: false,
        what: format!("run {run} began {} and has not ended", ago(now, started_at)),
        to_do: WAIT.into(),
        more: None,
    }
}

fn model_drift(run: &RunRecord) -> Option<Item> {
    let verdict = run.verdicts()?.model.verdict;
    // If the run has deployed a new model, the drift needs no attention.
    let is_open = verdict == Verdict::Drift && run.outcome != Some(Outcome::Redeployed);
    let number = run.run_id.filter(|_| is_open)?;
    Some(Item {
        is_problem: true,
        what: format!(
            "run {number} found that the reasons for leaving changed (model drift), and the model was kept"
        ),
        to_do: "read why the model was kept".into(),
        more: Some((address::run(number), "Why")),
    })
}

fn feature_drift(run: &RunRecord) -> Option<Item> {
    let verdicts = run.verdicts()?;
    let features = verdicts.features.iter();
    let drifted = features.filter(|it| it.verdict == Verdict::Drift);
    let names: Vec<String> = drifted.map(|it| super::cells::named(&it.name)).collect();
    let what = feature_drift_in_words(&names, &joint_drift(verdicts), MAX_CONDITIONS)?;
    Some(Item {
        is_problem: false,
        what: format!("the clients changed (feature drift): {what}"),
        to_do: run.step_of_feature_drift()?.to_owned(),
        more: Some((paths::DRIFT.to_owned(), "Drift by feature")),
    })
}

/// A call list that is missing or cannot be read, although a run has ranked clients.
fn call_list(overview: &Overview, runs: &RunsSoFar) -> Option<Item> {
    let what = match &overview.clients {
        Err(error) => problem_in_words(error),
        Ok(None) if runs.has_ranked_clients() => MISSING_CALL_LIST.to_owned(),
        Ok(_) => return None,
    };
    Some(Item {
        is_problem: true,
        what,
        to_do: how_to_rebuild(&overview.release).into(),
        more: None,
    })
}

/// The steps that the newest run with new input asks for. A failure and feature drift have items of their
/// own.
fn steps(overview: &Overview, runs: &RunsSoFar) -> Option<Item> {
    let is_failure =
        |run: &&RunRecord| matches!(run.outcome, Some(Outcome::Failed | Outcome::Interrupted));
    let newest = runs.last.iter().chain(&runs.evaluated);
    let (run, steps) = newest
        .filter(|run| !is_failure(run))
        .map(|run| {
            let mut steps = run.steps();
            let is_replaced = overview.is_replaced_after(run);
            let done = run.step_of_release().filter(|_| is_replaced);
            let others = [run.step_of_feature_drift(), done];
            steps.retain(|step| !others.contains(&Some(step.as_str())));
            (run, steps)
        })
        .find(|(_, steps)| !steps.is_empty())?;
    let number = run.run_id?;
    Some(Item {
        is_problem: false,
        what: format!("run {number} ({}): {}", outcome(run), run.reason),
        to_do: steps.join("; "),
        more: Some((address::run(number), "The run")),
    })
}

fn open_alerts(conditions: &[OpenCondition], now: Timestamp) -> Option<Item> {
    let oldest = conditions.iter().map(|it| it.opened_at).min()?;
    let names: Vec<String> = conditions.iter().map(|it| in_words(&it.name)).collect();
    Some(Item {
        is_problem: false,
        what: format!(
            "{} open: {} (the oldest was opened {})",
            match conditions.len() {
                1 => "1 alert is".into(),
                more => format!("{} alerts are", count(more)),
            },
            listed(&names, MAX_CONDITIONS),
            ago(now, oldest)
        ),
        to_do: "read what each of them says".into(),
        more: Some((paths::ALERTS.to_owned(), "The alerts")),
    })
}

fn waiting_alerts(waiting: u64) -> Option<Item> {
    (waiting > 0).then(|| Item {
        is_problem: false,
        what: format!("{} not delivered", match waiting {
            1 => "1 alert was".into(),
            more => format!("{} alerts were", count(more)),
        }),
        to_do: "check the receiver; the next run tries again. `fullprocess --doctor` says why it failed".into(),
        more: Some((paths::ALERTS.to_owned(), "The alerts")),
    })
}
