//! The target and the id: those of the current schema, otherwise a guess.

use common::Failure;
use common::schema::{Labels, Schema};

use super::id::guess_id;
use super::labels::{Values, unknown_label};
use super::target::guess_target;
use crate::infer::columns::PooledColumns;

/// The current schema, and whether the data fits it.
pub(super) struct CurrentSchema<'s> {
    pub(super) schema: &'s Schema,
    /// True if the data has all features of the current schema. The proposal then changes only
    /// rules.
    pub(super) fits: bool,
}

/// The name of the target, and its labels. Returns an error if no column fits and the data has no
/// column of the current schema.
pub(super) fn choose_target(
    pooled: &PooledColumns,
    current: &CurrentSchema<'_>,
    remarks: &mut Vec<String>,
) -> anyhow::Result<(String, Labels)> {
    let schema = current.schema;
    if let Some(column) = pooled.find(&schema.target) {
        let labels = labels(pooled, schema, remarks);
        return Ok((current.name(&schema.target, &column.cells.name), labels));
    }
    let named: Vec<&str> = schema.columns().collect();
    if let Some(guess) = guess_target(pooled.without(&named)) {
        remarks.extend(guess.remarks);
        return Ok((guess.name, guess.labels));
    }
    let is_any_known = named.iter().any(|name| pooled.find(name).is_some());
    if !is_any_known {
        return Err(
            Failure::data("no column has exactly two different values, so none can be the target; write both labels into it (an empty cell is an unknown label)").into(),
        );
    }
    remarks.push(format!(
        "no column is named {0}, and no column without a role has two different values; the target is still {0}",
        schema.target
    ));
    Ok((schema.target.clone(), schema.labels.clone()))
}

/// The labels of the current target. If these are 0 and 1 and the column holds other texts, the
/// labels are guessed.
fn labels(pooled: &PooledColumns, schema: &Schema, remarks: &mut Vec<String>) -> Labels {
    let cells = pooled.find(&schema.target).map(|column| &column.cells);
    let unknown = cells.and_then(|cells| Some((cells, unknown_label(cells, &schema.labels)?)));
    let Some((cells, unknown)) = unknown else {
        return schema.labels.clone();
    };
    let guess = Values::of(cells).and_then(|values| values.labels(&cells.name));
    let guess = guess.filter(|_| schema.labels.are_numbers());
    match guess {
        Some((labels, reason)) => {
            remarks.extend(reason);
            labels
        }
        None => {
            remarks.push(format!(
                "the label {unknown:?} of {} is unknown; {}",
                schema.target,
                schema.labels.in_words()
            ));
            schema.labels.clone()
        }
    }
}

/// Name of the id column; `None` if there is none.
pub(super) fn choose_id(
    pooled: &PooledColumns,
    current: &CurrentSchema<'_>,
    target: &str,
    remarks: &mut Vec<String>,
) -> Option<String> {
    let schema = current.schema;
    let known = schema.id.as_deref();
    if let Some((name, column)) = known.and_then(|name| Some((name, pooled.find(name)?))) {
        return Some(current.name(name, &column.cells.name));
    }
    if known.is_none() && current.fits {
        return None;
    }
    let named: Vec<&str> = schema.columns().chain([target]).collect();
    let guess = guess_id(pooled.without(&named));
    remarks.push(guess.remark);
    guess.name
}

impl CurrentSchema<'_> {
    /// Name of a column that keeps its role: as in the schema if the data fits it, otherwise as in
    /// the file.
    fn name(&self, configured: &str, written: &str) -> String {
        match self.fits {
            true => configured.to_owned(),
            false => written.to_owned(),
        }
    }
}
