//! The profile of a table's columns: counts, moments, extremes, levels, and a sample of the rows.
//!
//! All figures are exact, except those of the sample. The sample has the rows of the clients with the
//! smallest numbers, at most [`SAMPLE_ROWS`]. It does not depend on the order of the rows, if they have
//! an id. Up to that number of rows the sample has all rows, so that medians are exact.
//!
//! Without an id, the hash of a row includes its place. Otherwise either all equal rows or none would be
//! sampled.

use common::Failure;
use std::ops::Range;

use common::Schema;
use common::numbers::count;
use common::schema::Kind;
use serde::{Deserialize, Serialize};

use super::categories::{CategoryCounts, CodeCounts};
use super::engine::{Chunk, Pass, run};
use super::moments::Moments;
use crate::cell::Label;
use crate::clients::one_row_of_each;
use crate::fingerprint::SampleHasher;
use crate::level::{ColumnNames, MAX_NAMED_LEVELS};
use crate::table::{Selection, Table};

/// Maximum number of rows in the sample of a profile.
pub const SAMPLE_ROWS: usize = 50_000;

/// The profile of the columns of some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Number of rows.
    pub rows: u64,
    /// The features in schema order, then the target.
    pub columns: Vec<ColumnProfile>,
    /// A sample of the rows, or all rows if there are at most [`SAMPLE_ROWS`].
    pub sample: Sample,
}

/// The profile of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenColumn", into = "WrittenColumn")]
pub struct ColumnProfile {
    /// Name of the column.
    pub name: String,
    /// Number of missing values.
    pub missing: u64,
    /// Statistics of the present values.
    pub values: ColumnValues,
}

/// Statistics of a column's present values.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnValues {
    /// The moments of a column of numbers.
    Numbers(Moments),
    /// The counts of a category's levels.
    Levels(CategoryCounts),
}

/// The written form of a column in a model's file. It has either moments or levels.
#[derive(Serialize, Deserialize)]
struct WrittenColumn {
    name: String,
    missing: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moments: Option<Moments>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    levels: Option<CategoryCounts>,
}

impl Profile {
    /// The reasons why categories cannot be features of a model, one sentence for each of them.
    pub fn reasons_not_categories(&self) -> Vec<String> {
        let columns = self.columns.iter();
        columns
            .filter_map(ColumnProfile::reason_not_a_category)
            .collect()
    }
}

impl ColumnProfile {
    /// Number of values that are not missing.
    pub fn present(&self) -> u64 {
        match &self.values {
            ColumnValues::Numbers(moments) => moments.count,
            ColumnValues::Levels(counts) => counts.rows(),
        }
    }

    /// The moments of a column of numbers; `None` for a category.
    pub fn moments(&self) -> Option<&Moments> {
        match &self.values {
            ColumnValues::Numbers(moments) => Some(moments),
            ColumnValues::Levels(_) => None,
        }
    }

    /// The reason, as a sentence, why a category cannot be a feature of a model; `None` if it can
    /// be.
    ///
    /// Such a category has more than [`MAX_NAMED_LEVELS`] levels. Then even a frequent level may be
    /// missing from the counts.
    pub fn reason_not_a_category(&self) -> Option<String> {
        let is_counted = self.levels()?.are_of_all_levels();
        (!is_counted).then(|| {
            format!(
                "{} has more than {} levels; it cannot be a category: leave it out of schema.features, or list the few levels to accept in its key allowed",
                self.name,
                count(MAX_NAMED_LEVELS)
            )
        })
    }

    /// The counts of a category's levels; `None` for a column of numbers.
    pub fn levels(&self) -> Option<&CategoryCounts> {
        match &self.values {
            ColumnValues::Numbers(_) => None,
            ColumnValues::Levels(counts) => Some(counts),
        }
    }
}

impl TryFrom<WrittenColumn> for ColumnProfile {
    type Error = String;

