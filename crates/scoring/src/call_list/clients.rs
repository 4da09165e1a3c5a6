//! The clients of a call list: those whose latest row has no label.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use common::history::documents;
use common::numbers::counted;
use common::{Config, Failure, History};
use dataset::passes::Summary;
use dataset::{
    DataFile, FileProblem, Format, Label, LevelNames, ParsedRows, ReadRow, RowReader, TargetColumn,
    missing_too_often, public_hash, read_final_lines, sort_by,
};
use serde::Serialize;

use super::outcomes::{EarlierCalls, is_held_out};

/// Maximum number of rejected rows that are named one by one.
const MAX_NAMED_ROWS: usize = 5;

/// The clients of a list, by id, or by row number where rows have no id.
#[derive(Debug, Default)]
pub(super) struct Clients {
    pub(super) list: Vec<Client>,
    /// Names of the levels in the clients' rows.
    pub(super) levels: LevelNames,
}

/// A client and its latest row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Client {
    /// Id of the client; `None` where rows have no id.
    id: Option<Vec<u8>>,
    /// Number of the row, counted from 1 without the header.
    number: u64,
    /// The features in schema order: NaN is missing, and a level is its code.
    pub(super) row: Box<[f64]>,
}

/// The rows that the clients were taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceRows {
    /// Rows that were read and accepted.
    pub rows: u64,
    /// Accepted rows with a label.
    pub labelled: u64,
    /// Number of rows that do not fit the schema. They are left out.
    pub rejected: u64,
    /// Warnings about the file, one sentence each.
    pub warnings: Vec<String>,
}

impl Client {
    /// True if the client belongs to the held-out share. A client without an id never does.
    pub(super) fn is_held_out(&self, share: f64) -> bool {
        self.id.as_ref().is_some_and(|id| is_held_out(id, share))
    }

    /// The id, or the number of the row where rows have no id.
    pub(super) fn name(&self) -> String {
        match &self.id {
            Some(id) => String::from_utf8_lossy(id).into_owned(),
            None => self.number.to_string(),
        }
    }

    /// Order of clients with equal risk: by the bytes of the id, or by row number where rows have
    /// no id.
    pub(super) fn compare_ids(&self, other: &Self) -> Ordering {
        let by_id = self.id.cmp(&other.id);
        by_id.then(self.number.cmp(&other.number))
    }
}

/// Collects the latest row of each client, in one pass over the rows.
struct Collector {
    has_ids: bool,
    rows: u64,
    labelled: u64,
    /// The clients whose latest row so far has no label. The key is the hash of the client's id.
    /// Where rows have no id, each row is a client of its own, and the key is its row number.
    waiting: HashMap<u64, Client>,
    levels: LevelNames,
}

impl Collector {
    fn new(config: &Config) -> Self {
        Self {
            has_ids: config.schema.id.is_some(),
            rows: 0,
            labelled: 0,
            waiting: HashMap::new(),
            levels: LevelNames::default(),
        }
    }

    /// Adds the next row of a client, given the hash of its id and the number of the row. `id` and `row` are called only for a row without a label.
    fn add(
        &mut self,
        (hash, number): (u64, u64),
        label: Label,
        id: impl FnOnce() -> Vec<u8>,
        row: impl FnOnce() -> Box<[f64]>,
    ) {
        self.rows += 1;
        let key = if self.has_ids { hash } else { number };
        if label.is_some() {
            self.labelled += 1;
            self.waiting.remove(&key);
            return;
        }
        let client = Client {
            id: self.has_ids.then(id),
            number,
            row: row(),
        };
        self.waiting.insert(key, client);
    }

    /// Adds rows of finaldata.csv.
    fn add_all(&mut self, rows: &ParsedRows) {
        let labels = rows.labels.iter().zip(&rows.clients).enumerate();
        for (place, (label, client)) in labels {
            let number = self.rows + 1;
            self.add(
                (*client, number),
                *label,
                || rows.id(place),
                || rows.features.iter().map(|column| column[place]).collect(),
            );
        }
        if rows.labels.iter().any(Option::is_none) {
            self.levels.merge(&rows.levels);
        }
    }

    fn finish(self) -> (Clients, SourceRows) {
        let mut list: Vec<Client> = self.waiting.into_values().collect();
        sort_by(&mut list, Client::compare_ids);
        let clients = Clients {
            list,
            levels: self.levels,
        };
        let rows = SourceRows {
            rows: self.rows,
            labelled: self.labelled,
            ..SourceRows::default()
        };
        (clients, rows)
    }
}

