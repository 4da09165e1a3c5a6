//! Calls to the running API: each endpoint once, and predictions for each file of the test data.
//!
//! The only crate that knows HTTP from the calling side. What goes wrong is part of the result,
//! marked as an error and never as an answer; nothing but the address given is contacted, not
//! even a proxy or the target of a redirection.

mod call;
mod pretty;
mod returns;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use common::history::StageDuration;
use common::{Config, History, RunLock, files};
use jiff::Timestamp;

use crate::call::Caller;

pub use returns::{ApiCall, ApiReturns};

/// Calls the API that the configuration names, by hand, and keeps what it answered.
pub fn run(config: &Config) -> anyhow::Result<ApiReturns> {
    let _lock = RunLock::acquire(&config.layout, "apicalls")?;
    let (started_at, clock) = (Timestamp::now(), Instant::now());
    let url = match &config.api.url {
        Some(url) => url.clone(),
        None => format!("http://{}", config.api.bind),
    };
    let returns = call(&url, config);
    write(config, &returns)?;
    History::open(&config.layout)?.record_stage(&StageDuration {
        stage: "apicalls".into(),
        run: None,
        started_at,
        seconds: clock.elapsed().as_secs_f64(),
    })?;
    Ok(returns)
}

/// Calls every endpoint of the API at `base_url`; what fails is recorded with its call.
pub fn call(base_url: &str, config: &Config) -> ApiReturns {
    let clock = Instant::now();
    let url = base_url.trim_end_matches('/').to_owned();
    let caller = Caller::new(&url, config.api.timeout_seconds);
    let mut calls = match test_files(config) {
        Ok(paths) => paths.iter().map(|path| caller.predict(path)).collect(),
        Err(error) => vec![ApiCall::not_made("POST", "/prediction", &error)],
    };
    calls
        .extend(["/scoring", "/summarystats", "/diagnostics"].map(|endpoint| caller.get(endpoint)));
    let returns = ApiReturns { url, calls };
    let failed = returns.failed().count();
    let seconds = clock.elapsed().as_secs_f64();
    tracing::info!(url = %returns.url, calls = returns.calls.len(), failed, seconds, "called the API");
    returns
}

/// Replaces apireturns.txt.
pub fn write(config: &Config, returns: &ApiReturns) -> anyhow::Result<()> {
    files::create_folder(config.layout.models())?;
    files::replace(&config.layout.api_returns(), returns.to_string().as_bytes())
}

/// The test data's files as the API is to be asked for them: relative to the configuration's
/// folder where they are in it; at least one.
fn test_files(config: &Config) -> anyhow::Result<Vec<String>> {
    let folder = &config.test_folder;
    let context = || format!("failed to list the test data in {}", folder.name);
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder.path).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if is_csv(&path) {
            let shown = path.strip_prefix(&config.base).unwrap_or(&path);
            paths.push(shown.to_string_lossy().into_owned());
        }
    }
    paths.sort();
    anyhow::ensure!(
        !paths.is_empty(),
        "there is no CSV file in the test data folder {}",
        folder.name
    );
    Ok(paths)
}

/// Whether it is a visible file with content named `.csv`, as the pipeline reads it.
fn is_csv(path: &Path) -> bool {
    let is_hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let has_ending = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let has_content = path
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0);
    !is_hidden && has_ending && has_content
}

#[cfg(test)]
mod tests;
