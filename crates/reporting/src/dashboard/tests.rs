//! What each page shows, and what pages share.

mod absence;
mod alerts;
mod calls;
mod drift;
mod overview;
mod problem;
mod releases;
mod runs;
mod score;

use anyhow::anyhow;
use common::history::{ChangeByHand, ChangeKind, OpenCondition};
use common::person::Person;
use diagnostics::{ColumnComparison, JointCheck, ModelVerdict, Verdict, Verdicts};
use jiff::{SignedDuration, Timestamp};
use record::{Evidence, Outcome, RunRecord};
use scoring::{Band, CallListSummary, RankedClient};

use super::*;
use crate::report::{EarlierRuns, EvaluatedRun, Part};

/// A text that becomes markup if a page does not escape it.
const HOSTILE: &str = "\"><script>alert(1)</script>&amp;'\u{202e}";

fn now() -> Timestamp {
    "2026-03-05T12:00:00Z".parse().unwrap()
}

fn record(run: i64, outcome: Outcome) -> RunRecord {
    RunRecord {
        run_id: Some(run),
        outcome: Some(outcome),
        release: Some("000001".into()),
        reason: format!("why of run {run}"),
        finished_at: Some(now() - SignedDuration::from_mins(10)),
        evidence: Some(Evidence::default()),
        ..RunRecord::begin(now() - SignedDuration::from_mins(11))
    }
}

fn overview(runs: Part<Option<RunsSoFar>>) -> Overview {
    Overview {
        now: now(),
        stale_after_hours: 24,
        release: LiveRelease::Served("000001".into()),
        runs,
        clients: Ok(None),
    }
}

fn healthy() -> RunsSoFar {
    RunsSoFar {
        last: Some(record(7, Outcome::NothingNew)),
        evaluated: Some(record(6, Outcome::Steady)),
        ..RunsSoFar::default()
    }
}

fn calls(clients: Part<Option<Paged<RankedClient>>>, filter: CallFilter) -> CallsPage {
    CallsPage {
        now: now(),
        filter,
        clients,
        summary: None,
        state: state(LiveRelease::Served("000002".into()), KnownRuns::Ended),
    }
}

fn client(rank: u64, id: &str, in_capacity: Option<bool>) -> RankedClient {
    RankedClient {
        rank,
        id: id.into(),
        probability: 0.5,
        band: Band::High,
        expected_value: None,
        in_capacity,
        hold_out: None,
        reasons: vec![format!("{HOSTILE} 3: +0.5")],
        model_version: "000001".into(),
    }
}

/// A state of the pipeline.
fn state(release: LiveRelease, runs: KnownRuns) -> PipelineState {
    PipelineState { release, runs }
}

/// The state of a pipeline in order.
fn in_order() -> PipelineState {
    state(LiveRelease::Served("000001".into()), KnownRuns::Ended)
}

/// A first page of a list.
fn first_page<T>(items: Vec<T>) -> Paged<T> {
    Paged {
        items,
        ..Paged::default()
    }
}

/// A rollback to the first release after a run.
fn rollback_after(run: i64) -> ChangeByHand {
    ChangeByHand {
        id: 1,
        kind: ChangeKind::Rollback,
        after_run: run,
        made_at: now(),
        by: Some(Person {
            uid: 1000,
            name: Some(HOSTILE.into()),
        }),
        from: Some("000002".into()),
        to: Some("000001".into()),
        note: None,
    }
}

/// The page has each of these texts.
#[track_caller]
fn assert_says(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text}: {page}");
    }
}

/// Asserts that the page is complete, and that nothing in it would be executed or loaded.
#[track_caller]
fn assert_is_harmless(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for markup in [
        "<script", "<img", "<iframe", " style=", " onload=", "\u{202e}",
    ] {
        assert!(!page.contains(markup), "{markup}: {page}");
    }
    assert!(page.contains(&format!("content=\"{}\"", policy())));
    for part in [
        "<html lang=\"en\">",
        "<a class=\"skip\" href=\"#content\">",
        "<main id=\"content\"",
        "<nav aria-label=\"Pages\">",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
    assert_headings_in_order(page);
}

/// Asserts that the headings leave out no level.
#[track_caller]
fn assert_headings_in_order(page: &str) {
    let mut last = 0;
    for part in page.split("<h").skip(1) {
        let level = part
            .bytes()
            .next()
            .map_or(0, |digit| digit.wrapping_sub(b'0'));
        if (1..=6).contains(&level) {
            assert!(level <= last + 1, "h{level} follows h{last}: {page}");
            last = level;
        }
    }
}
