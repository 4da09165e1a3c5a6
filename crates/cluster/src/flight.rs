//! The connection over Arrow Flight SQL.
//!
//! Statements are sent as text, because Sail knows no prepared ones. A statement that fails for a
//! reason that may pass is sent once more if it only reads. The log has the seconds of each statement on the
//! level `debug`.

mod cells;

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use arrow_flight::FlightEndpoint;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use common::config::EngineSettings;
use common::{Failure, files};
use futures::TryStreamExt;
use tokio::runtime::{Builder, Runtime};
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::answer::{Answer, Cell, Connection};

/// Maximum size of one message of an answer. A message has some thousand rows.
const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// Maximum time to connect.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(30);
/// Pause before a statement is sent once more, in which an engine can start again, or notice that a worker
/// is lost.
const RETRY_PAUSE: Duration = Duration::from_secs(15);
/// Maximum time of a statement of an examination, which a person waits for.
const MAX_EXAMINATION_TIME: Duration = Duration::from_secs(10);
/// Maximum length of an engine's message in an error.
const MAX_SHOWN: usize = 400;

/// How an engine is reached.
#[derive(Clone)]
pub struct FlightSettings {
    /// Address, such as `grpc://localhost:32010`.
    pub url: String,
    /// Certificates, as PEM, of the authorities that an address over TLS is trusted for; `None` for those of
    /// the operating system.
    pub tls_ca: Option<Vec<u8>>,
    /// Token that is sent with every statement; `None` for an engine without authentication.
    pub token: Option<String>,
    /// Time that a statement may take.
    pub timeout: Duration,
    /// Pause before a statement that failed is sent once more.
    pub retry_pause: Duration,
}

impl FlightSettings {
    /// How the engine of the configuration is reached.
    fn of(settings: &EngineSettings) -> anyhow::Result<Self> {
        let token = settings.token_file.as_ref().map(|file| {
            let token = files::read_private(file, "engine.token_file")?;
            Ok::<_, anyhow::Error>(token.trim().to_owned())
        });
        let tls_ca = settings.tls_ca.as_ref().map(|file| certificates(file));
        Ok(Self {
            url: settings.url.clone(),
            tls_ca: tls_ca.transpose()?,
            token: token.transpose()?,
            timeout: settings.timeout,
            retry_pause: RETRY_PAUSE,
        })
    }
}

impl fmt::Debug for FlightSettings {
    /// Leaves out the token.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = to.debug_struct("FlightSettings");
        shown
            .field("url", &self.url)
            .field("timeout", &self.timeout);
        shown.finish_non_exhaustive()
    }
}

/// A connection over Arrow Flight SQL. It connects at the first statement.
#[derive(Debug)]
pub struct FlightConnection {
    settings: FlightSettings,
    runtime: Runtime,
    channel: Channel,
}

/// Why a statement has no answer.
enum Problem {
    /// The engine returned an error.
    Refused(Box<tonic::Status>),
    /// The time is over.
    TooSlow,
    /// The answer is not what the protocol or the statement allows.
    Odd(String),
}

impl FlightConnection {
    /// A connection to the engine of the configuration.
    pub fn of(settings: &EngineSettings) -> anyhow::Result<Self> {
        Ok(Self::new(FlightSettings::of(settings)?)?)
    }

    /// A connection for an examination, which does not wait long.
    pub fn for_examination(settings: &EngineSettings) -> anyhow::Result<Self> {
        let settings = FlightSettings::of(settings)?;
        Ok(Self::new(FlightSettings {
            timeout: settings.timeout.min(MAX_EXAMINATION_TIME),
            retry_pause: Duration::ZERO,
            ..settings
        })?)
    }

