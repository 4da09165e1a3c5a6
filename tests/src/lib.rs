//! What the acceptance tests stand on.

pub mod draws;
pub mod fuzzing;
mod mutation;
pub mod sample_data;
