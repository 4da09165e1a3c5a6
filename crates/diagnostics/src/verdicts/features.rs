//! Have the features moved?

use training::Model;

use super::Batch;
use crate::compare::{Checked, ColumnPair, check_columns};
use crate::statistics::Tally;

/// All checks of a batch's features against the model's sample of its training rows.
pub(super) fn check(model: &Model, batch: &Batch<'_>) -> Checked {
    let known = model.profile.columns.iter();
    let columns = known
        .zip(&model.profile.sample.columns)
        .zip(&batch.table.features);
    let pairs = columns
        .map(|((known, sample), column)| {
            let new = column[batch.rows.clone()].to_vec();
            // Of the training rows all missing values are counted, not only the sample's.
            let missing = Tally {
                with: known.missing,
                without: known.moments.count,
            };
            ColumnPair::numbers(&known.name, [0, 0], [sample.clone(), new]).with_missing(missing)
        })
        .collect();
    check_columns(pairs, |_| true)
}