/// True if an ingested row may have no label. False only if the stored summary counts no missing
/// label.
pub(super) fn may_have_unlabelled_rows(history: &History) -> anyhow::Result<bool> {
    let summary: Option<Summary> = history.document(documents::SUMMARY)?;
    // The target is the last column of a summary.
    let target = summary.as_ref().and_then(|summary| summary.columns.last());
    Ok(target.is_none_or(|target| target.missing > 0))
}

/// The clients of the ingested data. Labels of clients on an earlier list are added to `earlier`.
///
/// An error if finaldata.csv does not hold what the ledger says.
pub(super) fn of_ingested_rows(
    config: &Config,
    history: &History,
    earlier: &mut EarlierCalls,
) -> anyhow::Result<(Clients, SourceRows)> {
    let mut collector = Collector::new(config);
    read_final_lines(config, &history.ledger()?, |rows| {
        collector.add_all(rows);
        for (client, label) in rows.clients.iter().zip(&rows.labels) {
            earlier.note(*client, *label);
        }
        Ok(())
    })?;
    Ok(collector.finish())
}

/// The clients of a file that is read by the rules of ingestion.
///
/// An error if the file cannot be opened (exit code 74), or if ingestion would reject it (65).
pub(super) fn of_file(config: &Config, path: &Path) -> anyhow::Result<(Clients, SourceRows)> {
    let problem = |problem| failure(path, problem);
    let format = Format::foreign(&config.ingestion.text);
    let too_often = missing_too_often(path, format, &config.schema).map_err(problem)?;
    if let Some(reason) = too_often {
        return Err(unusable(path, &reason));
    }
    let file = DataFile::open(path).map_err(|error| problem(FileProblem::Unreadable(error)))?;
    let reader = RowReader::open(file, format, &config.schema, TargetColumn::Read);
    read_file(config, reader.map_err(problem)?, path).map_err(problem)
}

fn read_file(
    config: &Config,
    mut reader: RowReader<DataFile>,
    path: &Path,
) -> Result<(Clients, SourceRows), FileProblem> {
    let mut collector = Collector::new(config);
    let mut rejections = Vec::new();
    let (mut number, mut n_rejected) = (0, 0);
    while let Some(row) = reader.next_row()? {
        number += 1;
        let is_unlabelled = match row {
            ReadRow::Accepted(cells) => {
                let id = cells.id.unwrap_or_default();
                collector.add(
                    (public_hash(id), number),
                    cells.label,
                    || id.to_vec(),
                    || cells.values.into(),
                );
                cells.label.is_none()
            }
            ReadRow::Rejected(row) => {
                n_rejected += 1;
                if rejections.len() < MAX_NAMED_ROWS {
                    rejections.push(format!("{}:{}: {}", row.line, row.column, row.reason));
                }
                false
            }
        };
        // After the match, because the cells borrow the reader.
        if is_unlabelled {
            reader.name_levels(&mut collector.levels);
        }
    }
    let (clients, mut rows) = collector.finish();
    rows.rejected = n_rejected;
    let mut warnings = reader.warnings();
    warnings.extend(rejected_in_words(n_rejected, &rejections));
    let path = path.display();
    let named = warnings.into_iter().map(|it| format!("{path}: {it}"));
    rows.warnings = named.collect();
    Ok((clients, rows))
}

fn failure(path: &Path, problem: FileProblem) -> anyhow::Error {
    match problem {
        FileProblem::Unusable(flaw) => unusable(path, &flaw),
        FileProblem::Unreadable(error) => {
            anyhow::Error::new(error).context(format!("failed to read {}", path.display()))
        }
    }
}

fn unusable(path: &Path, reason: &dyn fmt::Display) -> anyhow::Error {
    Failure::data(format!("{}: {reason}", path.display())).into()
}

/// A sentence with the number of rejected rows and the first of them; `None` without rejected rows.
fn rejected_in_words(n_rejected: u64, named: &[String]) -> Option<String> {
    let more = match n_rejected - named.len() as u64 {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    (n_rejected > 0).then(|| {
        let rows = counted(n_rejected, "row");
        let verb = if n_rejected == 1 { "was" } else { "were" };
        let named = named.join("; ");
        format!("{rows} {verb} rejected and not ranked (line:column: reason): {named}{more}")
    })
}
