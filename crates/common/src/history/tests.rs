//! Tests of the history against a real file.

use super::alert_rows::UNKNOWN_END;
use super::*;
use crate::ledger::{FileStamp, FileStatus, Ledger, LedgerFile, RebuildBase, RowCounts};
use crate::{Config, Layout};

/// The paths of a pipeline in a folder.
pub(super) fn layout(folder: &std::path::Path) -> Layout {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod"}"#;
    Config::parse(&folder.join("config.json"), text)
        .unwrap()
        .layout
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

#[test]
fn a_ledger_comes_back_as_it_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let layout = layout(folder.path());
    assert!(History::read(&layout).unwrap().is_none());
    let history = History::open(&layout).unwrap();
    assert_eq!(history.ledger().unwrap(), Ledger::default());
    let ledger = Ledger {
        files: vec![LedgerFile {
            folder: "in".into(),
            name: "a.csv".into(),
            sha256: "00".into(),
            stamp: FileStamp {
                size: 7,
                modified: -1,
                inode: u64::MAX,
            },
            status: FileStatus::Rejected,
            reason: Some("no header".into()),
            rows: RowCounts {
                read: 3,
                kept: 1,
                duplicate: 1,
                rejected: 1,
            },
        }],
        committed_bytes: 10,
        digest: "d".into(),
        rejected_bytes: 4,
        rows: 1,
        seen_rows: 1,
        judged_rows: 1,
        rebuilding: true,
        schema: "s".into(),
        base: RebuildBase {
            files: 1,
            judged_fingerprints: 2,
        },
        judged_fingerprints: 5,
    };
    history.save_ledger(&ledger).unwrap();
    let reader = History::read(&layout).unwrap().unwrap();
    assert_eq!(reader.ledger().unwrap(), ledger);
}

#[test]
fn a_failed_transaction_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    let failed: anyhow::Result<()> = history.transaction(|history| {
        history.save_ledger(&Ledger {
            rows: 9,
            ..Ledger::default()
        })?;
        history.save_document("note", &"x")?;
        anyhow::bail!("interrupted")
    });
    assert!(failed.is_err());
    assert_eq!(history.ledger().unwrap().rows, 0);
    assert_eq!(history.document::<String>("note").unwrap(), None);
}

#[test]
fn a_transaction_within_another_stands_or_falls_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    let note = |outer_fails: bool| {
        history.transaction(|history| {
            history.transaction(|history| history.save_document("note", &"x"))?;
            anyhow::ensure!(!outer_fails, "interrupted");
            Ok(())
        })
    };
    assert!(note(true).is_err());
    assert_eq!(history.document::<String>("note").unwrap(), None);
    note(false).unwrap();
    let kept = history.document::<String>("note").unwrap();
    assert_eq!(kept.as_deref(), Some("x"));
}

#[test]
fn runs_are_unfinished_until_they_are_finished() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    let first = history.begin_run(now(), &"begun").unwrap();
    history.save_run(first, &"judged").unwrap();
    let open = history.unfinished_runs::<String>().unwrap();
    assert_eq!((open[0].id, open[0].record.as_str()), (first, "judged"));
    history
        .finish_run(first, now(), "steady", &"steady")
        .unwrap();
    assert!(history.unfinished_runs::<String>().unwrap().is_empty());
    assert_eq!(history.finished_runs::<String>(5).unwrap().len(), 1);
}

