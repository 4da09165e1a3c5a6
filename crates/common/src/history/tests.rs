//! Tests of the history against a real file, and their fixtures.

use jiff::Timestamp;
use rusqlite::Connection;

use super::*;
use crate::ledger::Ledger;
use crate::{Config, Layout};

/// The layout of a pipeline in a folder.
pub(super) fn layout(folder: &std::path::Path) -> Layout {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod"}"#;
    Config::parse(&folder.join("config.json"), text)
        .unwrap()
        .layout
}

/// A history in a temporary folder.
pub(super) fn opened() -> (tempfile::TempDir, History) {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&layout(folder.path())).unwrap();
    (folder, history)
}

pub(super) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

#[test]
fn a_failed_transaction_leaves_nothing() {
    let (_folder, history) = opened();
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
fn a_nested_transaction_is_committed_or_undone_with_the_outer_one() {
    let (_folder, history) = opened();
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
fn a_failed_nested_transaction_leaves_nothing_and_the_outer_one_continues() {
    let (_folder, history) = opened();
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
