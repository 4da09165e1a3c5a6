//! One row at a point of the likelihood.

use ndarray::Array1;

use super::likelihood::LogisticPoint;
use crate::passes::elementary::exp_minus;
use crate::table::Table;

/// A row at the point.
pub(super) struct Row {
    /// 1 for the intercept, then the standardised values.
    pub(super) z: Array1<f64>,
    /// y − p.
    pub(super) residual: f64,
    /// √(p(1−p)).
    pub(super) spread: f64,
    /// The probability p of the positive label.
    pub(super) probability: f64,
}

impl Row {
    /// The row at a position of a table. Log-odds are clamped to the range from `-limit` to `limit`.
    pub(super) fn at(
        point: &LogisticPoint<'_>,
        limit: f64,
        table: &Table,
        position: usize,
    ) -> Self {
        let columns = point.axes.iter().zip(point.terms);
        let values = columns.map(|(axis, term)| axis.standardise(term.value_at(table, position)));
        let z: Array1<f64> = std::iter::once(1.0).chain(values).collect();
        let log_odds = z.dot(&point.weights).clamp(-limit, limit);
        let odds = exp_minus(log_odds.abs());
        let (larger, smaller) = (1.0 / (1.0 + odds), odds / (1.0 + odds));
        let is_positive = table.labels[position] == Some(true);
        let is_hit = is_positive == (log_odds >= 0.0);
        let miss = if is_hit { smaller } else { larger };
        Self {
            z,
            residual: if is_positive { miss } else { -miss },
            spread: (larger * smaller).sqrt(),
            probability: if log_odds >= 0.0 { larger } else { smaller },
        }
    }
}
