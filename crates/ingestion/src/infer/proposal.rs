//! Chooses the roles of columns from their content.

mod codes;
mod features;
mod id;
mod labels;
mod roles;
mod target;

use common::Failure;
use common::schema::Schema;

use self::features::{all_features, current_features, report_other_columns};
use self::roles::{CurrentSchema, choose_id, choose_target};
use super::columns::PooledColumns;
use super::proposed_schema::ProposedSchema;
use super::rules::Rules;

pub(super) use self::labels::unknown_label;

/// Proposes a schema for these columns. Columns that the current schema names keep their roles.
/// Returns an error if no feature is left.
pub(super) fn propose(
    pooled: &PooledColumns,
    schema: &Schema,
    rules: Rules,
) -> anyhow::Result<ProposedSchema> {
    let mut remarks = Vec::new();
    let kept = current_features(pooled, schema, rules);
    let current = CurrentSchema {
        schema,
        fits: kept.is_some(),
    };
    let (target, labels) = choose_target(pooled, &current, &mut remarks)?;
    let id = choose_id(pooled, &current, &target, &mut remarks);
    let proposed = all_features(pooled, id.as_deref(), (&target, &labels), rules);
    let features = match kept {
        Some(kept) => {
            report_other_columns(&proposed, &kept, rules, &mut remarks);
            kept
        }
        None => proposed.into_features(&mut remarks),
    };
    if features.is_empty() {
        let no_feature = "no column is left as a feature: a model needs at least one number column or category, in addition to the id and the target";
        let reasons = [no_feature.to_owned()].into_iter().chain(remarks);
        return Err(Failure::data(reasons.collect::<Vec<_>>().join("; ")).into());
    }
    Ok(ProposedSchema {
        schema: Schema {
            id,
            features,
            target,
            labels,
        },
        needs_decimal_comma: false,
        remarks,
    })
}

#[cfg(test)]
mod tests;
