//! Values of single rows. Each function takes a statement, and returns one that adds columns to its rows.

use dataset::passes::{LinearExpression, LogisticPoint, RowNumber};

use super::term::{bounded, sum, term, value};
use crate::dialect::{Dialect, number};

/// A statement that adds columns to the rows of another. Each column has an expression and a name.
pub(super) fn with(inner: &str, columns: &[(String, String)]) -> String {
    let columns = columns
        .iter()
        .map(|(value, name)| format!("{value} AS {name}"));
    let columns: Vec<String> = columns.collect();
    format!("SELECT *, {} FROM ({inner}) AS q", columns.join(", "))
}

fn column(name: &str, value: impl Into<String>) -> (String, String) {
    (value.into(), name.to_owned())
}

/// Column of a standardised value. At place 0 it is the number 1, the value of the intercept.
pub(super) fn z(place: usize) -> String {
    match place {
        0 => number(1.0),
        place => format!("z{place}"),
    }
}

/// The logistic log-likelihood of each labelled row at a point.
pub(crate) struct Likelihood<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) point: &'a LogisticPoint<'a>,
    /// Maximum absolute value of the log-odds; `None` for no limit.
    pub(crate) limit: Option<f64>,
}

impl Likelihood<'_> {
    /// Number of weights.
    pub(super) fn size(&self) -> usize {
        self.point.weights.len()
    }

    /// Adds to the labelled rows of a statement: the values `z1`, `z2`, …; the probability `p`; the
    /// log-loss `loss`; the absolute residual `miss`; the residual `r`, p − y; the curvature `w`,
    /// p(1−p); and the spread `s`, √(p(1−p)).
    pub(super) fn rows(&self, selected: &str) -> String {
        let columns = self.point.terms.iter().zip(self.point.axes);
        let standardised = columns.zip(1..).map(|((it, axis), place)| {
            let raw = term(self.dialect, it, Some(axis.imputed));
            let (scale, shift) = (number(axis.scale), number(axis.shift));
            (format!("({raw}) / {scale} - {shift}"), z(place))
        });
        let standardised: Vec<_> = standardised.collect();
        let rows = match standardised.is_empty() {
            true => selected.to_owned(),
            false => with(selected, &standardised),
        };
        let weights = self.point.weights.iter().enumerate();
        let summands = weights.map(|(place, weight)| format!("{} * {}", number(*weight), z(place)));
        let log_odds = sum(&summands.collect::<Vec<_>>());
        let log_odds = match self.limit {
            Some(limit) => bounded(&log_odds, limit),
            None => log_odds,
        };
        likelihood(&with(&rows, &[column("l", log_odds)]))
    }
}

/// Adds the likelihood of each row to a statement with log-odds `l` and labels `y`.
///
/// The smaller of p and 1 − p is computed from e^−|l|, so that it keeps its digits.
pub(super) fn likelihood(rows: &str) -> String {
    let (zero, one) = (number(0.0), number(1.0));
    let rows = with(rows, &[column("e", "EXP(-ABS(l))")]);
    let rows = with(
        &rows,
        &[
            column("larger", format!("{one} / ({one} + e)")),
            column("smaller", format!("e / ({one} + e)")),
            column(
                "is_hit",
                format!(
                    "CASE WHEN (y = {one} AND l >= {zero}) OR (y = {zero} AND l < {zero}) THEN 1 ELSE 0 END"
                ),
            ),
        ],
    );
    let rows = with(
        &rows,
        &[
            column(
                "p",
                format!("CASE WHEN l >= {zero} THEN larger ELSE smaller END"),
            ),
            column("miss", "CASE WHEN is_hit = 1 THEN smaller ELSE larger END"),
            column("w", "smaller * larger"),
            column(
                "loss",
                format!("LN({one} + e) + CASE WHEN is_hit = 1 THEN {zero} ELSE ABS(l) END"),
            ),
        ],
    );
    with(
        &rows,
        &[
            column("r", format!("CASE WHEN y = {one} THEN -miss ELSE miss END")),
            column("s", "SQRT(w)"),
        ],
    )
}

/// Adds the log-odds `l` of an expression to a statement.
pub(super) fn log_odds(
    dialect: Dialect,
    expression: &LinearExpression<'_>,
    selected: &str,
) -> String {
    with(selected, &[column("l", value(dialect, expression))])
}

/// Adds the number `v` of each row to a statement. It is NULL in rows that are left out.
pub(super) fn row_number(dialect: Dialect, of_row: &RowNumber<'_>, selected: &str) -> String {
    match of_row {
        RowNumber::Zero => with(selected, &[column("v", number(0.0))]),
        RowNumber::Loss(expression) => {
            let rows = log_odds(dialect, expression, selected);
            with(&rows, &[column("v", log_loss("l"))])
        }
        RowNumber::LossDifference { expressions, limit } => {
            let [first, second] = expressions.map(|it| bounded(&value(dialect, it), *limit));
            let rows = with(selected, &[column("l1", first), column("l2", second)]);
            let difference = format!("({}) - ({})", log_loss("l1"), log_loss("l2"));
            with(&rows, &[column("v", difference)])
        }
        RowNumber::TruePositive(cut) => {
            let rows = log_odds(dialect, cut.expression, selected);
            let (zero, one) = (number(0.0), number(1.0));
            let is_predicted = format!("l > {}", number(cut.threshold));
            let hit = format!(
                "CASE WHEN y = {one} AND {is_predicted} THEN {one} \
                 WHEN y = {one} OR {is_predicted} THEN {zero} END"
            );
            with(&rows, &[column("v", hit)])
        }
    }
}

/// The log-loss of the label `y` at these log-odds.
fn log_loss(log_odds: &str) -> String {
    let (zero, one) = (number(0.0), number(1.0));
    format!(
        "LN({one} + EXP(-ABS({log_odds}))) + \
         GREATEST(CASE WHEN y = {one} THEN -{log_odds} ELSE {log_odds} END, {zero})"
    )
}
