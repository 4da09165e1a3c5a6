//! Sums of residuals by groups of rows: by the levels of a category, or by the bins of a number.
//!
//! A row is in one group of each division. A division has a group for its missing cells, too, so that
//! every row counts once.

use ndarray::Array1;

use super::client_pairs::{parts, rows_of_repeated_clients};
use super::likelihood::LogisticPoint;
use super::row::Row;
use crate::level::Level;
use crate::parallel::each_in_parallel;
use crate::passes::engine::{Chunk, Pass, run};
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
/// For a row, y is the label, p the probability of the positive label, and z the standardised values.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSums {
    /// Number of rows.
    pub rows: u64,
    /// Number of positive labels.
    pub positives: u64,
    /// Σp: the expected number of positive labels.
    pub expected: f64,
    /// Σp(1−p)·z, with an entry for each coefficient. The first entry is of the intercept, and so the
    /// variance Σp(1−p) of the number of positive labels.
    pub slopes: Array1<f64>,
    /// Third central moment of the number of positive labels, from the rows that skew it upwards:
    /// Σp(1−p)(1−2p) where p is below one half.
    pub upward_skew: f64,
    /// The same of the other rows, with the opposite sign.
    pub downward_skew: f64,
    /// Sum of √(p(1−p))·√(p′(1−p′)) over all ordered pairs of different rows of the same client.
    pub pair_spreads: f64,
}

impl Division {
    /// Number of groups.
    ///
    /// After the bins comes the group of missing cells. After the levels comes the group of all other
    /// levels, and then that of missing cells.
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
) -> Vec<Vec<GroupSums>> {
    let pass = GroupPass {
        divisions: divisions.iter().map(Finder::of).collect(),
        point,
        limit,
    };
    let mut sums = run(&pass, table, &selection.clone().labelled());
    let pairs = pass.pair_spreads(table, selection);
    for (sums, spreads) in sums.iter_mut().flatten().zip(pairs) {
        sums.pair_spreads = spreads;
    }
    sums
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
mod tests {
    use common::Schema;

    use super::*;
    use crate::level::level_code;
    use crate::passes::{Axis, Term};

    const HALF: f64 = 0.5;

    /// Rows of clients: their number, their plan, and whether they left.
    fn table(rows: &[(&str, f64, &str, Option<bool>)]) -> Table {
        let schema = Schema {
            features: vec!["x".into(), "plan".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (client, x, plan, left) in rows {
            let plan = match *plan {
                "" => f64::NAN,
                plan => level_code(plan),
            };
            table.push(client.as_bytes(), &[*x, plan], *left);
        }
        table
    }

    fn divisions() -> [Division; 3] {
        [
            Division::Whole,
            Division::Bins {
                feature: 0,
                ends: vec![1.0, 4.0],
            },
            Division::Levels {
                feature: 1,
                levels: ["b", "a"].map(|it| Level::from(it.to_owned())).into(),
            },
        ]
    }

    /// The sums at log-odds of `slope`·x.
    fn sums_at(slope: f64, table: &Table) -> Vec<Vec<GroupSums>> {
        let axis = Axis {
            scale: 1.0,
            shift: 0.0,
            imputed: 0.0,
        };
        let point = LogisticPoint {
            terms: &[Term::number(0)],
            axes: &[axis],
            weights: vec![0.0, slope].into(),
        };
        group_sums(&divisions(), &point, 20.0, table, &table.all())
    }

    #[test]
    fn each_labelled_row_counts_in_one_group_of_each_division() {
        let table = table(&[
            ("1", 1.0, "a", Some(true)),
            ("2", 1.5, "b", Some(false)),
            ("3", 4.0, "c", Some(true)),
            ("4", 4.5, "", Some(false)),
            ("5", f64::NAN, "a", Some(true)),
            ("6", 0.0, "a", None),
        ]);
        let found = sums_at(0.0, &table);
        let counts: Vec<Vec<(u64, u64)>> = found
            .iter()
            .map(|groups| groups.iter().map(|it| (it.rows, it.positives)).collect())
            .collect();
        let wanted = [
            vec![(5, 3)],
            vec![(1, 1), (2, 1), (1, 0), (1, 1)],
            vec![(1, 0), (2, 2), (1, 1), (1, 0)],
        ];
        assert_eq!(counts, wanted);
        for (groups, division) in found.iter().zip(divisions()) {
            assert_eq!(groups.len(), division.groups());
            let expected: f64 = groups.iter().map(|it| it.expected).sum();
            assert_eq!(expected, 5.0 * HALF);
            let variance: f64 = groups.iter().map(|it| it.slopes[0]).sum();
            assert_eq!(variance, 5.0 * HALF * HALF);
        }
        assert_eq!(found[1][1].slopes[1], 0.25 * (1.5 + 4.0));
        assert!(found.iter().flatten().all(|it| it.pair_spreads == 0.0));
    }

    #[test]
    fn rows_skew_the_sum_towards_their_less_likely_label() {
        let table = table(&[("1", 3.0, "a", Some(true)), ("2", -2.0, "a", Some(true))]);
        let found = &sums_at(1.0, &table)[0][0];
        let moment = |log_odds: f64| {
            let p = 1.0 / (1.0 + (-log_odds).exp());
            p * (1.0 - p) * (1.0 - 2.0 * p)
        };
        assert!((found.upward_skew - moment(-2.0)).abs() < 1e-12);
        assert!((found.downward_skew + moment(3.0)).abs() < 1e-12);
    }

    #[test]
    fn pairs_are_rows_of_one_client_in_one_group() {
        let table = table(&[
            ("1", 0.0, "a", Some(true)),
            ("2", 0.0, "b", Some(true)),
            ("1", 5.0, "a", Some(false)),
            ("1", 0.5, "b", Some(false)),
            ("1", 0.5, "b", None),
        ]);
        let found = sums_at(0.0, &table);
        let spreads: Vec<Vec<f64>> = found
            .iter()
            .map(|groups| groups.iter().map(|it| it.pair_spreads).collect())
            .collect();
        // A pair counts in both orders, and each product of spreads is a quarter.
        let wanted = [
            vec![1.5],
            vec![0.5, 0.0, 0.0, 0.0],
            vec![0.0, 0.5, 0.0, 0.0],
        ];
        assert_eq!(spreads, wanted);
    }

    #[test]
    fn the_sums_of_many_rows_are_those_of_their_parts() {
        let rows: Vec<(String, f64, bool)> = (0..5_000)
            .map(|row| (row.to_string(), f64::from(row % 97) / 20.0, row % 3 == 0))
            .collect();
        let rows: Vec<_> = rows
            .iter()
            .map(|(client, x, left)| (client.as_str(), *x, "a", Some(*left)))
            .collect();
        let whole = sums_at(0.4, &table(&rows));
        let parts = [&rows[..1_000], &rows[1_000..]].map(|rows| sums_at(0.4, &table(rows)));
        for (group, sums) in whole.iter().flatten().enumerate() {
            let [one, other] = parts
                .each_ref()
                .map(|part| part.iter().flatten().nth(group));
            let (one, other) = (one.unwrap(), other.unwrap());
            assert_eq!(sums.rows, one.rows + other.rows);
            assert!((sums.expected - one.expected - other.expected).abs() < 1e-9);
            assert!((sums.slopes[1] - one.slopes[1] - other.slopes[1]).abs() < 1e-9);
        }
    }
}