#[test]
fn only_the_oldest_runs_of_the_outcome_are_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    for outcome in ["idle", "busy", "idle", "idle", "busy", "idle"] {
        let run = history.begin_run(now(), &outcome).unwrap();
        let duration = StageDuration {
            stage: "ingestion".into(),
            run: Some(run),
            started_at: now(),
            seconds: 0.1,
        };
        history.record_stage(&duration).unwrap();
        history.finish_run(run, now(), outcome, &outcome).unwrap();
    }
    history.prune_runs("idle", 2).unwrap();
    let durations = history.stage_durations("ingestion", 10).unwrap();
    assert_eq!(durations.len(), 4, "durations go with their run");
    let kept = history.finished_runs::<String>(10).unwrap();
    let kept: Vec<i64> = kept.iter().map(|run| run.id).collect();
    assert_eq!(kept, [6, 5, 4, 2]);
    assert_eq!(history.pruned_runs().unwrap(), 2);
    let counts = history.runs_by_outcome().unwrap();
    assert_eq!(counts, [("busy".into(), 2), ("idle".into(), 2)].into());
    let found: Option<StoredRun<String>> = history.finished_run(5).unwrap();
    assert_eq!(found.unwrap().record, "busy");
    assert!(history.finished_run::<String>(1).unwrap().is_none());
    assert_eq!(history.last_end_but_for(["busy", "idle"]).unwrap(), None);
    let last = history.last_end_but_for(["busy", "other"]).unwrap();
    assert_eq!(last, Some(now()));
}

#[test]
fn a_part_of_a_transaction_that_fails_leaves_nothing_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    let note = |history: &History, name: &str| history.save_document(name, &"noted");
    let whole = history.transaction(|history| {
        note(history, "before")?;
        let part: anyhow::Result<()> = history.transaction(|history| {
            note(history, "half")?;
            history.transaction(|history| note(history, "half of the half"))?;
            anyhow::bail!("it goes no further")
        });
        assert!(part.is_err());
        history.transaction(|history| note(history, "after"))
    });
    whole.unwrap();
    let kept = |name: &str| history.document::<String>(name).unwrap().is_some();
    assert!(kept("before") && kept("after"));
    assert!(!kept("half") && !kept("half of the half"));
}

#[test]
fn alerts_for_nobody_are_found_and_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    for target in ["webhook", "command", "webhook"] {
        history.queue_alert(now(), target, "body").unwrap();
    }
    let targets = history.targets_of_waiting_alerts().unwrap();
    assert_eq!(targets, ["command", "webhook"]);
    let first = history.waiting_alerts("webhook").unwrap()[0].id;
    history.give_up_alert(first).unwrap();
    assert_eq!(history.waiting_alerts("webhook").unwrap().len(), 1);
    assert_eq!(history.give_up_alerts_for("webhook").unwrap(), 1);
    let targets = history.targets_of_waiting_alerts().unwrap();
    assert_eq!(targets, ["command"]);
}

#[test]
fn verdicts_come_back_with_their_run_and_go_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    let verdict = |test: &str, p_value| StoredVerdict {
        subject: "model".into(),
        test: test.into(),
        verdict: "ok".into(),
        rows: 7,
        statistic: Some(1.5),
        p_value,
        level: Some(0.005),
        effect: None,
    };
    let verdicts = [verdict("b", None), verdict("a", Some(1e-300))];
    let run = history.begin_run(now(), &"begun").unwrap();
    history.save_verdicts(run, &verdicts[1..]).unwrap();
    history.save_verdicts(run, &verdicts).unwrap();
    assert_eq!(history.verdicts_of(run).unwrap(), verdicts);
    assert_eq!(history.judged_run_before(run + 9).unwrap(), Some(run));
    assert_eq!(history.judged_run_before(run).unwrap(), None);
    history.finish_run(run, now(), "idle", &"idle").unwrap();
    history.prune_runs("idle", 0).unwrap();
    assert_eq!(history.verdicts_of(run).unwrap(), []);
}

#[test]
fn an_estimate_is_replaced_by_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    let run = history.begin_run(now(), &"begun").unwrap();
    assert_eq!(history.estimate_of::<String>(run).unwrap(), None);
    for content in ["estimated", "realised"] {
        history.save_estimate(run, &content).unwrap();
    }
    let kept = history.estimate_of::<String>(run).unwrap();
    assert_eq!(kept.as_deref(), Some("realised"));
}

