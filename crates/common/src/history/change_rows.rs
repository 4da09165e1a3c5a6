//! The changes that people made by hand, a row each.
//!
//! A change has the number of the newest run that had begun before it. So numbers, and not clocks,
//! decide whether a change came after the beginning of a run.

use std::fmt;

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{Row, params};
use schemars::JsonSchema;
use serde::Serialize;

use super::damage::unreadable;
use super::store::History;
use crate::person::Person;
use crate::{Layout, digest, files};

/// The version of the tables that brought the changes.
const FIRST_VERSION: usize = 6;

/// What was changed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Files or rows of the ingested data changed.
    Ingestion,
    /// A candidate was fitted.
    Training,
    /// The candidate was released and made live.
    Deployment,
    /// Another release was made live again.
    Rollback,
    /// The live release was changed. An older program did not record how, and by whom.
    Unknown,
}

/// A change that a person is about to make, or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// What is changed.
    pub kind: ChangeKind,
    /// The live release before the change.
    pub from: Option<String>,
    /// The live release after the change.
    pub to: Option<String>,
    /// What else identifies the change: the SHA-256 of a candidate, or what an ingestion changed.
    pub note: Option<String>,
}

/// A change that a person made.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChangeByHand {
    /// Number of the change, counting up from 1.
    #[serde(rename = "change_id")]
    pub id: i64,
    /// What was changed.
    pub kind: ChangeKind,
    /// The newest run that had begun before the change; 0 before the first run.
    pub after_run: i64,
    /// Time of the change, by the clock of the machine.
    #[schemars(with = "crate::DateTime")]
    pub made_at: Timestamp,
    /// Person who made the change; `None` if an older program recorded the change.
    pub by: Option<Person>,
    /// The live release before the change; `None` if none was live, or if the live release did not change.
    pub from: Option<String>,
    /// The live release after the change; `None` if the live release did not change.
    pub to: Option<String>,
    /// What else identifies the change, such as the SHA-256 of a candidate.
    pub note: Option<String>,
}

impl ChangeKind {
    /// Name in the history.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingestion => "ingestion",
            Self::Training => "training",
            Self::Deployment => "deployment",
            Self::Rollback => "rollback",
            Self::Unknown => "unknown",
        }
    }

    fn of_name(name: &str) -> Self {
        let known = [
            Self::Ingestion,
            Self::Training,
            Self::Deployment,
            Self::Rollback,
        ];
        let found = known.into_iter().find(|kind| kind.name() == name);
        found.unwrap_or(Self::Unknown)
    }
}

impl ChangeByHand {
    /// True if the change was one of the live release.
    pub fn is_of_release(&self) -> bool {
        !matches!(self.kind, ChangeKind::Ingestion | ChangeKind::Training)
    }
}

/// The condition that a row changed the live release.
const OF_RELEASE: &str = "kind NOT IN ('ingestion', 'training')";

impl History {
    /// Records a change that is complete. Part of the transaction that makes it count, where there is
    /// one.
    pub fn record_change(&self, now: Timestamp, change: &NewChange) -> anyhow::Result<()> {
        self.insert_change(now, change, true).map(drop)
    }

    /// Records that a person is about to change the live release or the candidate; returns the number
    /// of the change. [`Self::finish_change`] or [`Self::forget_change`] follows, if necessary by the
    /// next command that writes.
    pub fn begin_change(&self, now: Timestamp, change: &NewChange) -> anyhow::Result<i64> {
        self.insert_change(now, change, false)
    }

    fn insert_change(
        &self,
        now: Timestamp,
        change: &NewChange,
        is_done: bool,
    ) -> anyhow::Result<i64> {
        let person = Person::of_this_process();
        self.connection
            .execute(
                "INSERT INTO changes (after_run, kind, made_at, uid, user, from_release, to_release,
                     note, is_done)
                 VALUES ((SELECT COALESCE(MAX(id), 0) FROM runs), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    change.kind.name(),
                    now.to_string(),
                    person.uid,
                    person.name,
                    change.from,
                    change.to,
                    change.note,
                    is_done,
                ],
            )
            .with_context(|| self.failed_to("record a change by hand"))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The changes that were begun and neither finished nor forgotten, oldest first.
    pub fn unfinished_changes(&self) -> anyhow::Result<Vec<ChangeByHand>> {
        self.changes("NOT is_done ORDER BY id")
    }

