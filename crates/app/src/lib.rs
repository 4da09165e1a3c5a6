//! The HTTP server: predictions, the score, summary statistics and diagnostics of the live release.
//!
//! The only crate that knows HTTP from the serving side. It reads: no request changes a file of
//! the pipeline. A handler takes one immutable snapshot of the live model and answers wholly from
//! it; work that could hold up other requests runs off the server's workers.

mod answer;
mod application;
mod background;
mod error;
mod payload;
mod predict;
mod problem;
mod routes;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;

use common::Config;
use common::cli::Report;
use serde::Serialize;

pub use application::Application;
pub use background::{RunningServer, serve_in_background};

/// What `app` has to say when it was stopped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServeReport {
    /// Where it answered.
    pub url: String,
}

/// Serves at `api.bind` until the process is asked to stop.
pub fn run(config: &Config) -> anyhow::Result<ServeReport> {
    let application = Application::build(config.clone(), config.api.bind)?;
    let url = application.url();
    tracing::info!(%url, "listening");
    application.run_until_stopped()?;
    Ok(ServeReport { url })
}

impl Report for ServeReport {}

impl fmt::Display for ServeReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "the server at {} has stopped", self.url)
    }
}