    /// A connection to the engine at this address. A failure if the address is not valid.
    pub fn new(settings: FlightSettings) -> Result<Self, Failure> {
        let invalid =
            |why: String| Failure::configuration(format!("engine.url {}: {why}", settings.url));
        let plain = settings.url.strip_prefix("grpc://");
        let plain = plain.map(|address| format!("http://{address}"));
        let over_tls = settings.url.strip_prefix("grpc+tls://");
        let over_tls = over_tls.map(|address| format!("https://{address}"));
        let (address, is_over_tls) = match (plain, over_tls) {
            (Some(address), _) => (address, false),
            (None, Some(address)) => (address, true),
            (None, None) => {
                return Err(invalid("it must begin with grpc:// or grpc+tls://".into()));
            }
        };
        let mut endpoint = Endpoint::from_shared(address)
            .map_err(|error| invalid(error.to_string()))?
            .connect_timeout(settings.timeout.min(MAX_CONNECT_TIME));
        if is_over_tls {
            let trusted = ClientTlsConfig::new();
            let trusted = match &settings.tls_ca {
                Some(certificates) => trusted.ca_certificate(Certificate::from_pem(certificates)),
                None => trusted.with_native_roots(),
            };
            endpoint = endpoint
                .tls_config(trusted)
                .map_err(|error| invalid(with_causes(&error)))?;
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::input_output(format!("failed to start the client of the engine: {error}"))
        })?;
        let channel = {
            let _within = runtime.enter();
            endpoint.connect_lazy()
        };
        Ok(Self {
            settings,
            runtime,
            channel,
        })
    }

    /// Waits for a result, but not longer than the settings allow.
    fn in_time<T>(&self, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        self.runtime.block_on(async {
            let in_time = tokio::time::timeout(self.settings.timeout, work).await;
            in_time.unwrap_or(Err(Problem::TooSlow))
        })
    }

    /// As [`in_time`](Self::in_time). The log gets the seconds.
    fn timed<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let clock = Instant::now();
        let ended = self.in_time(work);
        let seconds = clock.elapsed().as_secs_f64();
        tracing::debug!(
            query = name,
            seconds,
            failed = ended.is_err(),
            "asked the engine"
        );
        ended
    }

    fn client(&self) -> FlightSqlServiceClient<Channel> {
        let inner = FlightServiceClient::new(self.channel.clone());
        let inner = inner.max_decoding_message_size(MAX_MESSAGE_BYTES);
        let mut client = FlightSqlServiceClient::new_from_inner(inner);
        if let Some(token) = &self.settings.token {
            client.set_token(token.clone());
        }
        client
    }

    async fn lines(&self, statement: &str, max_lines: usize) -> Result<Vec<Vec<Cell>>, Problem> {
        let mut client = self.client();
        let info = client.execute(statement.to_owned(), None).await?;
        let mut lines = Vec::new();
        for endpoint in info.endpoint {
            let ticket = ticket_of(endpoint)?;
            let mut batches = client.do_get(ticket).await?;
            while let Some(batch) = batches.try_next().await? {
                if lines.len() + batch.num_rows() > max_lines {
                    return Err(Problem::Odd(format!("more than {max_lines} lines")));
                }
                cells::append(&mut lines, &batch).map_err(Problem::Odd)?;
            }
        }
        Ok(lines)
    }

    fn failure(&self, name: &str, problem: &Problem) -> Failure {
        let (url, asked) = (&self.settings.url, format!("the query for {name}"));
        match problem {
            Problem::TooSlow => Failure::input_output(format!(
                "{asked} took longer than engine.timeout_seconds ({}) at {url}",
                self.settings.timeout.as_secs()
            )),
            Problem::Odd(what) => {
                Failure::input_output(format!("the engine at {url} answered {asked} with {what}"))
            }
            Problem::Refused(status) => {
                let says = shown(status);
                match status.code() {
                    Code::Unauthenticated | Code::PermissionDenied => {
                        Failure::configuration(format!(
                            "the engine at {url} refused {asked}: {says}: check engine.token_file"
                        ))
                    }
                    Code::Unavailable if problem.is_distrust() => Failure::configuration(format!(
                        "the engine at {url} cannot be trusted for {asked}: {says}: check engine.url and engine.tls_ca"
                    )),
                    Code::Unavailable => Failure::input_output(format!(
                        "the engine at {url} cannot be reached for {asked}: {says}"
                    )),
                    _ => Failure::input_output(format!("{asked} failed at {url}: {says}")),
                }
            }
        }
    }
}

