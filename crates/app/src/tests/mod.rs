//! Tests of the server as its clients see it: real connections to a real release in a temporary
//! folder.

mod addresses;
mod client;
mod findings;
mod jobs;
mod pages;
mod predictions;
mod releases;
mod service;

pub(crate) use jobs::runtime;
pub(crate) use service::Service;
