//! Rows of finaldata.csv in memory: all of them, or a sample of the clients.
//!
//! A client is in the sample if its number is small enough, so that all rows of a client stay
//! together. Without an id, a public hash of each row's number decides. The sample is drawn while the
//! rows are read: memory never holds more rows than the sample may have.

use std::ops::Range;

use common::ledger::SampledRows;
use common::{Config, Ledger, Schema};

use crate::fingerprint::SampleHasher;
use crate::load::{
    check_no_rebuild, load_final_data, places_within, read_final_data, rows_to_reserve,
};
use crate::passes::{LabelCounts, label_counts};
use crate::reader::{ParsedRows, Wanted};
use crate::table::Table;

/// Bytes of the limit that hold no rows: the program, the text that is read, and the history.
const RESERVED_BYTES: u64 = 96 << 20;
/// Bytes that fits and comparisons need for each row besides the row itself, with some room: scores,
/// labels and clients in other orders.
const WORKING_BYTES: u64 = 40;
/// Number of rows that [`each_block`] passes on per call, at most.
const BLOCK_ROWS: usize = 1 << 16;
/// Fraction of the rows that fit, at which the first limit aims. It then seldom has to be lowered.
const AIM: f64 = 0.98;

/// Rows of finaldata.csv in memory.
#[derive(Debug, Default)]
pub struct LoadedRows {
    /// The rows, in their order.
    pub table: Table,
    /// Their numbers in finaldata.csv.
    pub numbers: RowNumbers,
    /// Size of the sample; `None` if these are all rows.
    pub sample: Option<SampledRows>,
}

/// Numbers in finaldata.csv of the rows of a table, counted from 0. They ascend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowNumbers {
    /// Consecutive numbers from this one on.
    From(u64),
    /// The number of each row.
    Each(Vec<u64>),
}

impl Default for RowNumbers {
    fn default() -> Self {
        Self::From(0)
    }
}

impl RowNumbers {
    /// Number of the row at a position of the table.
    pub fn number(&self, position: usize) -> u64 {
        match self {
            Self::From(first) => first + position as u64,
            Self::Each(numbers) => numbers[position],
        }
    }

    /// Position of the first row whose number is at least `number`. It may be the end of the table.
    pub fn position(&self, number: u64) -> usize {
        match self {
            Self::From(first) => number.saturating_sub(*first) as usize,
            Self::Each(numbers) => numbers.partition_point(|own| *own < number),
        }
    }
}

/// Maximum number of rows in memory under `training.memory_limit_mib`, at least 1.
pub fn max_loaded_rows(config: &Config) -> usize {
    let limit = config.training.memory_limit_mib.saturating_mul(1 << 20);
    // A limit below the reserved part still has a quarter for rows.
    let for_rows = limit.saturating_sub(RESERVED_BYTES).max(limit / 4);
    // Number, client, label and features of a row.
    let row_bytes = 8 * (config.schema.features.len() as u64 + 2) + 1 + WORKING_BYTES;
    // Positions in a table have 32 bits.
    usize::try_from((for_rows / row_bytes).clamp(1, u64::from(u32::MAX))).unwrap_or(usize::MAX)
}

/// Reads the rows of finaldata.csv up to its committed length. If they are more than `max_rows`, a
/// sample of the clients is taken.
///
/// Returns an error if the content of the file does not match the ledger. An ingestion repairs the
/// file.
pub fn load_within(
    config: &Config,
    ledger: &Ledger,
    max_rows: usize,
) -> anyhow::Result<LoadedRows> {
    check_no_rebuild(config, ledger)?;
    if ledger.rows <= max_rows as u64 {
        return Ok(LoadedRows {
            table: load_final_data(config, ledger)?,
            ..LoadedRows::default()
        });
    }
    let mut sampler = Sampler::new(&config.schema, ledger.rows, max_rows);
    let wanted = rows_to_reserve(config, ledger).min(max_rows);
    sampler.table.reserve(wanted);
    sampler.numbers.reserve(wanted);
    let wanted = Wanted {
        numbers: true,
        ..Wanted::VALUES
    };
    read_final_data(config, ledger, wanted, |rows| {
        sampler.add(rows);
        Ok(())
    })?;
    Ok(sampler.finish(ledger.rows, config.training.memory_limit_mib))
}

