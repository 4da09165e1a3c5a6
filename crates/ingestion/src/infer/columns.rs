//! The columns of several files, joined by name.

use std::collections::HashMap;

use dataset::{ColumnSurvey, FileSurvey};

/// One column, joined over several files.
#[derive(Clone, Debug)]
pub(super) struct PooledColumn {
    /// Counts over all cells. The name comes from the first file.
    pub(super) cells: ColumnSurvey,
    /// Smallest share of cells in one file that differ from all cells before.
    pub(super) smallest_distinct_share: f64,
    /// Largest share of missing cells in one file, read as a numeric column.
    pub(super) largest_missing_share: f64,
    /// Largest share of empty cells in one file. In a category, only empty cells are missing.
    pub(super) largest_empty_share: f64,
}

/// The columns of all files.
#[derive(Clone, Debug, Default)]
pub(super) struct PooledColumns {
    /// Number of rows of all files, including files that lack some of the columns.
    pub(super) rows: u64,
    /// Columns with a name, in order of first appearance.
    pub(super) columns: Vec<PooledColumn>,
    /// Position of each column by [`key`]. A map, because a file may have hundreds of thousands of
    /// columns.
    places: HashMap<String, usize>,
}

/// Joins the columns of files by name. Ignores case and surrounding spaces, as ingestion does.
pub(super) fn pooled(surveys: &[FileSurvey]) -> PooledColumns {
    let mut pooled = PooledColumns::default();
    for survey in surveys {
        pooled.rows += survey.rows;
        // A column without a name cannot be used.
        let named = |column: &&ColumnSurvey| !column.name.trim().is_empty();
        survey
            .columns
            .iter()
            .filter(named)
            .for_each(|column| pooled.add(column));
    }
    pooled
}

impl PooledColumns {
    /// True if a point in any column can only be a decimal mark.
    pub(super) fn have_decimal_points(&self) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.cells.forms.has_decimal_points())
    }

    /// The column with this name, or `None`.
    pub(super) fn find(&self, name: &str) -> Option<&PooledColumn> {
        self.columns.get(*self.places.get(&key(name))?)
    }

    /// The columns that have none of these names.
    pub(super) fn without<'p>(
        &'p self,
        names: &'p [&str],
    ) -> impl DoubleEndedIterator<Item = &'p PooledColumn> {
        let is_named = |column: &&PooledColumn| {
            let name = &column.cells.name;
            names.iter().any(|known| is_same(known, name))
        };
        self.columns.iter().filter(move |column| !is_named(column))
    }

    fn add(&mut self, column: &ColumnSurvey) {
        let share = |cells: u64| match column.rows() {
            0 => 0.0,
            rows => cells as f64 / rows as f64,
        };
        let (missing_share, empty_share) = (share(column.missing), share(column.empty));
        let distinct_share = column.distinct.share();
        let next = self.columns.len();
        let place = *self.places.entry(key(&column.name)).or_insert(next);
        match self.columns.get_mut(place) {
            Some(known) => {
                known.cells.add(column);
                known.smallest_distinct_share = known.smallest_distinct_share.min(distinct_share);
                known.largest_missing_share = known.largest_missing_share.max(missing_share);
                known.largest_empty_share = known.largest_empty_share.max(empty_share);
            }
            None => self.columns.push(PooledColumn {
                cells: column.clone(),
                smallest_distinct_share: distinct_share,
                largest_missing_share: missing_share,
                largest_empty_share: empty_share,
            }),
        }
    }
}

/// True if ingestion treats both names as the same column.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    key(one) == key(other)
}

/// The name in lower case without surrounding spaces.
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use dataset::cell::DecimalMarks;

    use super::*;

    /// A numeric column with this number of values and of missing values.
    fn column(name: &str, numbers: u64, missing: u64) -> ColumnSurvey {
        let mut column = ColumnSurvey {
            name: name.into(),
            missing,
            ..ColumnSurvey::default()
        };
        (0..numbers)
            .for_each(|row| column.add_cell(row.to_string().as_bytes(), DecimalMarks::Point));
        column
    }

    #[test]
    fn columns_are_joined_by_name_in_order_of_first_appearance() {
        let file = |rows, columns| FileSurvey {
            rows,
            columns,
            ..FileSurvey::default()
        };
        let pooled = pooled(&[
            file(
                10,
                vec![column("b", 10, 0), column(" ", 10, 0), column("Ä", 5, 5)],
            ),
            file(
                20,
                vec![column("ä ", 20, 0), column("a", 0, 20), column(" B", 15, 5)],
            ),
        ]);
        assert_eq!(pooled.rows, 30);
        let found: Vec<(&str, u64, f64)> = pooled
            .columns
            .iter()
            .map(|column| {
                let name = column.cells.name.as_str();
                (name, column.cells.rows(), column.largest_missing_share)
            })
            .collect();
        assert_eq!(found, [("b", 30, 0.25), ("Ä", 30, 0.5), ("a", 20, 1.0)]);
        let found = pooled.find(" a").map(|column| column.cells.rows());
        assert_eq!(found, Some(20));
        assert!(pooled.find("c").is_none());
        // Each file counts from 0.
        let b = pooled.find("b").unwrap();
        assert_eq!(
            (b.smallest_distinct_share, b.cells.distinct.count()),
            (1.0, 15)
        );
    }
}
