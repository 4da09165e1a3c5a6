//! Calls to the running API: the score, the summary statistics and the diagnostics once each, and
//! predictions for each file of the test data.
//!
//! The only crate that knows HTTP from the calling side. What goes wrong is part of the result,
//! marked as an error and never as an answer; nothing but the address given is contacted, not
//! even a proxy or the target of a redirection.

mod call;
mod pretty;
mod returns;

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io};

use anyhow::Context;
use common::history::StageDuration;
use common::{Config, History, RunLock, files, regular};
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
    let returns = call(&url, Key::Configured, config);
    write(config, &returns)?;
    History::open(&config.layout)?.record_stage(&StageDuration {
        stage: "apicalls".into(),
        run: None,
        started_at,
        seconds: clock.elapsed().as_secs_f64(),
    })?;
    Ok(returns)
}

/// The key that calls show.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// The one in the file of `api.key_file`; none where there is no such file.
    Configured,
    /// This one.
    Given(&'a str),
}

/// Calls the four main endpoints of the API at `base_url`; what fails is recorded with its call.
pub fn call(base_url: &str, key: Key<'_>, config: &Config) -> ApiReturns {
    let clock = Instant::now();
    let url = base_url.trim_end_matches('/').to_owned();
    let key = match key {
        Key::Configured => configured_key(config),
        Key::Given(key) => Ok(Some(key.to_owned())),
    };
    let calls = match key {
        Ok(key) => call_all(&Caller::new(&url, key, config.api.timeout_seconds), config),
        Err(error) => vec![ApiCall::not_made("GET", "/", &error)],
    };
    let returns = ApiReturns { url, calls };
    let failed = returns.failed().count();
    let seconds = clock.elapsed().as_secs_f64();
    tracing::info!(url = %returns.url, calls = returns.calls.len(), failed, seconds, "called the API");
    returns
}

fn call_all(caller: &Caller, config: &Config) -> Vec<ApiCall> {
    let mut calls = match test_files(config) {
        Ok(paths) => paths.iter().map(|path| caller.predict(path)).collect(),
        Err(error) => vec![ApiCall::not_made("POST", "/prediction", &error)],
    };
    calls
        .extend(["/scoring", "/summarystats", "/diagnostics"].map(|endpoint| caller.get(endpoint)));
    calls
}

/// `None` where no key is configured.
fn configured_key(config: &Config) -> anyhow::Result<Option<String>> {
    let Some(file) = &config.api.key_file else {
        return Ok(None);
    };
    let key = regular::read_to_string(file)
        .with_context(|| format!("failed to read the key {} (api.key_file)", file.display()))?;
    Ok(Some(key.trim().to_owned()))
}

/// Replaces apireturns.txt and apireturns.json.
pub fn write(config: &Config, returns: &ApiReturns) -> anyhow::Result<()> {
    let layout = &config.layout;
    files::create_folder(layout.models())?;
    let json = serde_json::to_vec(returns).context("failed to encode the API's answers")?;
    files::replace(&layout.api_returns_json(), &json)?;
    files::replace(&layout.api_returns(), returns.to_string().as_bytes())
}

/// The test data's files, those of sub-folders too, as the API is to be asked for them: relative
/// to the configuration's folder where they are in it; at least one.
fn test_files(config: &Config) -> anyhow::Result<Vec<String>> {
    let folder = &config.test_folder;
    let mut files = Vec::new();
    collect_files(&folder.path, &mut files)
        .with_context(|| format!("failed to list the test data in {}", folder.name))?;
    let mut paths: Vec<String> = files
        .iter()
        .map(|path| path.strip_prefix(&config.base).unwrap_or(path))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    paths.sort();
    anyhow::ensure!(
        !paths.is_empty(),
        "there is no CSV file in the test data folder {}",
        folder.name
    );
    Ok(paths)
}

/// The server follows no links, so none is followed to a folder here: there is an end to them.
fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if is_hidden(&path) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect_files(&path, files)?;
        } else if is_csv(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Whether it is a file with content named `.csv`, as the pipeline reads it.
fn is_csv(path: &Path) -> bool {
    let has_ending = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let has_content = path
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0);
    has_ending && has_content
}

#[cfg(test)]
mod tests;
