//! Rows that the engine itself reads from the input files.
//!
//! The engine writes the rows of each file as Parquet to a folder of the storage, the *generation*. Rows are
//! appended as further files of the generation. If all rows are read again, they get a new generation, and
//! the old one stays until the new one is committed. finaldata.csv is then a manifest: it lists the Parquet
//! files, and the ledger says how many of its bytes count. A file that the manifest does not list is what a
//! killed run left; the next one removes it.

mod header;
mod manifest;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::config::EngineSettings;
use common::ledger::{FileStamp, RowCounts};
use common::numbers::counted;
use common::{Config, Failure, History, Ledger, files};
use dataset::{LoadedRows, Rejection, RowNumbers, Table, TestData};

use self::header::{Header, rejection};
use self::manifest::{Manifest, Part};
use super::chunk::parquet_files;
use super::content::Content;
use super::{Storage, StoredRows, entries, name_of, names, path_text, remove_folder, token};
use crate::answer::Connection;
use crate::dialect::Dialect;
use crate::engine::SqlEngine;
use crate::source::{Column, Relation, Source, is_of_path};
use crate::sql::{self, ACCEPTED, HEADER, InputText};

/// Number of rejected lines of each rule that are shown for a file.
const SHOWN_LINES: usize = 5;
/// Maximum number of rejected lines of a file that travel.
const MAX_REJECTED_LINES: usize = 1000;
/// Number of clients that a statement names.
const CLIENTS_AT_ONCE: usize = 500;
/// Maximum number of rows that a statement about clients returns.
const MAX_ROWS_OF_CLIENTS: usize = 1 << 20;

/// What an ingestion on the engine starts from.
#[derive(Clone, Copy, Debug)]
pub struct EngineInput<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The committed rows.
    pub ledger: &'a Ledger,
    /// The files to read, in this order.
    pub files: &'a [&'a Path],
    /// True if the rows follow the committed ones; false if they replace them.
    pub appends: bool,
    /// True if the rows that are evaluated now get the first numbers.
    pub puts_evaluated_first: bool,
}

/// The rows that the engine read, which count once the manifest is committed.
#[derive(Debug)]
pub struct ReadInput {
    /// What became of each file.
    pub files: Vec<ReadFile>,
    /// True if the rows that were evaluated before got the first numbers. False if they are lost.
    pub has_evaluated_first: bool,
    /// The whole text of the manifest.
    pub manifest: String,
    /// Number of all rows.
    pub rows: u64,
}

/// What became of the rows of a file.
#[derive(Debug, Default)]
pub struct ReadFile {
    /// Number of rows by result.
    pub rows: RowCounts,
    /// Number of its rows that got the first numbers because they are evaluated.
    pub in_front: u64,
    /// Reason why the whole file is rejected.
    pub reason: Option<String>,
    /// Number of rejected rows of each rule, and the reason of the first of them.
    pub rules: Vec<(u64, String)>,
    /// The first rejected rows of each rule. Their lines are not known.
    pub rejections: Vec<Rejection>,
    /// Deviations that were tolerated.
    pub notes: Vec<String>,
}

