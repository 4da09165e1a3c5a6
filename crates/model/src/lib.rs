//! The model: its predictor, the columns that the predictor reads, and the model's file.
//!
//! A predictor has one of several forms. In every form its log-odds are a linear expression that
//! `dataset` evaluates. Only this crate and `training` depend on the form. Fitting a model is in
//! `training`; its metrics are in `scoring`.

mod coefficient;
mod covariance;
mod design;
mod file;
mod form;
mod linear;
pub mod matrix;
mod model;
mod predictor;
mod recalibration;
mod rows;
mod scorecard;
mod scorer;
mod threshold;
mod watch;
mod window;

pub use coefficient::{Coefficient, PairSide, PairTable};
pub use covariance::{covariance_flaw, variance_supplement};
pub use design::{Design, Effect, MAX_PAIRS, PairEffect};
pub use file::FORMAT;
pub use form::{Form, FormResult};
pub use linear::LinearPredictor;
pub use model::{Check, Convergence, Model};
pub use predictor::Predictor;
pub use recalibration::OutOfFoldRecalibration;
pub use rows::RowWriter;
pub use scorecard::{Cells, Part, Scorecard, ScorecardRow};
pub use scorer::Scorer;
pub use threshold::Threshold;
pub use watch::Watch;
pub use window::{Window, WindowResult};

#[cfg(test)]
mod tests;
