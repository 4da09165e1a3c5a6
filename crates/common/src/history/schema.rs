//! The tables, as a list of forward migrations; `PRAGMA user_version` counts those applied.

use anyhow::Context;
use rusqlite::Connection;

use crate::Failure;

/// Each step brings the tables from version `index` to `index + 1`; a step is never edited.
const MIGRATIONS: [&str; 6] = [
    "
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        committed_bytes INTEGER NOT NULL,
        digest TEXT NOT NULL,
        rejected_bytes INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        seen_rows INTEGER NOT NULL,
        judged_rows INTEGER NOT NULL,
        rebuilding INTEGER NOT NULL,
        schema TEXT NOT NULL,
        base_files INTEGER NOT NULL,
        base_judged_fingerprints INTEGER NOT NULL,
        judged_fingerprints INTEGER NOT NULL
    );
    CREATE TABLE files (
        position INTEGER PRIMARY KEY,
        folder TEXT NOT NULL,
        name TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        status TEXT NOT NULL,
        reason TEXT,
        rows_read INTEGER NOT NULL,
        rows_kept INTEGER NOT NULL,
        rows_duplicate INTEGER NOT NULL,
        rows_rejected INTEGER NOT NULL
    );
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        started_at TEXT NOT NULL,
        finished_at TEXT,
        outcome TEXT,
        record TEXT NOT NULL
    );
    CREATE INDEX unfinished_runs ON runs (id) WHERE finished_at IS NULL;
    CREATE INDEX runs_by_outcome ON runs (outcome, id);
    CREATE TABLE stages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER REFERENCES runs (id),
        stage TEXT NOT NULL,
        started_at TEXT NOT NULL,
        seconds REAL NOT NULL
    );
    CREATE INDEX stages_by_name ON stages (stage, id);
    CREATE TABLE scores (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        recorded_at TEXT NOT NULL,
        model TEXT NOT NULL,
        f1 REAL NOT NULL
    );
    CREATE TABLE documents (
        name TEXT PRIMARY KEY,
        content TEXT NOT NULL
    );
",
    // Pruning a run removes its stages, so they are found by run.
    "CREATE INDEX stages_by_run ON stages (run);",
    // The verdicts of a run about the model and its features, and the estimates for its
    // predictions. Also the open conditions, and the queue of alerts.
    "
    CREATE TABLE verdicts (
        run INTEGER NOT NULL REFERENCES runs (id),
        position INTEGER NOT NULL,
        subject TEXT NOT NULL,
        test TEXT NOT NULL,
        verdict TEXT NOT NULL,
        rows INTEGER NOT NULL,
        statistic REAL,
        p_value REAL,
        level REAL,
        effect REAL,
        PRIMARY KEY (run, position)
    );
    CREATE INDEX verdicts_by_subject ON verdicts (subject, run);
    CREATE TABLE estimates (
        run INTEGER PRIMARY KEY REFERENCES runs (id),
        content TEXT NOT NULL
    );
    CREATE TABLE conditions (
        name TEXT PRIMARY KEY,
        opened_at TEXT NOT NULL,
        told_at TEXT NOT NULL
    );
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        target TEXT NOT NULL,
        queued_at TEXT NOT NULL,
        body TEXT NOT NULL,
        failures INTEGER NOT NULL DEFAULT 0,
        last_failure TEXT,
        delivered_at TEXT
    );
    CREATE INDEX outbox_waiting ON outbox (target, id) WHERE delivered_at IS NULL;
",
    // The record of a run holds the same verdicts: one commit always wrote both, from the same
    // value.
    "DROP TABLE verdicts;",
    // The run that ingested a file. The rows that one run ingested are a batch.
    "ALTER TABLE files ADD COLUMN run INTEGER;",
    // Changes by hand were one document with the time of the last. What was recorded together with
    // that time belongs to the change if the times are equal. Texts of times are compared without
    // their last letter, because their fractions differ in length.
    "
    CREATE TABLE changes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        after_run INTEGER NOT NULL,
        kind TEXT NOT NULL,
        made_at TEXT NOT NULL,
        uid INTEGER,
        user TEXT,
        from_release TEXT,
        to_release TEXT,
        note TEXT,
        is_done INTEGER NOT NULL
    );
    CREATE INDEX changes_by_run ON changes (after_run, id);
    INSERT INTO changes (after_run, kind, made_at, is_done)
        SELECT (SELECT COALESCE(MAX(id), 0) FROM runs
                WHERE rtrim(started_at, 'Z') <= rtrim(json_extract(content, '$'), 'Z')),
            'unknown', json_extract(content, '$'), 1
        FROM documents
        WHERE name = 'last change by hand' AND json_valid(content)
            AND json_type(content) = 'text';
    UPDATE documents
        SET content = json_set(content, '$.after_change',
            (json_extract(content, '$.changed_by_hand') IS (SELECT MAX(made_at) FROM changes))
                * (SELECT COUNT(*) FROM changes))
        WHERE name IN ('sums of the score test', 'regime')
            AND json_valid(content) AND json_type(content) = 'object';
    DELETE FROM documents WHERE name = 'last change by hand';
    ALTER TABLE files ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN rejected_digest TEXT NOT NULL DEFAULT '';
    ",
];

/// The newest version this program knows.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// Brings the tables up to date, in one commit.
pub(super) fn migrate(connection: &Connection) -> anyhow::Result<()> {
    let steps = MIGRATIONS[version(connection)?..].concat();
    if steps.is_empty() {
        return Ok(());
    }
    connection
        .execute_batch(&format!(
            "BEGIN; {steps} PRAGMA user_version = {VERSION}; COMMIT;"
        ))
        .with_context(|| format!("failed to bring the history to version {VERSION}"))
}

/// The version of the tables; an error when a newer program wrote them.
pub(super) fn version(connection: &Connection) -> anyhow::Result<usize> {
    let found: usize = connection
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        .context("failed to read the history's version")?
        .try_into()
        .unwrap_or(usize::MAX);
    if found > VERSION {
        return Err(Failure::input_output(format!(
            "the history has version {found}, and this program knows versions up to {VERSION}: use the newer program"
        ))
        .into());
    }
    Ok(found)
}
