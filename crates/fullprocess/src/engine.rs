//! The rows of a run on a distributed engine. Only programs that are built with the feature `cluster` have
//! the client of one.

use anyhow::Context;
use common::config::EngineSettings;
use common::{Config, Ledger};
use dataset::{LoadedRows, Table, TestData};
use ingestion::{EnginePlan, EngineRows};

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

/// Reason why rows that the engine ingested are lost, or `None`. Asks no engine.
pub(crate) fn lost_rows(config: &Config, ledger: &Ledger) -> anyhow::Result<Option<String>> {
    match &config.engine {
        Some(settings) if settings.ingestion && ledger.rows > 0 => {
            client::lost_rows(settings, config, ledger)
        }
        _ => Ok(None),
    }
}

/// Lets the engine read the files of the plan.
pub(crate) fn ingest(
    config: &Config,
    ledger: &Ledger,
    plan: &EnginePlan,
) -> anyhow::Result<EngineRows> {
    client::ingest(settings(config)?, config, ledger, plan)
}

/// For each test row, true if the engine has ingested it.
pub(crate) fn contains_each(
    config: &Config,
    ledger: &Ledger,
    test: &TestData,
) -> anyhow::Result<Vec<bool>> {
    client::contains_each(settings(config)?, config, ledger, test)
}

fn settings(config: &Config) -> anyhow::Result<&EngineSettings> {
    config.engine.as_ref().context("no engine is configured")
}

#[cfg(feature = "cluster")]
mod client {
    use cluster::{EngineInput, FinalRows, FlightConnection, ReadFile};
    use common::config::EngineSettings;
    use common::{Config, Ledger};
    use dataset::{LoadedRows, Table, TestData};
    use ingestion::{EngineFile, EnginePlan, EngineRows};

    pub(super) fn lost_rows(
        settings: &EngineSettings,
        config: &Config,
        ledger: &Ledger,
    ) -> anyhow::Result<Option<String>> {
        cluster::lost_input(settings, config, ledger)
    }

    pub(super) fn ingest(
        settings: &EngineSettings,
        config: &Config,
        ledger: &Ledger,
        plan: &EnginePlan,
    ) -> anyhow::Result<EngineRows> {
        let connection = FlightConnection::of(settings)?;
        let input = EngineInput {
            config,
            ledger,
            files: &plan.paths(),
            appends: plan.appends(),
            puts_evaluated_first: plan.puts_evaluated_first(),
        };
        let read = cluster::read_input(&connection, settings, &input)?;
        let loaded = cluster::load_input(connection, settings, config, &read.manifest)?;
        let (table, schema) = (&loaded.table, &config.schema);
        Ok(EngineRows {
            has_evaluated_first: read.has_evaluated_first,
            files: read.files.into_iter().map(file).collect(),
            profile: dataset::passes::profile(schema, table, &table.all())?,
            manifest: read.manifest,
        })
    }

    fn file(read: ReadFile) -> EngineFile {
        let ReadFile {
            rows,
            in_front,
            reason,
            rules,
            rejections,
            notes,
        } = read;
        EngineFile {
            rows,
            in_front,
            reason,
            rules,
            rejections,
            notes,
        }
    }

    pub(super) fn contains_each(
        settings: &EngineSettings,
        config: &Config,
        ledger: &Ledger,
        test: &TestData,
    ) -> anyhow::Result<Vec<bool>> {
        let connection = FlightConnection::of(settings)?;
        cluster::contains_each(&connection, settings, config, ledger, test)
    }

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
    use dataset::{LoadedRows, Table, TestData};
    use ingestion::{EnginePlan, EngineRows};

    use super::missing_client;

    pub(super) fn lost_rows(
        _: &EngineSettings,
        _: &Config,
        _: &Ledger,
    ) -> anyhow::Result<Option<String>> {
        Err(missing_client().into())
    }

    pub(super) fn ingest(
        _: &EngineSettings,
        _: &Config,
        _: &Ledger,
        _: &EnginePlan,
    ) -> anyhow::Result<EngineRows> {
        Err(missing_client().into())
    }

    pub(super) fn contains_each(
        _: &EngineSettings,
        _: &Config,
        _: &Ledger,
        _: &TestData,
    ) -> anyhow::Result<Vec<bool>> {
        Err(missing_client().into())
    }

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
