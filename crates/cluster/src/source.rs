//! Where the rows are: a table, a view or a folder that the SQL engine reads, and its columns.

use common::schema::{Feature, Kind};
use dataset::{FOLDS, Fold, Labels, Selection, Share};

use crate::dialect::Dialect;

/// Where a statement finds rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// A table or view of this name.
    Named(String),
    /// All Parquet files of this folder. A statement over them needs no view, which an engine forgets when it
    /// restarts.
    Parquet(String),
}

impl Relation {
    /// The relation as it stands behind FROM.
    pub(crate) fn text(&self, dialect: Dialect) -> String {
        match self {
            Self::Named(name) => dialect.name(name),
            Self::Parquet(folder) => format!("parquet.{}", dialect.name(folder)),
        }
    }
}

/// A relation with one line for each accepted row.
///
/// Its columns have fixed names, so that no statement contains the name of a column of a user:
///
/// | column | type | meaning |
/// |---|---|---|
/// | `place` | whole number | position of the row in ingestion order, counted from 0 |
/// | `client` | whole number | id of the client: equal in all rows of a client, different for other clients |
/// | `number` | whole number | [number](dataset::client_number) of the client, which decides folds and samples |
/// | `draw` | whole number | upper half of the [public hash](dataset::Table::row_hashes) of the row, which decides between rows of one client |
/// | `y` | float | label: 0, 1 or NULL |
/// | `x0`, `x1`, … | float or text | features in the order of the schema; a missing value is NULL, never NaN |
#[derive(Clone, Debug)]
pub struct Source {
    /// Dialect of the statements that read the table.
    pub dialect: Dialect,
    /// Where the rows are.
    pub relation: Relation,
    /// The features, in the order of the schema.
    pub features: Vec<Column>,
    /// Number of rows.
    pub rows: usize,
}

/// The column of a feature. The name is that of the schema, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// A column of floats.
    Number(String),
    /// A column of texts.
    Category(String),
}

impl Column {
    /// The column of a feature.
    pub fn of(feature: &Feature) -> Self {
        let name = feature.name.clone();
        match feature.kind {
            Kind::Number(_) => Self::Number(name),
            Kind::Category(_) => Self::Category(name),
        }
    }

    /// Name of the feature.
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

/// True for a sign that needs no escaping in a path.
pub(crate) fn is_of_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "/._-".contains(letter)
}

/// Name of a feature's column in statements.
pub(crate) fn feature_column(feature: usize) -> String {
    format!("x{feature}")
}

impl Source {
    /// A statement that selects rows with all their columns.
    pub(crate) fn selected(&self, selection: &Selection) -> String {
        let conditions = self.conditions(selection);
        let filter = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        format!("SELECT * FROM {}{filter}", self.relation.text(self.dialect))
    }

    fn conditions(&self, selection: &Selection) -> Vec<String> {
        let rows = &selection.rows;
        let mut conditions = Vec::new();
        if *rows != (0..self.rows) {
            conditions.push(format!("place >= {}", rows.start));
            conditions.push(format!("place < {}", rows.end));
        }
        conditions.extend(match selection.labels {
            Labels::Any => None,
            Labels::Known => Some("y IS NOT NULL".to_owned()),
            Labels::Unknown => Some("y IS NULL".to_owned()),
        });
        conditions.extend(match selection.fold {
            Fold::Any => None,
            Fold::Inside(fold) => Some(format!("number % {FOLDS} = {fold}")),
            Fold::Outside(fold) => Some(format!("number % {FOLDS} <> {fold}")),
        });
        if let Share::OneIn(share) = selection.share
            && share > 1
        {
            // The remainder `number % FOLDS` is the fold. This condition keeps the same share of each fold.
            let period = FOLDS.saturating_mul(share as u64);
            conditions.push(format!("number % {period} < {FOLDS}"));
        }
        conditions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source {
            dialect: Dialect::Spark,
            relation: Relation::Named("ro`ws".into()),
            features: vec![Column::Number("x".into()), Column::Category("a`b".into())],
            rows: 35,
        }
    }

    #[test]
    fn a_range_of_positions_is_a_condition() {
        let of = |rows| source().selected(&Selection::rows(rows));
        let all = "SELECT * FROM `ro``ws`";
        assert_eq!(of(0..35), all);
        assert_eq!(
            of(10..35),
            format!("{all} WHERE place >= 10 AND place < 35")
        );
        assert_eq!(of(7..7), format!("{all} WHERE place >= 7 AND place < 7"));
    }

    #[test]
    fn a_folder_of_parquet_is_named_in_the_statement() {
        let relation = Relation::Parquet("/srv/risk-engine/rows".into());
        let source = Source {
            relation,
            ..source()
        };
        let all = source.selected(&Selection::rows(0..35));
        assert_eq!(all, "SELECT * FROM parquet.`/srv/risk-engine/rows`");
    }

    #[test]
    fn choices_of_rows_are_conditions() {
        let selection = Selection::rows(0..35).labelled().of_fold(Fold::Outside(2));
        let found = source().selected(&selection.one_in(16));
        let wanted = " WHERE y IS NOT NULL AND number % 5 <> 2 AND number % 80 < 5";
        assert!(found.ends_with(wanted), "{found}");
    }
}
