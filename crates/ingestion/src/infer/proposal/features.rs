//! Chooses the features and their kinds.

use common::schema::{CategoryRules, Feature, Kind, MAX_LEVEL_BYTES, Schema};
use dataset::ColumnSurvey;

use crate::infer::columns::{PooledColumn, PooledColumns, is_same};
use crate::infer::rules::{category_rules, number_rules};

/// A proposed feature must exist in at least this share of the rows. Otherwise files without the
/// column would be rejected.
const MIN_SHARE_OF_ROWS: f64 = 0.9;
/// A category must have at least this many rows per level, on average. With fewer, the texts could
/// as well be names.
const MIN_ROWS_A_TEXT: u64 = 10;

/// The features of the current schema if the data has all of them; otherwise all numeric and
/// category columns.
pub(super) fn features(
    pooled: &PooledColumns,
    today: &Schema,
    other_roles: [&str; 2],
    remarks: &mut Vec<String>,
) -> Vec<Feature> {
    let current: Option<Vec<Feature>> = today
        .features
        .iter()
        .map(|feature| with_current_kind(feature, pooled.find(&feature.name)?))
        .collect();
    let mut all = Vec::new();
    for column in &pooled.columns {
        let name = &column.cells.name;
        if other_roles.iter().any(|role| is_same(role, name)) {
            continue;
        }
        match kind(column, pooled.rows) {
            Err(reason) => remarks.push(format!("{name} is left out: {reason}")),
            Ok(kind) => all.push(Feature {
                name: name.clone(),
                kind,
            }),
        }
    }
    let Some(current) = current else {
        for Feature { name, kind } in &all {
            if kind.is_category() {
                remarks.push(format!(
                    "{name} is taken for a category: its levels are listed, and rows with any other level are rejected; leave out allowed to accept new levels"
                ));
            }
        }
        return all;
    };
    for Feature { name, kind } in &current {
        if let Kind::Category(rules) = kind {
            let texts = match rules.listed.levels() {
                Some(_) => {
                    "the levels that it allows stay, and rows with any other level are rejected"
                }
                None => "any level is still allowed",
            };
            remarks.push(format!("{name} is a category of today's schema: {texts}"));
        }
    }
    for Feature { name, kind } in &all {
        if !current.iter().any(|known| is_same(&known.name, name)) {
            let what = if kind.is_category() {
                "a category"
            } else {
                "of numbers"
            };
            remarks.push(format!(
                "{name} is left out: it is {what}, but today's model does not read it"
            ));
        }
    }
    current
}

/// A feature of the current schema with rules for this data. `None` if the column no longer fits
/// the kind.
fn with_current_kind(feature: &Feature, column: &PooledColumn) -> Option<Feature> {
    let kind = match feature.kind {
        Kind::Number(_) if column.cells.holds_numbers() => Kind::Number(number_rules(column)),
        Kind::Number(_) => return None,
        // A person chose the allowed levels. A few rows are no reason to reduce them.
        Kind::Category(ref current) => Kind::Category(CategoryRules {
            listed: current.listed.clone(),
            ..category_rules(column)
        }),
    };
    Some(Feature {
        name: feature.name.clone(),
        kind,
    })
}

/// The kind of a column, or the reason why the column cannot be a feature.
fn kind(column: &PooledColumn, rows: u64) -> Result<Kind, String> {
    let cells = &column.cells;
    let kind = if cells.holds_numbers() {
        Kind::Number(number_rules(column))
    } else {
        why_not_category(cells).map_or_else(|| Ok(Kind::Category(category_rules(column))), Err)?
    };
    if (cells.rows() as f64) < MIN_SHARE_OF_ROWS * rows as f64 {
        return Err(format!(
            "it is there in {} of {rows} rows, and a file without it would be rejected",
            cells.rows()
        ));
    }
    Ok(kind)
}

/// Reason why a column that is not numeric cannot be a category, or `None`.
fn why_not_category(cells: &ColumnSurvey) -> Option<String> {
    let present = cells.rows() - cells.empty;
    let texts = cells.texts.texts().map(|texts| texts.len() as u64);
    match texts {
        _ if present == 0 => Some("it has no value".into()),
        None => Some(format!(
            "{} of its cells hold text: too many different texts for a category, or a text that is no level: longer than {MAX_LEVEL_BYTES} bytes, or not UTF-8",
            cells.others
        )),
        Some(1) => Some("all of its cells hold the same text".into()),
        Some(texts) if texts * MIN_ROWS_A_TEXT > present => Some(format!(
            "{} of its cells hold text, {texts} different ones: too many for a category of so few rows",
            cells.others
        )),
        Some(_) => None,
    }
}
