//! What a table's columns look like: counts, moments, extremes, and a sample of the rows.
//!
//! Everything but the sample is exact. The sample holds the rows with the smallest public hash,
//! at most [`SAMPLE_ROWS`]; it does not depend on the order of rows, and up to that many rows it
//! is all of them, so that medians are exact there.

use common::Schema;
use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::{Chunk, Pass, run};
use crate::cell::Label;
use crate::fingerprint::SampleHasher;
use crate::table::{Selection, Table};

/// Rows that a profile keeps at most.
pub const SAMPLE_ROWS: usize = 50_000;

/// The columns of some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Rows.
    pub rows: u64,
    /// The features in schema order, then the target.
    pub columns: Vec<ColumnProfile>,
    /// Some of the rows.
    pub sample: Sample,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Name.
    pub name: String,
    /// Missing values.
    pub missing: u64,
    /// Of the present values.
    pub moments: Moments,
}

/// Rows kept for order statistics and later comparisons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// One vector per column of the profile; NaN stands for a missing value.
    pub columns: Vec<Vec<f64>>,
}

/// Profiles the chosen rows.
pub fn profile(schema: &Schema, table: &Table, selection: &Selection) -> Profile {
    let chosen = selection.rows.len();
    let pass = Columns {
        columns: schema.features.len() + 1,
        hash_limit: hash_limit(chosen),
    };
    let mut value = run(&pass, table, selection);
    if value.smallest.len() < SAMPLE_ROWS.min(value.rows as usize) {
        // The limit let too few rows through, because the selection is sparse.
        value.smallest = run(
            &Columns {
                hash_limit: u64::MAX,
                ..pass
            },
            table,
            selection,
        )
        .smallest;
    }
    let sample = sample(table, value.smallest);
    described(schema, value.rows, value.columns.into_iter(), sample)
}

/// The profile of so many rows, with the columns' names.
pub(super) fn described(
    schema: &Schema,
    rows: u64,
    columns: impl Iterator<Item = Moments>,
    sample: Sample,
) -> Profile {
    let names = schema.feature_names().chain([schema.target.as_str()]);
    Profile {
        rows,
        columns: names
            .zip(columns)
            .map(|(name, moments)| ColumnProfile {
                name: name.to_owned(),
                missing: rows - moments.count,
                moments,
            })
            .collect(),
        sample,
    }
}

/// A hash below which about twice the wanted rows lie: the others need not be remembered.
fn hash_limit(rows: usize) -> u64 {
    let share = 2.0 * SAMPLE_ROWS as f64 / rows.max(1) as f64;
    if share >= 1.0 {
        u64::MAX
    } else {
        (share * u64::MAX as f64) as u64
    }
}

fn sample(table: &Table, mut smallest: Vec<(u64, usize)>) -> Sample {
    smallest.sort_unstable();
    smallest.truncate(SAMPLE_ROWS);
    let columns = table.features.len() + 1;
    Sample {
        columns: (0..columns)
            .map(|column| {
                smallest
                    .iter()
                    .map(|(_, position)| cell(table, column, *position))
                    .collect()
            })
            .collect(),
    }
}

/// The features, then the target as 0 or 1.
fn cell(table: &Table, column: usize, position: usize) -> f64 {
    match table.features.get(column) {
        Some(feature) => feature[position],
        None => as_number(table.labels[position]),
    }
}

pub(super) fn as_number(label: Label) -> f64 {
    label.map_or(f64::NAN, |class| f64::from(u8::from(class)))
}

struct Columns {
    columns: usize,
    hash_limit: u64,
}

struct ColumnsValue {
    rows: u64,
    columns: Vec<Moments>,
    /// Hash and position of the rows below the limit.
    smallest: Vec<(u64, usize)>,
}

impl Pass for Columns {
    type Value = ColumnsValue;

