//! The rows on the storage of the engine, as Parquet.
//!
//! Ingestion writes finaldata.csv on this machine. New rows are written to the storage as text, and the engine
//! converts the text to Parquet. The folder `rows` has the Parquet files. `rows.json` lists them, and names the
//! content of finaldata.csv that they hold. If rows were only appended to finaldata.csv, only these rows are
//! stored. Otherwise all rows are stored again.
//!
//! The storage can always be rebuilt. A file that is missing, or has another length, is therefore no error.
//! The next run that uses the rows removes leftovers of killed runs. Files with names that no run makes are
//! never removed.

mod chunk;
mod content;
mod input;
mod names;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use common::config::EngineSettings;
use common::{Config, Failure, Ledger, clock, digest, files};
use dataset::{LoadedRows, RowNumbers, Table};

use self::chunk::Chunks;
use self::content::{Content, StoredFile};
pub use self::input::{
    EngineInput, ReadFile, ReadInput, contains_each, load_input, lost_input, read_input,
};
use crate::answer::Connection;
use crate::dialect::Dialect;
use crate::engine::SqlEngine;
use crate::source::{Column, Relation, Source};
use crate::sql;

/// Number of rows that the engine converts at once.
const CHUNK_ROWS: usize = 4 << 20;
/// Number of files above which the next run stores all rows again, in few files.
const MAX_FILES: usize = 256;

/// The rows of finaldata.csv.
#[derive(Clone, Copy, Debug)]
pub struct FinalRows<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The committed content of finaldata.csv.
    pub ledger: &'a Ledger,
    /// Earlier content, from which `ledger` differs only by appended rows, if at all.
    pub earlier: &'a Ledger,
    /// The rows after those of `earlier`, if memory holds them.
    pub appended: Option<&'a Table>,
}

/// Stores the rows that the engine does not have yet. The result has all rows of finaldata.csv, on the
/// engine.
pub fn load<C: Connection + 'static>(
    connection: C,
    settings: &EngineSettings,
    rows: &FinalRows<'_>,
) -> anyhow::Result<LoadedRows> {
    let (schema, ledger) = (&rows.config.schema, rows.ledger);
    if ledger.rows == 0 {
        return Ok(LoadedRows {
            table: Table::new(schema),
            ..LoadedRows::default()
        });
    }
    if settings.ingestion {
        return input::load_committed(connection, settings, rows.config, ledger);
    }
    let storage = Storage::of(&settings.storage)?;
    let columns: Vec<Column> = schema.features.iter().map(Column::of).collect();
    let content = storage.usable_content(rows.config)?;
    let first_missing = match &content {
        Some(content) => content.first_missing(rows)?,
        None => Some(0),
    };
    let kept = content.filter(|_| first_missing != Some(0));
    let kept = kept.map(|content| content.files).unwrap_or_default();
    storage.remove_leftovers(&kept)?;
    if let Some(first) = first_missing {
        storage.store(&connection, &columns, rows, kept, first)?;
    }
    let relation = storage.relation(&connection, ledger.rows)?;
    let source = Source {
        dialect: Dialect::Spark,
        relation,
        features: columns,
        rows: usize::try_from(ledger.rows).unwrap_or(usize::MAX),
    };
    Ok(LoadedRows {
        table: Table::on_engine(Arc::new(SqlEngine::new(connection, source))),
        numbers: RowNumbers::From(0),
        sample: None,
    })
}

/// What lies on the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredRows {
    /// No rows yet, or rows that only another version of this program can read.
    None,
    /// A file is missing or was cut. The next run stores all rows again.
    Incomplete {
        /// The file.
        file: PathBuf,
    },
    /// All rows, and a file that an interrupted run left beside them. The next run that uses the rows removes
    /// it.
    Leftover {
        /// The file.
        file: PathBuf,
    },
    /// All rows, and the engine finds them.
    Whole {
        /// Number of rows.
        rows: u64,
        /// Number of their files.
        files: usize,
    },
}

