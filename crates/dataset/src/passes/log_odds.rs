//! Log-odds of rows, and their probabilities, log-losses and predicted labels.

use super::elementary::{exp_minus, ln_1p};
use super::engine::{Chunk, Pass, run};
use super::expression::LinearExpression;
use super::remote::needs_rows;
use crate::table::{Selection, Table};
use common::Failure;

/// The probability of the positive label at these log-odds.
#[inline]
pub fn probability(log_odds: f64) -> f64 {
    let odds = (-log_odds.abs()).exp();
    let share = if log_odds >= 0.0 { 1.0 } else { odds };
    share / (1.0 + odds)
}

/// Replaces log-odds by probabilities. Unlike [`probability`], it computes many rows at once, with
/// the same bits on every machine.
pub fn probabilities(log_odds: &mut [f64]) {
    for row in log_odds {
        let odds = exp_minus(row.abs());
        let of_less_likely = odds / (1.0 + odds);
        *row = if *row >= 0.0 {
            1.0 - of_less_likely
        } else {
            of_less_likely
        };
    }
}

/// The log-loss of a row with these log-odds and this label. It loses no digits for log-odds of any
/// size.
pub fn log_loss(log_odds: f64, label: bool) -> f64 {
    let towards_label = if label { log_odds } else { -log_odds };
    ln_1p(exp_minus(towards_label.abs())) + (-towards_label).max(0.0)
}

/// The log-odds of the selected rows, in their order: the value of `expression` for each row. This is for
/// answers about single rows. Figures over many rows use [`score_groups`](super::score_groups).
pub fn log_odds(
    expression: &LinearExpression<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<Vec<f64>, Failure> {
    if table.engine("log-odds row by row")?.is_some() {
        return Err(needs_rows("log-odds row by row"));
    }
    Ok(run(&LogOdds { expression }, table, selection))
}

struct LogOdds<'a> {
    expression: &'a LinearExpression<'a>,
}

impl Pass for LogOdds<'_> {
    type Value = Vec<f64>;

    fn empty(&self) -> Self::Value {
        Vec::new()
    }

    fn add(&self, value: &mut Self::Value, chunk: &Chunk<'_>) {
        let positions = chunk.positions();
        value.extend(positions.map(|row| self.expression.value_at(chunk.table, row)));
    }

    fn merge(&self, earlier: &mut Self::Value, later: Self::Value) {
        earlier.extend(later);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_computed_from_the_odds_of_the_less_likely_label() {
        for log_odds in [0.0, 1e-9, 0.3, 1.0, 36.5, 700.0, 800.0, f64::MAX] {
            let odds = (-log_odds).exp();
            assert_eq!(probability(log_odds), 1.0 / (1.0 + odds));
            assert_eq!(probability(-log_odds), odds / (1.0 + odds));
        }
    }

    #[test]
    fn probabilities_of_many_are_those_of_each() {
        let log_odds: Vec<f64> = (-400..=400).map(|step| f64::from(step) * 0.1).collect();
        let mut found = log_odds.clone();
        probabilities(&mut found);
        for (found, log_odds) in found.into_iter().zip(log_odds) {
            let wanted = probability(log_odds);
            assert!((found - wanted).abs() <= 1e-15 * wanted, "{log_odds}");
        }
    }
}
