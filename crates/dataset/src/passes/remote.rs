//! The interface of an engine that has the rows somewhere else, and folds them there.
//!
//! A [`Table`] has its rows in memory, or on such an engine. Each public function of
//! [`passes`](super) asks the engine of its table, if there is one, and folds in memory otherwise. A
//! stage does not know which of the two happens.
//!
//! Passes that are the same sum of other terms share one method. Every method may fail, because an
//! engine may not be reached. The failure names the query and ends the stage.
//!
//! A range of positions means rows in ingestion order.

use std::fmt::Debug;

use common::{Failure, Schema};

use super::client_sums::ClientSums;
use super::expression::LinearExpression;
use super::grid::Parts;
use super::logistic::{ClientPairs, Division, GroupSums, LogisticPoint, LogisticTerms, Weight};
use super::moments::Moments;
use super::pair_sums::PairSums;
use super::profile::Profile;
use super::scores::ScoreGroup;
use super::term::Term;
use crate::table::{Fold, Selection, Table};

/// Number of rows and features of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of rows.
    pub rows: usize,
    /// Number of features.
    pub features: usize,
}

/// A model's expression with its threshold. The positive label is predicted where the log-odds are
/// above the threshold.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// The log-odds of a row.
    pub expression: &'a LinearExpression<'a>,
    /// Log-odds above which the positive label is predicted.
    pub threshold: f64,
}

/// A number of a row that is summed by client.
#[derive(Clone, Copy, Debug)]
pub enum RowNumber<'a> {
    /// 0 for every row, labelled or not: only rows and clients are counted.
    Zero,
    /// The log-loss of a labelled row.
    Loss(&'a LinearExpression<'a>),
    /// The log-loss of the first expression minus that of the second, for a labelled row. Log-odds
    /// are clamped to the range from `-limit` to `limit`.
    LossDifference {
        /// Both expressions.
        expressions: [&'a LinearExpression<'a>; 2],
        /// Maximum absolute value of the log-odds; above 0.
        limit: f64,
    },
    /// 1 for a true positive, 0 for another labelled row. True negatives are left out.
    TruePositive(Cut<'a>),
}

/// Sums of the logistic log-likelihood.
#[derive(Clone, Copy, Debug)]
pub struct LogisticSums<'a> {
    /// The point at which the likelihood is evaluated.
    pub point: &'a LogisticPoint<'a>,
    /// The weight of each row in the matrix.
    pub weight: Weight,
    /// Maximum absolute value of the log-odds; `None` for no limit.
    pub limit: Option<f64>,
    /// The clients whose rows are summed, among those of the selection.
    pub fold: Fold,
}

/// An engine with rows. Values that a person sees are exact where the docs do not say otherwise;
/// sums may differ from those in memory by rounding.
pub trait Engine: Debug + Send + Sync {
    /// Number of rows and features.
    fn shape(&self) -> Shape;

    /// Numbers of rows by label and by the labels that the models predict, in the cells of
    /// [`counts`](fn@super::counts).
    fn counts(&self, models: &[Cut<'_>], selection: &Selection) -> Result<Vec<u64>, Failure>;

    /// The sums of a number by client.
    fn client_sums(
        &self,
        number: &RowNumber<'_>,
        selection: &Selection,
    ) -> Result<ClientSums, Failure>;

    /// The moments of each term's values, for each of these choices of clients. Missing values do not
    /// count.
    fn moments(
        &self,
        terms: &[Term<'_>],
        folds: &[Fold],
        selection: &Selection,
    ) -> Result<Vec<Vec<Moments>>, Failure>;

    /// The sums of the log-likelihood over the labelled rows, one result for each entry of `asked`.
    fn logistic_terms(
        &self,
        asked: &[LogisticSums<'_>],
        selection: &Selection,
    ) -> Result<Vec<LogisticTerms>, Failure>;

    /// The sums over pairs of labelled rows of the same client. `None` where no client has two.
    fn client_pairs(
        &self,
        point: &LogisticPoint<'_>,
        limit: f64,
        selection: &Selection,
    ) -> Result<Option<ClientPairs>, Failure>;

    /// The sums of the labelled rows for each group of each division.
    fn group_sums(
        &self,
        divisions: &[Division],
        point: &LogisticPoint<'_>,
        limit: f64,
        selection: &Selection,
    ) -> Result<Vec<Vec<GroupSums>>, Failure>;

    /// The sums of residuals over the labelled rows, for each pair of the features that have parts.
    fn pair_sums(
        &self,
        parts: &[Option<Parts>],
        expression: &LinearExpression<'_>,
        selection: &Selection,
    ) -> Result<Vec<PairSums>, Failure>;

    /// The labelled rows by their log-odds, in ascending order. An engine may put rows of nearly equal
    /// log-odds together, if there are many; their mean then stands for all of them.
    fn score_groups(
        &self,
        expression: &LinearExpression<'_>,
        selection: &Selection,
    ) -> Result<Vec<ScoreGroup>, Failure>;

    /// The profile of the columns.
    fn profile(&self, schema: &Schema, selection: &Selection) -> Result<Profile, Failure>;

    /// The places, in the sample of the profile of the same rows, of one row of each client. `None` if
    /// every client has one row. The schema has an id.
    fn rows_of_clients(
        &self,
        schema: &Schema,
        selection: &Selection,
    ) -> Result<Option<Vec<u32>>, Failure>;

    /// A table in memory of the selected rows in their order, with the names of their levels. At most
    /// `max_rows` rows; if there are more, the choice is that of [`Table::sample`].
    fn sample(&self, selection: &Selection, max_rows: usize) -> Result<Table, Failure>;
}

/// The failure of a value that needs the rows one by one.
pub(crate) fn needs_rows(what: &str) -> Failure {
    Failure::configuration(format!(
        "{what} need the rows in memory, and the rows are on an engine: set engine.kind to embedded"
    ))
}

/// The failure of an engine that returned another number of values than requested.
pub(crate) fn wrong_size(value: &str, wanted: usize, found: usize) -> Failure {
    Failure::input_output(format!(
        "the engine returned {found} values instead of {wanted} for {value}"
    ))
}