/// Examines what lies on the storage, and changes nothing. An error if the storage cannot be used, or if
/// the engine finds other rows there.
pub fn examine(
    connection: &impl Connection,
    settings: &EngineSettings,
    config: &Config,
) -> anyhow::Result<StoredRows> {
    let storage = Storage::of(&settings.storage)?;
    let Some(content) = storage.content(config)? else {
        return Ok(StoredRows::None);
    };
    if settings.ingestion {
        return input::examine(connection, &storage, config);
    }
    if let Some(file) = content.incomplete_file(&storage.rows_folder()) {
        return Ok(StoredRows::Incomplete { file });
    }
    let mut row_files = storage.row_files()?.into_iter();
    if let Some(file) = row_files.find(|file| !content.has(name_of(file))) {
        return Ok(StoredRows::Leftover { file });
    }
    let relation = Relation::Parquet(path_text(&storage.rows_folder()).to_owned());
    match storage.difference(connection, &relation, content.rows)? {
        Some(difference) => Err(difference.into()),
        None => Ok(StoredRows::Whole {
            rows: content.rows,
            files: content.files.len(),
        }),
    }
}

/// The folder of the engine's rows.
struct Storage<'a> {
    folder: &'a Path,
}

impl<'a> Storage<'a> {
    /// The folder. An error if it is missing: it may be a share that is not mounted.
    fn of(folder: &'a Path) -> anyhow::Result<Self> {
        if !files::is_folder(folder)? {
            return Err(Failure::input_output(format!(
                "the folder {} (engine.storage) does not exist: make it, or mount the storage of the engine there",
                folder.display()
            ))
            .into());
        }
        Ok(Self { folder })
    }

    /// Folder of the Parquet files.
    fn rows_folder(&self) -> PathBuf {
        self.folder.join("rows")
    }

    fn content_file(&self) -> PathBuf {
        self.folder.join("rows.json")
    }

    /// The content of the storage, if it is complete and in few files.
    fn usable_content(&self, config: &Config) -> anyhow::Result<Option<Content>> {
        let is_usable = |content: &Content| {
            content.files.len() <= MAX_FILES
                && content.incomplete_file(&self.rows_folder()).is_none()
        };
        Ok(self.content(config)?.filter(is_usable))
    }

    /// The content of the storage; `None` if no run of this version has recorded any.
    fn content(&self, config: &Config) -> anyhow::Result<Option<Content>> {
        let Some(content) = Content::read(&self.content_file())? else {
            return Ok(None);
        };
        let own = config.layout.final_data();
        if content.final_data != own.display().to_string() {
            return Err(Failure::configuration(format!(
                "the folder {} (engine.storage) has the rows of {}: name another folder, or remove {} if that pipeline was moved or is gone",
                self.folder.display(),
                content.final_data,
                self.content_file().display()
            ))
            .into());
        }
        Ok(Some(content))
    }

    /// Stores the rows from number `first` on beside those in the `stored` files, and records the new content.
    fn store(
        &self,
        connection: &impl Connection,
        columns: &[Column],
        rows: &FinalRows<'_>,
        mut stored: Vec<StoredFile>,
        first: u64,
    ) -> anyhow::Result<()> {
        files::create_folder(&self.rows_folder())?;
        let token = token(self.folder);
        let mut chunks = Chunks::new(self, connection, columns, &token, first);
        tracing::info!(
            rows = rows.ledger.rows - first,
            first,
            "rows are stored for the engine"
        );
        match rows.appended {
            Some(appended) if first == rows.earlier.rows => chunks.add(appended)?,
            _ => {
                let wanted = first..rows.ledger.rows;
                let add = |block: &Table| chunks.add(block);
                dataset::each_numbered_block(rows.config, rows.ledger, wanted, add)?;
            }
        }
        stored.extend(chunks.finish()?);
        Content::of(rows, stored).write(&self.content_file())
    }

