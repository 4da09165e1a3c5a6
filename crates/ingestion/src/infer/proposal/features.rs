//! Which columns a model may read, and as what.

use common::schema::{CategoryRules, Feature, Kind, LONGEST_LEVEL_BYTES, Schema};
use dataset::ColumnSurvey;

use crate::infer::columns::{PooledColumn, PooledColumns, is_same};
use crate::infer::rules::{of_category, of_numbers};

/// A column that a larger share of the rows is without would have most files refused.
const LEAST_SHARE_OF_ROWS: f64 = 0.9;
/// A category has so many rows for each of its texts, on average: with fewer they could as well be
/// names.
const LEAST_ROWS_A_TEXT: u64 = 10;

/// Today's features where all of them are there, else all columns of numbers and categories.
pub(super) fn features(
    pooled: &PooledColumns,
    today: &Schema,
    taken: [&str; 2],
    remarks: &mut Vec<String>,
) -> Vec<Feature> {
    let todays: Option<Vec<Feature>> = today
        .features
        .iter()
        .map(|feature| as_today(feature, pooled.find(&feature.name)?))
        .collect();
    let mut all = Vec::new();
    for column in &pooled.columns {
        let name = &column.cells.name;
        if taken.iter().any(|taken| is_same(taken, name)) {
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
    let Some(todays) = todays else {
        for Feature { name, kind } in &all {
            if kind.is_category() {
                remarks.push(format!(
                    "{name} is taken for a category: its texts are listed, and rows with any other are refused; leave out allowed to let new ones come"
                ));
            }
        }
        return all;
    };
    for Feature { name, kind } in &todays {
        if let Kind::Category(rules) = kind {
            let texts = match rules.listed.levels() {
                Some(_) => "the texts that it allows stay, and rows with any other are refused",
                None => "any text is allowed still",
            };
            remarks.push(format!("{name} is a category of today's schema: {texts}"));
        }
    }
    for Feature { name, kind } in &all {
        if !todays.iter().any(|known| is_same(&known.name, name)) {
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
    todays
}

/// A feature of today's schema, of the kind that it has there; `None` where it is not so any more.
fn as_today(feature: &Feature, column: &PooledColumn) -> Option<Feature> {
    let kind = match feature.kind {
        Kind::Number(_) if column.cells.holds_numbers() => Kind::Number(of_numbers(column)),
        Kind::Number(_) => return None,
        // Which texts may come was decided by a person, and a few rows are no reason to narrow it.
        Kind::Category(ref todays) => Kind::Category(CategoryRules {
            listed: todays.listed.clone(),
            ..of_category(column)
        }),
    };
    Some(Feature {
        name: feature.name.clone(),
        kind,
    })
}

/// What a column is, or why a model cannot read it.
fn kind(column: &PooledColumn, rows: u64) -> Result<Kind, String> {
    let cells = &column.cells;
    let kind = if cells.holds_numbers() {
        Kind::Number(of_numbers(column))
    } else {
        why_no_category(cells).map_or_else(|| Ok(Kind::Category(of_category(column))), Err)?
    };
    if (cells.rows() as f64) < LEAST_SHARE_OF_ROWS * rows as f64 {
        return Err(format!(
            "it is there in {} of {rows} rows, and a file without it would be refused",
            cells.rows()
        ));
    }
    Ok(kind)
}

/// Why a column that is not one of numbers is no category either.
fn why_no_category(cells: &ColumnSurvey) -> Option<String> {
    let present = cells.rows() - cells.empty;
    let texts = cells.texts.texts().map(|texts| texts.len() as u64);
    match texts {
        _ if present == 0 => Some("it has no value".into()),
        None => Some(format!(
            "{} of its cells hold text, too many different ones for a category, or some that is none: longer than {LONGEST_LEVEL_BYTES} bytes, or not UTF-8",
            cells.others
        )),
        Some(1) => Some("all of its cells hold the same text".into()),
        Some(texts) if texts * LEAST_ROWS_A_TEXT > present => Some(format!(
            "{} of its cells hold text, {texts} different ones: too many for a category of so few rows",
            cells.others
        )),
        Some(_) => None,
    }
}
