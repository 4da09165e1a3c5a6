//! The columns of several files, joined by name.

use std::collections::HashMap;

use dataset::{ColumnSurvey, FileSurvey};

/// A column of some files.
#[derive(Clone, Debug)]
pub(super) struct PooledColumn {
    /// All of its cells; the name is that of the first file.
    pub(super) cells: ColumnSurvey,
    /// The largest share of missing cells in a file, as of a column of numbers.
    pub(super) largest_missing_share: f64,
    /// The largest share of empty cells in a file: no other is missing in a category.
    pub(super) largest_empty_share: f64,
}

/// The columns of all files.
#[derive(Clone, Debug, Default)]
pub(super) struct PooledColumns {
    /// Rows of all files, also of those without some of the columns.
    pub(super) rows: u64,
    /// Those with a name, in the order in which the files first have them.
    pub(super) columns: Vec<PooledColumn>,
    /// Where each stands among them, by [`key`]: a file may have hundreds of thousands.
    places: HashMap<String, usize>,
}

/// Joins the columns of files, with spaces and case in their names forgiven as in ingestion.
pub(super) fn pooled(surveys: &[FileSurvey]) -> PooledColumns {
    let mut pooled = PooledColumns::default();
    for survey in surveys {
        pooled.rows += survey.rows;
        // One without a name cannot be asked for.
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
    /// The column of that name.
    pub(super) fn find(&self, name: &str) -> Option<&PooledColumn> {
        self.columns.get(*self.places.get(&key(name))?)
    }

    fn add(&mut self, column: &ColumnSurvey) {
        let share = |cells: u64| match column.rows() {
            0 => 0.0,
            rows => cells as f64 / rows as f64,
        };
        let (missing_share, empty_share) = (share(column.missing), share(column.empty));
        let next = self.columns.len();
        let place = *self.places.entry(key(&column.name)).or_insert(next);
        match self.columns.get_mut(place) {
            Some(known) => {
                known.cells.add(column);
                known.largest_missing_share = known.largest_missing_share.max(missing_share);
                known.largest_empty_share = known.largest_empty_share.max(empty_share);
            }
            None => self.columns.push(PooledColumn {
                cells: column.clone(),
                largest_missing_share: missing_share,
                largest_empty_share: empty_share,
            }),
        }
    }
}

/// Whether two names are one to a reader of client rows.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    key(one) == key(other)
}

/// What names of one column have in common.
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column of numbers, of some rows without a value beside as many with one.
    fn column(name: &str, numbers: u64, missing: u64) -> ColumnSurvey {
        ColumnSurvey {
            name: name.into(),
            numbers,
            missing,
            ..ColumnSurvey::default()
        }
    }

    #[test]
    fn columns_are_joined_by_name_in_the_order_in_which_they_first_come() {
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
    }
}
