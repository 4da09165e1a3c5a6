//! Calls the running API. Requests the score, the summary statistics and the diagnostics once each,
//! and predictions for the rows of every test data file.
//!
//! The sent rows are the rows that the score is computed on. Requests contain the rows themselves,
//! so the server need not read the files. No other crate is an HTTP client of the API. The result
//! contains failed calls too, each with its error and without an answer. No other address is
//! contacted, not even a proxy or the target of a redirection.

mod answers;
mod call;
mod pretty;
mod requests;
mod returns;

use std::time::Instant;

use anyhow::Context;
use common::history::StageTimer;
use common::{Config, History, RunLock, files};

use crate::answers::Endpoint;
use crate::call::Caller;
use crate::requests::split_into_requests;

pub use returns::{ApiCall, ApiReturns};

/// Calls the API that the configuration names, and saves the answers. This is the program
/// `apicalls`. The pipeline uses [`call()`] and [`write()`] instead.
pub fn run(config: &Config) -> anyhow::Result<ApiReturns> {
    dataset::start_threads()?;
    let _lock = RunLock::acquire(&config.layout, "apicalls")?;
    let timer = StageTimer::start("apicalls");
    let url = match &config.api.url {
        Some(url) => url.clone(),
        None => format!("http://{}", config.api.bind),
    };
    let returns = call(&url, Key::Configured, config);
    write(config, &returns)?;
    History::open(&config.layout)?.record_stage(&timer.stop())?;
    Ok(returns)
}

/// The API key of the calls.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// The key in the file `api.key_file`. No key if that file is not configured.
    Configured,
    /// This key.
    Given(&'a str),
}

/// Calls the four main endpoints of the API at `base_url`. A failed call is recorded with its
/// error.
pub fn call(base_url: &str, key: Key<'_>, config: &Config) -> ApiReturns {
    let clock = Instant::now();
    let url = base_url.trim_end_matches('/').to_owned();
    let key = match key {
        Key::Configured => configured_key(config),
        Key::Given(key) => Ok(Some(key.to_owned())),
    };
    let mut returns = ApiReturns {
        url: url.clone(),
        calls: Vec::new(),
        rows_left_out: 0,
    };
    match key {
        Ok(key) => {
            let caller = Caller::new(&url, key, config.api.timeout_seconds);
            call_all(&caller, config, &mut returns);
        }
        Err(error) => returns.calls.push(ApiCall::not_made("GET", "/", &error)),
    }
    let failed = returns.failed().count();
    let seconds = clock.elapsed().as_secs_f64();
    tracing::info!(url = %returns.url, calls = returns.calls.len(), failed, seconds, "called the API");
    returns
}

fn call_all(caller: &Caller, config: &Config, returns: &mut ApiReturns) {
    if let Err(error) = predict_test_data(caller, config, returns) {
        let call = ApiCall::not_made("POST", "/prediction", &error);
        returns.calls.push(call);
    }
    let endpoints = [
        Endpoint::Scoring,
        Endpoint::SummaryStatistics,
        Endpoint::Diagnostics,
    ];
    let answers = endpoints.map(|endpoint| caller.get(endpoint));
    returns.calls.extend(answers);
}

/// After this number of calls in a row without an answer, no more rows are sent, because each call
/// may take the whole time-out.
const MAX_SILENT_CALLS: usize = 3;

/// Requests predictions for all accepted rows of the test data. Returns an error if no row can be sent, if
/// the test data cannot be read, or if the server does not answer.
fn predict_test_data(
    caller: &Caller,
    config: &Config,
    returns: &mut ApiReturns,
) -> anyhow::Result<()> {
    let ApiReturns {
        calls,
        rows_left_out,
        ..
    } = returns;
    dataset::for_each_test_file(config, |lines| {
        let (requests, left_out) = split_into_requests(&lines, &config.api.limits);
        *rows_left_out += left_out;
        if left_out > 0 {
            tracing::warn!(
                file = %lines.file,
                rows = left_out,
                "rows were not sent: longer than api.limits allows"
            );
        }
        let is_split = requests.len() > 1;
        for request in &requests {
            let newest_first = calls.iter().rev();
            let silent = newest_first.take_while(|call| call.status.is_none());
            anyhow::ensure!(
                silent.count() < MAX_SILENT_CALLS,
                "the server did not answer the last {MAX_SILENT_CALLS} calls"
            );
            let mut call = caller.predict(request);
            call.row_range =
                is_split.then(|| format!("rows {} to {}", request.first_row, request.last_row));
            calls.push(call);
        }
        Ok(())
    })
    .with_context(|| {
        format!(
            "failed to send the test data in {}",
            config.test_folder.name
        )
    })?;
    anyhow::ensure!(
        !calls.is_empty(),
        "there is no row that can be sent in the test data folder {}",
        config.test_folder.name
    );
    Ok(())
}

/// The configured key. `None` if no key is configured.
fn configured_key(config: &Config) -> anyhow::Result<Option<String>> {
    let Some(file) = &config.api.key_file else {
        return Ok(None);
    };
    let key = files::read_private(file, "api.key_file")?;
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

#[cfg(test)]
mod tests;