/// Lets the engine read input files, and stores the accepted rows.
pub fn read_input(
    connection: &impl Connection,
    settings: &EngineSettings,
    input: &EngineInput<'_>,
) -> anyhow::Result<ReadInput> {
    let storage = Storage::of(&settings.storage)?;
    storage.claim(input.config)?;
    let committed = match Manifest::committed(input.config, input.ledger) {
        // All rows are read again.
        Err(_) if !input.appends => Manifest::default(),
        committed => committed?,
    };
    storage.remove_uncommitted(&committed)?;
    let evaluated = (input.puts_evaluated_first
        && input.ledger.evaluated_rows > 0
        && !committed.parts.is_empty()
        && storage.lost_part(&committed).is_none())
    .then(|| (storage.generation(&committed), input.ledger.evaluated_rows));
    let token = token(storage.folder);
    let manifest = match input.appends && !committed.parts.is_empty() {
        true => committed,
        false => Manifest::new(names::of_generation(&token)),
    };
    files::create_folder(&storage.folder.join(&manifest.generation))?;
    let mut reading = Reading {
        connection,
        storage: &storage,
        config: input.config,
        token,
        rows: manifest.rows(),
        manifest,
    };
    let has_evaluated_first = evaluated.is_some();
    let mut in_front = vec![0; input.files.len()];
    if let Some(evaluated) = evaluated {
        for (file, in_front) in input.files.iter().zip(&mut in_front) {
            let read = reading.read(file, Some(&evaluated))?;
            *in_front = read.rows.kept;
        }
    }
    let read = input.files.iter().zip(in_front).map(|(file, in_front)| {
        let mut read = reading.read(file, None)?;
        read.rows.kept += in_front;
        read.in_front = in_front;
        Ok(read)
    });
    let files = read.collect::<anyhow::Result<Vec<ReadFile>>>()?;
    Ok(ReadInput {
        files,
        has_evaluated_first,
        manifest: reading.manifest.text(),
        rows: reading.rows,
    })
}

/// The rows of a manifest, on the engine. An error if a part is missing or the engine finds other rows.
pub fn load_input<C: Connection + 'static>(
    connection: C,
    settings: &EngineSettings,
    config: &Config,
    manifest: &str,
) -> anyhow::Result<LoadedRows> {
    let storage = Storage::of(&settings.storage)?;
    let manifest = Manifest::parse(manifest)?;
    let rows = manifest.rows();
    if rows == 0 {
        return Ok(LoadedRows {
            table: Table::new(&config.schema),
            ..LoadedRows::default()
        });
    }
    if let Some(problem) = storage.lost_part(&manifest) {
        return Err(Failure::input_output(format!(
            "{problem}: the next run reads the input files again"
        ))
        .into());
    }
    let relation = storage.generation(&manifest);
    if let Some(difference) = storage.difference(&connection, &relation, rows)? {
        return Err(difference.into());
    }
    let source = Source {
        dialect: Dialect::Spark,
        relation,
        features: config.schema.features.iter().map(Column::of).collect(),
        rows: usize::try_from(rows).unwrap_or(usize::MAX),
    };
    Ok(LoadedRows {
        table: Table::on_engine(Arc::new(SqlEngine::new(connection, source))),
        numbers: RowNumbers::From(0),
        sample: None,
    })
}

/// The committed rows, on the engine.
pub(super) fn load_committed<C: Connection + 'static>(
    connection: C,
    settings: &EngineSettings,
    config: &Config,
    ledger: &Ledger,
) -> anyhow::Result<LoadedRows> {
    let storage = Storage::of(&settings.storage)?;
    let manifest = Manifest::committed(config, ledger)?;
    storage.remove_uncommitted(&manifest)?;
    load_input(connection, settings, config, &manifest.text())
}

/// Examines the committed rows, and changes nothing. What a killed run left is no problem.
pub(super) fn examine(
    connection: &impl Connection,
    storage: &Storage<'_>,
    config: &Config,
) -> anyhow::Result<StoredRows> {
    let ledger = match History::read(&config.layout)? {
        Some(history) => history.ledger()?,
        None => return Ok(StoredRows::None),
    };
    let manifest = Manifest::committed(config, &ledger)?;
    if manifest.parts.is_empty() {
        return Ok(StoredRows::None);
    }
    if let Some(file) = storage.incomplete_part(&manifest) {
        return Ok(StoredRows::Incomplete { file });
    }
    if let Some(file) = storage.uncommitted_part(&manifest)? {
        return Ok(StoredRows::Leftover { file });
    }
    let (rows, files) = (manifest.rows(), manifest.parts.len());
    match storage.difference(connection, &storage.generation(&manifest), rows)? {
        Some(difference) => Err(difference.into()),
        None => Ok(StoredRows::Whole { rows, files }),
    }
}

