//! The reasons why a fit fails.

use common::Failure;
use thiserror::Error;

/// The reason why a fit failed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FitError {
    /// No row has a label.
    #[error("no row has a label")]
    NoRows,
    /// All labels are equal.
    #[error("all {rows} labelled rows have label {label}")]
    OneLabel {
        /// The only label, 0 or 1.
        label: u8,
        /// Labelled rows.
        rows: u64,
    },
    /// The optimum was not reached.
    #[error(
        "the fit stopped short of its optimum after {iterations} steps (loss {loss:.3e}, gradient norm {gradient_norm:.3e}): {reason}"
    )]
    NotConverged {
        /// Newton steps taken.
        iterations: u32,
        /// Value of the objective where the fit stopped.
        loss: f64,
        /// Norm of the gradient where the fit stopped.
        gradient_norm: f64,
        /// Why the fit stopped.
        reason: &'static str,
    },
    /// A pass over the rows failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// The result of a fit; `None` if these rows cannot be fitted. A failed pass stays an error.
pub(crate) fn if_possible<T>(fit: Result<T, FitError>) -> Result<Option<T>, FitError> {
    match fit {
        Ok(fit) => Ok(Some(fit)),
        Err(failed @ FitError::Failed(_)) => Err(failed),
        Err(_) => Ok(None),
    }
}