    fn try_from(written: WrittenColumn) -> Result<Self, String> {
        let values = match (written.moments, written.levels) {
            (Some(moments), None) => ColumnValues::Numbers(moments),
            (None, Some(counts)) => ColumnValues::Levels(counts),
            _ => {
                return Err(format!(
                    "{} must have either moments or levels",
                    written.name
                ));
            }
        };
        Ok(Self {
            name: written.name,
            missing: written.missing,
            values,
        })
    }
}

impl From<ColumnProfile> for WrittenColumn {
    fn from(
        ColumnProfile {
            name,
            missing,
            values,
        }: ColumnProfile,
    ) -> Self {
        let (moments, levels) = match values {
            ColumnValues::Numbers(moments) => (Some(moments), None),
            ColumnValues::Levels(counts) => (None, Some(counts)),
        };
        Self {
            name,
            missing,
            moments,
            levels,
        }
    }
}

/// A sample of the rows, for order statistics and for later comparisons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// One vector per column of the profile. NaN is a missing value; a category has the
    /// [code](crate::level_code) of its level.
    pub columns: Vec<Vec<f64>>,
    /// Positions in the sample of chosen rows. One row of each client is chosen among all profiled rows.
    /// `None` if every client has one row, and in models of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_clients: Option<Vec<u32>>,
}

/// Positions, in the sample of a profile, of chosen rows. One row of each client is chosen among all
/// labelled rows at the positions `rows`. `None` if every client has one row, or if the schema has no id.
pub fn rows_of_clients(
    schema: &Schema,
    table: &Table,
    rows: Range<usize>,
) -> Result<Option<Vec<u32>>, Failure> {
    if schema.id.is_none() {
        return Ok(None);
    }
    if let Some(engine) = table.engine("one row of each client")? {
        return engine.rows_of_clients(schema, &Selection::rows(rows).labelled());
    }
    let labelled: Vec<usize> = rows
        .clone()
        .filter(|row| table.labels[*row].is_some())
        .collect();
    let clients: Vec<u64> = labelled.iter().map(|row| table.clients[*row]).collect();
    let Some(chosen) = one_row_of_each(&clients) else {
        return Ok(None);
    };
    let chosen: Vec<usize> = chosen.into_iter().map(|place| labelled[place]).collect();
    let selection = Selection::rows(rows).labelled();
    let (_, places) = profile_and_places(schema, table, &selection);
    let is_chosen = |(_, row): &(u32, usize)| chosen.binary_search(row).is_ok();
    let places = (0_u32..).zip(places).filter(is_chosen);
    Ok(Some(places.map(|(place, _)| place).collect()))
}

/// The profile of the selected rows.
pub fn profile(schema: &Schema, table: &Table, selection: &Selection) -> Result<Profile, Failure> {
    match table.engine("the profile")? {
        Some(engine) => engine.profile(schema, selection),
        None => Ok(profile_and_places(schema, table, selection).0),
    }
}

/// The profile of the selected rows, and the places of the sampled rows in the table.
fn profile_and_places(
    schema: &Schema,
    table: &Table,
    selection: &Selection,
) -> (Profile, Vec<usize>) {
    let chosen = selection.rows.len();
    let pass = Columns {
        empty: empty_columns(schema).collect(),
        key_limit: key_limit(chosen),
        has_id: schema.id.is_some(),
    };
    let mut value = run(&pass, table, selection);
    if value.smallest.len() < SAMPLE_ROWS.min(value.rows as usize) {
        // The selection is sparse, so that too few keys were below the limit.
        value.smallest = run(
            &Columns {
                key_limit: u64::MAX,
                ..pass
            },
            table,
            selection,
        )
        .smallest;
    }
    let places = sampled_places(value.smallest);
    let sample = sample(table, &places);
    let columns = value.columns.into_iter().enumerate();
    let values = columns.map(|(place, column)| column.into_values(table.levels.column(place)));
    (profile_of(schema, value.rows, values, sample), places)
}

