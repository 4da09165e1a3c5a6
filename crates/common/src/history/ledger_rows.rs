//! The ledger as rows of the history.

use anyhow::Context;
use rusqlite::types::FromSql;
use rusqlite::{OptionalExtension, Row, params};

use super::damage::unreadable;
use super::store::History;
use crate::ledger::{
    FileStamp, FileStatus, Ledger, LedgerFile, RebuildBase, RowCounts, StateDigests,
};

/// The document of [`Ledger::state`].
const STATE_DIGESTS: &str = "digests of the state";

impl History {
    /// The committed ledger; empty before the first ingestion.
    pub fn ledger(&self) -> anyhow::Result<Ledger> {
        let context = || self.failed_to("read the ledger");
        let ledger = self
            .connection
            .query_row("SELECT * FROM ledger", [], read_ledger)
            .optional()
            .with_context(context)?;
        let Some(mut ledger) = ledger else {
            return Ok(Ledger::default());
        };
        let mut statement = self
            .connection
            .prepare("SELECT * FROM files ORDER BY position")
            .with_context(context)?;
        ledger.files = statement
            .query_map([], read_file)
            .with_context(context)?
            .collect::<Result<_, _>>()
            .with_context(context)?;
        ledger.state = self.document(STATE_DIGESTS)?.unwrap_or_default();
        match ledger.flaw() {
            Some(flaw) => Err(unreadable("ledger", &flaw).into()),
            None => Ok(ledger),
        }
    }

    /// Commits a ledger in place of the previous one.
    pub fn save_ledger(&self, ledger: &Ledger) -> anyhow::Result<()> {
        self.write_ledger(ledger)
            .with_context(|| self.failed_to("commit the ledger"))
    }

    fn write_ledger(&self, ledger: &Ledger) -> anyhow::Result<()> {
        // A savepoint is part of the caller's transaction, or a transaction by itself.
        self.connection.execute_batch("SAVEPOINT ledger")?;
        let written = self.write_ledger_rows(ledger).map_err(Into::into);
        if let Err(error) = written.and_then(|()| self.save_document(STATE_DIGESTS, &ledger.state))
        {
            // On a full disk SQLite may have rolled back by itself; the first error is the cause.
            let _ = self
                .connection
                .execute_batch("ROLLBACK TO ledger; RELEASE ledger");
            return Err(error);
        }
        Ok(self.connection.execute_batch("RELEASE ledger")?)
    }

    fn write_ledger_rows(&self, ledger: &Ledger) -> rusqlite::Result<()> {
        self.connection.execute(
            "INSERT OR REPLACE INTO ledger (id, committed_bytes, digest, rejected_bytes, rows,
                 seen_rows, judged_rows, rebuilding, schema, base_files,
                 base_judged_fingerprints, judged_fingerprints, rejected_digest)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                ledger.committed_bytes as i64,
                ledger.digest,
                ledger.rejected_bytes as i64,
                ledger.rows as i64,
                ledger.seen_rows as i64,
                ledger.evaluated_rows as i64,
                ledger.rebuilding,
                ledger.schema,
                ledger.base.files as i64,
                ledger.base.evaluated_fingerprints as i64,
                ledger.evaluated_fingerprints as i64,
                ledger.rejected_digest,
            ],
        )?;
        self.connection.execute("DELETE FROM files", [])?;
        let mut insert = self.connection.prepare(
            "INSERT INTO files (position, folder, name, sha256, size, modified, inode, status,
                 reason, rows_read, rows_kept, rows_duplicate, rows_rejected, run, changed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?;
        for (position, file) in ledger.files.iter().enumerate() {
            insert.execute(params![
                position as i64,
                file.folder,
                file.name,
                file.sha256,
                file.stamp.size as i64,
                file.stamp.modified,
                file.stamp.inode as i64,
                status_name(file.status),
                file.reason,
                file.rows.read as i64,
                file.rows.kept as i64,
                file.rows.duplicate as i64,
                file.rows.rejected as i64,
                file.run,
                file.stamp.changed,
            ])?;
        }
        Ok(())
    }
}

fn read_ledger(row: &Row<'_>) -> rusqlite::Result<Ledger> {
    Ok(Ledger {
        files: Vec::new(),
        committed_bytes: unsigned(row, "committed_bytes")?,
        digest: row.get("digest")?,
        rejected_bytes: unsigned(row, "rejected_bytes")?,
        rejected_digest: later_column(row, "rejected_digest")?,
        rows: unsigned(row, "rows")?,
        seen_rows: unsigned(row, "seen_rows")?,
        evaluated_rows: unsigned(row, "judged_rows")?,
        rebuilding: row.get("rebuilding")?,
        schema: row.get("schema")?,
        base: RebuildBase {
            files: unsigned(row, "base_files")? as usize,
            evaluated_fingerprints: unsigned(row, "base_judged_fingerprints")?,
        },
        evaluated_fingerprints: unsigned(row, "judged_fingerprints")?,
        state: StateDigests::default(),
    })
}

fn read_file(row: &Row<'_>) -> rusqlite::Result<LedgerFile> {
    Ok(LedgerFile {
        folder: row.get("folder")?,
        name: row.get("name")?,
        sha256: row.get("sha256")?,
        stamp: FileStamp {
            size: unsigned(row, "size")?,
            modified: row.get("modified")?,
            inode: unsigned(row, "inode")?,
            changed: later_column(row, "changed")?,
        },
        status: match row.get::<_, String>("status")?.as_str() {
            "ingested" => FileStatus::Ingested,
            "copy" => FileStatus::Copy,
            _ => FileStatus::Rejected,
        },
        reason: row.get("reason")?,
        rows: RowCounts {
            read: unsigned(row, "rows_read")?,
            kept: unsigned(row, "rows_kept")?,
            duplicate: unsigned(row, "rows_duplicate")?,
            rejected: unsigned(row, "rows_rejected")?,
        },
        run: later_column(row, "run")?,
    })
}

/// A column that histories of older versions do not have.
fn later_column<T: Default + FromSql>(row: &Row<'_>, name: &str) -> rusqlite::Result<T> {
    match row.get(name) {
        Err(rusqlite::Error::InvalidColumnName(_)) => Ok(T::default()),
        value => value,
    }
}

/// Reads an unsigned number. SQLite stores signed integers, so the bit pattern is converted both
/// ways.
fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)? as u64)
}

fn status_name(status: FileStatus) -> &'static str {
    match status {
        FileStatus::Ingested => "ingested",
        FileStatus::Rejected => "rejected",
        FileStatus::Copy => "copy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::layout;

    #[test]
    fn a_saved_ledger_is_read_back_unchanged() {
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
                    changed: -7,
                },
                status: FileStatus::Rejected,
                reason: Some("no header".into()),
                rows: RowCounts {
                    read: 3,
                    kept: 1,
                    duplicate: 1,
                    rejected: 1,
                },
                run: Some(4),
            }],
            committed_bytes: 10,
            digest: "d".into(),
            rejected_bytes: 4,
            rejected_digest: "12".into(),
            rows: 1,
            seen_rows: 1,
            evaluated_rows: 1,
            rebuilding: true,
            schema: "s".into(),
            base: RebuildBase {
                files: 1,
                evaluated_fingerprints: 2,
            },
            evaluated_fingerprints: 5,
            state: StateDigests {
                key: "k".into(),
                evaluated: vec![0, 255],
            },
        };
        history.save_ledger(&ledger).unwrap();
        let reader = History::read(&layout).unwrap().unwrap();
        assert_eq!(reader.ledger().unwrap(), ledger);
    }
}
