//! A profile that is updated as rows arrive, and that a later process can continue.
//!
//! To the last bit it equals the profile of all rows at once. Blocks and chunks begin at the same
//! rows and are merged in the same order. The values after the last complete block are kept
//! unchanged.

use std::ops::Range;

use common::Schema;
use common::schema::Kind;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::block_rows::BLOCK_ROWS;
use super::categories::CodeCounts;
use super::engine::CHUNK_ROWS;
use super::moments::Moments;
use super::profile::{ColumnValues, Profile, SAMPLE_ROWS, Sample, as_number, profile_of};
use crate::fingerprint::SampleHasher;
use crate::level::ColumnNames;
use crate::table::Table;

/// Minimum number of rows that one thread hashes at a time.
const ROWS_AT_ONCE: usize = 4096;

/// A profile of the rows so far, which can be continued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningProfile {
    rows: u64,
    columns: Vec<RunningColumn>,
    sample: RunningSample,
}

/// A feature, or the target as 0 or 1. In written form, the fields tell which variant it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum RunningColumn {
    Numbers(RunningNumbers),
    Levels(RunningLevels),
}

/// The levels of a category. Sums of counts are exact in any order, so there are no blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RunningLevels {
    counts: CodeCounts,
    names: ColumnNames,
}

/// A column of numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RunningNumbers {
    /// Moments of the complete chunks.
    chunks: Moments,
    /// Moments of the complete blocks after the last complete chunk.
    blocks: Moments,
    /// The values after the last complete block; NaN is a missing value.
    rest: Vec<f64>,
}

/// The rows with the smallest public hashes, and possibly other rows that are removed later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RunningSample {
    /// Hash and position of each row.
    rows: Vec<(u64, u64)>,
    /// Values of these rows, row by row: the features, then the target.
    values: Vec<f64>,
    /// Largest hash that a row of the sample may have.
    limit: u64,
    /// True if there is no id, and equal rows differ by their places.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    uses_places: bool,
}

impl RunningProfile {
    /// The profile of zero rows.
    pub fn new(schema: &Schema) -> Self {
        Self {
            rows: 0,
            columns: empty_columns(schema),
            sample: RunningSample {
                rows: Vec::new(),
                values: Vec::new(),
                limit: u64::MAX,
                uses_places: schema.id.is_none(),
            },
        }
    }

    /// True if this can be the profile of `rows` rows under a schema. A profile that was read from
    /// a file may be of other rows or columns.
    pub fn can_be_of(&self, rows: u64, schema: &Schema) -> bool {
        let expected = empty_columns(schema);
        let sampled = self.sample.rows.len();
        self.rows == rows
            && self.columns.len() == expected.len()
            && self
                .columns
                .iter()
                .zip(&expected)
                .all(|(column, empty)| column.can_be_of(rows, empty))
            && sampled as u64 >= rows.min(SAMPLE_ROWS as u64)
            && self.sample.values.len() == sampled * self.columns.len()
    }

    /// Number of rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the rows at these positions of a table.
    pub fn add(&mut self, table: &Table, rows: Range<usize>) {
        let first_block = self.rows / BLOCK_ROWS as u64;
        let (position, n_rows) = (self.rows, rows.len() as u64);
        let (columns, sample) = (&mut self.columns, &mut self.sample);
        let (features, target) = columns.split_at_mut(table.features.len());
        rayon::join(
            || {
                let columns = features.par_iter_mut().zip(&table.features).enumerate();
                columns.for_each(|(feature, (column, values))| {
                    let values = values[rows.clone()].iter().copied();
                    match column {
                        RunningColumn::Numbers(column) => column.add(first_block, values),
                        RunningColumn::Levels(column) => {
                            column.add(values, table.levels.column(feature));
                        }
                    }
                });
                for column in target {
                    let labels = &table.labels[rows.clone()];
                    if let RunningColumn::Numbers(column) = column {
                        column.add(first_block, labels.iter().copied().map(as_number));
                    }
                }
            },
            || sample.add(position, table, rows.clone()),
        );
        self.rows += n_rows;
    }

    /// Removes sampled rows that can no longer be in the sample. Call it before the profile is
    /// written.
    pub fn shrink(&mut self) {
        self.sample.prune();
    }

