//! Metrics of a model on rows, and the comparison of two models on the same rows.
mod confusion;

pub use confusion::ConfusionMatrix;
