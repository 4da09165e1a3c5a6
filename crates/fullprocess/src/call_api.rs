//! Calls of the API at the end of a run. `api.url` names the API; without it, the run starts a
//! server for the duration of the calls.

use apicalls::{ApiReturns, Key};
use common::{Config, Manifest};
use record::ApiOutcome;

use crate::open_run::OpenRun;

impl OpenRun<'_> {
    /// Calls every endpoint and stores the answers.
    ///
    /// A failed call is recorded and does not stop the run.
    pub(crate) fn call_api(&mut self) -> anyhow::Result<()> {
        let config = self.config;
        if Manifest::of_live_release(&config.layout)?.is_none() {
            // Nothing is deployed, so the API cannot answer.
            return Ok(());
        }
        let returns = self.stage("apicalls", |_| {
            let returns = call(config);
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

fn call(config: &Config) -> ApiReturns {
    if let Some(url) = &config.api.url {
        return apicalls::call(url, Key::Configured, config);
    }
    match app::serve_in_background(config) {
        Ok(server) => {
            let returns = apicalls::call(server.url(), Key::Given(server.key()), config);
            server.stop();
            returns
        }
        Err(error) => ApiReturns::not_called(&error),
    }
}