    /// Records that the change of this number, which was begun, is complete.
    pub fn finish_change(&self, change: i64) -> anyhow::Result<()> {
        self.end_change("UPDATE changes SET is_done = 1 WHERE id = ?1", change)
    }

    /// Removes the change of this number, which was begun and did not happen.
    pub fn forget_change(&self, change: i64) -> anyhow::Result<()> {
        self.end_change("DELETE FROM changes WHERE id = ?1 AND NOT is_done", change)
    }

    fn end_change(&self, statement: &str, change: i64) -> anyhow::Result<()> {
        self.connection
            .execute(statement, [change])
            .with_context(|| self.failed_to("record the end of a change by hand"))?;
        Ok(())
    }

    /// Ends the trainings by hand that were killed before they could record their end: they happened
    /// if the candidate's file is the one that they were about to write.
    pub fn settle_trainings(&self, layout: &Layout) -> anyhow::Result<()> {
        for change in self.unfinished_changes()? {
            if change.kind != ChangeKind::Training {
                continue;
            }
            let path = layout.candidate_model();
            let is_there = files::exists(&path)?;
            let found = is_there.then(|| digest::of_file(&path)).transpose()?;
            match found {
                Some((digest, _)) if Some(&digest) == change.note.as_ref() => {
                    self.finish_change(change.id)?;
                }
                _ => self.forget_change(change.id)?,
            }
        }
        Ok(())
    }

    /// Number of the newest change of the live release by hand; 0 without any.
    pub fn newest_release_change(&self) -> anyhow::Result<i64> {
        let newest = self.changes(&format!("{OF_RELEASE} ORDER BY id DESC LIMIT 1"))?;
        Ok(newest.first().map_or(0, |change| change.id))
    }

    /// The newest change of the live release by hand since a run began; `None` without any.
    pub fn release_change_since(&self, run: i64) -> anyhow::Result<Option<ChangeByHand>> {
        let which = format!("{OF_RELEASE} AND after_run >= {run} ORDER BY id DESC LIMIT 1");
        Ok(self.changes(&which)?.pop())
    }

    /// The changes of the live release by hand, newest first, `limit` at most. A change that was begun
    /// and not ended is among them.
    pub fn release_changes(&self, limit: i64) -> anyhow::Result<Vec<ChangeByHand>> {
        self.changes(&format!("{OF_RELEASE} ORDER BY id DESC LIMIT {limit}"))
    }

    /// The complete changes that were made after run `first` began and before run `next` began,
    /// newest first, `limit` at most.
    pub fn changes_between(
        &self,
        first: i64,
        next: i64,
        limit: u32,
    ) -> anyhow::Result<Vec<ChangeByHand>> {
        let found = self.each_change(&format!(
            "is_done AND after_run >= {first} AND after_run < {next} ORDER BY id DESC LIMIT {limit}"
        ))?;
        // A list does not fail because of one row. The doctor names the row.
        let readable = found.into_iter().filter_map(|change| {
            change
                .inspect_err(|error| tracing::warn!("left out: {error:#}"))
                .ok()
        });
        Ok(readable.collect())
    }

    /// What is wrong with the changes by hand that cannot be read, a sentence each.
    pub fn unreadable_changes(&self) -> anyhow::Result<Vec<String>> {
        let found = self.each_change("TRUE ORDER BY id")?.into_iter();
        let problems = found.filter_map(Result::err);
        Ok(problems.map(|error| format!("{error:#}")).collect())
    }

    fn changes(&self, which: &str) -> anyhow::Result<Vec<ChangeByHand>> {
        self.each_change(which)?.into_iter().collect()
    }

