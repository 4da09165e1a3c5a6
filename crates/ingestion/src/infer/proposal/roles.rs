//! Which column is the target and which names the client: those of today's schema, else a guess.

use common::Failure;
use common::schema::Schema;
use dataset::ColumnSurvey;

use crate::infer::columns::{PooledColumns, is_same};

/// A column that names clients is different in at least so many of the rows compared.
const LEAST_DISTINCT_SHARE: f64 = 0.5;

/// The column of the classes.
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
    // Exports put the outcome last.
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

/// The column that names the client.
pub(super) fn id(
    pooled: &PooledColumns,
    today: &Schema,
    target: &str,
    remarks: &mut Vec<String>,
) -> anyhow::Result<String> {
    if pooled.find(&today.id).is_some() {
        return Ok(today.id.clone());
    }
    let others = pooled
        .columns
        .iter()
        .map(|column| &column.cells)
        .filter(|cells| !is_same(&cells.name, target) && cells.rows() > cells.missing)
        .filter(|cells| !is_named(today, &cells.name));
    // Of equally good ones the leftmost: exports put the name of the client first.
    let guess = others.reduce(|best, next| {
        if fitness_as_id(next) > fitness_as_id(best) {
            next
        } else {
            best
        }
    });
    let guess = guess.ok_or_else(|| {
        Failure::data(format!(
            "no column is named {}, and none is left that could name the client",
            today.id
        ))
    })?;
    remarks.push(format!(
        "no column is named {}; {} is taken for the one that names the client",
        today.id, guess.name
    ));
    Ok(guess.name.clone())
}

/// Whether a column has a role today, which it keeps.
fn is_named(today: &Schema, name: &str) -> bool {
    today.columns().any(|named| is_same(named, name))
}

/// The larger the better: names that differ from row to row, then whole numbers that do.
fn fitness_as_id(cells: &ColumnSurvey) -> u8 {
    let differs = cells.distinct as f64 >= LEAST_DISTINCT_SHARE * cells.compared as f64;
    let is_whole = cells.fractions == 0;
    match (cells.holds_numbers(), differs) {
        (false, true) => 3,
        (true, true) if is_whole => 2,
        (false, false) => 1,
        _ => 0,
    }
}
