//! What the acceptance tests stand on.

pub mod sample_data;