    /// Removes what no run needs any more: files of other content, and leftovers of killed runs.
    fn remove_leftovers(&self, stored: &[StoredFile]) -> anyhow::Result<()> {
        for entry in entries(self.folder)? {
            if names::is_temporary(name_of(&entry)) && entry.is_dir() {
                remove_folder(&entry)?;
            }
        }
        if stored.is_empty() {
            // Removed first, so that it never names files that are gone.
            files::remove_file(&self.content_file())?;
        }
        for entry in self.row_files()? {
            if !stored.iter().any(|file| file.name == name_of(&entry)) {
                files::remove_file(&entry)?;
            }
        }
        Ok(())
    }

    /// The Parquet files of the rows. An error if the folder has a file that no run makes.
    fn row_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        if !files::exists(&self.rows_folder())? {
            return Ok(Vec::new());
        }
        let mut found = entries(&self.rows_folder())?;
        // Engines and file systems leave hidden files, which no engine reads.
        found.retain(|entry| !name_of(entry).starts_with('.'));
        let foreign = found.iter().find(|it| !names::is_of_rows(name_of(it)));
        if let Some(foreign) = foreign {
            return Err(Failure::configuration(format!(
                "{} is no file of a run: the folder {} (engine.storage) needs to be for the rows of this pipeline alone; move the file away, or name another folder",
                foreign.display(),
                self.folder.display()
            ))
            .into());
        }
        Ok(found)
    }

    /// All rows, for statements. An error if the engine does not find this number of them; the next run then
    /// stores them again.
    fn relation(&self, connection: &impl Connection, rows: u64) -> anyhow::Result<Relation> {
        let relation = Relation::Parquet(path_text(&self.rows_folder()).to_owned());
        if let Some(difference) = self.difference(connection, &relation, rows)? {
            files::remove_file(&self.content_file())?;
            return Err(difference.into());
        }
        Ok(relation)
    }

    /// What is wrong if the engine does not find this number of rows.
    fn difference(
        &self,
        connection: &impl Connection,
        relation: &Relation,
        rows: u64,
    ) -> Result<Option<Failure>, Failure> {
        let answer = connection.ask("the number of rows", &sql::count_of_rows(relation), 1)?;
        let mut line = answer.only()?;
        let found = [line.count()?, line.count()?, line.count()?];
        let is_same = found == [rows, 0, rows.saturating_sub(1)];
        Ok((!is_same).then(|| {
            Failure::input_output(format!(
                "the engine has {} rows instead of {rows}, with the numbers from {} to {}: check that {} (engine.storage) is the same folder on this machine and on all workers; the next run stores the rows again",
                found[0], found[1], found[2], self.folder.display()
            ))
        }))
    }
}

/// A path of the storage as text. The configuration allows only ASCII characters in it.
fn path_text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

/// The file name of a path; empty for a name that is no UTF-8.
fn name_of(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}

/// Hexadecimal digits that no other run uses in names.
fn token(folder: &Path) -> String {
    let now = clock::now().as_nanosecond();
    let text = format!("{now} {} {}", std::process::id(), folder.display());
    digest::of_bytes(text.as_bytes())[..names::TOKEN_DIGITS].to_owned()
}

/// The entries of a folder, sorted.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("failed to list {}", folder.display());
    let entries = std::fs::read_dir(folder).with_context(context)?;
    let entries = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut entries: Vec<PathBuf> = entries.collect::<Result<_, _>>().with_context(context)?;
    entries.sort();
    Ok(entries)
}

/// Removes a folder with its files. If the engine has made folders in it, those stay.
fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    for entry in entries(folder)? {
        if !entry.is_dir() {
            files::remove_file(&entry)?;
        }
    }
    if !files::remove_folder_with(folder, &[])? {
        tracing::warn!("{} has folders of the engine, and stays", folder.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
