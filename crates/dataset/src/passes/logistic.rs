//! The terms of the logistic log-likelihood at given coefficients.
//!
//! Features enter standardised, z = x / scale − shift, so that columns of any magnitude can be
//! summed without loss. Vectors and matrices have p + 1 entries a side, the intercept first.

use ndarray::{Array1, Array2};

use super::{Chunk, Pass, run};
use crate::table::{Selection, Table};

/// How one raw feature is standardised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Divides the raw value; above 0.
    pub scale: f64,
    /// Is subtracted after that.
    pub shift: f64,
    /// Raw value used for a missing one.
    pub imputed: f64,
}

impl Axis {
    /// The standardised value of a raw one.
    pub fn standardise(&self, raw: f64) -> f64 {
        let raw = if raw.is_nan() { self.imputed } else { raw };
        raw / self.scale - self.shift
    }
}

/// Where the terms are taken: the axes, and intercept and coefficients on them.
#[derive(Clone, Debug)]
pub struct LogisticPoint<'a> {
    /// One axis per feature.
    pub axes: &'a [Axis],
    /// Intercept first, then one coefficient per axis.
    pub weights: Array1<f64>,
}

/// Sums over labelled rows.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticTerms {
    /// Rows.
    pub rows: u64,
    /// Rows of class 1 among them.
    pub positives: u64,
    /// Sum of the rows' log-losses.
    pub loss: f64,
    /// Its first derivatives.
    pub gradient: Array1<f64>,
    /// Its second derivatives, Zᵀdiag(p(1−p))Z.
    pub hessian: Array2<f64>,
}

/// The log-likelihood terms of the labelled rows of a selection.
pub fn logistic_terms(
    point: &LogisticPoint<'_>,
    table: &Table,
    selection: &Selection,
) -> LogisticTerms {
    let terms = run(
        &Terms {
            point,
            weight: Weight::Curvature,
        },
        table,
        &selection.clone().labelled(),
    );
    terms.symmetric()
}

/// The middle part of the sandwich covariance, Zᵀdiag((y−p)²)Z.
pub fn sandwich_meat(
    point: &LogisticPoint<'_>,
    table: &Table,
    selection: &Selection,
) -> Array2<f64> {
    let terms = run(
        &Terms {
            point,
            weight: Weight::SquaredResidual,
        },
        table,
        &selection.clone().labelled(),
    );
    terms.symmetric().hessian
}

impl LogisticTerms {
    fn zero(size: usize) -> Self {
        Self {
            rows: 0,
            positives: 0,
            loss: 0.0,
            gradient: Array1::zeros(size),
            hessian: Array2::zeros((size, size)),
        }
    }

    /// Only the lower triangle was summed.
    fn symmetric(mut self) -> Self {
        let size = self.gradient.len();
        for row in 0..size {
            for column in row + 1..size {
                self.hessian[[row, column]] = self.hessian[[column, row]];
            }
        }
        self
    }
}

/// What each row's outer product is weighted with.
enum Weight {
    /// p(1−p)
    Curvature,
    /// (y−p)²
    SquaredResidual,
}

struct Terms<'a> {
    point: &'a LogisticPoint<'a>,
    weight: Weight,
}

impl Pass for Terms<'_> {
    type Value = LogisticTerms;

    fn empty(&self) -> LogisticTerms {
        LogisticTerms::zero(self.point.weights.len())
    }

    fn add(&self, terms: &mut LogisticTerms, chunk: &Chunk<'_>) {
        let size = self.point.weights.len();
        let mut z = vec![1.0; size];
        for (position, class) in chunk.classes() {
            let mut log_odds = self.point.weights[0];
            for (feature, axis) in self.point.axes.iter().enumerate() {
                let value = axis.standardise(chunk.table.features[feature][position]);
                z[feature + 1] = value;
                log_odds += self.point.weights[feature + 1] * value;
            }
            terms.add_row(&z, log_odds, class, &self.weight);
        }
    }

    fn merge(&self, earlier: &mut LogisticTerms, later: LogisticTerms) {
        earlier.rows += later.rows;
        earlier.positives += later.positives;
        earlier.loss += later.loss;
        earlier.gradient += &later.gradient;
        earlier.hessian += &later.hessian;
    }
}

impl LogisticTerms {
    fn add_row(&mut self, z: &[f64], log_odds: f64, class: bool, weight: &Weight) {
        // e^−|log-odds| is in (0, 1]: nothing here overflows.
        let small = (-log_odds.abs()).exp();
        let larger = 1.0 / (1.0 + small);
        let smaller = small * larger;
        let p = if log_odds >= 0.0 { larger } else { smaller };
        let miss = if class == (log_odds >= 0.0) {
            smaller
        } else {
            larger
        };
        let residual = if class { -miss } else { miss };
        self.rows += 1;
        self.positives += u64::from(class);
        self.loss += small.ln_1p()
            + if class == (log_odds >= 0.0) {
                0.0
            } else {
                log_odds.abs()
            };
        let factor = match weight {
            Weight::Curvature => p * (1.0 - p).max(0.0),
            Weight::SquaredResidual => residual * residual,
        };
        for (row, value) in z.iter().enumerate() {
            self.gradient[row] += residual * value;
            let weighted = factor * value;
            for (column, other) in z[..=row].iter().enumerate() {
                self.hessian[[row, column]] += weighted * other;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;
    use common::Schema;

    fn table() -> Table {
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (id, x, label) in [
            ("a", 1.0, Some(true)),
            ("b", -2.0, Some(false)),
            ("c", f64::NAN, Some(true)),
            ("d", 7.0, None),
        ] {
            table.push(id.as_bytes(), &[x], label, 0);
        }
        table
    }

    fn loss_at(weights: [f64; 2]) -> LogisticTerms {
        let axes = [Axis {
            scale: 2.0,
            shift: 0.5,
            imputed: 3.0,
        }];
        let point = LogisticPoint {
            axes: &axes,
            weights: Array1::from(weights.to_vec()),
        };
        let table = table();
        logistic_terms(&point, &table, &table.all())
    }

    #[test]
    fn derivatives_are_those_of_the_loss() {
        let at = [0.3, -0.7];
        let terms = loss_at(at);
        assert_eq!(terms.rows, 3);
        let step = 1e-5;
        for axis in 0..2 {
            let moved = |by: f64| {
                let mut point = at;
                point[axis] += by;
                loss_at(point)
            };
            let (up, down) = (moved(step), moved(-step));
            let slope = (up.loss - down.loss) / (2.0 * step);
            assert!((slope - terms.gradient[axis]).abs() < 1e-8);
            for other in 0..2 {
                let bend = (up.gradient[other] - down.gradient[other]) / (2.0 * step);
                assert!((bend - terms.hessian[[axis, other]]).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn extreme_log_odds_stay_finite() {
        let terms = loss_at([1e300, -1e300]);
        assert!(terms.loss.is_finite());
        assert!(terms.gradient.iter().all(|value| value.is_finite()));
        assert!(terms.hessian.iter().all(|value| value.is_finite()));
    }
}
