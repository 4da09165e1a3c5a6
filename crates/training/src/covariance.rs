//! The covariance of the coefficients: how far they may be from those of the population.
//!
//! It is (I₀+Λ)⁻¹ · M · (I₀+Λ)⁻¹ on the training rows. I₀ is the information matrix, and Λ has the
//! second derivatives of the penalty. The middle M is the sum of s·sᵀ over the clients, where s is
//! a client's sum of (y−p)·z over its rows (White 1982; Liang and Zeger 1986). This sandwich is
//! valid even if the model's form is wrong, and if rows of a client are alike.
//!
//! If few rows determine a direction, the fit follows their labels, and their residuals are far too
//! small. An example is a column that is 0 in all but a few rows. The residuals of few clients are
//! too small as well. In such a direction the variance is that of the model with its penalty,
//! (I₀+Λ)⁻¹. With several rows per client, the correlation of their residuals is added.
//!
//! The penalty pulls the coefficients towards 0. If this moves them by more than a standard error,
//! as with separable rows, the square of the bias is added. A fit of many coefficients follows the
//! noise of its rows, so its errors are larger than all of these; see [`overfit`].
//!
//! Collinear columns leave a direction open: any coefficients along it fit the training rows
//! equally well. Its variance is then large, so no test uses this direction.

use dataset::passes::{Agreement, ClientPairs, LogisticPoint, client_pairs, sandwich_meat};
use dataset::{Selection, Table};
use model::matrix::{Cholesky, Eigen, Matrix, eigen};
use model::{covariance_flaw, variance_supplement};
use ndarray::{Array1, Array2, Axis};

use crate::fit::{Fit, FitError};

/// Minimum curvature of a direction that the rows determine, relative to the curvature of its
/// columns. Below it, one rounding error would be divided by another. Such a direction gets the
/// variance at this curvature, which is much larger than that of any other direction.
const MIN_CURVATURE: f64 = 1e-9;

/// Minimum squared length of a bias that counts, in standard errors.
const MIN_BIAS: f64 = 1.0;
/// Number of terms of the series of a bias.
const BIAS_TERMS: usize = 10;
/// Number of coefficients that a fit may have without a correction for their number.
const FEW_COEFFICIENTS: f64 = 5.0;
/// Maximum share of coefficients in the correction for their number.
const MAX_SHARE: f64 = 0.5;

/// How far the coefficients of a fit may be from those of the population.
pub struct Uncertainty {
    /// The covariance of intercept and coefficients in raw units, the intercept first. `None` if it
    /// overflows.
    pub covariance: Option<Matrix>,
    /// How far the labels of a client's rows agree. `None` if every client has one row.
    pub client_agreement: Option<Agreement>,
}

/// The uncertainty of a fit to the labelled rows of a selection.
pub fn uncertainty(
    fit: &Fit,
    table: &Table,
    selection: &Selection,
) -> Result<Uncertainty, FitError> {
    let terms = fit.predictor.design.terms(table.n_features());
    let point = LogisticPoint {
        terms: &terms,
        axes: &fit.axes,
        weights: fit.weights.clone(),
    };
    let meat = sandwich_meat(&point, table, selection)?;
    let pairs = client_pairs(&point, f64::MAX, table, selection)?;
    let is_flawless = |raw: &Matrix| covariance_flaw(raw, fit.curvature.nrows()).is_none();
    Ok(Uncertainty {
        covariance: standardised(fit, meat, pairs.as_ref())
            .map(|standardised| with_extra_variances(fit, in_raw_units(fit, &standardised)).into())
            .filter(is_flawless),
        client_agreement: pairs.map(|pairs| pairs.agreement),
    })
}

/// The covariance of the weights. `meat` is the middle for single rows.
fn standardised(
    fit: &Fit,
    mut meat: Array2<f64>,
    pairs: Option<&ClientPairs>,
) -> Option<Array2<f64>> {
    if let Some(pairs) = pairs {
        meat += &pairs.scores;
    }
    let directions = Directions::of(&fit.curvature)?;
    let mut covariance = directions.sandwich(&fit.curvature, &meat)?;
    let sandwich = directions.in_determined_directions(&meat);
    let mut least = Array2::eye(sandwich.nrows());
    if let Some(pairs) = pairs {
        let spreads = directions.in_determined_directions(&pairs.spreads);
        least.scaled_add(pairs.agreement.correlation(), &spreads);
    }
    if let Some(missing) = variance_supplement(&sandwich, &least) {
        covariance += &directions.for_weights(&missing);
    }
    let penalty = directions.in_all_directions(&Array2::from_diag(&fit.penalty));
    let bias = bias(
        &penalty,
        &directions.vectors.t().dot(&(&fit.penalty * &fit.weights)),
    );
    if bias.dot(&bias) > MIN_BIAS {
        let column = bias.insert_axis(Axis(1));
        covariance += &directions.for_weights(&column.dot(&column.t()));
    }
    for constant in columns_without_variation(fit) {
        covariance.row_mut(constant).fill(0.0);
        covariance.column_mut(constant).fill(0.0);
    }
    let factor = overfit(&directions, &penalty, fit);
    Some(covariance * factor)
}

/// Places of the coefficients whose columns have a single value. Their variance depends only on the
/// penalty. It would make the variance of the intercept huge, and no test uses these columns.
fn columns_without_variation(fit: &Fit) -> impl Iterator<Item = usize> {
    (1..fit.curvature.nrows())
        .filter(|place| fit.curvature[[*place, *place]] <= fit.penalty[*place])
}

