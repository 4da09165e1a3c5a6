//! The model: what predicts, the columns that it reads, and its file.
//!
//! A predictor is one of a few forms. Whatever its form, its log-odds are a linear expression that
//! `dataset` evaluates; nothing outside this crate and `training` depends on the form. How a model
//! is fitted is not known here (that is `training`), nor how well it predicts (that is `scoring`).

mod coefficient;
mod covariance;
mod design;
mod file;
mod linear;
mod model;
mod predictor;
mod rows;
mod scorer;

pub use coefficient::Coefficient;
pub use covariance::covariance_flaw;
pub use design::Design;
pub use file::FORMAT;
pub use linear::LinearPredictor;
pub use model::{Check, Convergence, Model};
pub use predictor::Predictor;
pub use rows::RowWriter;
pub use scorer::Scorer;

#[cfg(test)]
mod tests;
