//! Passes over rows: each a fold of the chosen rows into a small mergeable value.
//!
//! The rows are cut into chunks of a fixed size, folded in parallel and merged in order, so a
//! result is the same to the last bit with any number of threads. Chunks are handed out in order and
//! merged as soon as their turn comes, so that about one value a thread is held, however many rows
//! there are.

mod categories;
mod column;
mod elementary;
mod expression;
mod in_order;
mod log_odds;
mod logistic;
mod moments;
mod profile;
mod running_profile;
mod summary;
mod term;

use std::ops::Range;

use self::column::BLOCK_ROWS;
use self::in_order::folded_in_order;
use crate::cell::Label;
use crate::table::{FEW, FOLDS, Fold, Labels, Selection, Share, Table};

pub use categories::{CategoryCounts, LevelCount};
pub use expression::{LinearExpression, WeightedTerm};
pub use log_odds::{ScoredRow, confusion, log_loss, log_odds, probabilities, probability};
pub use logistic::{
    Axis, LogisticPoint, LogisticTerms, bounded_logistic_terms, logistic_terms,
    logistic_terms_by_fold, logistic_terms_without_folds, sandwich_meat,
};
pub use moments::{Moments, moments, moments_by_fold};
pub use profile::{ColumnProfile, ColumnValues, Profile, SAMPLE_ROWS, Sample, profile};
pub use running_profile::RunningProfile;
pub use summary::{ColumnSummary, LevelSummary, SHOWN_LEVELS, Summary};
pub use term::{Encoding, Term};

/// Rows folded at a time: large enough to hide the scheduling, small enough for the cache.
const CHUNK_ROWS: usize = 16_384;

/// A fold over rows.
pub(crate) trait Pass: Sync {
    /// What it folds into.
    type Value: Send;

    /// The value of no rows.
    fn empty(&self) -> Self::Value;

    /// Folds one chunk into a value.
    fn add(&self, value: &mut Self::Value, chunk: &Chunk<'_>);

    /// Joins the value of later rows to that of earlier ones.
    fn merge(&self, earlier: &mut Self::Value, later: Self::Value);
}

/// Some rows of a table.
pub(crate) struct Chunk<'a> {
    /// The table they stand in.
    pub(crate) table: &'a Table,
    positions: Positions,
}

/// Positions in a table, ascending.
enum Positions {
    /// All from the first to before the last.
    Run(Range<usize>),
    /// These. A table has fewer than 2^32 rows in memory.
    List(Vec<u32>),
}

/// The positions of a block's rows.
pub(crate) enum Rows<'a> {
    /// All from the first to before the last.
    Run(Range<usize>),
    /// These.
    List(&'a [u32]),
}

#[cfg(test)]
impl<'a> Chunk<'a> {
    /// All rows of a range.
    pub(crate) fn of(table: &'a Table, rows: Range<usize>) -> Self {
        Self {
            table,
            positions: Positions::Run(rows),
        }
    }
}

impl Chunk<'_> {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        match &self.positions {
            Positions::Run(range) => range.len(),
            Positions::List(positions) => positions.len(),
        }
    }

    /// Where they stand.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|row| match &self.positions {
            Positions::Run(range) => range.start + row,
            Positions::List(positions) => positions[row] as usize,
        })
    }

    /// The rows, a block at a time.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = Rows<'_>> {
        (0..self.len()).step_by(BLOCK_ROWS).map(|first| {
            let last = (first + BLOCK_ROWS).min(self.len());
            match &self.positions {
                Positions::Run(range) => Rows::Run(range.start + first..range.start + last),
                Positions::List(positions) => Rows::List(&positions[first..last]),
            }
        })
    }
}

impl Rows<'_> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Run(range) => range.len(),
            Self::List(positions) => positions.len(),
        }
    }
}

/// Runs a pass over the chosen rows.
pub(crate) fn run<P: Pass>(pass: &P, table: &Table, selection: &Selection) -> P::Value {
    let fold = |(): &mut (), range| {
        let chunk = Chunk {
            table,
            positions: positions(table, selection, range),
        };
        let mut value = pass.empty();
        pass.add(&mut value, &chunk);
        value
    };
    let merge = |total: &mut P::Value, value| pass.merge(total, value);
    folded_in_order(chunk_ranges(selection), || (), fold, pass.empty(), merge)
}