/// How far the penalty moves the weights, in units of the standard error along each direction.
/// `penalty` has its second derivatives, and `gradient` its first ones, in the same directions.
///
/// The bias is the gradient of the log-losses alone, divided by their curvature. It is computed as
/// the geometric series of (1 − Λ)⁻¹. The series is cut off, because it does not converge in a
/// direction without curvature. Such a direction has no bias.
fn bias(penalty: &Array2<f64>, gradient: &Array1<f64>) -> Array1<f64> {
    (0..BIAS_TERMS).fold(gradient.clone(), |bias, _| penalty.dot(&bias) + gradient)
}

/// Factor by which the covariance of a fit of many coefficients is too small.
///
/// Let k be the number of coefficients that the rows determine, beyond [`FEW_COEFFICIENTS`]. Let W
/// be the sum of p(1−p) over the rows, which is a quarter of their number if half of them are
/// positive. The factor is (1 − k/4W)⁻⁵. Two of the powers are those of the jackknife (MacKinnon
/// and White 1985): a row pulls the fit towards its own label. The other three are measured. A fit
/// of 40 coefficients to 300 rows has too extreme probabilities, so its curvature is too small.
fn overfit(directions: &Directions, penalty: &Array2<f64>, fit: &Fit) -> f64 {
    let shares = penalty.diag().to_owned();
    let determined = shares.iter().zip(&directions.is_open);
    let determined: f64 = determined
        .map(|(share, is_open)| {
            if *is_open {
                0.0
            } else {
                (1.0 - share).max(0.0)
            }
        })
        .sum();
    let determined = determined + fit.hidden_coefficients;
    let weight = fit.curvature[[0, 0]];
    let share = (determined - FEW_COEFFICIENTS).max(0.0) / (4.0 * weight);
    (1.0 - share.min(MAX_SHARE)).powi(-5)
}

/// The directions in which the curvature is diagonal.
struct Directions {
    /// A column for each direction, as long as the model's standard error there.
    vectors: Array2<f64>,
    /// For each direction, true if the rows do not determine it.
    is_open: Vec<bool>,
}

impl Directions {
    /// The directions; `None` if a number is not finite.
    fn of(curvature: &Array2<f64>) -> Option<Self> {
        let lengths: Array1<f64> = curvature
            .diag()
            .iter()
            .map(|entry| length(*entry))
            .collect();
        let scaled = Array2::from_shape_fn(curvature.dim(), |(row, column)| {
            curvature[[row, column]] / lengths[row] / lengths[column]
        });
        let Eigen { values, vectors } = eigen(&scaled)?;
        let entry = |row: usize, direction: usize| {
            vectors[[direction, row]] / lengths[row] / values[direction].max(MIN_CURVATURE).sqrt()
        };
        Some(Self {
            vectors: Array2::from_shape_fn(curvature.dim(), |(row, of)| entry(row, of)),
            is_open: values.iter().map(|value| *value < MIN_CURVATURE).collect(),
        })
    }

    /// The sandwich with this middle. Open directions have no variance.
    fn sandwich(&self, curvature: &Array2<f64>, meat: &Array2<f64>) -> Option<Array2<f64>> {
        if self.is_open.contains(&true) {
            return Some(self.for_weights(&self.in_determined_directions(meat)));
        }
        let bread = Cholesky::exactly(curvature, 0.0)?;
        let half = bread.solve_columns(meat);
        Some(bread.solve_columns(&half.reversed_axes()))
    }

    /// A matrix of the weights, written in all directions.
    fn in_all_directions(&self, matrix: &Array2<f64>) -> Array2<f64> {
        self.vectors.t().dot(matrix).dot(&self.vectors)
    }

    /// A matrix in the directions, written for the weights.
    fn for_weights(&self, matrix: &Array2<f64>) -> Array2<f64> {
        self.vectors.dot(matrix).dot(&self.vectors.t())
    }

    /// A matrix of the weights, written in the directions; 0 for the open ones.
    fn in_determined_directions(&self, matrix: &Array2<f64>) -> Array2<f64> {
        let mut seen = self.in_all_directions(matrix);
        for (direction, _) in self.is_open.iter().enumerate().filter(|(_, open)| **open) {
            seen.row_mut(direction).fill(0.0);
            seen.column_mut(direction).fill(0.0);
        }
        seen
    }
}

/// The length of a column with this curvature. A column without curvature keeps its unit.
fn length(curvature: f64) -> f64 {
    if curvature > 0.0 {
        curvature.sqrt()
    } else {
        1.0
    }
}

/// Adds the `extra_variances` of a fit, which come from the fit of its curves and pairs.
fn with_extra_variances(fit: &Fit, mut raw: Array2<f64>) -> Array2<f64> {
    let mut variances = raw.diag_mut();
    for (variance, extra) in variances.iter_mut().skip(1).zip(&fit.extra_variances) {
        *variance += extra;
    }
    raw
}

/// The covariance in raw units, T·C·Tᵀ. C is the covariance of the standardised weights, and T
/// converts these weights to raw ones.
fn in_raw_units(fit: &Fit, standardised: &Array2<f64>) -> Array2<f64> {
    let size = standardised.nrows();
    let transform = |row: usize| -> Array1<f64> {
        let mut weights = Array1::zeros(size);
        if row == 0 {
            weights[0] = 1.0;
            for (column, axis) in fit.axes.iter().enumerate() {
                weights[column + 1] = -axis.shift;
            }
        } else {
            weights[row] = 1.0 / fit.axes[row - 1].scale;
        }
        weights
    };
    let transforms: Vec<Array1<f64>> = (0..size).map(transform).collect();
    let mut raw = Array2::zeros((size, size));
    for (row, left) in transforms.iter().enumerate() {
        let product = left.dot(standardised);
        for (column, right) in transforms.iter().enumerate().take(row + 1) {
            raw[[row, column]] = product.dot(right);
            raw[[column, row]] = raw[[row, column]];
        }
    }
    raw
}

#[cfg(test)]
mod tests;
