//! A logistic regression with a weight for each range of rows, for the policies of the comparison.
//!
//! The objective is that of the product: log-losses + ‖w‖² / (2C) on raw coefficients, a missing
//! value imputed by the mean. The derivatives of a range of rows are the product's own
//! ([`dataset::passes::logistic_terms`]), so that a thousand fits take seconds. The steps, the linear
//! equations and the imputed means are this file's. A test compares the fit with the product's and
//! with plain sums over rows.

mod newton;

use std::ops::Range;

use dataset::passes::{Axis, Moments, moments};
use dataset::{Selection, Table};
use model::{Design, LinearPredictor};
use ndarray::Array1;

use self::newton::Objective;

/// Rows that count alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) rows: Range<usize>,
    pub(crate) weight: f64,
}

/// The settings that all fits of a stream share.
pub(crate) struct Fitter {
    design: Design,
    /// Scale of each column. It does not change the optimum.
    scales: Vec<f64>,
    c: f64,
    /// Sums of the columns in the rows so far.
    sums: Vec<RangeSums>,
}

/// Sums of each column's present values in a range of rows, and their counts.
struct RangeSums {
    rows: Range<usize>,
    columns: Vec<(f64, f64)>,
}

impl Fitter {
    /// A fitter for the rows of `table`, and for rows like those.
    pub(crate) fn new(design: Design, table: &Table, c: f64) -> Self {
        let columns = moments(&design.terms(table.n_features()), table, &table.labelled())
            .expect("the rows are in memory");
        let scale = |column: &Moments| column.standard_deviation().filter(|scale| *scale > 0.0);
        let scales = columns.iter().map(|column| scale(column).unwrap_or(1.0));
        let mut fitter = Self {
            scales: scales.collect(),
            design,
            c,
            sums: Vec::new(),
        };
        fitter.add(table);
        fitter
    }

    /// Takes in the rows that were added to the table. A part of a fit must begin and end with the
    /// rows of such a call.
    pub(crate) fn add(&mut self, table: &Table) {
        let start = self.sums.last().map_or(0, |sums| sums.rows.end);
        let rows = start..table.rows();
        let terms = self.design.terms(table.n_features());
        let columns = moments(&terms, table, &Selection::rows(rows.clone()).labelled())
            .expect("the rows are in memory");
        let sums = |column: &Moments| {
            let count = column.count as f64;
            (count * column.mean().unwrap_or(0.0), count)
        };
        self.sums.push(RangeSums {
            rows,
            columns: columns.iter().map(sums).collect(),
        });
    }

    /// The predictor that fits the labelled rows of `parts`. `near` is a start.
    pub(crate) fn fit(
        &self,
        table: &Table,
        parts: &[Part],
        near: &LinearPredictor,
    ) -> LinearPredictor {
        let terms = self.design.terms(table.n_features());
        let means = self.means(parts);
        let axes = means.into_iter().zip(&self.scales);
        let objective = Objective {
            terms: &terms,
            axes: axes
                .map(|(imputed, scale)| Axis {
                    scale: *scale,
                    shift: imputed / scale,
                    imputed,
                })
                .collect(),
            parts,
            table,
            c: self.c,
        };
        self.predictor(&objective.minimum_near(near), &objective.axes)
    }

    /// The predictor in raw units that has these weights on the axes.
    fn predictor(&self, weights: &Array1<f64>, axes: &[Axis]) -> LinearPredictor {
        let standardised_covariance = || axes.iter().zip(weights.iter().skip(1));
        let offset: f64 = standardised_covariance()
            .map(|(axis, weight)| weight * axis.shift)
            .sum();
        LinearPredictor {
            intercept: weights[0] - offset,
            coefficients: standardised_covariance()
                .map(|(axis, weight)| weight / axis.scale)
                .collect(),
            imputed: axes.iter().map(|axis| axis.imputed).collect(),
            design: self.design.clone(),
        }
    }

    /// The weighted mean of each column's present values in the labelled rows; 0 if there are none.
    fn means(&self, parts: &[Part]) -> Vec<f64> {
        let mut totals = vec![(0.0, 0.0); self.scales.len()];
        for part in parts {
            let is_inside = |sums: &&RangeSums| {
                part.rows.start <= sums.rows.start && sums.rows.end <= part.rows.end
            };
            for sums in self.sums.iter().filter(is_inside) {
                for (total, column) in totals.iter_mut().zip(&sums.columns) {
                    total.0 += part.weight * column.0;
                    total.1 += part.weight * column.1;
                }
            }
        }
        let mean = |(sum, count)| if count > 0.0 { sum / count } else { 0.0 };
        totals.into_iter().map(mean).collect()
    }

