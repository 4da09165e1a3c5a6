//! Sums of log-likelihood terms for rows in which only few values are not 0.
//!
//! A number that is fitted in steps has a column for each step. In a row, the columns of all steps
//! below the number are 1, and those of all steps above are 0. The number can be written with two
//! values instead: its shares of the two knots next to it. A level has one value that is not 0, and
//! a cell of a grid has up to four.
//!
//! The products of these few values are summed. At the end the sums are converted to those of the
//! standardised columns. The cost of a row grows with the square of the number of these values, not
//! of the number of columns.

use ndarray::{Array1, Array2};

use super::block::{Block, Weight};
use super::likelihood::{LogisticPoint, LogisticTerms};
use crate::passes::block_rows::BlockRows;
use crate::passes::curve::position;
use crate::passes::engine::Chunk;
use crate::passes::term::Term;
use crate::passes::term_groups::{GroupKind, TermGroup, is_step_or_cell, term_groups};
use crate::table::Table;

/// A value of a row and its place among the sums; place 0 is the intercept.
type Entry = (usize, f64);

/// For each row of a block, the values that are not 0.
#[derive(Default)]
struct Entries {
    /// The entries of all rows, row by row.
    all: Vec<Entry>,
    /// End position of each row in `all`.
    ends: Vec<usize>,
}

impl Entries {
    fn rows(&self) -> impl Iterator<Item = &[Entry]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.all[start..*end])
    }
}

/// The columns of a point, in groups. In a row, few values of a group are not 0.
pub(super) struct LocalColumns<'a> {
    point: &'a LogisticPoint<'a>,
    groups: Vec<Group<'a>>,
}

/// Columns that belong together.
struct Group<'a> {
    /// Place of the first column; the intercept has place 0.
    first: usize,
    terms: &'a [Term<'a>],
    kind: GroupKind<'a>,
    /// The entries of a row in which the feature is missing and imputed.
    imputed: Vec<Entry>,
}

impl<'a> LocalColumns<'a> {
    /// The columns of a point; `None` if it has neither steps nor cells.
    pub(super) fn of(point: &'a LogisticPoint<'a>) -> Option<Self> {
        if !point.terms.iter().any(is_step_or_cell) {
            return None;
        }
        let mut first = 1;
        let groups = term_groups(point.terms).map(|group| {
            let place = first;
            first += group.terms.len();
            Group::of(point, place, &group)
        });
        Some(Self {
            groups: groups.collect(),
            point,
        })
    }

    /// Adds the rows of a chunk in raw units; [`converted`](Self::converted) standardises the sums at the
    /// end.
    pub(super) fn add_rows(
        &self,
        terms: &mut LogisticTerms,
        chunk: &Chunk<'_>,
        weight: &Weight,
        limit: Option<f64>,
    ) {
        let weights = self.weights();
        let mut block = Block::of_size(1);
        let mut entries = Entries::default();
        for rows in chunk.blocks() {
            self.read(&mut entries, chunk.table, &rows);
            block.read_labels(chunk.table, &rows);
            for (row, log_odds) in entries.rows().zip(block.log_odds_mut()) {
                let summands = row.iter().map(|(place, value)| weights[*place] * value);
                *log_odds = summands.sum();
            }
            if let Some(limit) = limit {
                block.bound_log_odds(limit);
            }
            block.evaluate(weight);
            block.clear_after(rows.len());
            terms.rows += rows.len() as u64;
            block.add_losses(terms);
            for (row, (residual, factor)) in entries.rows().zip(block.derivatives()) {
                add_row(terms, row, residual, factor);
            }
        }
    }

    /// For each row, reads the values that are not 0, in the order of their places.
    fn read(&self, entries: &mut Entries, table: &Table, rows: &BlockRows<'_>) {
        entries.all.clear();
        entries.ends.clear();
        for position in rows.positions() {
            entries.all.push((0, 1.0));
            for group in &self.groups {
                group.read(self.point, &mut entries.all, table, position);
            }
            entries.ends.push(entries.all.len());
        }
    }

    /// Weights for the values of a row. The weight of a knot is the sum of the weights of the steps
    /// before it. The weight of the intercept includes the shifts of the columns.
    fn weights(&self) -> Vec<f64> {
        let mut weights = self.point.weights.to_vec();
        for group in self.local_groups() {
            let mut sum = 0.0;
            for (place, axis) in group.axes(self.point) {
                weights[0] -= weights[place] * axis.shift;
                weights[place] /= axis.scale;
                if matches!(group.kind, GroupKind::Steps(_)) {
                    sum += weights[place];
                    weights[place] = sum;
                }
            }
        }
        weights
    }

