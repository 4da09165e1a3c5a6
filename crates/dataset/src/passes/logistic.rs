//! The terms of the logistic log-likelihood at given coefficients.
//!
//! The values of terms are standardised, z = x / scale − shift, so that values of any magnitude can
//! be summed without loss. With p terms, vectors have p + 1 entries, the intercept first. Matrices
//! have p + 1 rows and columns.

mod block;
mod client_pairs;
mod group_sums;
mod likelihood;
mod local;
mod row;

use common::Failure;
use fearless_simd::{Level, dispatch};
use ndarray::Array2;

use self::block::{Block, Sums};
use self::local::LocalColumns;
use super::engine::{CHUNK_ROWS, Chunk, Pass, run, run_all};
use super::remote::{LogisticSums, wrong_size};
use crate::table::{FOLDS, Fold, Selection, Table};

pub use self::block::Weight;
pub use self::client_pairs::{Agreement, ClientPairs, client_pairs};
pub use self::group_sums::{Division, GroupSums, group_sums};
pub use self::likelihood::{Axis, LogisticPoint, LogisticTerms};

/// The log-likelihood terms of the labelled rows of a selection.
pub fn logistic_terms(
    point: &LogisticPoint<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<LogisticTerms, Failure> {
    summed(LogisticSums::of(point), table, selection)
}

/// The [`logistic_terms`] of the rows of each fold's clients, in the order of the folds.
pub fn logistic_terms_by_fold(
    point: &LogisticPoint<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<Vec<LogisticTerms>, Failure> {
    let of_fold = |fold| LogisticSums {
        fold: Fold::Inside(fold),
        ..LogisticSums::of(point)
    };
    logistic_sums(
        &(0..FOLDS).map(of_fold).collect::<Vec<_>>(),
        table,
        selection,
    )
}

/// For each fold, the [`logistic_terms`] of all clients outside the fold. Each fold has its own point.
pub fn logistic_terms_without_folds(
    points: &[LogisticPoint<'_>],
    table: &Table,
    selection: &Selection,
) -> Result<Vec<LogisticTerms>, Failure> {
    let without = points.iter().zip(0..).map(|(point, fold)| LogisticSums {
        fold: Fold::Outside(fold),
        ..LogisticSums::of(point)
    });
    logistic_sums(&without.collect::<Vec<_>>(), table, selection)
}

/// The log-likelihood terms of the labelled rows of a selection, with log-odds clamped to the range
/// from `-limit` to `limit`. `limit` is above 0.
///
/// The limit keeps probabilities away from 0 and 1. Near 0 and 1, the curvature of a row vanishes, and
/// the residual is no longer comparable with the curvature.
pub fn bounded_logistic_terms(
    point: &LogisticPoint<'_>,
    limit: f64,
    table: &Table,
    selection: &Selection,
) -> Result<LogisticTerms, Failure> {
    let bounded = LogisticSums {
        limit: Some(limit),
        ..LogisticSums::of(point)
    };
    summed(bounded, table, selection)
}

/// The middle part of the sandwich covariance, Zᵀdiag((y−p)²)Z.
pub fn sandwich_meat(
    point: &LogisticPoint<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<Array2<f64>, Failure> {
    let squared = LogisticSums {
        weight: Weight::SquaredResidual,
        ..LogisticSums::of(point)
    };
    Ok(summed(squared, table, selection)?.hessian)
}

fn summed(
    asked: LogisticSums<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<LogisticTerms, Failure> {
    let mut sums = logistic_sums(&[asked], table, selection)?;
    Ok(sums.swap_remove(0))
}

/// The sums of the log-likelihood over the labelled rows of a selection, one result for each entry of
/// `asked`.
pub(super) fn logistic_sums(
    asked: &[LogisticSums<'_>],
    table: &Table,
    selection: &Selection,
) -> Result<Vec<LogisticTerms>, Failure> {
    let labelled = selection.clone().labelled();
    if let Some(engine) = table.engine("terms of the likelihood")? {
        let sums = engine.logistic_terms(asked, &labelled)?;
        if sums.len() != asked.len() {
            return Err(wrong_size(
                "terms of the likelihood",
                asked.len(),
                sums.len(),
            ));
        }
        return Ok(sums);
    }
    let terms: Vec<Terms<'_>> = asked.iter().map(Terms::of).collect();
    if let (
        [terms],
        [
            LogisticSums {
                fold: Fold::Any, ..
            },
        ],
    ) = (&terms[..], asked)
    {
        return Ok(vec![terms.summed(table, &labelled)]);
    }
    let passes = terms.iter().zip(asked.iter().map(|asked| asked.fold));
    let sums = run_all(&passes.collect::<Vec<_>>(), table, &labelled);
    let finished = terms.iter().zip(sums);
    Ok(finished.map(|(terms, sums)| terms.finished(sums)).collect())
}

impl<'a> LogisticSums<'a> {
    /// The sums with the curvature of each row as its weight, without a limit, over all clients.
    fn of(point: &'a LogisticPoint<'a>) -> Self {
        Self {
            point,
            weight: Weight::Curvature,
            limit: None,
            fold: Fold::Any,
        }
    }
}

/// Number of rows in a chunk for [`LocalColumns`]. A row is more expensive there, so even a few thousand
/// rows should be shared among all processors.
const LOCAL_CHUNK_ROWS: usize = 2_048;

struct Terms<'a> {
    point: &'a LogisticPoint<'a>,
    weight: Weight,
    /// Maximum absolute value of the log-odds; `None` for no limit.
    limit: Option<f64>,
    /// The columns in groups, if most values of a row are 0.
    local: Option<LocalColumns<'a>>,
}

impl Pass for Terms<'_> {
    type Value = LogisticTerms;

    fn chunk_rows(&self) -> usize {
        match self.local {
            Some(_) => LOCAL_CHUNK_ROWS,
            None => CHUNK_ROWS,
        }
    }

    fn empty(&self) -> LogisticTerms {
        LogisticTerms::zero(self.point.weights.len())
    }

    fn add(&self, terms: &mut LogisticTerms, chunk: &Chunk<'_>) {
        if let Some(columns) = &self.local {
            return columns.add_rows(terms, chunk, &self.weight, self.limit);
        }
        // The code is compiled for several generations of processors. The best version for this processor
        // runs.
        dispatch!(Level::new(), _ => self.add_rows(terms, chunk));
    }

    fn merge(&self, earlier: &mut LogisticTerms, later: LogisticTerms) {
        earlier.merge(&later);
    }
}

impl<'a> Terms<'a> {
    fn of(asked: &LogisticSums<'a>) -> Self {
        Self {
            point: asked.point,
            weight: asked.weight,
            limit: asked.limit,
            local: LocalColumns::of(asked.point),
        }
    }

    /// The terms of the labelled rows of a selection.
    fn summed(&self, table: &Table, selection: &Selection) -> LogisticTerms {
        self.finished(run(self, table, &selection.clone().labelled()))
    }

    fn finished(&self, sums: LogisticTerms) -> LogisticTerms {
        match &self.local {
            Some(columns) => columns.converted(sums),
            None => sums.symmetric(),
        }
    }

    #[inline(always)]
    fn add_rows(&self, terms: &mut LogisticTerms, chunk: &Chunk<'_>) {
        let size = self.point.weights.len();
        let (mut block, mut sums) = (Block::of_size(size), Sums::of_size(size));
        for rows in chunk.blocks() {
            block.read(self.point, chunk.table, &rows);
            if let Some(limit) = self.limit {
                block.bound_log_odds(limit);
            }
            block.evaluate(&self.weight);
            block.clear_after(rows.len());
            block.add_to(&mut sums);
            sums.rows += rows.len() as u64;
        }
        sums.add_to(terms);
    }
}

#[cfg(test)]
mod tests;