/// An empty fold for each column: the features, then the target.
fn empty_columns(schema: &Schema) -> impl Iterator<Item = ColumnFold> {
    let features = schema.features.iter().map(|feature| match feature.kind {
        Kind::Number(_) => ColumnFold::Numbers(Moments::default()),
        Kind::Category(_) => ColumnFold::Levels(CodeCounts::default()),
    });
    features.chain([ColumnFold::Numbers(Moments::default())])
}

/// The profile of `rows` rows: adds the names and the counts of missing values to the columns.
pub(super) fn profile_of(
    schema: &Schema,
    rows: u64,
    columns: impl Iterator<Item = ColumnValues>,
    sample: Sample,
) -> Profile {
    let names = schema.feature_names().chain([schema.target.as_str()]);
    Profile {
        rows,
        columns: names
            .zip(columns)
            .map(|(name, values)| {
                let mut column = ColumnProfile {
                    name: name.to_owned(),
                    missing: 0,
                    values,
                };
                column.missing = rows - column.present();
                column
            })
            .collect(),
        sample,
    }
}

/// A limit for keys. About twice as many rows as the sample needs have a key below it, so that
/// the other rows need not be kept in memory.
fn key_limit(rows: usize) -> u64 {
    let share = 2.0 * SAMPLE_ROWS as f64 / rows.max(1) as f64;
    if share >= 1.0 {
        u64::MAX
    } else {
        (share * u64::MAX as f64) as u64
    }
}

/// The places of the rows with the smallest keys, by key.
fn sampled_places(mut smallest: Vec<(u64, usize)>) -> Vec<usize> {
    smallest.sort_unstable();
    smallest.truncate(SAMPLE_ROWS);
    smallest.into_iter().map(|(_, place)| place).collect()
}

fn sample(table: &Table, places: &[usize]) -> Sample {
    let columns = table.features.len() + 1;
    let column = |column| {
        places
            .iter()
            .map(|place| cell(table, column, *place))
            .collect()
    };
    Sample {
        columns: (0..columns).map(column).collect(),
        of_clients: None,
    }
}

/// A cell of a row. The columns are the features, then the target as 0 or 1.
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
    empty: Vec<ColumnFold>,
    key_limit: u64,
    /// False if equal rows differ by their places.
    has_id: bool,
}

struct ColumnsValue {
    rows: u64,
    columns: Vec<ColumnFold>,
    /// Hash and position of each row whose hash is below the limit.
    smallest: Vec<(u64, usize)>,
}

/// The running statistics of one column.
#[derive(Clone)]
enum ColumnFold {
    Numbers(Moments),
    Levels(CodeCounts),
}

impl ColumnFold {
    fn add(&mut self, chunk: &Chunk<'_>, column: &[f64]) {
        match self {
            Self::Numbers(moments) => moments.add_column(chunk, column, |number| number),
            Self::Levels(counts) => counts.add_column(chunk, column),
        }
    }

    fn merge(&mut self, later: Self) {
        match (self, later) {
            (Self::Numbers(mine), Self::Numbers(other)) => mine.merge(other),
            (Self::Levels(mine), Self::Levels(other)) => mine.merge(&other),
            // The same pass made both columns, so their kinds are equal.
            (Self::Numbers(_), Self::Levels(_)) | (Self::Levels(_), Self::Numbers(_)) => {}
        }
    }

    fn into_values(self, names: Option<&ColumnNames>) -> ColumnValues {
        match self {
            Self::Numbers(moments) => ColumnValues::Numbers(moments),
            Self::Levels(counts) => ColumnValues::Levels(counts.named(names)),
        }
    }
}

impl Pass for Columns {
    type Value = ColumnsValue;

    fn empty(&self) -> ColumnsValue {
        ColumnsValue {
            rows: 0,
            columns: self.empty.clone(),
            smallest: Vec::new(),
        }
    }

