//! The columns of several files, joined by name.

use dataset::{ColumnSurvey, FileSurvey};

/// A column of some files.
#[derive(Clone, Debug)]
pub(super) struct PooledColumn {
    /// All of its cells; the name is that of the first file.
    pub(super) cells: ColumnSurvey,
    /// The largest share of missing cells in a file.
    pub(super) largest_missing_share: f64,
}

/// The columns of all files.
#[derive(Clone, Debug, Default)]
pub(super) struct PooledColumns {
    /// Rows of all files, also of those without some of the columns.
    pub(super) rows: u64,
    /// Those with a name, in the order in which the files first have them.
    pub(super) columns: Vec<PooledColumn>,
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
        self.columns
            .iter()
            .find(|column| is_same(&column.cells.name, name))
    }

    fn add(&mut self, column: &ColumnSurvey) {
        let missing_share = match column.rows() {
            0 => 0.0,
            rows => column.missing as f64 / rows as f64,
        };
        let known = self
            .columns
            .iter_mut()
            .find(|known| is_same(&known.cells.name, &column.name));
        match known {
            Some(known) => {
                known.cells.add(column);
                known.largest_missing_share = known.largest_missing_share.max(missing_share);
            }
            None => self.columns.push(PooledColumn {
                cells: column.clone(),
                largest_missing_share: missing_share,
            }),
        }
    }
}

/// Whether two names are one to a reader of client rows.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
