//! The distributed engine: whether it answers, and whether it finds the rows of its storage.

use super::pipeline::ExaminedPipeline;
use super::report::Findings;

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    match &pipeline.config.engine {
        Some(settings) => client::examine(pipeline, settings, findings),
        None => Ok("none".into()),
    }
}

#[cfg(feature = "cluster")]
mod client {
    use std::path::Path;

    use cluster::{Connection, FlightConnection, StoredRows};
    use common::config::EngineSettings;
    use common::exit::{Exit, classify};

    use super::super::pipeline::ExaminedPipeline;
    use super::super::report::{Findings, counted, quoted};

    pub(super) fn examine(
        pipeline: &ExaminedPipeline<'_>,
        settings: &EngineSettings,
        findings: &mut Findings,
    ) -> anyhow::Result<String> {
        let reached = FlightConnection::for_examination(settings).and_then(|connection| {
            connection.ask("the doctor", "SELECT 1", 1)?;
            Ok(connection)
        });
        let connection = match reached {
            Ok(connection) => connection,
            Err(error) => {
                let remedy = match (classify(&error), secret(settings)) {
                    (Exit::Configuration, Some(file)) => format!("ls -l {}", quoted(file)),
                    _ => format!("curl -v --max-time 5 {}", web_address(&settings.url)),
                };
                findings.problem(format!("{error:#}"), remedy);
                return Ok("not reached".into());
            }
        };
        if pipeline.is_working() {
            return Ok(format!("answers at {}", settings.url));
        }
        let seen = match cluster::examine(&connection, settings, pipeline.config) {
            Ok(StoredRows::None) => "no rows yet".to_owned(),
            Ok(StoredRows::Incomplete { file }) => {
                let what = format!(
                    "{} is missing or was changed: the next run stores all rows again",
                    file.display()
                );
                findings.note(what, "fullprocess");
                "rows are missing".to_owned()
            }
            Ok(StoredRows::Whole { rows, files }) => {
                format!("{} in {}", counted(rows, "row"), counted(files, "file"))
            }
            Err(error) => {
                let remedy = format!("ls -l {}", quoted(&settings.storage));
                findings.problem(format!("{error:#}"), remedy);
                "its rows cannot be used".to_owned()
            }
        };
        Ok(format!("answers at {}; {seen}", settings.url))
    }

    fn secret(settings: &EngineSettings) -> Option<&Path> {
        settings.token_file.as_deref()
    }

    /// The address as a client of the web writes it. An engine does not answer such a client with more than
    /// an error, but the client shows how far the connection gets.
    fn web_address(url: &str) -> String {
        url.replacen("grpc", "http", 1)
    }
}

#[cfg(not(feature = "cluster"))]
mod client {
    use common::config::EngineSettings;

    use super::super::pipeline::ExaminedPipeline;
    use super::super::report::Findings;
    use crate::engine;

    pub(super) fn examine(
        _: &ExaminedPipeline<'_>,
        _: &EngineSettings,
        findings: &mut Findings,
    ) -> anyhow::Result<String> {
        findings.problem(engine::missing_client().message, engine::BUILD);
        Ok("this program has no client of it".into())
    }
}
