//! Rows of finaldata.csv in memory: all of them, or a sample.
//!
//! Rows that the run is about come first: those that were never evaluated, then those since the model
//! drift. Of older rows, those of the clients with the smallest numbers are taken. Of a client with very
//! many rows, a part is taken, so that it does not crowd out the others. Rows without a label are of
//! little use to a model, and come after rows with a label. Without an id, a public hash of each row's
//! number decides.
//!
//! The sample is drawn while the rows are read: memory holds few rows more than the sample may have.

use std::collections::HashMap;
use std::ops::Range;

use common::ledger::SampledRows;
use common::{Config, Ledger, Schema};
use rayon::prelude::*;

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
/// One client may fill one part in this many of a sample, while there are enough other clients.
const PART_OF_A_CLIENT: usize = 64;
/// While rows are read, memory may exceed the size of the sample by one part in this many.
const PART_OF_SURPLUS: usize = 16;
/// New rows without a label leave one part in this many of a sample to labelled rows.
const PART_OF_EARLIER: usize = 4;

/// Rows of finaldata.csv in memory.
#[derive(Debug, Default)]
pub struct LoadedRows {
    /// The rows, in their order.
    pub table: Table,
    /// Numbers of the rows in finaldata.csv.
    pub numbers: RowNumbers,
    /// Size of the sample; `None` if these are all rows.
    pub sample: Option<SampledRows>,
}

/// Numbers in finaldata.csv of the rows of a table, counted from 0. They ascend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowNumbers {
    /// Consecutive numbers that begin with this one.
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
/// sample is taken. It has all rows that were never evaluated if these fit. It then has all labelled rows
/// whose number is at least `recent` if these fit too.
///
/// Returns an error if the content of the file does not match the ledger. An ingestion repairs the
/// file.
pub fn load_within(
    config: &Config,
    ledger: &Ledger,
    max_rows: usize,
    recent: u64,
) -> anyhow::Result<LoadedRows> {
    check_no_rebuild(config, ledger)?;
    if ledger.rows <= max_rows as u64 {
        return Ok(LoadedRows {
            table: load_final_data(config, ledger)?,
            ..LoadedRows::default()
        });
    }
    let mut sampler = Sampler::new(&config.schema, max_rows, [recent, ledger.evaluated_rows]);
    let wanted = rows_to_reserve(config, ledger).min(max_rows + max_rows / PART_OF_SURPLUS);
    sampler.table.reserve(wanted);
    sampler.numbers.reserve(wanted);
    let wanted = Wanted {
        client_numbers: true,
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
    take: impl FnMut(&Table) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    blocks(config, ledger, Wanted::VALUES, &wanted, take)
}

/// Passes rows on as [`each_block`] does, with the [numbers](crate::client_number) of their clients.
pub fn each_numbered_block(
    config: &Config,
    ledger: &Ledger,
    wanted: Range<u64>,
    take: impl FnMut(&Table) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let with_numbers = Wanted {
        client_numbers: true,
        ..Wanted::VALUES
    };
    blocks(config, ledger, with_numbers, &wanted, take)
}

fn blocks(
    config: &Config,
    ledger: &Ledger,
    parts: Wanted<'_>,
    wanted: &Range<u64>,
    mut take: impl FnMut(&Table) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    check_no_rebuild(config, ledger)?;
    let mut block = Table::new(&config.schema);
    let mut number = 0;
    read_final_data(config, ledger, parts, |rows| {
        let places = places_within(wanted, number, rows.accepted());
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
        counts = counts.plus(label_counts(block, &block.all())?);
        Ok(())
    })?;
    Ok(counts)
}

/// Number of classes of rows.
const CLASSES: usize = 5;
/// The class of new rows with a label. Smaller classes come first.
const NEW: usize = 0;
/// The class of older labelled rows since the drift, or of the training window.
const RECENT: usize = 1;
/// The class of all other labelled rows.
const EARLIER: usize = 2;
/// The class of new rows without a label.
const NEW_UNLABELLED: usize = 3;
/// The class of other rows without a label.
const EARLIER_UNLABELLED: usize = 4;

/// Draws a sample while rows are read.
struct Sampler {
    table: Table,
    numbers: Vec<u64>,
    max_rows: usize,
    /// Number of the first recent row, and of the first new one.
    starts: [u64; 2],
    keys: SampleKeys,
    /// Number of the next row.
    next: u64,
    /// For each class, the first group of which no row can be in the sample any more.
    ends: [u64; CLASSES],
    /// Of groups that were cut, the largest key within the group that can still be in the sample.
    cuts: HashMap<(usize, u32), u32>,
}

/// The place of a row in the order in which rows are taken into the sample.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SampleKey {
    class: u8,
    /// The client. Without an id, a hash of the row.
    group: u32,
    within: u32,
}

