//! The settings of a fit.

/// Settings of a fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitSettings {
    /// Inverse strength of the penalty; finite and above 0.
    pub c: f64,
}
