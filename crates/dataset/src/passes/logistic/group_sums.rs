//! Sums of residuals by groups of rows: by the levels of a category, or by the bins of a number.
//!
//! A row is in one group of each division. A division has a group for its missing cells, too, so that
//! every row counts once.

use common::Failure;
use ndarray::Array1;

use super::client_pairs::{parts, rows_of_repeated_clients};
use super::likelihood::LogisticPoint;
use super::row::Row;
use crate::level::Level;
use crate::parallel::each_in_parallel;
use crate::passes::engine::{Chunk, Pass, run};
use crate::passes::remote::wrong_size;
use crate::table::{Selection, Table};

/// Number of rows in a chunk: with many features, a row costs as much as thousands of cells.
const ROWS: usize = 2_048;

/// A division of the rows into groups.
#[derive(Clone, Debug, PartialEq)]
pub enum Division {
    /// One group of all rows.
    Whole,
    /// Bins of a number.
    Bins {
        /// The feature's place in the table.
        feature: usize,
        /// Increasing upper ends of all bins but the last, which has none. A bin contains its upper
        /// end.
        ends: Vec<f64>,
    },
    /// Levels of a category.
    Levels {
        /// The feature's place in the table.
        feature: usize,
        /// The levels with a group of their own.
        levels: Vec<Level>,
    },
}

/// Sums over the labelled rows of one group.
///
/// For a row, y is the label, p the probability of the positive label, and z the vector of
/// standardised values.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSums {
    /// Number of rows.
    pub rows: u64,
    /// Number of positive labels.
    pub positives: u64,
    /// Σp: the expected number of positive labels.
    pub expected: f64,
    /// Σp(1−p)·z, with an entry for each coefficient. The first entry belongs to the intercept. It
    /// is Σp(1−p), the variance of the number of positive labels.
    pub slopes: Array1<f64>,
    /// Third central moment of the number of positive labels, from the rows that skew it upwards:
    /// Σp(1−p)(1−2p) where p is below one half.
    pub upward_skew: f64,
    /// The same for all other rows, with the opposite sign.
    pub downward_skew: f64,
    /// Sum of √(p(1−p))·√(p′(1−p′)) over all ordered pairs of different rows of the same client.
    pub pair_spreads: f64,
}

impl Division {
    /// Number of groups.
    ///
    /// After the bins comes the group of missing cells. After the levels come the group of all
    /// other levels and the group of missing cells.
    pub fn groups(&self) -> usize {
        match self {
            Self::Whole => 1,
            Self::Bins { ends, .. } => ends.len() + 2,
            Self::Levels { levels, .. } => levels.len() + 2,
        }
    }
}

impl GroupSums {
    fn zero(size: usize) -> Self {
        Self {
            rows: 0,
            positives: 0,
            expected: 0.0,
            slopes: Array1::zeros(size),
            upward_skew: 0.0,
            downward_skew: 0.0,
            pair_spreads: 0.0,
        }
    }

    fn add_row(&mut self, row: &Row, weighted: &Array1<f64>, is_positive: bool) {
        let skew = weighted[0] * (1.0 - 2.0 * row.probability);
        self.rows += 1;
        self.positives += u64::from(is_positive);
        self.expected += row.probability;
        self.slopes += weighted;
        self.upward_skew += skew.max(0.0);
        self.downward_skew += (-skew).max(0.0);
    }

    fn merge(&mut self, later: &Self) {
        self.rows += later.rows;
        self.positives += later.positives;
        self.expected += later.expected;
        self.slopes += &later.slopes;
        self.upward_skew += later.upward_skew;
        self.downward_skew += later.downward_skew;
    }
}

/// The sums of the labelled rows of a selection, for each division a vector with an entry for each of
/// its groups.
///
/// Log-odds are clamped to the range from `-limit` to `limit`, as by
/// [`bounded_logistic_terms`](super::bounded_logistic_terms).
pub fn group_sums(
    divisions: &[Division],
    point: &LogisticPoint<'_>,
    limit: f64,
    table: &Table,
    selection: &Selection,
) -> Result<Vec<Vec<GroupSums>>, Failure> {
    let labelled = selection.clone().labelled();
    if let Some(engine) = table.engine("sums by group")? {
        let sums = engine.group_sums(divisions, point, limit, &labelled)?;
        let groups = divisions.iter().map(Division::groups);
        if !sums.iter().map(Vec::len).eq(groups.clone()) {
            let found = sums.iter().map(Vec::len).sum();
            return Err(wrong_size("sums by group", groups.sum(), found));
        }
        return Ok(sums);
    }
    let pass = GroupPass {
        divisions: divisions.iter().map(Finder::of).collect(),
        point,
        limit,
    };
    let mut sums = run(&pass, table, &labelled);
    let pairs = pass.pair_spreads(table, selection);
    for (sums, spreads) in sums.iter_mut().flatten().zip(pairs) {
        sums.pair_spreads = spreads;
    }
    Ok(sums)
}