#[test]
fn alerts_wait_in_their_order_until_they_are_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    for body in 0..120 {
        let target = if body == 5 { "command" } else { "webhook" };
        history
            .queue_alert(now(), target, &body.to_string())
            .unwrap();
    }
    let waiting = history.waiting_alerts("webhook").unwrap();
    let bodies: Vec<&str> = waiting.iter().map(|alert| alert.body.as_str()).collect();
    assert_eq!((bodies.len(), bodies[0], bodies[99]), (100, "20", "119"));
    assert_eq!(history.waiting_alerts("command").unwrap().len(), 1);
    for alert in &waiting[..3] {
        history.note_try_to_deliver(alert.id).unwrap();
    }
    history
        .note_failed_delivery(waiting[0].id, "refused")
        .unwrap();
    history.note_delivery(waiting[1].id, now()).unwrap();
    let waiting = history.waiting_alerts("webhook").unwrap();
    let failed = |place: usize| {
        (
            waiting[place].failures,
            waiting[place].last_failure.as_deref(),
        )
    };
    assert_eq!(failed(0), (1, Some("refused")));
    assert_eq!(waiting[1].body, "22");
    assert_eq!(failed(1), (1, Some(UNKNOWN_END)), "the run was killed");
    assert_eq!(failed(2), (0, None));
}

#[test]
fn a_condition_keeps_the_time_it_was_opened_at_until_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    let condition = |hour: i64| {
        let at = now() + jiff::SignedDuration::from_hours(hour);
        OpenCondition {
            name: "model_drift".into(),
            opened_at: at,
            told_at: at,
        }
    };
    history.save_condition(&condition(0)).unwrap();
    history.save_condition(&condition(30)).unwrap();
    let open = history.open_conditions().unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].opened_at, condition(0).opened_at);
    assert_eq!(open[0].told_at, condition(30).told_at);
    history.close_condition("model_drift").unwrap();
    assert_eq!(history.open_conditions().unwrap(), []);
}

#[test]
fn a_newer_history_is_named_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let layout = layout(folder.path());
    let history = History::open(&layout).unwrap();
    history
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(history);
    let error = History::read(&layout).err().expect("refused");
    assert!(format!("{error:#}").contains("version 99"), "{error:#}");
}

#[test]
fn a_reader_of_an_interrupted_write_sees_the_state_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let layout = layout(folder.path());
    let history = History::open(&layout).unwrap();
    history.save_document("note", &"before").unwrap();
    // A killed writer's files, as they stood in the middle of its transaction: a cache this
    // small spills changed pages into the file while the journal still holds the old ones.
    history
        .connection
        .execute_batch("PRAGMA cache_size = 1; BEGIN")
        .unwrap();
    history.save_document("note", &"x".repeat(200_000)).unwrap();
    history
        .save_document("other", &"y".repeat(200_000))
        .unwrap();
    let copy = tempfile::tempdir().unwrap();
    let killed = super::tests::layout(copy.path());
    std::fs::create_dir_all(killed.state()).unwrap();
    for name in ["history.db", "history.db-journal"] {
        std::fs::copy(layout.state().join(name), killed.state().join(name)).unwrap();
    }
    let journal = killed.state().join("history.db-journal");
    let before = std::fs::read(&journal).unwrap();
    assert!(!before.is_empty(), "the journal should be hot");

    let reader = History::read(&killed).unwrap().unwrap();
    assert_eq!(
        reader.document::<String>("note").unwrap().as_deref(),
        Some("before")
    );
    assert_eq!(std::fs::read(&journal).unwrap(), before);
}

#[test]
fn a_copy_holds_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let layout = layout(folder.path());
    let history = History::open(&layout).unwrap();
    history.save_document("note", &"kept").unwrap();
    let reader = History::read(&layout).unwrap().unwrap();
    let copy = folder.path().join("copy.db");
    reader.copy_to(&copy).unwrap();
    let copied = Connection::open(copy).unwrap();
    let content: String = copied
        .query_row("SELECT content FROM documents", [], |row| row.get(0))
        .unwrap();
    assert_eq!(content, "\"kept\"");
}

#[test]
fn a_history_that_was_only_begun_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let layout = layout(folder.path());
    std::fs::create_dir_all(layout.state()).unwrap();
    crate::files::replace(&layout.history(), b"").unwrap();
    assert!(History::read(&layout).unwrap().is_none());
}