impl Sampler {
    fn new(schema: &Schema, max_rows: usize, starts: [u64; 2]) -> Self {
        Self {
            table: Table::new(schema),
            numbers: Vec::new(),
            max_rows,
            starts,
            keys: SampleKeys {
                has_id: schema.id.is_some(),
                hasher: SampleHasher::default(),
            },
            next: 0,
            ends: [u64::MAX; CLASSES],
            cuts: HashMap::new(),
        }
    }

    fn add(&mut self, rows: &ParsedRows) {
        let first = self.next;
        self.next += rows.accepted() as u64;
        let mut places = Vec::new();
        for (place, (client, label)) in rows.client_numbers.iter().zip(&rows.labels).enumerate() {
            let key = self.key(*client, first + place as u64, label.is_some());
            if self.may_be_in(key) {
                places.push(place);
            }
        }
        self.table.append(rows, &places);
        let numbers = places.iter().map(|place| first + *place as u64);
        self.numbers.extend(numbers);
        if self.table.rows() > self.max_rows + self.max_rows / PART_OF_SURPLUS {
            self.cut(false);
        }
    }

    fn key(&mut self, client: u32, row: u64, is_labelled: bool) -> SampleKey {
        let [recent, new] = self.starts;
        let class = match is_labelled {
            true if row >= new => NEW,
            true if row >= recent => RECENT,
            true => EARLIER,
            false if row >= new => NEW_UNLABELLED,
            false => EARLIER_UNLABELLED,
        };
        let (group, within) = self.keys.of(client, row);
        SampleKey {
            class: class as u8,
            group,
            within,
        }
    }

    fn may_be_in(&self, key: SampleKey) -> bool {
        let class = usize::from(key.class);
        u64::from(key.group) < self.ends[class]
            && (self.cuts.is_empty()
                || self
                    .cuts
                    .get(&(class, key.group))
                    .is_none_or(|last| key.within <= *last))
    }

    /// Removes the rows that cannot be in the sample, whatever rows follow. At the end, a client of
    /// which the last rows do not fit is left out as a whole.
    ///
    /// Each row that is removed has as many rows before it as its class, or its client, may have; more
    /// rows only lower these numbers. The sample therefore depends on the rows only, and not on how
    /// often rows were removed.
    fn cut(&mut self, is_end: bool) {
        let rows = self.table.rows();
        let mut keys: Vec<(SampleKey, u32)> = Vec::with_capacity(rows);
        for position in 0..rows {
            let client = self.table.client_numbers[position];
            let label = self.table.labels[position].is_some();
            keys.push((
                self.key(client, self.numbers[position], label),
                position as u32,
            ));
        }
        keys.par_sort_unstable();
        let mut of_class: [&[(SampleKey, u32)]; CLASSES] = [&[]; CLASSES];
        for rows in keys.chunk_by(|one, other| one.0.class == other.0.class) {
            of_class[usize::from(rows[0].0.class)] = rows;
        }
        let places = shared_out(of_class.map(<[_]>::len), self.max_rows);
        let mut is_kept = vec![false; rows];
        self.cuts.clear();
        for (class, (rows, places)) in of_class.into_iter().zip(places).enumerate() {
            self.cut_class(class, rows, places, is_end, &mut is_kept);
        }
        self.table.keep_where(&is_kept);
        let mut is_kept = is_kept.into_iter();
        self.numbers.retain(|_| is_kept.next() == Some(true));
    }