impl Connection for FlightConnection {
    fn ask(&self, name: &str, statement: &str, max_lines: usize) -> Result<Answer, Failure> {
        let ask = || self.timed(name, self.lines(statement, max_lines));
        let lines = match ask() {
            Err(problem) if problem.may_pass() => {
                let failure = self.failure(name, &problem);
                tracing::warn!("{failure}; the query is sent once more");
                std::thread::sleep(self.settings.retry_pause);
                ask()
            }
            lines => lines,
        };
        match lines {
            Ok(lines) => Ok(Answer {
                name: name.to_owned(),
                lines,
            }),
            Err(problem) => Err(self.failure(name, &problem)),
        }
    }

    fn execute(&self, name: &str, statement: &str) -> Result<(), Failure> {
        let ended = self.timed(name, async {
            let mut client = self.client();
            let info = client.execute(statement.to_owned(), None).await?;
            for endpoint in info.endpoint {
                let mut batches = client.do_get(ticket_of(endpoint)?).await?;
                while batches.try_next().await?.is_some() {}
            }
            Ok(())
        });
        ended.map_err(|problem| self.failure(name, &problem))
    }
}

impl Problem {
    /// True if the same statement may succeed when it is sent again: the engine may be starting again,
    /// or have lost a worker.
    fn may_pass(&self) -> bool {
        match self {
            Self::TooSlow | Self::Odd(_) => false,
            Self::Refused(_) if self.is_distrust() => false,
            Self::Refused(status) => !matches!(
                status.code(),
                Code::InvalidArgument
                    | Code::Unauthenticated
                    | Code::PermissionDenied
                    | Code::Unimplemented
                    | Code::DeadlineExceeded
            ),
        }
    }

    /// True if the certificate of the engine is not trusted. The library passes on only a text.
    fn is_distrust(&self) -> bool {
        match self {
            Self::Refused(status) => shown(status).contains("invalid peer certificate"),
            Self::TooSlow | Self::Odd(_) => false,
        }
    }
}

impl From<FlightError> for Problem {
    fn from(error: FlightError) -> Self {
        match error {
            FlightError::Tonic(status) => Self::Refused(status),
            other => Self::Odd(format!("an error: {other}")),
        }
    }
}

/// Ticket for one part of an answer. Fails if the part is on another server.
fn ticket_of(endpoint: FlightEndpoint) -> Result<arrow_flight::Ticket, Problem> {
    let is_here = |uri: &str| uri.is_empty() || uri.starts_with("arrow-flight-reuse-connection:");
    if let Some(elsewhere) = endpoint.location.iter().find(|it| !is_here(&it.uri)) {
        return Err(Problem::Odd(format!(
            "a part on another server ({}); only answers from one server are supported",
            elsewhere.uri
        )));
    }
    let missing = || Problem::Odd("a part without a ticket".into());
    endpoint.ticket.ok_or_else(missing)
}

/// The certificates of a file.
fn certificates(file: &Path) -> anyhow::Result<Vec<u8>> {
    let text = files::read_if_present(file)?.unwrap_or_default();
    let begin = b"-----BEGIN CERTIFICATE-----";
    if !text.windows(begin.len()).any(|part| part == begin) {
        return Err(Failure::configuration(format!(
            "engine.tls_ca: {} has no certificate: name a PEM file with the certificate of the authority",
            file.display()
        ))
        .into());
    }
    Ok(text)
}

/// An error with its causes, each once.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

/// The message of an error, on one line and not too long.
fn shown(status: &tonic::Status) -> String {
    let causes = status.source().map(with_causes).unwrap_or_default();
    let text = format!("{} {causes}", status.message());
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{:?}: {}…", status.code(), &words[..end]),
        None => format!("{:?}: {words}", status.code()),
    }
}