    fn local_groups(&self) -> impl Iterator<Item = &Group<'a>> {
        let groups = self.groups.iter();
        groups.filter(|group| !matches!(group.kind, GroupKind::Single))
    }

    /// Converts the sums over the values of [`Entries`] to sums over the standardised columns.
    pub(super) fn converted(&self, sums: LogisticTerms) -> LogisticTerms {
        let mut sums = sums.symmetric();
        let size = sums.gradient.len();
        let (mut scales, mut shifts) = (Array1::ones(size), Array1::zeros(size));
        for group in self.local_groups() {
            for (place, axis) in group.axes(self.point) {
                scales[place] = axis.scale;
                shifts[place] = axis.shift;
            }
            if matches!(group.kind, GroupKind::Steps(_)) {
                add_later_ones(&mut sums, group.first, group.terms.len());
            }
        }
        sums.gradient /= &scales;
        for ((row, column), entry) in sums.hessian.indexed_iter_mut() {
            *entry /= scales[row] * scales[column];
        }
        shift(&mut sums, &shifts);
        sums
    }
}

impl<'a> Group<'a> {
    fn of(point: &LogisticPoint<'a>, first: usize, group: &TermGroup<'a>) -> Self {
        let mut group = Self {
            first,
            terms: group.terms,
            kind: group.kind,
            imputed: Vec::new(),
        };
        let means: Vec<Entry> = group
            .axes(point)
            .map(|(place, axis)| (place, axis.imputed))
            .collect();
        group.imputed = match group.kind {
            // The share of a knot is its step's value minus the next step's value.
            GroupKind::Steps(_) => {
                let next = means.iter().skip(1).map(|(_, mean)| *mean).chain([0.0]);
                let own = means.iter().zip(next);
                own.map(|((place, mean), next)| (*place, mean - next))
                    .collect()
            }
            _ => means,
        };
        group
    }

    /// The axis and the place of each column.
    fn axes(&self, point: &LogisticPoint<'a>) -> impl Iterator<Item = (usize, super::Axis)> {
        let places = self.first..self.first + self.terms.len();
        places.map(|place| (place, point.axes[place - 1]))
    }

    #[inline]
    fn read(
        &self,
        point: &LogisticPoint<'_>,
        row: &mut Vec<Entry>,
        table: &Table,
        position_in_table: usize,
    ) {
        let term = self.terms[0];
        let cell = table.features[term.feature][position_in_table];
        match self.kind {
            GroupKind::Single => {
                let axis = point.axes[self.first - 1];
                let value = axis.standardise(term.value_at(table, position_in_table));
                row.push((self.first, value));
            }
            GroupKind::Steps(_) if cell.is_nan() => row.extend(&self.imputed),
            GroupKind::Steps(knots) => {
                let (before, share) = position(knots, cell);
                // The first knot has no column.
                if before > 0 {
                    row.push((self.first + before - 1, 1.0 - share));
                }
                row.push((self.first + before, share));
            }
            GroupKind::Indicators if cell.is_nan() && term.if_missing.is_none() => {
                row.extend(&self.imputed);
            }
            GroupKind::Indicators => {
                let values = self.terms.iter().map(|term| term.value(|_| cell));
                let own = values.zip(self.first..).find(|(value, _)| *value == 1.0);
                row.extend(own.map(|(value, place)| (place, value)));
            }
            GroupKind::Cells(grid) => {
                let cell = |feature: usize| table.features[feature][position_in_table];
                match grid.shares(cell) {
                    None => row.extend(&self.imputed),
                    Some(shares) => {
                        let counted = shares.into_iter().filter(|(_, share)| *share != 0.0);
                        row.extend(counted.map(|(place, share)| (self.first + place, share)));
                    }
                }
            }
        }
    }
}

/// Adds a row's values to the gradient, and their products to the lower triangle of the Hessian.
#[inline]
fn add_row(sums: &mut LogisticTerms, row: &[Entry], residual: f64, factor: f64) {
    let size = sums.gradient.len();
    let hessian = sums
        .hessian
        .as_slice_mut()
        .expect("rows follow one another");
    for (number, (place, value)) in row.iter().enumerate() {
        sums.gradient[*place] += residual * value;
        let weighted = factor * value;
        let products = &mut hessian[place * size..][..=*place];
        for (other, other_value) in &row[..=number] {
            products[*other] += weighted * other_value;
        }
    }
}

/// Turns sums over knots into sums over steps. A step's value is the sum of the shares of its end
/// knot and of all later knots.
fn add_later_ones(sums: &mut LogisticTerms, first: usize, count: usize) {
    let size = sums.gradient.len();
    for place in (first..first + count - 1).rev() {
        sums.gradient[place] += sums.gradient[place + 1];
        for other in 0..size {
            sums.hessian[[place, other]] += sums.hessian[[place + 1, other]];
        }
    }
    for place in (first..first + count - 1).rev() {
        for other in 0..size {
            sums.hessian[[other, place]] += sums.hessian[[other, place + 1]];
        }
    }
}

/// Subtracts a number from all values of each column.
fn shift(sums: &mut LogisticTerms, shifts: &Array1<f64>) {
    let total = sums.hessian[[0, 0]];
    let with_intercept = sums.hessian.column(0).to_owned();
    let residuals = sums.gradient[0];
    sums.gradient.scaled_add(-residuals, shifts);
    let change = |row: usize, column: usize| {
        shifts[row] * shifts[column] * total
            - shifts[row] * with_intercept[column]
            - with_intercept[row] * shifts[column]
    };
    let size = shifts.len();
    let changes = Array2::from_shape_fn((size, size), |(row, column)| change(row, column));
    sums.hessian += &changes;
}