    /// Notes which rows of a class, in their order, are among the `places` that the class has.
    fn cut_class(
        &mut self,
        class: usize,
        rows: &[(SampleKey, u32)],
        places: usize,
        is_end: bool,
        is_kept: &mut [bool],
    ) {
        let groups = || rows.chunk_by(|one, other| one.0.group == other.0.group);
        let smallest_part = (self.max_rows / PART_OF_A_CLIENT).max(1);
        let sizes = groups().map(<[_]>::len);
        let (max_rows, mut with_one_more) = max_rows_of_a_group(sizes, places, smallest_part);
        let mut left = places;
        for group in groups() {
            let has_one_more = with_one_more > 0 && group.len() > max_rows;
            with_one_more -= usize::from(has_one_more);
            let wanted = group.len().min(max_rows + usize::from(has_one_more));
            // Before the end, a client that fits in part stays whole: at the end it must be known that
            // it did not fit.
            let taken = match wanted <= left {
                false if is_end || left == 0 => 0,
                _ => wanted,
            };
            let Some(last) = taken.checked_sub(1) else {
                self.ends[class] = u64::from(group[0].0.group);
                break;
            };
            for (_, position) in &group[..taken] {
                is_kept[*position as usize] = true;
            }
            if taken < group.len() {
                self.cuts
                    .insert((class, group[0].0.group), group[last].0.within);
            }
            let is_last = taken > left;
            left = left.saturating_sub(taken);
            if is_last {
                self.ends[class] = u64::from(group[0].0.group) + 1;
                break;
            }
        }
    }

    fn finish(mut self, of: u64, memory_limit_mib: u64) -> LoadedRows {
        self.cut(true);
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

/// Number of rows of each class in a sample of `max_rows` rows. `rows` are the numbers of rows that the
/// classes have.
fn shared_out(rows: [usize; CLASSES], max_rows: usize) -> [usize; CLASSES] {
    let mut left = max_rows;
    let mut places = [0; CLASSES];
    let mut take = |class: usize, reserved: usize| {
        places[class] = rows[class].min(left.saturating_sub(reserved));
        left -= places[class];
    };
    take(NEW, 0);
    let labelled = rows[RECENT] + rows[EARLIER];
    take(NEW_UNLABELLED, labelled.min(max_rows / PART_OF_EARLIER));
    take(RECENT, 0);
    take(EARLIER, 0);
    take(EARLIER_UNLABELLED, 0);
    places
}

/// Maximum number of rows of a client in a sample of `places` rows. It is `smallest`, or more if the
/// sample would otherwise not be full. The second number says how many of the clients with more rows have
/// one additional row, so that the sample is full.
fn max_rows_of_a_group(
    groups: impl Iterator<Item = usize> + Clone,
    places: usize,
    smallest: usize,
) -> (usize, usize) {
    let rows = |max: usize| groups.clone().map(|rows| rows.min(max)).sum::<usize>();
    if rows(smallest) >= places {
        return (smallest, 0);
    }
    let (mut fits, mut exceeds) = (smallest, places.saturating_add(1));
    while exceeds - fits > 1 {
        let between = fits + (exceeds - fits) / 2;
        match rows(between) <= places {
            true => fits = between,
            false => exceeds = between,
        }
    }
    (fits, places - rows(fits))
}

/// Computes the keys that decide which rows are in the sample.
struct SampleKeys {
    has_id: bool,
    hasher: SampleHasher,
}

impl SampleKeys {
    /// The group of a row and its key within the group, given the number of its client and its own
    /// number.
    fn of(&mut self, client: u32, row: u64) -> (u32, u32) {
        let of_row = self.hasher.of_row_at(0, std::iter::empty(), Some(row));
        let [high, low] = [(of_row >> 32) as u32, of_row as u32];
        match self.has_id {
            true => (client, low),
            // Equal rows count as one client, and there may be few of them.
            false => (high, low),
        }
    }
}

#[cfg(test)]
mod tests;
