//! Where the rows are: a table or view of the SQL engine, and its columns.

use common::Failure;
use dataset::{FOLDS, Fold, Labels, Selection, Share};

use crate::dialect::Dialect;

/// A table or view with one line for each accepted row.
#[derive(Clone, Debug)]
pub struct Source {
    /// Dialect of the statements that read the table.
    pub dialect: Dialect,
    /// Name of the table or view.
    pub table: String,
    /// Column of texts: the id of the client.
    pub client: String,
    /// Column of whole numbers: the number of the client, by which folds and samples are chosen.
    pub number: String,
    /// Column of whole numbers: the batch, as in `batches`.
    pub batch: String,
    /// Column of whole numbers: the label, 0, 1 or missing.
    pub label: String,
    /// The features, in the order of the schema.
    pub features: Vec<Column>,
    /// The batches in ingestion order.
    pub batches: Vec<Batch>,
    /// Number of rows.
    pub rows: usize,
}

/// A column of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// A column of floats with this name. A missing value is NULL, never NaN.
    Number(String),
    /// A column of texts with this name. A missing level is NULL.
    Category(String),
}

/// The rows that one run ingested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Value of the column `batch`.
    pub number: i64,
    /// Position of its first row in ingestion order.
    pub first_row: usize,
}

impl Column {
    /// Name of the column.
    pub fn name(&self) -> &str {
        match self {
            Self::Number(name) | Self::Category(name) => name,
        }
    }

    /// True for a category.
    pub fn is_category(&self) -> bool {
        matches!(self, Self::Category(_))
    }
}

/// Name of a feature's column in statements.
pub(crate) fn cell(feature: usize) -> String {
    format!("x{feature}")
}

impl Source {
    /// A statement that selects rows. Its columns are `client`, `number`, `batch`, `y` for the label as a
    /// float, and `x0`, `x1`, … for the features. Only this statement contains table and column names that
    /// the user chose.
    ///
    /// Fails unless the selected positions are whole batches.
    pub(crate) fn selected(&self, selection: &Selection) -> Result<String, Failure> {
        let name = |name: &str| self.dialect.name(name);
        let mut columns = vec![
            format!("{} AS client", name(&self.client)),
            format!("{} AS number", name(&self.number)),
            format!("{} AS batch", name(&self.batch)),
            format!("CAST({} AS DOUBLE) AS y", name(&self.label)),
        ];
        let features = self.features.iter().enumerate();
        columns.extend(
            features
                .map(|(feature, column)| format!("{} AS {}", name(column.name()), cell(feature))),
        );
        let conditions = self.conditions(selection)?;
        let filter = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        let (columns, table) = (columns.join(", "), name(&self.table));
        Ok(format!("SELECT {columns} FROM {table}{filter}"))
    }

    fn conditions(&self, selection: &Selection) -> Result<Vec<String>, Failure> {
        let mut conditions = self.of_batches(selection)?;
        let label = self.dialect.name(&self.label);
        conditions.extend(match selection.labels {
            Labels::Any => None,
            Labels::Known => Some(format!("{label} IS NOT NULL")),
            Labels::Unknown => Some(format!("{label} IS NULL")),
        });
        let number = self.dialect.name(&self.number);
        conditions.extend(of_fold(&number, selection.fold));
        if let Share::OneIn(share) = selection.share
            && share > 1
        {
            // The remainder `number % FOLDS` is the fold. This condition keeps the same share of each fold.
            let period = FOLDS.saturating_mul(share as u64);
            conditions.push(format!("{number} % {period} < {FOLDS}"));
        }
        Ok(conditions)
    }

    /// The condition for the batches of a range of positions; none for all rows.
    fn of_batches(&self, selection: &Selection) -> Result<Vec<String>, Failure> {
        let rows = &selection.rows;
        if rows.is_empty() {
            return Ok(vec!["1 = 0".to_owned()]);
        }
        let ends = || self.batches.iter().map(|batch| batch.first_row);
        let is_end = |position: usize| position == self.rows || ends().any(|end| end == position);
        if !is_end(rows.start) || !is_end(rows.end) {
            return Err(Failure::configuration(format!(
                "the rows from {} to {} were asked for, but the engine knows rows by whole batches, \
                 which begin at {:?}: set engine.kind to embedded",
                rows.start,
                rows.end,
                ends().collect::<Vec<_>>()
            )));
        }
        if *rows == (0..self.rows) {
            return Ok(Vec::new());
        }
        let wanted = self
            .batches
            .iter()
            .filter(|batch| rows.contains(&batch.first_row))
            .map(|batch| batch.number.to_string());
        let batch = self.dialect.name(&self.batch);
        let wanted: Vec<String> = wanted.collect();
        Ok(vec![format!("{batch} IN ({})", wanted.join(", "))])
    }
}

/// The condition for a choice of clients; none for all clients.
pub(crate) fn of_fold(number: &str, fold: Fold) -> Option<String> {
    match fold {
        Fold::Any => None,
        Fold::Inside(fold) => Some(format!("{number} % {FOLDS} = {fold}")),
        Fold::Outside(fold) => Some(format!("{number} % {FOLDS} <> {fold}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source {
            dialect: Dialect::Spark,
            table: "rows".into(),
            client: "id".into(),
            number: "number".into(),
            batch: "run".into(),
            label: "left`".into(),
            features: vec![Column::Number("x".into()), Column::Category("a`b".into())],
            batches: [(3, 0), (4, 10), (9, 30)]
                .map(|(number, first_row)| Batch { number, first_row })
                .to_vec(),
            rows: 35,
        }
    }

    #[test]
    fn a_range_of_positions_becomes_batches_and_others_are_refused() {
        let of = |rows| source().selected(&Selection::rows(rows));
        let all = "SELECT `id` AS client, `number` AS number, `run` AS batch, \
                   CAST(`left``` AS DOUBLE) AS y, `x` AS x0, `a``b` AS x1 FROM `rows`";
        assert_eq!(of(0..35).unwrap(), all);
        assert_eq!(of(10..35).unwrap(), format!("{all} WHERE `run` IN (4, 9)"));
        assert_eq!(of(0..10).unwrap(), format!("{all} WHERE `run` IN (3)"));
        assert_eq!(of(7..7).unwrap(), format!("{all} WHERE 1 = 0"));
        for rows in [0..9, 5..35, 10..36] {
            let failure = of(rows).unwrap_err();
            assert!(failure.message.contains("[0, 10, 30]"), "{failure}");
        }
    }

    #[test]
    fn choices_of_rows_are_conditions() {
        let selection = Selection::rows(0..35).labelled().of_fold(Fold::Outside(2));
        let found = source().selected(&selection.one_in(16)).unwrap();
        let wanted = " WHERE `left``` IS NOT NULL AND `number` % 5 <> 2 AND `number` % 80 < 5";
        assert!(found.ends_with(wanted), "{found}");
    }
}
