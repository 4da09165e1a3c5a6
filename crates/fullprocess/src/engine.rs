//! The rows of a run on a distributed engine. Only programs that are built with the feature `cluster` have
//! the client of one.

use common::{Config, Ledger};
use dataset::{LoadedRows, Table};

/// An error if the configuration names an engine that this program cannot reach.
pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
    match &config.engine {
        Some(settings) => client::check(settings),
        None => Ok(()),
    }
}

/// All rows of finaldata.csv, on the engine of the configuration; `None` if there is none.
///
/// Since the state `earlier`, rows were only appended. `appended` has them if memory does.
pub(crate) fn load(
    config: &Config,
    ledger: &Ledger,
    earlier: &Ledger,
    appended: Option<&Table>,
) -> anyhow::Result<Option<LoadedRows>> {
    let Some(settings) = &config.engine else {
        return Ok(None);
    };
    client::load(settings, config, ledger, earlier, appended).map(Some)
}

#[cfg(feature = "cluster")]
mod client {
    use cluster::{FinalRows, FlightConnection};
    use common::config::EngineSettings;
    use common::{Config, Ledger};
    use dataset::{LoadedRows, Table};

    pub(super) fn check(settings: &EngineSettings) -> anyhow::Result<()> {
        FlightConnection::of(settings).map(|_| ())
    }

    pub(super) fn load(
        settings: &EngineSettings,
        config: &Config,
        ledger: &Ledger,
        earlier: &Ledger,
        appended: Option<&Table>,
    ) -> anyhow::Result<LoadedRows> {
        let rows = FinalRows {
            config,
            ledger,
            earlier,
            appended,
        };
        cluster::load(FlightConnection::of(settings)?, settings, &rows)
    }
}

/// The command that builds this program with the client.
#[cfg(not(feature = "cluster"))]
pub(crate) const BUILD: &str = "cargo build --release -p fullprocess --features cluster";

/// The failure of a program without the client.
#[cfg(not(feature = "cluster"))]
pub(crate) fn missing_client() -> common::Failure {
    common::Failure::configuration(format!(
        "engine.kind is flight_sql, and this program was built without the client of an engine: build it with `{BUILD}`, or set engine.kind to embedded"
    ))
}

#[cfg(not(feature = "cluster"))]
mod client {
    use common::config::EngineSettings;
    use common::{Config, Ledger};
    use dataset::{LoadedRows, Table};

    use super::missing_client;

    pub(super) fn check(_: &EngineSettings) -> anyhow::Result<()> {
        Err(missing_client().into())
    }

    pub(super) fn load(
        _: &EngineSettings,
        _: &Config,
        _: &Ledger,
        _: &Ledger,
        _: Option<&Table>,
    ) -> anyhow::Result<LoadedRows> {
        Err(missing_client().into())
    }
}