    /// The profile of the rows so far.
    pub fn profile(&self, schema: &Schema) -> Profile {
        let values = self.columns.iter().map(RunningColumn::values);
        let mut sample = self.sample.clone();
        sample.prune();
        profile_of(
            schema,
            self.rows,
            values,
            sample.into_columns(self.columns.len()),
        )
    }
}

fn empty_columns(schema: &Schema) -> Vec<RunningColumn> {
    let features = schema.features.iter().map(|feature| match feature.kind {
        Kind::Number(_) => RunningColumn::Numbers(RunningNumbers::default()),
        Kind::Category(_) => RunningColumn::Levels(RunningLevels::default()),
    });
    let target = RunningColumn::Numbers(RunningNumbers::default());
    features.chain([target]).collect()
}

impl RunningColumn {
    /// True if the column can have `rows` rows, and if both columns are of the same kind.
    fn can_be_of(&self, rows: u64, other: &Self) -> bool {
        match (self, other) {
            (Self::Numbers(column), Self::Numbers(_)) => {
                let rest = column.rest.len() as u64;
                let before = column.chunks.count.saturating_add(column.blocks.count);
                rest == rows % BLOCK_ROWS as u64 && before <= rows - rest
            }
            (Self::Levels(column), Self::Levels(_)) => column.counts.total() <= rows,
            (Self::Numbers(_), Self::Levels(_)) | (Self::Levels(_), Self::Numbers(_)) => false,
        }
    }

    fn values(&self) -> ColumnValues {
        match self {
            Self::Numbers(column) => ColumnValues::Numbers(column.moments()),
            Self::Levels(column) => ColumnValues::Levels(column.counts.named(Some(&column.names))),
        }
    }
}

impl RunningLevels {
    fn add(&mut self, cells: impl Iterator<Item = f64>, names: Option<&ColumnNames>) {
        self.counts.add_cells(cells);
        if let Some(names) = names {
            self.names.merge(names);
        }
    }
}

impl RunningNumbers {
    fn add(&mut self, first_block: u64, values: impl Iterator<Item = f64>) {
        self.rest.extend(values);
        let (blocks, rest) = self.rest.as_chunks::<BLOCK_ROWS>();
        for (block, number) in blocks.iter().zip(first_block + 1..) {
            self.blocks.add_numbers(block);
            if number.is_multiple_of((CHUNK_ROWS / BLOCK_ROWS) as u64) {
                self.chunks.merge(std::mem::take(&mut self.blocks));
            }
        }
        let rest = self.rest.len() - rest.len();
        self.rest.drain(..rest);
    }

    fn moments(&self) -> Moments {
        let (mut moments, mut chunk) = (self.chunks, self.blocks);
        if !self.rest.is_empty() {
            chunk.add_numbers(&self.rest);
        }
        moments.merge(chunk);
        moments
    }
}

impl RunningSample {
    fn add(&mut self, position: u64, table: &Table, rows: Range<usize>) {
        let hashes: Vec<u64> = rows
            .clone()
            .into_par_iter()
            .with_min_len(ROWS_AT_ONCE)
            .map_init(SampleHasher::default, |hasher, row| {
                let place = position + (row - rows.start) as u64;
                let place = self.uses_places.then_some(place);
                hasher.of_row_at(table.clients[row], table.row(row), place)
            })
            .collect();
        for ((hash, row), position) in hashes.into_iter().zip(rows).zip(position..) {
            if hash > self.limit {
                continue;
            }
            self.rows.push((hash, position));
            self.values.extend(table.row(row));
            self.values.push(as_number(table.labels[row]));
            if self.rows.len() == 2 * SAMPLE_ROWS {
                self.prune();
            }
        }
    }

    /// Keeps only the rows with the smallest hashes, at most [`SAMPLE_ROWS`], sorted by hash.
    fn prune(&mut self) {
        let width = self.values.len() / self.rows.len().max(1);
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_unstable_by_key(|row| self.rows[*row]);
        order.truncate(SAMPLE_ROWS);
        let values = |row: &usize| &self.values[row * width..(row + 1) * width];
        self.values = order.iter().flat_map(values).copied().collect();
        self.rows = order.iter().map(|row| self.rows[*row]).collect();
        if let (SAMPLE_ROWS, Some((largest, _))) = (self.rows.len(), self.rows.last()) {
            self.limit = *largest;
        }
    }