    fn add(&self, value: &mut ColumnsValue, chunk: &Chunk<'_>) {
        value.rows += chunk.len() as u64;
        let (features, target) = value.columns.split_at_mut(chunk.table.features.len());
        for (fold, column) in features.iter_mut().zip(&chunk.table.features) {
            fold.add(chunk, column);
        }
        for fold in target {
            if let ColumnFold::Numbers(moments) = fold {
                moments.add_column(chunk, &chunk.table.labels, as_number);
            }
        }
        let mut hasher = SampleHasher::default();
        let keys = chunk.positions().map(|position| {
            let (client, row) = (chunk.table.clients[position], chunk.table.row(position));
            let place = (!self.has_id).then_some(position as u64);
            let hash = hasher.of_row_at(client, row, place);
            let key = match self.has_id {
                true => chunk.table.sample_key(position, hash),
                false => hash,
            };
            (key, position)
        });
        value
            .smallest
            .extend(keys.filter(|(key, _)| *key <= self.key_limit));
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
    use common::artifact::{self, Format};
    use common::schema::CategoryRules;

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

    const FORMAT: Format = Format {
        name: "a profile",
        version: 1,
    };

    fn mean_of(column: &ColumnProfile) -> f64 {
        column.moments().unwrap().mean().unwrap()
    }

    #[test]
    fn a_category_has_counts_by_level_and_no_mean() {
        let (mut schema, mut table) = table((0..5).map(|_| (0.0, None)));
        schema.features[0].kind = Kind::Category(CategoryRules::default());
        let levels = ["gold", "basic", "", "basic", "gold"];
        for (row, level) in levels.into_iter().enumerate() {
            table.features[0][row] = match level {
                "" => f64::NAN,
                level => table.levels.add(0, level),
            };
        }
        let found = profile(&schema, &table, &table.all()).unwrap();
        let plan = &found.columns[0];
        assert_eq!((plan.missing, plan.present()), (1, 4));
        let counted = plan.levels().unwrap();
        assert_eq!((counted.levels.len(), counted.others), (2, 0));
        assert_eq!(counted.levels[0].level, "basic");
        let summary = &found.summary().columns[0];
        assert_eq!(
            (summary.count, summary.mean, summary.median),
            (4, None, None)
        );
        let shown = summary.levels.as_ref().unwrap();
        assert_eq!((shown.distinct, shown.others), (2, 0));
        let bytes = artifact::encode(FORMAT, &found).unwrap();
        let kept: Profile = artifact::decode(FORMAT, &bytes).unwrap();
        assert_eq!(format!("{kept:?}"), format!("{found:?}"));
    }

    #[test]
    fn too_many_levels_are_reported_and_the_number_of_levels_is_not_exact() {
        let found = |texts: usize| {
            let (mut schema, mut table) = table((0..texts).map(|_| (0.0, None)));
            schema.features[0].kind = Kind::Category(CategoryRules::default());
            for text in 0..texts {
                table.features[0][text] = table.levels.add(0, &text.to_string());
            }
            profile(&schema, &table, &table.all()).unwrap()
        };
        let levels = |found: &Profile| found.summary().columns[0].levels.clone().unwrap();
        let most = found(MAX_NAMED_LEVELS);
        assert_eq!(most.reasons_not_categories(), Vec::<String>::new());
        assert!(levels(&most).distinct_is_exact);
        let more = found(MAX_NAMED_LEVELS + 1);
        let why = more.reasons_not_categories();
        assert!(why[0].starts_with("x has more than 10,000 levels"));
        let shown = levels(&more);
        assert_eq!((shown.distinct, shown.distinct_is_exact), (10_000, false));
        assert_eq!(shown.others, 10_001 - 20);
    }

    #[test]
    fn statistics_of_a_small_column() {
        let values = [4.0, f64::NAN, 1.0, 3.0, 2.0];
        let (schema, table) = table(values.into_iter().map(|x| (x, Some(x > 2.0))));
        let summary = profile(&schema, &table, &table.all()).unwrap().summary();
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
        let summary = profile(&schema, &table, &table.all()).unwrap().summary();
        assert_eq!(summary.columns[0].mean, None);
        assert_eq!(summary.columns[0].median, None);
        assert_eq!(summary.columns[0].min, None);
    }

    #[test]
    fn huge_numbers_do_not_overflow() {
        let values = [1.7e308, -1.7e308, 5.0];
        let (schema, table) = table(values.into_iter().map(|x| (x, None)));
        let summary = profile(&schema, &table, &table.all()).unwrap().summary();
        let x = &summary.columns[0];
        assert!(x.mean.unwrap().abs() < 1e293);
        assert!(x.std.unwrap() > 1.6e308 && x.std.unwrap().is_finite());
        assert_eq!(x.median, Some(5.0));
    }

    #[test]
    fn without_an_id_equal_rows_are_sampled_in_proportion() {
        let n = 200_000;
        let value = |row: usize| (row % 40) as f64;
        for id in [None, Some("client".to_owned())] {
            let schema = Schema {
                id,
                features: vec!["x".into()],
                ..Schema::default()
            };
            let mut table = Table::new(&schema);
            for row in 0..n {
                // Without an id, equal rows count as rows of one client.
                let client = if schema.id.is_some() { row } else { row % 40 };
                table.push(client.to_string().as_bytes(), &[value(row)], Some(true));
            }
            let sample = profile(&schema, &table, &table.all()).unwrap().sample;
            for level in 0..40 {
                let rows = sample.columns[0].iter().filter(|x| **x == f64::from(level));
                let rows = rows.count();
                // 1,250 are expected, with a standard deviation of 31.
                assert!((1100..1400).contains(&rows), "{level}: {rows}");
            }
            let mut running = super::super::RunningProfile::new(&schema);
            running.add(&table, 0..70_000);
            running.add(&table, 70_000..n);
            if schema.id.is_none() {
                assert_eq!(running.profile(&schema).sample, sample);
            }
        }
    }

    #[test]
    fn the_rows_that_stand_for_their_clients_favour_no_client() {
        let schema = Schema {
            id: Some("client".into()),
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        // Clients of kind 1 have ten rows, those of kind 0 have one.
        for client in 0..20_000 {
            for _ in 0..[1, 10][client % 2] {
                let kind = (client % 2) as f64;
                table.push(client.to_string().as_bytes(), &[kind], Some(true));
            }
        }
        let found = profile(&schema, &table, &table.all()).unwrap().sample;
        let chosen = rows_of_clients(&schema, &table, 0..table.rows());
        let chosen = chosen.unwrap().unwrap();
        let of_kind = |kind: f64| {
            let rows = chosen.iter().map(|place| found.columns[0][*place as usize]);
            rows.filter(|x| *x == kind).count() as f64
        };
        let (one, ten) = (of_kind(0.0), of_kind(1.0));
        assert!(one > 4000.0 && (one / ten - 1.0).abs() < 0.1, "{one} {ten}");
        assert_eq!(rows_of_clients(&schema, &table, 0..1).unwrap(), None);
        let no_id = Schema { id: None, ..schema };
        assert_eq!(
            rows_of_clients(&no_id, &table, 0..table.rows()).unwrap(),
            None
        );
    }

    #[test]
    fn a_sample_does_not_depend_on_the_order_and_merging_is_exact_enough() {
        let n = 120_000;
        let forward = |row: usize| ((row as f64 * 0.37).sin(), Some(row.is_multiple_of(3)));
        let (schema, first) = table((0..n).map(forward));
        let there = profile(&schema, &first, &first.all()).unwrap();
        let mut second = Table::new(&schema);
        for row in (0..n).rev() {
            let (x, label) = forward(row);
            second.push(row.to_string().as_bytes(), &[x], label);
        }
        let back = profile(&schema, &second, &second.all()).unwrap();
        assert_eq!(there.sample, back.sample);
        assert_eq!(there.sample.columns[0].len(), SAMPLE_ROWS);
        let difference = mean_of(&there.columns[0]) - mean_of(&back.columns[0]);
        assert!(difference.abs() < 1e-12);
        assert!(!there.summary().medians_are_exact);
    }
}