/// Reason why committed rows are lost, or `None`. Asks no engine.
pub fn lost_input(
    settings: &EngineSettings,
    config: &Config,
    ledger: &Ledger,
) -> anyhow::Result<Option<String>> {
    let storage = Storage::of(&settings.storage)?;
    Ok(match Manifest::committed(config, ledger) {
        Ok(manifest) => storage.lost_part(&manifest),
        Err(error) => Some(format!("{error:#}")),
    })
}

/// For each test row, true if a committed row has the same number of its client, values and label.
pub fn contains_each(
    connection: &impl Connection,
    settings: &EngineSettings,
    config: &Config,
    ledger: &Ledger,
    test: &TestData,
) -> anyhow::Result<Vec<bool>> {
    let storage = Storage::of(&settings.storage)?;
    let manifest = Manifest::committed(config, ledger)?;
    let columns = test.table.in_memory();
    let mut found = vec![false; columns.labels.len()];
    if manifest.rows() == 0 {
        return Ok(found);
    }
    let kinds: Vec<Column> = config.schema.features.iter().map(Column::of).collect();
    let relation = storage.generation(&manifest);
    let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, number) in columns.client_numbers.iter().enumerate() {
        places.entry(*number).or_default().push(place);
    }
    let mut numbers: Vec<u32> = places.keys().copied().collect();
    numbers.sort_unstable();
    for numbers in numbers.chunks(CLIENTS_AT_ONCE) {
        let statement = sql::rows_of_numbers(&relation, numbers, kinds.len());
        let answer = connection.ask(
            "the clients of the test data",
            &statement,
            MAX_ROWS_OF_CLIENTS,
        )?;
        for mut line in answer.each() {
            let number = u32::try_from(line.count()?).unwrap_or_default();
            let label = line.number_if_present()?.map(|label| label > 0.0);
            let mut values = Vec::with_capacity(kinds.len());
            for kind in &kinds {
                values.push(match kind.is_category() {
                    true => line.text_if_present()?.map(dataset::level_code),
                    false => line.number_if_present()?,
                });
            }
            for place in places.get(&number).into_iter().flatten() {
                let is_same = |(column, value): (&Vec<f64>, &Option<f64>)| {
                    let own = Some(column[*place]).filter(|own| !own.is_nan());
                    own == *value
                };
                found[*place] |= columns.labels[*place] == label
                    && columns.features.iter().zip(&values).all(is_same);
            }
        }
    }
    Ok(found)
}

/// The files of an ingestion, one after another.
struct Reading<'a, C> {
    connection: &'a C,
    storage: &'a Storage<'a>,
    config: &'a Config,
    token: String,
    manifest: Manifest,
    /// Number of rows so far.
    rows: u64,
}