struct GroupPass<'a> {
    divisions: Vec<Finder<'a>>,
    point: &'a LogisticPoint<'a>,
    limit: f64,
}

/// A division, prepared to find the group of a row.
struct Finder<'a> {
    division: &'a Division,
    /// The codes of the levels with their places, sorted.
    codes: Vec<(f64, usize)>,
}

impl<'a> Finder<'a> {
    fn of(division: &'a Division) -> Self {
        let levels = match division {
            Division::Levels { levels, .. } => levels.as_slice(),
            Division::Whole | Division::Bins { .. } => &[],
        };
        let codes = levels.iter().map(Level::code);
        let mut codes: Vec<(f64, usize)> = codes.zip(0..).collect();
        codes.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self { division, codes }
    }

    /// The group of the row at a position of a table.
    fn group(&self, table: &Table, position: usize) -> usize {
        let cell = |feature: usize| table.features[feature][position];
        match self.division {
            Division::Whole => 0,
            Division::Bins { feature, ends } => match cell(*feature) {
                missing if missing.is_nan() => ends.len() + 1,
                number => ends.partition_point(|end| *end < number),
            },
            Division::Levels { feature, levels } => match cell(*feature) {
                missing if missing.is_nan() => levels.len() + 1,
                code => {
                    let found = self.codes.binary_search_by(|own| own.0.total_cmp(&code));
                    found.map_or(levels.len(), |place| self.codes[place].1)
                }
            },
        }
    }
}

impl GroupPass<'_> {
    /// For each group of each division, the sum of the products of the spreads of all pairs of rows of
    /// the same client.
    fn pair_spreads(&self, table: &Table, selection: &Selection) -> Vec<f64> {
        let n_groups: usize = self.divisions.iter().map(|it| it.division.groups()).sum();
        let rows = rows_of_repeated_clients(table, selection);
        let sums = each_in_parallel(parts(&rows), |part: &[(u64, u32)]| {
            let mut sums = vec![0.0; n_groups];
            for client in part.chunk_by(|one, other| one.0 == other.0) {
                let rows = client.iter().map(|(_, position)| *position as usize);
                self.add_client(&mut sums, table, &rows.collect::<Vec<_>>());
            }
            sums
        });
        sums.into_iter().fold(vec![0.0; n_groups], |mut sum, part| {
            sum.iter_mut()
                .zip(part)
                .for_each(|(sum, part)| *sum += part);
            sum
        })
    }

    /// Adds the pairs of one client's rows.
    fn add_client(&self, sums: &mut [f64], table: &Table, positions: &[usize]) {
        let spread = |row: &usize| Row::at(self.point, self.limit, table, *row).spread;
        let spreads: Vec<f64> = positions.iter().map(spread).collect();
        let mut first = 0;
        for finder in &self.divisions {
            let groups = positions.iter().map(|row| finder.group(table, *row));
            let mut rows: Vec<(usize, f64)> = groups.zip(spreads.iter().copied()).collect();
            rows.sort_by_key(|(group, _)| *group);
            for own in rows.chunk_by(|one, other| one.0 == other.0) {
                let sum: f64 = own.iter().map(|(_, spread)| spread).sum();
                let squares: f64 = own.iter().map(|(_, spread)| spread * spread).sum();
                // A single row has no pair, whatever rounding leaves.
                if own.len() > 1 {
                    sums[first + own[0].0] += sum * sum - squares;
                }
            }
            first += finder.division.groups();
        }
    }
}

impl Pass for GroupPass<'_> {
    type Value = Vec<Vec<GroupSums>>;

    fn chunk_rows(&self) -> usize {
        ROWS
    }

    fn empty(&self) -> Self::Value {
        let zero = GroupSums::zero(self.point.weights.len());
        let divisions = self.divisions.iter();
        let groups = divisions.map(|finder| vec![zero.clone(); finder.division.groups()]);
        groups.collect()
    }

    fn add(&self, value: &mut Self::Value, chunk: &Chunk<'_>) {
        for position in chunk.positions() {
            let row = Row::at(self.point, self.limit, chunk.table, position);
            let weighted = &row.z * (row.spread * row.spread);
            let is_positive = chunk.table.labels[position] == Some(true);
            for (finder, groups) in self.divisions.iter().zip(value.iter_mut()) {
                let group = finder.group(chunk.table, position);
                groups[group].add_row(&row, &weighted, is_positive);
            }
        }
    }

    fn merge(&self, earlier: &mut Self::Value, later: Self::Value) {
        for (sums, later) in earlier.iter_mut().flatten().zip(later.iter().flatten()) {
            sums.merge(later);
        }
    }
}

#[cfg(test)]
mod tests;
