//! An engine for tests: it relays each call to a table in memory, and can fail at one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Failure, Schema};

use super::client_sums::{ClientSums, client_sums};
use super::counts::counts;
use super::expression::LinearExpression;
use super::grid::Parts;
use super::logistic::{
    ClientPairs, Division, GroupSums, LogisticPoint, LogisticTerms, client_pairs, group_sums,
    logistic_sums,
};
use super::losses::loss_sum;
use super::moments::{Moments, moments_of_folds};
use super::pair_sums::{PairSums, pair_sums};
use super::profile::{Profile, profile, rows_of_clients};
use super::remote::{Cut, Engine, LogisticSums, RowNumber, Shape};
use super::scores::{ScoreGroup, score_groups};
use super::term::Term;
use crate::table::{Fold, Selection, Table};

/// An engine whose rows are those of a table in memory. Its values have the same bits.
#[derive(Debug)]
pub struct Relay {
    rows: Table,
    calls: AtomicUsize,
    /// Number of the call that fails, counted from 1; `None` if no call fails.
    fails_at: Option<usize>,
}

impl Relay {
    /// What the failure of a call says.
    pub const FAILURE: &'static str = "the engine was told to fail";

    /// An engine that never fails.
    pub fn new(rows: Table) -> Self {
        Self {
            rows,
            calls: AtomicUsize::new(0),
            fails_at: None,
        }
    }

    /// An engine whose call with this number fails. The first call has number 1. Later calls succeed,
    /// so that a stage that goes on after the failure is found out.
    pub fn failing_at(rows: Table, call: usize) -> Self {
        Self {
            fails_at: Some(call),
            ..Self::new(rows)
        }
    }

    /// Runs a stage on an engine whose first call fails, then on one whose second call fails, and so
    /// on until a stage makes no call that fails. Returns what the stage returned each time.
    pub fn each_failure<T>(rows: &Table, stage: impl Fn(&Table) -> T) -> Vec<T> {
        let failing = (1..).map(|call| {
            let engine = Arc::new(Self::failing_at(rows.clone(), call));
            let result = stage(&Table::on_engine(engine.clone()));
            (engine.calls.load(Ordering::SeqCst) >= call).then_some(result)
        });
        failing.map_while(|result| result).collect()
    }

    /// The rows, or the failure if this is the call that fails.
    fn rows(&self) -> Result<&Table, Failure> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.fails_at == Some(call) {
            true => Err(Failure::input_output(Self::FAILURE)),
            false => Ok(&self.rows),
        }
    }
}

impl Engine for Relay {
    fn shape(&self) -> Shape {
        Shape {
            rows: self.rows.rows(),
            features: self.rows.n_features(),
        }
    }

    fn counts(&self, models: &[Cut<'_>], selection: &Selection) -> Result<Vec<u64>, Failure> {
        counts(models, self.rows()?, selection)
    }

    fn client_sums(
        &self,
        number: &RowNumber<'_>,
        selection: &Selection,
    ) -> Result<ClientSums, Failure> {
        let mut sums = client_sums(number, self.rows()?, selection)?;
        if let RowNumber::Loss(expression) = number {
            // In memory, the sum of losses is added in the order of the rows, not of the clients.
            sums.sum = loss_sum(expression, &self.rows, selection)?.sum;
        }
        Ok(sums)
    }

    fn moments(
        &self,
        terms: &[Term<'_>],
        folds: &[Fold],
        selection: &Selection,
    ) -> Result<Vec<Vec<Moments>>, Failure> {
        moments_of_folds(terms, folds, self.rows()?, selection)
    }

    fn logistic_terms(
        &self,
        asked: &[LogisticSums<'_>],
        selection: &Selection,
    ) -> Result<Vec<LogisticTerms>, Failure> {
        logistic_sums(asked, self.rows()?, selection)
    }

    fn client_pairs(
        &self,
        point: &LogisticPoint<'_>,
        limit: f64,
        selection: &Selection,
    ) -> Result<Option<ClientPairs>, Failure> {
        client_pairs(point, limit, self.rows()?, selection)
    }

    fn group_sums(
        &self,
        divisions: &[Division],
        point: &LogisticPoint<'_>,
        limit: f64,
        selection: &Selection,
    ) -> Result<Vec<Vec<GroupSums>>, Failure> {
        group_sums(divisions, point, limit, self.rows()?, selection)
    }

    fn pair_sums(
        &self,
        parts: &[Option<Parts>],
        expression: &LinearExpression<'_>,
        selection: &Selection,
    ) -> Result<Vec<PairSums>, Failure> {
        pair_sums(parts, expression, self.rows()?, selection)
    }

    fn score_groups(
        &self,
        expression: &LinearExpression<'_>,
        selection: &Selection,
    ) -> Result<Vec<ScoreGroup>, Failure> {
        score_groups(expression, self.rows()?, selection)
    }

    fn profile(&self, schema: &Schema, selection: &Selection) -> Result<Profile, Failure> {
        profile(schema, self.rows()?, selection)
    }

    fn rows_of_clients(
        &self,
        schema: &Schema,
        selection: &Selection,
    ) -> Result<Option<Vec<u32>>, Failure> {
        rows_of_clients(schema, self.rows()?, selection.rows.clone())
    }

    fn sample(&self, selection: &Selection, max_rows: usize) -> Result<Table, Failure> {
        let sample = self.rows()?.sample(selection, max_rows)?;
        Ok(sample.table().clone())
    }
}