impl<C: Connection> Reading<'_, C> {
    /// Reads a file. With `wanted`, stores only the rows that are among the first rows of a relation.
    fn read(&mut self, file: &Path, wanted: Option<&(Relation, u64)>) -> anyhow::Result<ReadFile> {
        let stamp = || anyhow::Ok(FileStamp::of(&file.metadata()?));
        let before = stamp()?;
        let path = path_text(file);
        if path.is_empty() || !path.chars().all(is_of_path) {
            return Ok(ReadFile::rejected(
                "an engine reads only files whose path has letters from a to z, digits and the signs / . _ -".into(),
            ));
        }
        let header = match Header::read(file, self.config)? {
            Ok(header) => header,
            Err(reason) => return Ok(ReadFile::rejected(reason)),
        };
        let Some(target) = header.target else {
            return Err(unlabelled(file, "it has no target column").into());
        };
        let text = InputText {
            path,
            header: &header.text,
            separator: header.separator,
            fields: header.fields,
            id: header.id,
            features: &header.features,
            target,
            schema: &self.config.schema,
        };
        let mut read = match self.count(file, &header, &text) {
            Err(error) if is_not_utf8(&error) => {
                let reason = "the engine cannot read it as UTF-8: store it as UTF-8";
                return Ok(ReadFile::rejected(reason.into()));
            }
            counted => counted?,
        };
        read.notes.clone_from(&header.notes);
        if read.rows.rejected < read.rows.read {
            read.rows.kept = self.store(&text, wanted)?;
        }
        if stamp()? != before {
            return Err(Failure::input_output(format!(
                "{} changed while the engine read it: the next run reads it again",
                file.display()
            ))
            .into());
        }
        Ok(read)
    }

    /// Counts the rows of a file, and shows some of the rejected ones.
    fn count(
        &self,
        file: &Path,
        header: &Header,
        text: &InputText<'_>,
    ) -> anyhow::Result<ReadFile> {
        let name = format!("the rows of {}", file.display());
        let answer = self
            .connection
            .ask(&name, &text.counts(), MAX_REJECTED_LINES)?;
        let mut read = ReadFile::default();
        let mut of_flaw: HashMap<i64, u64> = HashMap::new();
        let mut headers = 0;
        for mut line in answer.each() {
            let (flaw, lines, without_label) = (line.whole()?, line.count()?, line.count()?);
            if without_label > 0 {
                let rows = counted(without_label, "row");
                return Err(unlabelled(file, &format!("it has {rows} without a label")).into());
            }
            match flaw {
                HEADER => headers = lines,
                ACCEPTED => read.rows.read += lines,
                _ => {
                    of_flaw.insert(flaw, lines);
                    read.rows.read += lines;
                    read.rows.rejected += lines;
                }
            }
        }
        let Some(repeated) = headers.checked_sub(1) else {
            return Err(Failure::input_output(format!(
                "the engine does not find the header of {}: check that the file has the same path on this machine and on all workers",
                file.display()
            ))
            .into());
        };
        if repeated > 0 {
            read.rows.read += repeated;
            read.rows.rejected += repeated;
            read.rules.push((repeated, "the header again".into()));
        }
        if of_flaw.is_empty() {
            return Ok(read);
        }
        let name = format!("rejected rows of {}", file.display());
        let statement = text.rejected(SHOWN_LINES);
        let answer = self.connection.ask(&name, &statement, MAX_REJECTED_LINES)?;
        for mut line in answer.each() {
            let flaw = line.whole()?;
            let shown = line.text_if_present()?.unwrap_or_default();
            let rejection = rejection(header, self.config, shown);
            if let Some(rows) = of_flaw.remove(&flaw) {
                read.rules.push((rows, rejection.reason.clone()));
            }
            read.rejections.push(rejection);
        }
        Ok(read)
    }

    /// Stores the accepted rows that are new. Returns their number.
    fn store(
        &mut self,
        text: &InputText<'_>,
        wanted: Option<&(Relation, u64)>,
    ) -> anyhow::Result<u64> {
        let made = names::of_parquet(&self.token, self.rows);
        let made = self.storage.folder.join(made);
        let known = (self.rows > 0).then(|| self.storage.generation(&self.manifest));
        let statement = text.make_parquet(path_text(&made), self.rows, known.as_ref(), wanted);
        self.connection
            .execute(&format!("the Parquet of {}", text.path), &statement)?;
        if !files::exists(&made)? || parquet_files(&made)?.is_empty() {
            return Ok(0);
        }
        let relation = Relation::Parquet(path_text(&made).to_owned());
        let rows = self.count_stored(&relation)?;
        if rows > 0 {
            self.move_in(&made, rows)?;
        }
        remove_folder(&made)?;
        Ok(rows)
    }

    fn count_stored(&self, relation: &Relation) -> anyhow::Result<u64> {
        let statement = sql::count_of_rows(relation);
        let answer = self
            .connection
            .ask("the number of new rows", &statement, 1)?;
        let mut line = answer.only()?;
        let rows = line.count()?;
        if rows == 0 {
            return Ok(0);
        }
        let found = [line.count()?, line.count()?];
        if found != [self.rows, self.rows + rows - 1] {
            return Err(Failure::input_output(format!(
                "the engine numbered {rows} new rows from {} to {} instead of from {} on",
                found[0], found[1], self.rows
            ))
            .into());
        }
        Ok(rows)
    }

    /// Moves the Parquet of new rows into the generation.
    fn move_in(&mut self, made: &Path, rows: u64) -> anyhow::Result<()> {
        for (file, place) in parquet_files(made)?.iter().zip(0..) {
            let name = names::of_rows(self.rows, place);
            let to = self
                .storage
                .folder
                .join(&self.manifest.generation)
                .join(&name);
            files::rename(file, &to)?;
            self.manifest.parts.push(Part {
                name,
                bytes: files::length_if_present(&to)?.unwrap_or_default(),
                first: self.rows,
                rows,
            });
        }
        self.rows += rows;
        Ok(())
    }
}

