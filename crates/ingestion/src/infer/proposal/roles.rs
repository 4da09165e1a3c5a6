//! Chooses the target and the id column: those of the current schema, otherwise a guess.

use common::Failure;
use common::schema::Schema;
use dataset::ColumnSurvey;

use crate::infer::columns::{PooledColumns, is_same};

/// An id column must differ in at least this share of the compared rows.
const MIN_DISTINCT_SHARE: f64 = 0.5;

/// The name of the target column.
pub(super) fn target(pooled: &PooledColumns, today: &Schema, remarks: &mut Vec<String>) -> String {
    if pooled.find(&today.target).is_some() {
        return today.target.clone();
    }
    let is_class = |cells: &&ColumnSurvey| {
        let [stayed, left] = cells.classes;
        let holds_classes = stayed > 0 && left > 0;
        holds_classes
            && stayed + left + cells.missing == cells.rows()
            && !is_named(today, &cells.name)
    };
    let mut all = pooled.columns.iter().map(|column| &column.cells);
    // Exports usually have the outcome in the last column.
    match all.rfind(is_class) {
        Some(guess) => {
            remarks.push(format!(
                "no column is named {}; {} is taken for the target, as it holds 0 and 1 only",
                today.target, guess.name
            ));
            guess.name.clone()
        }
        None => {
            remarks.push(format!(
                "no column is named {0}, and none without a role holds 0 and 1 only; the target is still {0}",
                today.target
            ));
            today.target.clone()
        }
    }
}

/// The name of the id column. Returns an error if no column is left.
pub(super) fn id(
    pooled: &PooledColumns,
    today: &Schema,
    target: &str,
    remarks: &mut Vec<String>,
) -> anyhow::Result<String> {
    let wanted = today.id.as_deref().unwrap_or_default();
    if pooled.find(wanted).is_some() {
        return Ok(wanted.to_owned());
    }
    let others = pooled
        .columns
        .iter()
        .map(|column| &column.cells)
        .filter(|cells| !is_same(&cells.name, target) && cells.rows() > cells.missing)
        .filter(|cells| !is_named(today, &cells.name));
    // Of equally good columns the leftmost wins: exports usually have the client's name first.
    let guess = others.reduce(|best, next| {
        if fitness_as_id(next) > fitness_as_id(best) {
            next
        } else {
            best
        }
    });
    let guess = guess.ok_or_else(|| {
        Failure::data(format!(
            "no column is named {wanted}, and none is left that could name the client"
        ))
    })?;
    remarks.push(format!(
        "no column is named {wanted}; {} is taken for the one that names the client",
        guess.name
    ));
    Ok(guess.name.clone())
}

/// True if the current schema names the column.
fn is_named(today: &Schema, name: &str) -> bool {
    today.columns().any(|named| is_same(named, name))
}

/// Score of a column as id, larger is better. Texts that differ from row to row are best, then
/// whole numbers that differ.
fn fitness_as_id(cells: &ColumnSurvey) -> u8 {
    let differs = cells.distinct as f64 >= MIN_DISTINCT_SHARE * cells.compared as f64;
    let is_whole = cells.fractions == 0;
    match (cells.holds_numbers(), differs) {
        (false, true) => 3,
        (true, true) if is_whole => 2,
        (false, false) => 1,
        _ => 0,
    }
}
