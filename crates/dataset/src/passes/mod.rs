//! Passes over rows: each a fold of the chosen rows into a small mergeable value.
//!
//! The rows are cut into chunks of a fixed size, folded in parallel and merged in order, so a
//! result is the same to the last bit with any number of threads.

mod log_odds;
mod logistic;
mod moments;
mod profile;
mod summary;

use std::ops::Range;

use rayon::prelude::*;

use crate::cell::Label;
use crate::table::{Fold, Labels, Selection, Table};

pub use log_odds::{LinearPredictor, Scored, log_odds, probability};
pub use logistic::{Axis, LogisticPoint, LogisticTerms, logistic_terms, sandwich_meat};
pub use moments::{Moments, moments};
pub use profile::{ColumnProfile, Profile, SAMPLE_ROWS, Sample, profile};
pub use summary::{ColumnSummary, Summary};

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
    /// Their positions, ascending.
    pub(crate) positions: Vec<usize>,
}

impl Chunk<'_> {
    /// Each row's position and class; the caller selected labelled rows.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (usize, bool)> {
        self.positions.iter().filter_map(|position| {
            let label: Label = self.table.labels[*position];
            Some((*position, label?))
        })
    }
}

/// Runs a pass over the chosen rows.
pub(crate) fn run<P: Pass>(pass: &P, table: &Table, selection: &Selection) -> P::Value {
    let values: Vec<P::Value> = chunk_ranges(&selection.rows)
        .into_par_iter()
        .map(|range| {
            let chunk = Chunk {
                table,
                positions: positions(table, selection, range),
            };
            let mut value = pass.empty();
            pass.add(&mut value, &chunk);
            value
        })
        .collect();
    let mut total = pass.empty();
    for value in values {
        pass.merge(&mut total, value);
    }
    total
}

fn chunk_ranges(rows: &Range<usize>) -> Vec<Range<usize>> {
    rows.clone()
        .step_by(CHUNK_ROWS)
        .map(|start| start..(start + CHUNK_ROWS).min(rows.end))
        .collect()
}

fn positions(table: &Table, selection: &Selection, range: Range<usize>) -> Vec<usize> {
    if selection.fold == Fold::Any && selection.labels == Labels::Any {
        return range.collect();
    }
    range
        .filter(|position| table.takes(selection, *position))
        .collect()
}
