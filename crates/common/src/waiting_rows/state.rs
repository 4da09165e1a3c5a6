//! What is known of the table as a whole: the one row of its table `state`.

use rusqlite::{Connection, params};

use super::loss::Known;
use super::statements::each_row;
use super::sums::{Sums, TableRow};
use crate::digest::Hasher;
use crate::history::Damaged;

/// What is known of the table as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// SHA-256 of the finaldata.csv that the places belong to; empty if they belong to none.
    pub(super) digest: String,
    /// Number of rows.
    pub(super) stored: u64,
    /// Number of these that are not in finaldata.csv.
    pub(super) absent: u64,
    /// Number of rows whose label has arrived.
    pub(super) labelled: u64,
    /// Largest number of a run that predicted a row.
    pub(super) newest_run: i64,
    /// A number above every place.
    pub(super) end_place: i64,
    /// Sums of hashes of the rows.
    pub(super) sums: Sums,
    /// Digest that the history had before the last change.
    former: String,
}

impl State {
    pub(super) fn load(connection: &Connection) -> anyhow::Result<Self> {
        let (state, sums) = connection.query_row("SELECT * FROM state", [], |row| {
            let unsigned = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            let state = Self {
                digest: row.get("digest")?,
                stored: unsigned("stored")?,
                absent: unsigned("absent")?,
                labelled: unsigned("labelled")?,
                newest_run: row.get("newest_run")?,
                end_place: row.get("end_place")?,
                sums: Sums::default(),
                former: row.get("former")?,
            };
            Ok((state, row.get::<_, Vec<u8>>("sums")?))
        })?;
        let sums = match sums.is_empty() {
            true => Some(Sums::default()),
            false => Sums::from_bytes(&sums),
        };
        let sums = sums.ok_or_else(|| Damaged::new("its sums are incomplete".into()))?;
        Ok(Self { sums, ..state })
    }

    /// Writes the state; `former` is the digest that the history has now.
    pub(super) fn save(&self, connection: &Connection, former: Option<&str>) -> anyhow::Result<()> {
        connection.execute(
            "UPDATE state SET digest = ?1, stored = ?2, absent = ?3, labelled = ?4,
                 newest_run = ?5, end_place = ?6, sums = ?7, former = ?8",
            params![
                self.digest,
                self.stored.cast_signed(),
                self.absent.cast_signed(),
                self.labelled.cast_signed(),
                self.newest_run,
                self.end_place,
                self.sums.to_bytes(),
                former.unwrap_or(&self.former),
            ],
        )?;
        Ok(())
    }

    /// Counts all rows of the table.
    pub(super) fn count(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        (self.stored, self.absent, self.labelled) = (0, 0, 0);
        self.sums = Sums::default();
        each_row(connection, "TRUE", [], |row| self.add(row))
    }

    /// Counts a row that is added.
    pub(super) fn add(&mut self, row: &TableRow) {
        self.stored += 1;
        self.absent += u64::from(row.place < 0);
        self.labelled += u64::from(row.label.is_some());
        self.sums.add(row);
    }

    /// Counts a row that is removed.
    pub(super) fn remove(&mut self, row: &TableRow) {
        let subtract = |count: &mut u64, is_one| *count = count.saturating_sub(u64::from(is_one));
        subtract(&mut self.stored, true);
        subtract(&mut self.absent, row.place < 0);
        subtract(&mut self.labelled, row.label.is_some());
        self.sums.remove(row);
    }

    /// What the history has to know of this table.
    pub(super) fn known(&self) -> Known {
        let mut hasher = Hasher::new();
        let Self {
            digest,
            stored,
            absent,
            labelled,
            newest_run,
            end_place,
            sums,
            former: _,
        } = self;
        let counts = format!("{digest} {stored} {absent} {labelled} {newest_run} {end_place} ");
        hasher.update(counts.as_bytes());
        hasher.update(&sums.to_bytes());
        Known {
            digest: hasher.finish(),
            rows: *stored,
        }
    }

    /// True if this is the table that the history knows, or its next state.
    pub(super) fn is_of(&self, known: &Known) -> bool {
        let has_no_rows = self.stored == 0 && known.rows == 0;
        has_no_rows || self.former == known.digest || self.known().digest == known.digest
    }
}
