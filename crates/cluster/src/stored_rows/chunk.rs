//! Stores rows for the engine. A chunk of some million rows is written as a text file; the engine converts it
//! to Parquet.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::files::{self, FileWriter};
use dataset::{Table, shortest};

use super::content::StoredFile;
use super::{CHUNK_ROWS, Storage, entries, names, path_text, remove_folder};
use crate::answer::Connection;
use crate::source::Column;
use crate::sql;

/// Stores rows in chunks.
pub(super) struct Chunks<'a, C> {
    storage: &'a Storage<'a>,
    connection: &'a C,
    columns: &'a [Column],
    /// Part of the names of the folders and the view that this run makes.
    token: &'a str,
    /// Number of the next row in finaldata.csv.
    next: u64,
    open: Option<Chunk>,
    stored: Vec<StoredFile>,
    max_rows: usize,
}

/// A chunk that is being written.
struct Chunk {
    /// Number of the chunk's first row in finaldata.csv.
    first: u64,
    folder: PathBuf,
    text: FileWriter,
    rows: usize,
}

impl<'a, C: Connection> Chunks<'a, C> {
    /// Chunks that begin with the row of this number.
    pub(super) fn new(
        storage: &'a Storage<'a>,
        connection: &'a C,
        columns: &'a [Column],
        token: &'a str,
        first: u64,
    ) -> Self {
        Self {
            storage,
            connection,
            columns,
            token,
            next: first,
            open: None,
            stored: Vec::new(),
            max_rows: CHUNK_ROWS,
        }
    }

    /// Stores chunks of this many rows.
    #[cfg(test)]
    pub(super) fn of_rows(self, max_rows: usize) -> Self {
        Self { max_rows, ..self }
    }

    /// Adds the rows that follow.
    pub(super) fn add(&mut self, table: &Table) -> anyhow::Result<()> {
        let mut position = 0;
        while position < table.rows() {
            let mut chunk = match self.open.take() {
                Some(chunk) => chunk,
                None => self.begin()?,
            };
            let room = self.max_rows - chunk.rows;
            let rows = position..table.rows().min(position + room);
            write_lines(
                &mut chunk.text,
                table,
                self.columns,
                rows.clone(),
                self.next,
            )
            .with_context(|| format!("failed to write to {}", chunk.folder.display()))?;
            chunk.rows += rows.len();
            self.next += rows.len() as u64;
            position = rows.end;
            if chunk.rows < self.max_rows {
                self.open = Some(chunk);
            } else {
                self.store(chunk)?;
            }
        }
        Ok(())
    }

    /// Stores the last rows. Returns the Parquet files of all of them.
    pub(super) fn finish(mut self) -> anyhow::Result<Vec<StoredFile>> {
        if let Some(chunk) = self.open.take() {
            self.store(chunk)?;
        }
        Ok(self.stored)
    }

    fn begin(&self) -> anyhow::Result<Chunk> {
        let name = names::of_text(self.token, self.next);
        let folder = self.storage.folder.join(name);
        files::create_folder(&folder)?;
        Ok(Chunk {
            first: self.next,
            text: files::open_for_appending(&folder.join("rows.csv"), 0)?,
            folder,
            rows: 0,
        })
    }

    /// Lets the engine convert a chunk to Parquet, and moves the files into the folder of all rows.
    fn store(&mut self, chunk: Chunk) -> anyhow::Result<()> {
        files::close(chunk.text)?;
        let view = format!("risk_text_{}", self.token);
        let parquet_folder = names::of_parquet(self.token, chunk.first);
        let parquet_folder = self.storage.folder.join(parquet_folder);
        let statement = sql::view_of_text(&view, self.columns, path_text(&chunk.folder));
        self.connection
            .execute("the view of new rows", &statement)?;
        let statement = sql::make_parquet(&view, self.columns, path_text(&parquet_folder));
        self.connection
            .execute("the Parquet of new rows", &statement)?;
        let dropped = self.connection.execute(
            "the removal of the view of new rows",
            &sql::drop_view(&view),
        );
        if let Err(failure) = dropped {
            // The Parquet is complete, and no other run uses the name of the view.
            tracing::warn!("{failure}; the view {view} stays until the engine restarts");
        }
        for (file, place) in parquet_files(&parquet_folder)?.iter().zip(0..) {
            let name = names::of_rows(chunk.first, place);
            let to = self.storage.rows_folder().join(&name);
            files::rename(file, &to)?;
            let bytes = files::length_if_present(&to)?.unwrap_or_default();
            self.stored.push(StoredFile { name, bytes });
        }
        remove_folder(&parquet_folder)?;
        remove_folder(&chunk.folder)
    }
}

/// The files that the engine made.
pub(super) fn parquet_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = entries(folder)
        .context("the engine wrote no rows: check that it may write to engine.storage")?;
    files.retain(|file| file.extension().is_some_and(|it| it == "parquet"));
    Ok(files)
}

/// Writes rows as lines of text. A level is written as the hexadecimal digits of its bytes, so that no text
/// can end a field.
fn write_lines(
    to: &mut impl Write,
    table: &Table,
    kinds: &[Column],
    rows: Range<usize>,
    mut place: u64,
) -> std::io::Result<()> {
    let columns = table.in_memory();
    let positions: Vec<usize> = rows.clone().collect();
    let hashes = table.row_hashes(&positions);
    for (row, hash) in rows.zip(hashes) {
        // SQL has only signed integers. The cast keeps the bits.
        let client = columns.clients[row] as i64;
        let (number, draw) = (columns.client_numbers[row], hash >> 32);
        // The first columns of `sql::view_of_text`.
        write!(to, "{place},{client},{number},{draw},")?;
        if let Some(is_positive) = columns.labels[row] {
            write!(to, "{}", u8::from(is_positive))?;
        }
        for (feature, (column, kind)) in columns.features.iter().zip(kinds).enumerate() {
            let value = column[row];
            to.write_all(b",")?;
            if value.is_nan() {
                continue;
            }
            if !kind.is_category() {
                to.write_all(shortest(value).as_bytes())?;
                continue;
            }
            match columns.levels.name(feature, value) {
                Some(level) => write_hexadecimal(to, level)?,
                // Only a category with too many levels has unnamed ones. No model uses it, so any text will do
                // that differs from the texts of other levels.
                None => write_hexadecimal(to, &format!("level {value}"))?,
            }
        }
        to.write_all(b"\n")?;
        place += 1;
    }
    Ok(())
}

fn write_hexadecimal(to: &mut impl Write, text: &str) -> std::io::Result<()> {
    text.bytes().try_for_each(|byte| write!(to, "{byte:02x}"))
}