impl ReadFile {
    fn rejected(reason: String) -> Self {
        Self {
            reason: Some(reason),
            ..Self::default()
        }
    }
}

/// True if an engine ended a query because a text is not UTF-8. It names this only in its message.
fn is_not_utf8(error: &anyhow::Error) -> bool {
    format!("{error:#}")
        .to_ascii_lowercase()
        .contains("invalid utf-8")
}

fn unlabelled(file: &Path, why: &str) -> Failure {
    Failure::configuration(format!(
        "ingestion on an engine (engine.ingestion) takes only labelled rows, and {} cannot be ingested: {why}; move the file away, or set engine.ingestion to false in a new pipeline",
        file.display()
    ))
}

impl Storage<'_> {
    /// Notes that the storage is this pipeline's. An error if it is another's.
    fn claim(&self, config: &Config) -> anyhow::Result<()> {
        match self.content(config)? {
            Some(_) => Ok(()),
            None => Content::of_manifest(config).write(&self.content_file()),
        }
    }

    /// The rows of a manifest.
    fn generation(&self, manifest: &Manifest) -> Relation {
        let folder = self.folder.join(&manifest.generation);
        Relation::Parquet(path_text(&folder).to_owned())
    }

    /// Names the first part that is not there with its length; `None` if all are.
    fn lost_part(&self, manifest: &Manifest) -> Option<String> {
        let path = self.incomplete_part(manifest)?;
        Some(format!("{} is missing or was cut", path.display()))
    }

    /// The first part that is not there with its length.
    fn incomplete_part(&self, manifest: &Manifest) -> Option<PathBuf> {
        let folder = self.folder.join(&manifest.generation);
        let mut parts = manifest.parts.iter();
        let lost = parts.find(|part| {
            let length = files::length_if_present(&folder.join(&part.name));
            !length.is_ok_and(|length| length == Some(part.bytes))
        })?;
        Some(folder.join(&lost.name))
    }

    /// A file of rows in the generation that the manifest does not list.
    fn uncommitted_part(&self, manifest: &Manifest) -> anyhow::Result<Option<PathBuf>> {
        let folder = self.folder.join(&manifest.generation);
        if manifest.generation.is_empty() || !files::exists(&folder)? {
            return Ok(None);
        }
        Ok(entries(&folder)?.into_iter().find(|entry| {
            let name = name_of(entry);
            let is_part = manifest.parts.iter().any(|part| part.name == name);
            names::is_of_rows(name) && !is_part
        }))
    }

    /// Removes what killed runs left, and generations that were replaced.
    fn remove_uncommitted(&self, committed: &Manifest) -> anyhow::Result<()> {
        for entry in entries(self.folder)? {
            let name = name_of(&entry);
            let is_old = names::is_generation(name) && name != committed.generation;
            if entry.is_dir() && (names::is_temporary(name) || is_old) {
                remove_folder(&entry)?;
            }
        }
        while let Some(file) = self.uncommitted_part(committed)? {
            files::remove_file(&file)?;
        }
        Ok(())
    }
}
