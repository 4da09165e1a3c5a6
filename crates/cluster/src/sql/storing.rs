//! Statements that load rows into the engine. Paths contain only characters that need no escaping.

use crate::dialect::Dialect;
use crate::source::{Column, Relation, feature_column};

/// The only dialect in which rows are stored.
const DIALECT: Dialect = Dialect::Spark;

/// The columns before those of the features, with their types.
const FIRST: [(&str, &str); 5] = [
    ("place", "BIGINT"),
    ("client", "BIGINT"),
    ("number", "BIGINT"),
    ("draw", "BIGINT"),
    ("y", "DOUBLE"),
];

/// The view of rows that were written as text to a folder. Levels are hexadecimal digits.
pub(crate) fn view_of_text(name: &str, columns: &[Column], folder: &str) -> String {
    let first = FIRST.map(|(name, kind)| format!("{name} {kind}"));
    let features = columns.iter().enumerate().map(|(feature, column)| {
        let kind = if column.is_category() {
            "STRING"
        } else {
            "DOUBLE"
        };
        format!("{} {kind}", feature_column(feature))
    });
    let columns: Vec<String> = first.into_iter().chain(features).collect();
    format!(
        "CREATE OR REPLACE TEMPORARY VIEW {} ({}) USING csv OPTIONS (header 'false', path '{folder}')",
        DIALECT.name(name),
        columns.join(", ")
    )
}

/// Writes the rows of a view of text as Parquet to a new folder.
pub(crate) fn make_parquet(name: &str, columns: &[Column], folder: &str) -> String {
    let first = FIRST.map(|(name, _)| name.to_owned());
    let features = columns.iter().enumerate().map(|(feature, column)| {
        let x = feature_column(feature);
        match column.is_category() {
            true => format!("CAST(unhex(NULLIF({x}, '')) AS STRING) AS {x}"),
            false => x,
        }
    });
    let columns: Vec<String> = first.into_iter().chain(features).collect();
    format!(
        "INSERT OVERWRITE DIRECTORY '{folder}' USING parquet SELECT {} FROM {}",
        columns.join(", "),
        DIALECT.name(name)
    )
}

/// Number of rows, and their smallest and largest place.
pub(crate) fn count_of_rows(relation: &Relation) -> String {
    format!(
        "SELECT COUNT(*), MIN(place), MAX(place) FROM {}",
        relation.text(DIALECT)
    )
}

/// Drops a view.
pub(crate) fn drop_view(name: &str) -> String {
    format!("DROP VIEW IF EXISTS {}", DIALECT.name(name))
}