/// Passes the rows of finaldata.csv in this range of numbers to `take`, in order, some thousands per
/// call. Memory holds only these.
///
/// Returns an error if the content of the file does not match the ledger. This is known only after
/// `take` has had all rows.
pub fn each_block(
    config: &Config,
    ledger: &Ledger,
    wanted: Range<u64>,
    mut take: impl FnMut(&Table) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    check_no_rebuild(config, ledger)?;
    let mut block = Table::new(&config.schema);
    let mut number = 0;
    read_final_data(config, ledger, Wanted::VALUES, |rows| {
        let places = places_within(&wanted, number, rows.accepted());
        number += rows.accepted() as u64;
        if places.len() == rows.accepted() {
            block.append_all(rows);
        } else {
            block.append(rows, &places.collect::<Vec<_>>());
        }
        if block.rows() >= BLOCK_ROWS {
            take(&block)?;
            block.clear();
        }
        Ok(())
    })?;
    take(&block)
}

/// Counts of the labels of the rows of finaldata.csv in this range of numbers. Memory holds few rows.
pub fn count_labels(
    config: &Config,
    ledger: &Ledger,
    wanted: Range<u64>,
) -> anyhow::Result<LabelCounts> {
    let mut counts = LabelCounts::default();
    each_block(config, ledger, wanted, |block| {
        let of_block = label_counts(block, &block.all())?;
        counts.positives += of_block.positives;
        counts.negatives += of_block.negatives;
        counts.unlabelled += of_block.unlabelled;
        Ok(())
    })?;
    Ok(counts)
}

/// Draws a sample of the clients while rows are read.
struct Sampler {
    table: Table,
    numbers: Vec<u64>,
    max_rows: usize,
    /// Rows with larger keys are left out.
    limit: u64,
    keys: SampleKeys,
    /// Number of the next row.
    next: u64,
}

impl Sampler {
    fn new(schema: &Schema, rows: u64, max_rows: usize) -> Self {
        let share = AIM * max_rows as f64 / rows.max(1) as f64;
        Self {
            table: Table::new(schema),
            numbers: Vec::new(),
            max_rows,
            limit: (share.min(1.0) * u64::MAX as f64) as u64,
            keys: SampleKeys {
                has_id: schema.id.is_some(),
                hasher: SampleHasher::default(),
            },
            next: 0,
        }
    }

    fn add(&mut self, rows: &ParsedRows) {
        let first = self.next;
        self.next += rows.accepted() as u64;
        let keys: Vec<u64> = (first..)
            .zip(&rows.numbers)
            .map(|(row, client)| self.keys.of(*client, row))
            .collect();
        let is_kept = |limit: u64| {
            let keys = keys.iter().enumerate();
            let kept = keys.filter(move |(_, key)| **key <= limit);
            kept.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let mut places = is_kept(self.limit);
        while self.table.rows() + places.len() > self.max_rows && self.limit > 0 {
            self.lower_limit();
            places = is_kept(self.limit);
        }
        self.table.append(rows, &places);
        let numbers = places.iter().map(|place| first + *place as u64);
        self.numbers.extend(numbers);
    }

    /// Lowers the limit by an eighth and removes the rows above it. How often this happens depends on
    /// the rows only, and not on their order.
    fn lower_limit(&mut self) {
        self.limit -= (self.limit / 8).max(1);
        let rows = self.table.numbers.iter().zip(&self.numbers);
        let is_kept: Vec<bool> = rows
            .map(|(client, row)| self.keys.of(*client, *row) <= self.limit)
            .collect();
        self.table.keep_where(&is_kept);
        let mut is_kept = is_kept.into_iter();
        self.numbers.retain(|_| is_kept.next() == Some(true));
    }

    fn finish(self, of: u64, memory_limit_mib: u64) -> LoadedRows {
        let sample = SampledRows {
            rows: self.table.rows() as u64,
            of,
            memory_limit_mib,
        };
        LoadedRows {
            table: self.table,
            numbers: RowNumbers::Each(self.numbers),
            sample: Some(sample),
        }
    }
}

/// Computes the keys that decide which rows are in the sample.
struct SampleKeys {
    has_id: bool,
    hasher: SampleHasher,
}

impl SampleKeys {
    /// The key of a row, given the number of its client and its own number.
    fn of(&mut self, client: u32, row: u64) -> u64 {
        match self.has_id {
            true => u64::from(client) << 32,
            // Equal rows count as one client, and there may be few of them.
            false => self.hasher.of_row_at(0, std::iter::empty(), Some(row)),
        }
    }
}

#[cfg(test)]
mod tests;