    /// The changes, each with the error of a row that cannot be read.
    fn each_change(&self, which: &str) -> anyhow::Result<Vec<anyhow::Result<ChangeByHand>>> {
        // A reader may meet a history that no program of this version has written to.
        if self.versions()?.0 < FIRST_VERSION {
            return Ok(Vec::new());
        }
        let context = || self.failed_to("read the changes by hand");
        let mut statement = self
            .connection
            .prepare(&format!("SELECT * FROM changes WHERE {which}"))
            .with_context(context)?;
        let rows = statement.query_map([], read_change).with_context(context)?;
        let changes = rows.map(|row| {
            let (made_at, change) = row.with_context(context)?;
            let what = format!("time of change {} by hand", change.id);
            Ok(ChangeByHand {
                made_at: made_at
                    .parse()
                    .map_err(|error: jiff::Error| unreadable(&what, &error))?,
                ..change
            })
        });
        Ok(changes.collect())
    }
}

/// A row of the table. The time is returned as text, so that an unreadable one can be reported.
fn read_change(row: &Row<'_>) -> rusqlite::Result<(String, ChangeByHand)> {
    let uid: Option<u32> = row.get("uid")?;
    let name: Option<String> = row.get("user")?;
    let change = ChangeByHand {
        id: row.get("id")?,
        kind: ChangeKind::of_name(&row.get::<_, String>("kind")?),
        after_run: row.get("after_run")?,
        made_at: Timestamp::UNIX_EPOCH,
        by: uid.map(|uid| Person { uid, name }),
        from: row.get("from_release")?,
        to: row.get("to_release")?,
        note: row.get("note")?,
    };
    Ok((row.get("made_at")?, change))
}

