//! Shared code of the acceptance tests: sample data, random numbers and fuzzing.

pub mod draws;
pub mod fuzzing;
mod mutation;
pub mod sample_data;
