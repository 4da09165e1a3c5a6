//! The distributed engine: whether it answers, and whether it finds the rows of its storage.

pub(super) use self::client::examine;

#[cfg(feature = "cluster")]
mod client {
    use std::path::Path;

    use cluster::{FlightConnection, StoredRows};
    use common::config::EngineSettings;

    use super::super::pipeline::ExaminedPipeline;
    use super::super::report::{Findings, counted, quoted};

    pub(in super::super) fn examine(
        pipeline: &ExaminedPipeline<'_>,
        settings: &EngineSettings,
        findings: &mut Findings,
    ) -> anyhow::Result<String> {
        let connection = match reach(settings) {
            Ok(connection) => connection,
            Err(Unreached { what, remedy }) => {
                findings.problem(what, remedy);
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
            Ok(StoredRows::Leftover { file }) => {
                let what = format!(
                    "{} was left by an interrupted run: the next run that uses the rows removes it",
                    file.display()
                );
                findings.note(what, "fullprocess");
                "a file of an interrupted run is left".to_owned()
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

    /// Why an engine was not reached, and the command that shows more.
    #[derive(Debug)]
    struct Unreached {
        what: String,
        remedy: String,
    }

    /// The connection to an engine that answers.
    fn reach(settings: &EngineSettings) -> Result<FlightConnection, Unreached> {
        let connection = FlightConnection::for_doctor(settings).map_err(|error| Unreached {
            what: format!("{error:#}"),
            remedy: listing(settings).unwrap_or_else(|| request(settings)),
        })?;
        match connection.expect_answer() {
            Ok(()) => Ok(connection),
            Err(unanswered) => Err(Unreached {
                what: unanswered.failure.to_string(),
                remedy: match (&settings.token_file, unanswered.is_refused) {
                    (Some(token), true) => format!("ls -l {}", quoted(token)),
                    _ => request(settings),
                },
            }),
        }
    }

    /// The command that lists the files of the connection; `None` if the configuration names none.
    fn listing(settings: &EngineSettings) -> Option<String> {
        let files = [&settings.tls_ca, &settings.token_file];
        let files: Vec<String> = files.into_iter().flatten().map(|it| quoted(it)).collect();
        (!files.is_empty()).then(|| format!("ls -l {}", files.join(" ")))
    }

    /// The command that sends a request of the web. An engine answers it with no more than an error, but the
    /// command shows how far the connection gets.
    fn request(settings: &EngineSettings) -> String {
        let address = match settings.url.strip_prefix("grpc+tls://") {
            Some(host) => format!("https://{host}"),
            None => settings.url.replacen("grpc://", "http://", 1),
        };
        let trusted = settings.tls_ca.as_ref();
        let trusted = trusted.map(|file| format!("--cacert {} ", quoted(file)));
        format!(
            "curl -v --max-time 5 {}{}",
            trusted.unwrap_or_default(),
            quoted(Path::new(&address))
        )
    }

    #[cfg(test)]
    mod tests {
        use std::time::Duration;

        use super::*;

        fn settings(url: &str) -> EngineSettings {
            EngineSettings {
                url: url.into(),
                tls_ca: None,
                token_file: None,
                storage: "/srv/risk".into(),
                timeout: Duration::from_secs(600),
                ingestion: false,
            }
        }

        #[test]
        fn a_request_of_the_web_is_quoted_and_trusts_as_the_client_does() {
            let plain = settings("grpc://127.0.0.1:32010");
            assert_eq!(
                request(&plain),
                "curl -v --max-time 5 http://127.0.0.1:32010"
            );
            let of_system = settings("grpc+tls://[::1]:32010");
            assert_eq!(
                request(&of_system),
                "curl -v --max-time 5 'https://[::1]:32010'"
            );
            let own = EngineSettings {
                tls_ca: Some("/srv/our ca.pem".into()),
                ..settings("grpc+tls://engine:32010")
            };
            assert_eq!(
                request(&own),
                "curl -v --max-time 5 --cacert '/srv/our ca.pem' https://engine:32010"
            );
        }

        #[test]
        fn the_files_of_the_connection_are_listed_only_if_they_cannot_be_used() {
            let folder = tempfile::tempdir().unwrap();
            let [ca, token] = ["ca.pem", "token"].map(|name| folder.path().join(name));
            // Nobody listens on this port of the loopback address.
            let without = EngineSettings {
                token_file: Some(token.clone()),
                ..settings("grpc://127.0.0.1:1")
            };
            let remedy = reach(&without).unwrap_err().remedy;
            assert_eq!(remedy, format!("ls -l {}", quoted(&token)));
            let over_tls = EngineSettings {
                tls_ca: Some(ca.clone()),
                url: "grpc+tls://127.0.0.1:1".into(),
                ..without.clone()
            };
            let unreached = reach(&over_tls).unwrap_err();
            let both = format!("ls -l {} {}", quoted(&ca), quoted(&token));
            assert_eq!(unreached.remedy, both);
            let plain = settings("grpc://127.0.0.1:1");
            let unreached = reach(&plain).unwrap_err();
            assert!(
                unreached.what.contains("cannot be reached"),
                "{unreached:?}"
            );
            assert_eq!(unreached.remedy, request(&plain));
        }
    }
}

#[cfg(not(feature = "cluster"))]
mod client {
    use common::config::EngineSettings;

    use super::super::pipeline::ExaminedPipeline;
    use super::super::report::Findings;
    use crate::engine;

    pub(in super::super) fn examine(
        _: &ExaminedPipeline<'_>,
        _: &EngineSettings,
        findings: &mut Findings,
    ) -> anyhow::Result<String> {
        findings.problem(engine::missing_client().message, engine::BUILD);
        Ok("this program has no client of it".into())
    }
}