/// Runs several passes at once, each over the chosen rows of its own choice of clients; the
/// selection leaves that open.
///
/// Which fold a row is of is found out once for all of them, and its values are fetched into the
/// cache once.
pub(crate) fn run_all<P: Pass>(
    passes: &[(&P, Fold)],
    table: &Table,
    selection: &Selection,
) -> Vec<P::Value> {
    debug_assert_eq!(selection.fold, Fold::Any, "each pass has its own choice");
    let empty = || -> Vec<P::Value> { passes.iter().map(|(pass, _)| pass.empty()).collect() };
    let fold = |by_fold: &mut ByFold, range| {
        by_fold.deal(table, selection.labels, range);
        let mut values = empty();
        for ((pass, wanted), value) in passes.iter().zip(&mut values) {
            for (chunk, fold) in by_fold.chunks().zip(0..) {
                if wanted.holds(fold) {
                    pass.add(value, &chunk);
                }
            }
        }
        values
    };
    let merge = |totals: &mut Vec<P::Value>, values: Vec<P::Value>| {
        for (((pass, _), total), value) in passes.iter().zip(totals).zip(values) {
            pass.merge(total, value);
        }
    };
    let ranges = chunk_ranges(selection);
    folded_in_order(ranges, ByFold::default, fold, empty(), merge)
}

/// Some rows of a table, fold by fold: copies, so that each pass over them reads what stands
/// together.
#[derive(Default)]
struct ByFold {
    /// Where the rows of each fold stand in the table that they are of.
    positions: [Vec<usize>; FOLDS as usize],
    rows: Table,
}

impl ByFold {
    fn deal(&mut self, table: &Table, labels: Labels, range: Range<usize>) {
        self.positions.iter_mut().for_each(Vec::clear);
        for row in range {
            if labels == Labels::Any || table.labels[row].is_some() {
                self.positions[(table.clients[row] % FOLDS) as usize].push(row);
            }
        }
        self.rows.take_from(table, self.positions.iter().flatten());
    }

    fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        let mut start = 0;
        self.positions.iter().map(move |positions| {
            let range = start..start + positions.len();
            start = range.end;
            Chunk {
                table: &self.rows,
                positions: Positions::Run(range),
            }
        })
    }
}

fn chunk_ranges(selection: &Selection) -> Vec<Range<usize>> {
    let rows = match selection.share {
        Share::All => CHUNK_ROWS,
        Share::Few => CHUNK_ROWS / FEW,
    };
    let Range { start, end } = selection.rows;
    (start..end)
        .step_by(CHUNK_ROWS)
        .map(|start| start..(start + rows).min(end))
        .collect()
}

fn positions(table: &Table, selection: &Selection, range: Range<usize>) -> Positions {
    let (labels, clients) = (&table.labels, &table.clients);
    let any_label = selection.labels == Labels::Any;
    if selection.fold == Fold::Any && (any_label || are_known(&labels[range.clone()])) {
        return Positions::Run(range);
    }
    let has_label = |row: usize| any_label | labels[row].is_some();
    Positions::List(match selection.fold {
        Fold::Any => kept(range, has_label),
        Fold::Inside(fold) => kept(range, |row| has_label(row) & (clients[row] % FOLDS == fold)),
        Fold::Outside(fold) => kept(range, |row| has_label(row) & (clients[row] % FOLDS != fold)),
    })
}

/// Whether all classes are; they nearly always are, so looking at each is faster than stopping.
fn are_known(labels: &[Label]) -> bool {
    labels.iter().fold(true, |all, label| all & label.is_some())
}

/// The numbers that `keep` takes. What it says of them is hard to foretell: every number is
/// written, and the next one over it where it is not kept.
fn kept(range: Range<usize>, keep: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut numbers = vec![0; range.len()];
    let mut count = 0;
    for number in range {
        numbers[count] = number as u32;
        count += usize::from(keep(number));
    }
    numbers.truncate(count);
    numbers
}
