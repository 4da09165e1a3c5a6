//! The verdicts of a run: does the deployed model still hold on a batch, and have its features
//! moved?
//!
//! Everything is held against what the model carries of its training rows: the covariance of its
//! coefficients, exact counts, and a sample. The training data is never needed again.

mod coefficients;
mod features;
mod model_drift;
mod text;

use std::ops::Range;

use dataset::Table;
use model::Model;
use serde::{Deserialize, Serialize};

use crate::compare::{Checked, ColumnComparison, JointCheck, Verdict};
use crate::statistics::CumulativeScore;

pub use self::coefficients::{BaseLevel, Moved, UntestedLevel, WhyUntested};
pub use self::model_drift::{HeldTest, ModelVerdict, model_verdict};

/// What a batch says about a deployed model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    /// The worst of what follows.
    pub verdict: Verdict,
    /// Rows of the batch.
    pub rows: u64,
    /// Whether the model still holds.
    pub model: ModelVerdict,
    /// Whether all features together lie elsewhere; `None` where there is nothing to test.
    pub joint: Option<JointCheck>,
    /// Each feature, in schema order.
    pub features: Vec<ColumnComparison>,
    /// The sums over all batches since the model went live, this one included.
    pub sums: CumulativeScore,
}

/// The rows that a model is held against; their columns are the model's.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// Where they are.
    pub table: &'a Table,
    /// Which of them.
    pub rows: Range<usize>,
}

/// Holds a batch against a model and what the model carries of its training rows.
///
/// `before` are the sums of the batches before it under the same model. While nothing has changed
/// the test of a batch alone errs with a chance of `alpha`, in each batch anew; all looks at the sums
/// together, however many, err with a chance of `alpha` at most; and all tests of the features of a
/// batch together with one of [`ALPHA`](crate::ALPHA), also in each batch anew.
pub fn verdicts(
    model: &Model,
    batch: &Batch<'_>,
    before: &CumulativeScore,
    alpha: f64,
) -> Verdicts {
    let (held, sums) = model_verdict(model, batch, before, alpha);
    let Checked {
        verdict,
        joint,
        columns,
    } = features::check(model, batch);
    Verdicts {
        verdict: Verdict::worst([held.verdict, verdict]),
        rows: batch.rows.len() as u64,
        model: held,
        joint,
        features: columns,
        sums,
    }
}

#[cfg(test)]
mod category_tests;
#[cfg(test)]
mod tests;
