//! Rao's score test of model drift: are the deployed coefficients still right for new rows?
//!
//! Let p be the deployed probabilities, and X the columns with the intercept. Then U = Xᵀ(y − p)
//! and I = Xᵀdiag(p(1−p))X. The coefficients are estimates with covariance C, so U has the
//! covariance V = I + I·C·I. U'V⁻¹U is χ² with one degree of freedom per coefficient (Rao 1948; C
//! is the sandwich estimator of White 1982).
//!
//! Rows of one client are not independent. Where clients have several rows, any two rows of a client have
//! the correlation ρ, and V = I + ρ·P + I·C·I (Liang and Zeger 1986). P is the sum of
//! √(p(1−p))·√(p′(1−p′))·x·x′ᵀ over all pairs of rows of a client. ρ is estimated from these rows and the
//! training rows. Its standard error is added, because ρ is uncertain if few clients have several rows.
//! Summing (y − p)·x by client would need far more clients than coefficients. With one row per client P is
//! absent.
//!
//! A client may also have training rows. The client's contributions to U and to the estimation error then
//! partly cancel each other, so V is too large, and the test is cautious.
//!
//! The test detects a change of the model, not of the features: a shift of the features alone is no
//! model drift.
//!
//! U and I of several batches can be added. They use the standardised columns of the training rows,
//! which affects rounding only.

mod deployed;
mod label_simulation;
mod levels;
mod rare_values;
mod sums;
mod terms;
mod tested_coefficients;
mod undecided;

use ndarray::Array2;

use self::tested_coefficients::TestedCoefficients;

pub use self::deployed::DeployedCoefficients;
pub(crate) use self::levels::{ExclusionReason, MIN_CURVATURE};
pub(crate) use self::rare_values::MIN_TRAINING_ROWS;
pub use self::sums::{CumulativeScore, WINDOWS, look_level};
pub use self::terms::{PairTerms, ScoreTerms};
pub use self::tested_coefficients::{ScoreTest, ScoreTestMethod};
pub use self::undecided::Undecided;

/// Tests sums of rows, given the covariance of the coefficients in the same units.
///
/// Redundant coefficients are left out, and so are those with a cell out of range. All rows count
/// as independent. Returns [`Undecided`] when the rows are too few or the model expects too few of
/// either label.
pub fn score_test(terms: &ScoreTerms, covariance: &Array2<f64>) -> Result<ScoreTest, Undecided> {
    let tested = TestedCoefficients::without(&[], terms, covariance, 0.0)?;
    terms.check_expected_labels()?;
    tested.test(&terms.score)
}

#[cfg(test)]
mod tests;