    /// The sample as `width` columns.
    fn into_columns(self, width: usize) -> Sample {
        let column = |first| self.values.iter().skip(first).step_by(width).copied();
        Sample {
            columns: (0..width).map(|first| column(first).collect()).collect(),
            of_clients: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use common::artifact::{self, Format};
    use common::schema::{CategoryRules, Feature};

    use super::super::profile;
    use super::*;
    use crate::table::Selection;

    const FORMAT: Format = Format {
        name: "a profile",
        version: 1,
    };

    #[test]
    fn it_is_the_profile_of_all_rows_at_once_however_they_come() {
        let plan = Feature {
            name: "plan".into(),
            kind: Kind::Category(CategoryRules::default()),
        };
        let schema = Schema {
            features: vec!["x".into(), "y".into(), plan],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        let n_rows = 130_000;
        for row in 0..n_rows {
            let x = match row % 11 {
                3 => f64::NAN,
                _ => (row as f64 * 0.37).sin() * 1e3,
            };
            let level = match row % 13 {
                5 => f64::NAN,
                level => table.levels.add(2, &format!("level {}", level * row % 7)),
            };
            // Some rows differ only in their labels, so their hashes are equal.
            let values = [x, f64::from(row as u32 / 5), level];
            let id = (row / 2).to_string();
            table.push(id.as_bytes(), &values, Some(row % 3 == 0));
        }
        for steps in [
            &[1_usize, 254, 1, 256, 16_128, 1][..],
            &[99_999],
            &[0, 70_000],
        ] {
            let mut running = RunningProfile::new(&schema);
            let mut start = 0;
            for step in steps.iter().chain(&[n_rows]) {
                let end = (start + step).min(n_rows);
                running.add(&table, start..end);
                assert!(running.can_be_of(end as u64, &schema));
                running.shrink();
                let bytes = artifact::encode(FORMAT, &running).unwrap();
                let kept: RunningProfile = artifact::decode(FORMAT, &bytes).unwrap();
                assert_eq!(format!("{kept:?}"), format!("{running:?}"));
                start = end;
                let mut found = running.profile(&schema);
                let mut one_step = RunningProfile::new(&schema);
                one_step.add(&table, 0..end);
                let wanted = one_step.profile(&schema).sample;
                assert_eq!(format!("{:?}", found.sample), format!("{wanted:?}"));
                let mut at_once = profile(&schema, &table, &Selection::rows(0..end)).unwrap();
                for profile in [&mut found, &mut at_once] {
                    match end <= SAMPLE_ROWS {
                        true => profile
                            .sample
                            .columns
                            .iter_mut()
                            .for_each(|column| sort(column)),
                        // The samples are drawn by other keys.
                        false => profile.sample.columns.clear(),
                    }
                }
                assert_eq!(format!("{found:?}"), format!("{at_once:?}"));
            }
        }
        assert!(RunningProfile::new(&schema).can_be_of(0, &schema));
        let none = RunningProfile::new(&schema).profile(&schema);
        assert_eq!(
            none,
            profile(&schema, &Table::new(&schema), &Selection::rows(0..0)).unwrap()
        );
    }

    fn sort(column: &mut [f64]) {
        column.sort_unstable_by(f64::total_cmp);
    }

    #[test]
    fn what_counts_more_values_than_rows_cannot_be() {
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        (0..300).for_each(|row| table.push(b"id", &[f64::from(row)], Some(true)));
        let mut running = RunningProfile::new(&schema);
        running.add(&table, 0..300);
        assert!(running.can_be_of(300, &schema));
        for (chunks, blocks) in [(1, 256), (0, 257), (u64::MAX, 256), (256, u64::MAX)] {
            let mut changed = running.clone();
            if let RunningColumn::Numbers(column) = &mut changed.columns[0] {
                (column.chunks.count, column.blocks.count) = (chunks, blocks);
            }
            assert!(!changed.can_be_of(300, &schema), "{chunks} {blocks}");
        }
    }
}
