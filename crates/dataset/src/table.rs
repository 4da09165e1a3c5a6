//! Rows that passes run over, and selections of rows for a pass.

use std::ops::Range;
use std::sync::Arc;

use common::{Failure, Schema, before_pass};

use crate::cell::Label;
use crate::fingerprint::{SampleHasher, client_number, public_hash};
use crate::level::LevelNames;
use crate::passes::Engine;
use crate::reader::ParsedRows;

/// Number of folds that clients are divided into for out-of-fold predictions of a candidate.
pub const FOLDS: u64 = 5;

/// The fold of the client with this [number](crate::client_number).
#[inline(always)]
pub fn fold_of(number: u32) -> u64 {
    u64::from(number) % FOLDS
}

/// Rows in ingestion order.
///
/// A stage does not read the rows. It asks for values: a [pass](crate::passes) folds the rows of a
/// [`Selection`] into one value, and a [sample](Self::sample) has a limited number of rows. A stage
/// therefore does not depend on where the rows are: in memory, column by column, or on an
/// [engine](Engine). [`LoadedRows`](crate::LoadedRows) says whether they are all rows or a sample.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub(crate) features: Vec<Vec<f64>>,
    pub(crate) labels: Vec<Label>,
    pub(crate) clients: Vec<u64>,
    /// Empty if the rows were read without the numbers of their clients.
    pub(crate) client_numbers: Vec<u32>,
    pub(crate) levels: LevelNames,
    /// The engine that has the rows; `None` if they are in memory. With an engine, the columns above
    /// are empty.
    engine: Option<Arc<dyn Engine>>,
}

/// Rows in memory, column by column.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// One vector per feature, in schema order. NaN is a missing value; a category has the
    /// [code](crate::level_code) of its level.
    pub features: &'a [Vec<f64>],
    /// Label of each row.
    pub labels: &'a [Label],
    /// Public hash of each row's client.
    pub clients: &'a [u64],
    /// [Number](crate::client_number) of each row's client. It decides folds and samples.
    pub client_numbers: &'a [u32],
    /// Names of the levels of these rows, and possibly of others.
    pub levels: &'a LevelNames,
}

/// Mutable access to the fields of [`Columns`]. All columns must keep the same length.
#[derive(Debug)]
pub struct ColumnsMut<'a> {
    /// One vector per feature.
    pub features: &'a mut Vec<Vec<f64>>,
    /// Label of each row.
    pub labels: &'a mut Vec<Label>,
    /// Public hash of each row's client.
    pub clients: &'a mut Vec<u64>,
    /// Number of each row's client.
    pub client_numbers: &'a mut Vec<u32>,
    /// Names of the levels.
    pub levels: &'a mut LevelNames,
}

/// Which rows of a table a pass runs over.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Positions in the table.
    pub rows: Range<usize>,
    /// Folds of the clients.
    pub fold: Fold,
    /// All rows, or only those with or without a label.
    pub labels: Labels,
    /// All of these rows, or a spread sample.
    pub share: Share,
}

/// A choice of clients by fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// All clients.
    Any,
    /// The clients of one fold.
    Inside(u64),
    /// The clients of all other folds.
    Outside(u64),
}

impl Fold {
    /// True if the choice includes this fold.
    pub(crate) fn holds(self, fold: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Inside(inside) => fold == inside,
            Self::Outside(outside) => fold != outside,
        }
    }
}

/// A choice of rows by their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All rows.
    All,
    /// One row in this many: short groups of consecutive rows, spread evenly over the table. At least 1.
    OneIn(usize),
}

/// A choice of rows by whether they are labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// All rows.
    Any,
    /// Labelled rows only.
    Known,
    /// Rows without a label only.
    Unknown,
}

impl Labels {
    /// True if the choice includes a row with this label.
    pub(crate) fn holds(self, label: Label) -> bool {
        match self {
            Self::Any => true,
            Self::Known => label.is_some(),
            Self::Unknown => label.is_none(),
        }
    }
}

impl Table {
    /// A table without rows.
    pub fn new(schema: &Schema) -> Self {
        Self {
            features: vec![Vec::new(); schema.features.len()],
            ..Self::default()
        }
    }

    /// A table of these columns, which have the same length, without level names. The number of a
    /// client is the lower half of its hash.
    pub fn of_columns(features: Vec<Vec<f64>>, labels: Vec<Label>, clients: Vec<u64>) -> Self {
        Self {
            features,
            labels,
            client_numbers: clients.iter().map(|client| *client as u32).collect(),
            clients,
            ..Self::default()
        }
    }

