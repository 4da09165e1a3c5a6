//! Chooses the roles of columns from their content.

mod features;
mod roles;

use common::Failure;
use common::schema::{Labels, Schema};

use self::features::features;
use self::roles::{id, target};
use super::columns::PooledColumns;
use super::proposed_schema::ProposedSchema;

/// Proposes a schema for these columns. Columns that the current schema names keep their roles.
/// Returns an error if no feature is left.
pub(super) fn propose(pooled: &PooledColumns, today: &Schema) -> anyhow::Result<ProposedSchema> {
    let mut remarks = Vec::new();
    let target = target(pooled, today, &mut remarks);
    let labels = match target == today.target {
        true => today.labels.clone(),
        false => Labels::default(),
    };
    let id = id(pooled, today, &target, &mut remarks)?;
    let features = features(pooled, today, [&id, &target], &mut remarks);
    if features.is_empty() {
        return Err(Failure::data(
            "no column is left for a model to read: it needs one of numbers, or a category, beside the id and the target",
        )
        .into());
    }
    Ok(ProposedSchema {
        schema: Schema {
            id: Some(id),
            features,
            target,
            labels,
        },
        remarks,
    })
}

#[cfg(test)]
mod tests;
