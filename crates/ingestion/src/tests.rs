//! Ingestion of one pipeline in a temporary folder, run by hand and as a pipeline run does it.

mod by_hand;
mod files;
mod gone;
mod pipeline;
mod quantities;
mod sequences;
mod step;
mod superseded;
mod untouched;

pub(crate) use self::pipeline::config_in;