    /// A table whose rows are on an engine. Passes and samples ask the engine. Single rows can neither be
    /// read nor added.
    pub fn on_engine(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine: Some(engine),
            ..Self::default()
        }
    }

    /// True if the rows are on an engine.
    pub fn is_on_engine(&self) -> bool {
        self.engine.is_some()
    }

    /// The engine that has the rows, to be asked for a value; `None` if the rows are in memory.
    /// `value` names the value.
    pub(crate) fn engine(&self, value: &str) -> Result<Option<&dyn Engine>, Failure> {
        before_pass(value)?;
        Ok(self.engine.as_deref())
    }

    /// The columns in memory. Only ingestion, which makes the rows, and tests use them. A stage
    /// asks for a pass or a [sample](Self::sample).
    pub fn in_memory(&self) -> Columns<'_> {
        debug_assert!(self.engine.is_none(), "the rows are on an engine");
        Columns {
            features: &self.features,
            labels: &self.labels,
            clients: &self.clients,
            client_numbers: &self.client_numbers,
            levels: &self.levels,
        }
    }

    /// Mutable access to the columns in memory.
    pub fn in_memory_mut(&mut self) -> ColumnsMut<'_> {
        debug_assert!(self.engine.is_none(), "the rows are on an engine");
        ColumnsMut {
            features: &mut self.features,
            labels: &mut self.labels,
            clients: &mut self.clients,
            client_numbers: &mut self.client_numbers,
            levels: &mut self.levels,
        }
    }

    /// Names a level of a feature. Returns its code, which is the value of the cells with this level.
    pub fn add_level(&mut self, feature: usize, name: &str) -> f64 {
        self.levels.add(feature, name)
    }

    /// Number of features.
    pub fn n_features(&self) -> usize {
        match &self.engine {
            Some(engine) => engine.shape().features,
            None => self.features.len(),
        }
    }

    /// Allocates memory for this number of additional rows.
    pub(crate) fn reserve(&mut self, rows: usize) {
        let columns = self.features.iter_mut();
        columns.for_each(|column| column.reserve(rows));
        self.labels.reserve(rows);
        self.clients.reserve(rows);
        self.client_numbers.reserve(rows);
    }

    /// Adds a row at the end; `values` are in schema order.
    pub fn push(&mut self, id: &[u8], values: &[f64], label: Label) {
        self.push_of_client(public_hash(id), client_number(id), values, label);
    }

    /// Adds a row of a client with this public hash and [number](client_number) at the end; `values` are in
    /// schema order.
    pub fn push_of_client(&mut self, client: u64, number: u32, values: &[f64], label: Label) {
        for (column, value) in self.features.iter_mut().zip(values) {
            column.push(*value);
        }
        self.labels.push(label);
        self.clients.push(client);
        self.client_numbers.push(number);
        self.drop_client_numbers_if_incomplete();
    }

    /// Adds one row of another table at the end. The caller has to add the level names.
    pub fn push_from(&mut self, other: &Self, position: usize) {
        for (column, values) in self.features.iter_mut().zip(&other.features) {
            column.push(values[position]);
        }
        self.labels.push(other.labels[position]);
        self.clients.push(other.clients[position]);
        self.client_numbers
            .extend(other.client_numbers.get(position));
        self.drop_client_numbers_if_incomplete();
    }

    /// Adds all accepted rows of a block at the end.
    pub fn append_all(&mut self, rows: &ParsedRows) {
        for (column, values) in self.features.iter_mut().zip(&rows.features) {
            column.extend_from_slice(values);
        }
        self.labels.extend_from_slice(&rows.labels);
        self.clients.extend_from_slice(&rows.clients);
        self.client_numbers.extend_from_slice(&rows.client_numbers);
        self.drop_client_numbers_if_incomplete();
        self.levels.merge(&rows.levels);
    }

    /// Removes the numbers of clients if rows without them were added.
    fn drop_client_numbers_if_incomplete(&mut self) {
        if self.client_numbers.len() != self.labels.len() {
            self.client_numbers.clear();
        }
    }

    /// Adds all rows of another table at the end.
    pub fn extend(&mut self, other: &Self) {
        for (column, values) in self.features.iter_mut().zip(&other.features) {
            column.extend_from_slice(values);
        }
        self.labels.extend_from_slice(&other.labels);
        self.clients.extend_from_slice(&other.clients);
        self.client_numbers.extend_from_slice(&other.client_numbers);
        self.drop_client_numbers_if_incomplete();
        self.levels.merge(&other.levels);
    }

    /// Appends the accepted rows of a block that are at these places.
    pub fn append(&mut self, rows: &ParsedRows, places: &[usize]) {
        for (column, values) in self.features.iter_mut().zip(&rows.features) {
            column.extend(places.iter().map(|place| values[*place]));
        }
        self.labels
            .extend(places.iter().map(|place| rows.labels[*place]));
        self.clients
            .extend(places.iter().map(|place| rows.clients[*place]));
        let numbers = places
            .iter()
            .filter_map(|place| rows.client_numbers.get(*place));
        self.client_numbers.extend(numbers);
        self.drop_client_numbers_if_incomplete();
        self.levels.merge(&rows.levels);
    }

    /// Replaces all rows by the rows at these positions of another table, and reuses the memory.
    pub(crate) fn take_from<'a>(
        &mut self,
        other: &Self,
        positions: impl Iterator<Item = &'a usize> + Clone,
    ) {
        self.clear();
        self.features.resize_with(other.features.len(), Vec::new);
        for (column, values) in self.features.iter_mut().zip(&other.features) {
            column.extend(positions.clone().map(|position| values[*position]));
        }
        let labels = positions.clone().map(|position| other.labels[*position]);
        self.labels.extend(labels);
        let clients = positions.clone().map(|position| other.clients[*position]);
        self.clients.extend(clients);
        let numbers = positions.filter_map(|position| other.client_numbers.get(*position));
        self.client_numbers.extend(numbers);
    }

    /// Removes all rows and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.features.iter_mut().for_each(Vec::clear);
        self.labels.clear();
        self.clients.clear();
        self.client_numbers.clear();
        self.levels.clear();
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        match &self.engine {
            Some(engine) => engine.shape().rows,
            None => self.labels.len(),
        }
    }

    /// A selection of all rows.
    pub fn all(&self) -> Selection {
        Selection::rows(0..self.rows())
    }

    /// A selection of the labelled rows.
    pub fn labelled(&self) -> Selection {
        self.all().labelled()
    }

    /// The values of one row.
    pub fn row(&self, position: usize) -> impl Iterator<Item = f64> + Clone {
        self.features.iter().map(move |column| column[position])
    }

    /// Sort key for sampling: the rows with the smallest keys are the sample. Rows are ordered by the
    /// number of their client, and the rows of one client by `hash`.
    pub(crate) fn sample_key(&self, row: usize, hash: u64) -> u64 {
        u64::from(self.client_numbers[row]) << 32 | hash >> 32
    }

    /// Public hashes of some rows: of client and values, without the label.
    pub fn row_hashes(&self, positions: &[usize]) -> Vec<u64> {
        let mut hasher = SampleHasher::default();
        let mut hash = |row: &usize| hasher.of_row(self.clients[*row], self.row(*row));
        positions.iter().map(&mut hash).collect()
    }

    /// Removes the rows whose flag is false. Takes one flag per row, and keeps the allocated memory.
    pub(crate) fn keep_where(&mut self, is_kept: &[bool]) {
        fn keep<T>(column: &mut Vec<T>, is_kept: &[bool]) {
            let mut is_kept = is_kept.iter().copied();
            column.retain(|_| is_kept.next() == Some(true));
        }
        let columns = self.features.iter_mut();
        columns.for_each(|column| keep(column, is_kept));
        keep(&mut self.labels, is_kept);
        keep(&mut self.clients, is_kept);
        keep(&mut self.client_numbers, is_kept);
    }

    /// A table of the rows for which `keep` returns true, in order.
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let positions: Vec<usize> = (0..self.rows()).filter(|row| keep(*row)).collect();
        Self {
            features: self
                .features
                .iter()
                .map(|column| pick(column, &positions))
                .collect(),
            labels: pick(&self.labels, &positions),
            clients: pick(&self.clients, &positions),
            client_numbers: match self.client_numbers.is_empty() {
                true => Vec::new(),
                false => pick(&self.client_numbers, &positions),
            },
            levels: self.levels.clone(),
            engine: None,
        }
    }
}

fn pick<T: Copy>(column: &[T], positions: &[usize]) -> Vec<T> {
    positions.iter().map(|position| column[*position]).collect()
}

impl Selection {
    /// A selection of the rows at these positions.
    pub fn rows(rows: Range<usize>) -> Self {
        Self {
            rows,
            fold: Fold::Any,
            labels: Labels::Any,
            share: Share::All,
        }
    }

    /// Restricts the selection to labelled rows.
    pub fn labelled(self) -> Self {
        Self {
            labels: Labels::Known,
            ..self
        }
    }

    /// Restricts the selection to rows without a label.
    pub fn unlabelled(self) -> Self {
        Self {
            labels: Labels::Unknown,
            ..self
        }
    }

    /// Restricts the selection to a choice of clients.
    pub fn of_fold(self, fold: Fold) -> Self {
        Self { fold, ..self }
    }

    /// Restricts the selection to one row in `share`, which is at least 1.
    pub fn one_in(self, share: usize) -> Self {
        Self {
            share: Share::OneIn(share),
            ..self
        }
    }
}
