//! Calls of the API at the end of a run. `api.url` names the API; without it, the run starts a
//! server for the duration of the calls.

use apicalls::{ApiReturns, Key};
use common::exit::{Exit, classify};
use common::{Config, Manifest};
use record::ApiOutcome;

use crate::open_run::OpenRun;

impl OpenRun<'_> {
    /// Calls every endpoint and stores the answers.
    ///
    /// A failed call is recorded and does not stop the run. An error of the system stops the run: no
    /// server can be started, or the answers cannot be written.
    pub(crate) fn call_api(&mut self) -> anyhow::Result<()> {
        let config = self.config;
        if Manifest::of_live_release(&config.layout)?.is_none() {
            // Nothing is deployed, so the API cannot answer.
            return Ok(());
        }
        let returns = self.stage("apicalls", |_| {
            let returns = call(config)?;
            apicalls::write(config, &returns)?;
            Ok(returns)
        })?;
        self.record.warn(returns.warning());
        self.record.api = Some(ApiOutcome {
            calls: returns.calls.len(),
            failures: returns.failures(),
        });
        Ok(())
    }
}

/// Calls the API at `api.url`, or at a server of the run's own.
///
/// If the system cannot start that server, for example for lack of threads, this is an error: the next
/// run resumes this one and calls the API. If the server refuses to start for another reason, all calls
/// count as failed.
fn call(config: &Config) -> anyhow::Result<ApiReturns> {
    if let Some(url) = &config.api.url {
        return Ok(apicalls::call(url, Key::Configured, config));
    }
    match app::serve_in_background(config) {
        Ok(server) => {
            let returns = apicalls::call(server.url(), Key::Given(server.key()), config);
            server.stop();
            Ok(returns)
        }
        Err(error) if classify(&error) == Exit::InputOutput => Err(error),
        Err(error) => Ok(ApiReturns::not_called(&error)),
    }
}