/// What was done and by whom, as a sentence without a full stop.
impl fmt::Display for ChangeByHand {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let release = self.to.as_deref().unwrap_or("-");
        match self.kind {
            ChangeKind::Ingestion => write!(to, "the ingested data was changed by hand")?,
            ChangeKind::Training => write!(to, "a candidate was fitted by hand")?,
            ChangeKind::Deployment => write!(to, "release {release} was deployed by hand")?,
            ChangeKind::Rollback => write!(to, "rolled back to release {release} by hand")?,
            ChangeKind::Unknown => {
                return write!(
                    to,
                    "the live release was changed by hand, recorded by an older program"
                );
            }
        }
        match &self.by {
            Some(Person {
                uid,
                name: Some(name),
            }) => write!(to, ", by {name} (uid {uid})")?,
            Some(Person { uid, name: None }) => write!(to, ", by uid {uid}")?,
            None => {}
        }
        match (&self.from, &self.note) {
            (Some(from), _) if self.to.is_some() => {
                write!(to, "; release {from} was live before")
            }
            (_, Some(what)) if self.kind == ChangeKind::Ingestion => write!(to, ": {what}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::{layout, now, opened};

    fn rollback(to: &str) -> NewChange {
        NewChange {
            kind: ChangeKind::Rollback,
            from: Some("000002".into()),
            to: Some(to.into()),
            note: None,
        }
    }

    #[test]
    fn numbers_tell_what_came_first_whatever_the_clock_says() {
        let (_folder, history) = opened();
        let late = now();
        let early = Timestamp::UNIX_EPOCH;
        history.record_change(late, &rollback("000001")).unwrap();
        let run = history.begin_run(early, &"begun").unwrap();
        assert_eq!(history.release_change_since(run).unwrap(), None);
        let training = NewChange {
            kind: ChangeKind::Training,
            ..rollback("000001")
        };
        history.record_change(early, &training).unwrap();
        let since = |run| history.release_change_since(run).unwrap();
        assert_eq!(since(run), None, "a candidate changes no release");
        assert_eq!(history.newest_release_change().unwrap(), 1);
        history.record_change(early, &rollback("000001")).unwrap();
        assert_eq!(since(run).unwrap().id, 3);
        assert_eq!(history.newest_release_change().unwrap(), 3);
    }

    #[test]
    fn a_change_is_listed_once_it_is_finished() {
        let (_folder, history) = opened();
        let listed = || history.changes_between(0, i64::MAX, 9).unwrap();
        let id = history.begin_change(now(), &rollback("000001")).unwrap();
        assert_eq!(listed(), []);
        let begun = history.unfinished_changes().unwrap();
        assert_eq!(begun[0].to.as_deref(), Some("000001"));
        history.forget_change(id).unwrap();
        let id = history.begin_change(now(), &rollback("000001")).unwrap();
        let other = history.begin_change(now(), &rollback("000003")).unwrap();
        history.finish_change(id).unwrap();
        history.forget_change(id).unwrap();
        history.forget_change(other).unwrap();
        assert_eq!(history.unfinished_changes().unwrap(), []);
        assert_eq!(history.unreadable_changes().unwrap(), [""; 0]);
        let [change] = &listed()[..] else {
            panic!("one change: {:?}", listed());
        };
        let by = change.by.as_ref().unwrap();
        assert_eq!(*by, Person::of_this_process());
        let said = change.to_string();
        assert!(
            said.starts_with("rolled back to release 000001 by hand, by "),
            "{said}"
        );
        assert!(said.ends_with("; release 000002 was live before"), "{said}");
        let damage = "UPDATE changes SET made_at = 'x'";
        history.connection.execute(damage, []).unwrap();
        assert_eq!(listed(), [], "one row does not hide the list");
        let problems = history.unreadable_changes().unwrap();
        let says = format!("time of change {id} by hand");
        assert!(
            problems.len() == 1 && problems[0].contains(&says),
            "{problems:?}"
        );
    }

    #[test]
    fn a_training_that_was_killed_happened_if_the_candidate_is_the_one_it_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let history = History::open(&layout).unwrap();
        let begin = |model: &[u8]| {
            let training = NewChange {
                kind: ChangeKind::Training,
                from: None,
                to: None,
                note: Some(digest::of_bytes(model)),
            };
            history.begin_change(now(), &training).unwrap()
        };
        begin(b"no file yet");
        history.settle_trainings(&layout).unwrap();
        assert_eq!(history.unfinished_changes().unwrap(), []);
        crate::files::create_folder(layout.models()).unwrap();
        crate::files::replace(&layout.candidate_model(), b"written").unwrap();
        begin(b"killed before the rename");
        let written = begin(b"written");
        let other = history.begin_change(now(), &rollback("000001")).unwrap();
        history.settle_trainings(&layout).unwrap();
        let done = history.changes_between(0, i64::MAX, 9).unwrap();
        assert_eq!(done.iter().map(|it| it.id).collect::<Vec<_>>(), [written]);
        let begun = history.unfinished_changes().unwrap();
        assert_eq!(begun.iter().map(|it| it.id).collect::<Vec<_>>(), [other]);
    }

    #[test]
    fn the_time_of_the_last_change_becomes_a_change_of_an_older_program() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        let history = History::open(&layout).unwrap();
        for (at, run) in [
            ("2026-03-01T12:00:00.5Z", 1),
            ("2026-03-01T12:00:00.75Z", 2),
        ] {
            assert_eq!(
                history.begin_run(at.parse().unwrap(), &"begun").unwrap(),
                run
            );
        }
        let changed = "2026-03-01T12:00:00.725Z";
        history
            .save_document("last change by hand", &changed)
            .unwrap();
        for (name, at) in [
            ("regime", changed),
            ("sums of the score test", "2026-03-01T12:00:00Z"),
        ] {
            let stored = serde_json::json!({"changed_by_hand": at, "sums": [0.1]});
            history.save_document(name, &stored).unwrap();
        }
        history
            .connection
            .execute_batch(
                "DROP TABLE changes; ALTER TABLE files DROP COLUMN changed;
                 ALTER TABLE ledger DROP COLUMN rejected_digest; PRAGMA user_version = 5",
            )
            .unwrap();
        let reader = History::read(&layout).unwrap().unwrap();
        assert_eq!(reader.changes_between(0, i64::MAX, 9).unwrap(), []);
        assert_eq!(reader.newest_release_change().unwrap(), 0);
        drop((reader, history));

        let history = History::open(&layout).unwrap();
        let [change] = &history.changes_between(0, i64::MAX, 9).unwrap()[..] else {
            panic!("one change");
        };
        assert_eq!((change.kind, change.after_run), (ChangeKind::Unknown, 1));
        assert_eq!(change.made_at.to_string(), changed);
        assert_eq!(change.by, None);
        let stored = |name: &str| -> serde_json::Value {
            history.document(name).unwrap().expect("it stays")
        };
        assert_eq!(stored("regime")["after_change"], change.id);
        assert_eq!(stored("sums of the score test")["after_change"], 0);
        assert_eq!(stored("regime")["sums"], serde_json::json!([0.1]));
    }
}
