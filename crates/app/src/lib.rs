//! The HTTP server: predictions, score, summary statistics and diagnostics of the live release.
//!
//! This is the only crate that serves HTTP. It only reads: no request changes a file of the
//! pipeline. A handler answers from one immutable snapshot of the live model. Work that could delay
//! other requests runs outside the server's workers.

mod accept;
mod access;
mod access_log;
mod allocator;
mod answer;
mod application;
mod background;
mod caches;
mod connection;
mod content;
mod docs;
mod drain;
mod endpoints;
mod error;
mod gzip;
mod in_flight;
mod kind;
mod metrics;
mod openapi;
mod pace;
mod payload;
mod predict;
mod problem;
mod request_state;
mod routes;
mod serve;
mod snapshot;
mod state;
mod streams;
#[cfg(test)]
mod tests;
mod trace;
mod unread;
mod watch;
mod work;

use std::fmt;

use common::Config;
use common::cli::Report;
use common::cli::clap::{self, Args};
use serde::Serialize;

pub use access::{NewKey, make_key};
pub use application::Application;
pub use background::{RunningServer, serve_in_background};
pub use metrics::run_metrics;

/// Command-line options of the program.
#[derive(Args, Debug)]
pub struct Options {
    /// Make a key, print it once with the line for the keys file, and end; ID names the client
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "client")]
    new_key: Option<String>,
    /// What the new key is for: predict, files, read or all
    #[arg(
        long,
        value_name = "SCOPE",
        default_value = "all",
        requires = "new_key"
    )]
    scope: String,
}

/// Result of the program `app`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AppReport {
    /// The server was stopped.
    Served(ServeReport),
    /// A key was made.
    Key(NewKey),
}

/// Result of a stopped server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServeReport {
    /// Address that it served at.
    pub url: String,
}

/// Makes a key, or serves at `api.bind` until the process is asked to stop.
pub fn run(config: &Config, options: &Options) -> anyhow::Result<AppReport> {
    match &options.new_key {
        Some(id) => make_key(id, &options.scope).map(AppReport::Key),
        None => serve(config).map(AppReport::Served),
    }
}

fn serve(config: &Config) -> anyhow::Result<ServeReport> {
    allocator::give_back_large_blocks();
    dataset::start_threads()?;
    let application = Application::build(config.clone(), config.api.bind)?.with_access_log();
    let url = application.url();
    tracing::info!(%url, "listening");
    application.run_until_stopped()?;
    Ok(ServeReport { url })
}

impl Report for AppReport {
    fn needs_attention(&self) -> bool {
        match self {
            Self::Served(_) => false,
            Self::Key(key) => key.needs_attention(),
        }
    }
}

impl fmt::Display for AppReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Served(served) => writeln!(to, "the server at {} has stopped", served.url),
            Self::Key(key) => key.fmt(to),
        }
    }
}