    /// A predictor with all coefficients 0.
    pub(crate) fn origin(&self) -> LinearPredictor {
        LinearPredictor {
            coefficients: vec![0.0; self.scales.len()],
            imputed: vec![0.0; self.scales.len()],
            design: self.design.clone(),
            intercept: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use dataset::passes::profile;
    use training::FitSettings;

    use super::*;
    use crate::streams::Stream;
    use crate::worlds::{World, worlds};

    fn world(name: &str) -> World {
        let found = worlds().into_iter().find(|world| world.name == name);
        found.expect("a world")
    }

    fn fitter(world: &World, table: &Table) -> Fitter {
        let profile = profile(&world.schema, table, &table.all()).expect("the rows are in memory");
        Fitter::new(Design::choose(&world.schema, &profile), table, 1.0)
    }

    fn all(table: &Table, weight: f64) -> Vec<Part> {
        let rows = 0..table.rows();
        vec![Part { rows, weight }]
    }

    #[test]
    fn with_equal_weights_the_fit_is_that_of_the_product() {
        for name in ["sudden drift", "STAGGER", "Agrawal 1 to 4", "LED"] {
            let world = world(name);
            let table = Stream::draw(&world, 0).first;
            let fitter = fitter(&world, &table);
            let settings = FitSettings { c: 1.0 };
            let theirs = training::fit(&settings, &fitter.design, &table, &table.all());
            let theirs = theirs.expect("a fit").predictor;
            let ours = fitter.fit(&table, &all(&table, 1.0), &fitter.origin());
            for (our, their) in ours.coefficients.iter().zip(&theirs.coefficients) {
                let error = (our - their).abs();
                assert!(
                    error <= 1e-6 * their.abs().max(1e-3),
                    "{name}: {our} {their}"
                );
            }
        }
    }

    #[test]
    fn a_weight_of_two_counts_rows_twice_wherever_the_fit_begins() {
        let world = world("SEA");
        let Stream { first, batches, .. } = Stream::draw(&world, 0);
        let (mut once, mut twice) = (first.clone(), first.clone());
        once.extend(&batches[0].observed);
        twice.extend(&batches[0].observed);
        twice.extend(&batches[0].observed);
        let mut of_once = fitter(&world, &first);
        of_once.add(&once);
        let of_twice = fitter(&world, &twice);
        let parts = [(0..first.rows(), 1.0), (first.rows()..once.rows(), 2.0)];
        let parts = parts.map(|(rows, weight)| Part { rows, weight });
        let by_weight = of_once.fit(&once, &parts, &of_once.origin());
        let by_rows = of_twice.fit(&twice, &all(&twice, 1.0), &by_weight);
        for (one, other) in by_weight.coefficients.iter().zip(&by_rows.coefficients) {
            assert!((one - other).abs() < 1e-7, "{one} {other}");
        }
    }

    #[test]
    fn at_the_optimum_plain_sums_over_rows_are_zero() {
        let world = world("SEA");
        let table = Stream::draw(&world, 0).first;
        let fitter = fitter(&world, &table);
        let fit = fitter.fit(&table, &all(&table, 0.5), &fitter.origin());
        let mut gradient = [0.0; 4];
        for (row, label) in table.in_memory().labels.iter().enumerate() {
            let values: Vec<f64> = std::iter::once(1.0).chain(table.row(row)).collect();
            let weights = [&[fit.intercept], &fit.coefficients[..]].concat();
            let terms = weights.iter().zip(&values);
            let log_odds: f64 = terms.map(|(weight, value)| weight * value).sum();
            let residual = 1.0 / (1.0 + (-log_odds).exp()) - f64::from(u8::from(label.unwrap()));
            for (sum, value) in gradient.iter_mut().zip(values) {
                *sum += 0.5 * residual * value;
            }
        }
        for (sum, coefficient) in gradient.iter_mut().skip(1).zip(&fit.coefficients) {
            *sum += coefficient;
        }
        assert!(gradient.iter().all(|sum| sum.abs() < 1e-4), "{gradient:?}");
    }
}