    fn empty(&self) -> ColumnsValue {
        ColumnsValue {
            rows: 0,
            columns: vec![Moments::default(); self.columns],
            smallest: Vec::new(),
        }
    }

    fn add(&self, value: &mut ColumnsValue, chunk: &Chunk<'_>) {
        value.rows += chunk.len() as u64;
        let (features, target) = value.columns.split_at_mut(chunk.table.features.len());
        for (moments, column) in features.iter_mut().zip(&chunk.table.features) {
            moments.add_column(chunk, column, |number| number);
        }
        for moments in target {
            moments.add_column(chunk, &chunk.table.labels, as_number);
        }
        let mut hasher = SampleHasher::default();
        let hashes = chunk.positions().map(|position| {
            let hash = hasher.of_row(chunk.table.clients[position], chunk.table.row(position));
            (hash, position)
        });
        value
            .smallest
            .extend(hashes.filter(|(hash, _)| *hash <= self.hash_limit));
    }

    fn merge(&self, earlier: &mut ColumnsValue, later: ColumnsValue) {
        earlier.rows += later.rows;
        for (mine, other) in earlier.columns.iter_mut().zip(later.columns) {
            mine.merge(other);
        }
        earlier.smallest.extend(later.smallest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: impl Iterator<Item = (f64, Option<bool>)>) -> (Schema, Table) {
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (row, (x, label)) in rows.enumerate() {
            table.push(row.to_string().as_bytes(), &[x], label);
        }
        (schema, table)
    }

    #[test]
    fn statistics_of_a_small_column() {
        let values = [4.0, f64::NAN, 1.0, 3.0, 2.0];
        let (schema, table) = table(values.into_iter().map(|x| (x, Some(x > 2.0))));
        let summary = profile(&schema, &table, &table.all()).summary();
        let x = &summary.columns[0];
        assert_eq!((x.count, x.missing), (4, 1));
        assert_eq!((x.mean, x.median), (Some(2.5), Some(2.5)));
        assert!((x.std.unwrap() - (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!((x.min, x.max), (Some(1.0), Some(4.0)));
        assert!(summary.medians_are_exact);
        assert_eq!(summary.columns[1].mean, Some(0.4));
    }

    #[test]
    fn an_empty_column_has_no_statistics() {
        let (schema, table) = table(std::iter::empty());
        let summary = profile(&schema, &table, &table.all()).summary();
        assert_eq!(summary.columns[0].mean, None);
        assert_eq!(summary.columns[0].median, None);
        assert_eq!(summary.columns[0].min, None);
    }

    #[test]
    fn huge_numbers_do_not_overflow() {
        let values = [1.7e308, -1.7e308, 5.0];
        let (schema, table) = table(values.into_iter().map(|x| (x, None)));
        let summary = profile(&schema, &table, &table.all()).summary();
        let x = &summary.columns[0];
        assert!(x.mean.unwrap().abs() < 1e293);
        assert!(x.std.unwrap() > 1.6e308 && x.std.unwrap().is_finite());
        assert_eq!(x.median, Some(5.0));
    }

    #[test]
    fn a_sample_does_not_depend_on_the_order_and_merging_is_exact_enough() {
        let n = 120_000;
        let forward = |row: usize| ((row as f64 * 0.37).sin(), Some(row.is_multiple_of(3)));
        let (schema, first) = table((0..n).map(forward));
        let there = profile(&schema, &first, &first.all());
        let mut second = Table::new(&schema);
        for row in (0..n).rev() {
            let (x, label) = forward(row);
            second.push(row.to_string().as_bytes(), &[x], label);
        }
        let back = profile(&schema, &second, &second.all());
        assert_eq!(there.sample, back.sample);
        assert_eq!(there.sample.columns[0].len(), SAMPLE_ROWS);
        let difference =
            there.columns[0].moments.mean().unwrap() - back.columns[0].moments.mean().unwrap();
        assert!(difference.abs() < 1e-12);
        assert!(!there.summary().medians_are_exact);
    }
}
