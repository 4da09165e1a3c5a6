//! The engine of passes: folds rows in memory, on all processors.
//!
//! The rows are split into chunks of a fixed size, which are folded in parallel and merged in
//! order. A result is therefore the same to the last bit with any number of threads. Chunks are
//! started in order and merged as soon as possible, so that memory holds only about one value per
//! thread.

use std::ops::Range;

use super::block_rows::{BLOCK_ROWS, BlockRows};
use super::in_order::folded_in_order;
use crate::cell::Label;
use crate::table::{FOLDS, Fold, Labels, Selection, Share, Table, fold_of};

/// Number of rows in a chunk: large enough to hide the cost of scheduling, small enough for the
/// cache.
pub(super) const CHUNK_ROWS: usize = 16_384;

/// A fold over rows.
pub(crate) trait Pass: Sync {
    /// The result of the fold.
    type Value: Send;

    /// Number of rows that are folded at once.
    fn chunk_rows(&self) -> usize {
        CHUNK_ROWS
    }

    /// The value of zero rows.
    fn empty(&self) -> Self::Value;

    /// Adds the rows of one chunk to a value.
    fn add(&self, value: &mut Self::Value, chunk: &Chunk<'_>);

    /// Merges the value of later rows into the value of earlier rows.
    fn merge(&self, earlier: &mut Self::Value, later: Self::Value);
}

/// A chunk: some rows of a table.
pub(crate) struct Chunk<'a> {
    /// The table of the rows.
    pub(crate) table: &'a Table,
    positions: Positions,
}

/// Positions of rows in a table, in ascending order.
enum Positions {
    /// All positions of a range.
    Run(Range<usize>),
    /// Single positions. A table in memory has fewer than 2^32 rows.
    List(Vec<u32>),
}

#[cfg(test)]
impl<'a> Chunk<'a> {
    /// A chunk of all rows of a range.
    pub(crate) fn of(table: &'a Table, rows: Range<usize>) -> Self {
        Self {
            table,
            positions: Positions::Run(rows),
        }
    }
}

impl Chunk<'_> {
    /// Number of rows in the chunk.
    pub(crate) fn len(&self) -> usize {
        match &self.positions {
            Positions::Run(range) => range.len(),
            Positions::List(positions) => positions.len(),
        }
    }

    /// The positions of the rows in the table.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|row| match &self.positions {
            Positions::Run(range) => range.start + row,
            Positions::List(positions) => positions[row] as usize,
        })
    }

    /// The rows, split into blocks.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = BlockRows<'_>> {
        (0..self.len()).step_by(BLOCK_ROWS).map(|first| {
            let last = (first + BLOCK_ROWS).min(self.len());
            match &self.positions {
                Positions::Run(range) => BlockRows::Run(range.start + first..range.start + last),
                Positions::List(positions) => BlockRows::List(&positions[first..last]),
            }
        })
    }
}

/// The positions of the selected rows, in ascending order.
pub(crate) fn selected_rows(table: &Table, selection: &Selection) -> Vec<usize> {
    let chunk = |range| Chunk {
        table,
        positions: positions(table, selection, range),
    };
    let chunks = chunk_ranges(selection, CHUNK_ROWS).into_iter().map(chunk);
    chunks
        .flat_map(|chunk| chunk.positions().collect::<Vec<_>>())
        .collect()
}

/// Runs a pass over the selected rows.
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
    let ranges = chunk_ranges(selection, pass.chunk_rows());
    folded_in_order(ranges, || (), fold, pass.empty(), merge)
}

/// Runs several passes at once over the selected rows, each on its own choice of folds. The
/// selection itself must include all folds.
///
/// The fold of a row is computed once for all passes, and the values of a row are loaded into the
/// cache once.
pub(crate) fn run_all<P: Pass>(
    passes: &[(&P, Fold)],
    table: &Table,
    selection: &Selection,
) -> Vec<P::Value> {
    debug_assert_eq!(selection.fold, Fold::Any, "each pass has its own choice");
    let empty = || -> Vec<P::Value> { passes.iter().map(|(pass, _)| pass.empty()).collect() };
    let fold = |by_fold: &mut ByFold, range| {
        by_fold.fill(table, selection.labels, range);
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
    let smallest = passes.iter().map(|(pass, _)| pass.chunk_rows()).min();
    let ranges = chunk_ranges(selection, smallest.unwrap_or(CHUNK_ROWS));
    folded_in_order(ranges, ByFold::default, fold, empty(), merge)
}

/// Copies of some rows of a table, grouped by fold, so that a pass reads adjacent memory.
#[derive(Default)]
struct ByFold {
    /// Positions of each fold's rows in the original table.
    positions: [Vec<usize>; FOLDS as usize],
    rows: Table,
}

impl ByFold {
    /// Replaces the rows by the rows of a range that `labels` selects.
    fn fill(&mut self, table: &Table, labels: Labels, range: Range<usize>) {
        self.positions.iter_mut().for_each(Vec::clear);
        for row in range {
            if labels.holds(table.labels[row]) {
                self.positions[fold_of(table.client_numbers[row]) as usize].push(row);
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

/// Minimum number of ranges of rows in a sample that is spread over the table.
const MIN_RANGES: usize = 8;

fn chunk_ranges(selection: &Selection, chunk_rows: usize) -> Vec<Range<usize>> {
    let Range { start, end } = selection.rows;
    let (stride, rows) = match selection.share {
        Share::All => (chunk_rows, chunk_rows),
        Share::OneIn(share) => {
            let of_table = end.saturating_sub(start).div_ceil(MIN_RANGES);
            let stride = CHUNK_ROWS.min(of_table).max(share);
            (stride, stride / share)
        }
    };
    (start..end)
        .step_by(stride)
        .map(|start| start..(start + rows).min(end))
        .collect()
}

fn positions(table: &Table, selection: &Selection, range: Range<usize>) -> Positions {
    let (labels, numbers) = (&table.labels, &table.client_numbers);
    let holds_all = match selection.labels {
        Labels::Any => true,
        Labels::Known => are_known(&labels[range.clone()]),
        Labels::Unknown => false,
    };
    if selection.fold == Fold::Any && holds_all {
        return Positions::Run(range);
    }
    let is_held = |row: usize| selection.labels.holds(labels[row]);
    Positions::List(match selection.fold {
        Fold::Any => kept(range, is_held),
        Fold::Inside(fold) => kept(range, |row| is_held(row) & (fold_of(numbers[row]) == fold)),
        Fold::Outside(fold) => kept(range, |row| is_held(row) & (fold_of(numbers[row]) != fold)),
    })
}

/// True if all labels are known. Nearly always all labels are known, so checking all of them is faster
/// than stopping at the first unknown one.
fn are_known(labels: &[Label]) -> bool {
    labels.iter().fold(true, |all, label| all & label.is_some())
}

/// The numbers of a range for which `keep` returns true.
///
/// A processor can hardly predict the result of `keep`, so there is no branch. Every number is
/// written, and the next number overwrites it if it is not kept.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_tables_of_any_size() {
        for rows in [90, 10_000, 1_000_000] {
            let ranges = chunk_ranges(&Selection::rows(0..rows).one_in(8), CHUNK_ROWS);
            let taken: usize = ranges.iter().map(Range::len).sum();
            assert!(taken.abs_diff(rows / 8) <= rows / 50 + 8, "{rows}: {taken}");
            let last = ranges.last().expect("a range").start;
            assert!(last > rows * 3 / 4, "{rows}: nothing behind row {last}");
        }
    }
}
