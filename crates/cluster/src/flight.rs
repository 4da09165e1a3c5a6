//! The connection over Arrow Flight SQL.
//!
//! Statements are sent as text, because Sail knows no prepared ones. If a statement that only reads fails, and
//! the reason may pass, it is sent once more. At level `debug` the log has the seconds of each statement.

mod cells;

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
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
/// Pause before a statement is sent once more. Meanwhile an engine can restart, or notice that it lost a
/// worker.
const RETRY_PAUSE: Duration = Duration::from_secs(15);
/// Maximum time for an answer to the doctor, because a person waits for it.
const MAX_DOCTOR_TIME: Duration = Duration::from_secs(10);
/// Maximum length of an engine's message in an error.
const MAX_SHOWN: usize = 400;

/// How an engine is reached.
#[derive(Clone)]
pub struct FlightSettings {
    /// Address, such as `grpc://localhost:32010`.
    pub url: String,
    /// PEM certificates of the authorities that may confirm the engine's certificate, for an address over TLS;
    /// `None` for those of the operating system.
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

/// Why an engine did not answer the doctor.
#[derive(Debug)]
pub struct Unanswered {
    /// The failure.
    pub failure: Failure,
    /// True if the engine was reached, and refused the credentials.
    pub is_refused: bool,
}

/// The time that a statement may take.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// `engine.timeout_seconds`.
    Configured(Duration),
    /// [`MAX_DOCTOR_TIME`].
    Doctor,
}

/// Why a statement has no answer.
enum Problem {
    /// The call failed with this status.
    Failed(Box<tonic::Status>),
    /// The time is over.
    TooSlow(Limit),
    /// The answer is not what the protocol or the statement allows.
    Odd(String),
}

impl FlightConnection {
    /// A connection to the engine of the configuration.
    pub fn of(settings: &EngineSettings) -> anyhow::Result<Self> {
        Ok(Self::new(FlightSettings::of(settings)?)?)
    }

    /// A connection for the doctor: it waits at most [`MAX_DOCTOR_TIME`], and does not pause before the second
    /// attempt.
    pub fn for_doctor(settings: &EngineSettings) -> anyhow::Result<Self> {
        let settings = FlightSettings {
            retry_pause: Duration::ZERO,
            ..FlightSettings::of(settings)?
        };
        let limit = Limit::of_doctor(settings.timeout);
        Ok(Self::within(limit, settings)?)
    }

    /// A connection to the engine at this address. A failure if the address is not valid.
    pub fn new(settings: FlightSettings) -> Result<Self, Failure> {
        Self::within(Limit::Configured(settings.timeout), settings)
    }

    /// A connection. `first` limits the first statement, which also connects. Connecting may take half of that
    /// time: the error then says whether the host does not react or the engine is too slow.
    fn within(first: Limit, settings: FlightSettings) -> Result<Self, Failure> {
        let invalid =
            |why: String| Failure::configuration(format!("engine.url {}: {why}", settings.url));
        let (address, is_over_tls) = match settings.url.split_once("://") {
            Some(("grpc", host)) => (format!("http://{host}"), false),
            Some(("grpc+tls", host)) => (format!("https://{host}"), true),
            _ => return Err(invalid("it must begin with grpc:// or grpc+tls://".into())),
        };
        let mut endpoint = Endpoint::from_shared(address)
            .map_err(|error| invalid(error.to_string()))?
            .connect_timeout((first.time() / 2).min(MAX_CONNECT_TIME));
        if is_over_tls {
            let trusted = ClientTlsConfig::new();
            let trusted = match &settings.tls_ca {
                Some(certificates) => trusted.ca_certificate(Certificate::from_pem(certificates)),
                None => trusted.with_native_roots(),
            };
            endpoint = endpoint.tls_config(trusted).map_err(|error| {
                let why = with_causes(&error);
                match &settings.tls_ca {
                    Some(_) => invalid_certificates(&format!("cannot be read: {why}")),
                    None => invalid(why),
                }
            })?;
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::input_output(format!("failed to start the client of the engine: {error}"))
        })?;
        let channel = {
            // The channel starts its task in this runtime.
            let _guard = runtime.enter();
            endpoint.connect_lazy()
        };
        Ok(Self {
            settings,
            runtime,
            channel,
        })
    }

    /// Asks for a constant. An engine that works answers at once.
    pub fn expect_answer(&self) -> Result<(), Unanswered> {
        let (name, limit) = ("the doctor", Limit::of_doctor(self.settings.timeout));
        let answer = self.ask_within(limit, name, "SELECT 1", 1);
        answer.map(|_| ()).map_err(|problem| Unanswered {
            failure: self.failure(name, &problem),
            is_refused: problem.is_refusal(),
        })
    }

    /// Asks for lines, and once more if the problem may pass.
    fn ask_within(
        &self,
        limit: Limit,
        name: &str,
        statement: &str,
        max_lines: usize,
    ) -> Result<Vec<Vec<Cell>>, Problem> {
        let ask = || self.timed(limit, name, self.lines(statement, max_lines));
        match ask() {
            Err(problem) if problem.may_pass() => {
                let failure = self.failure(name, &problem);
                tracing::warn!("{failure}; the query is sent once more");
                std::thread::sleep(self.settings.retry_pause);
                ask()
            }
            lines => lines,
        }
    }

    /// Waits for a result, but not longer than the limit. The log gets the seconds.
    fn timed<T>(
        &self,
        limit: Limit,
        name: &str,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let clock = Instant::now();
        let ended = self.runtime.block_on(async {
            let in_time = tokio::time::timeout(limit.time(), work).await;
            in_time.unwrap_or(Err(Problem::TooSlow(limit)))
        });
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
        let mut lines = Vec::new();
        self.each_batch(statement, |batch| {
            if lines.len() + batch.num_rows() > max_lines {
                return Err(Problem::Odd(format!("more than {max_lines} lines")));
            }
            cells::append(&mut lines, batch).map_err(Problem::Odd)
        })
        .await?;
        Ok(lines)
    }

    /// Sends a statement, and calls `take` for each batch of the answer.
    async fn each_batch(
        &self,
        statement: &str,
        mut take: impl FnMut(&RecordBatch) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut client = self.client();
        let info = client.execute(statement.to_owned(), None).await?;
        for endpoint in info.endpoint {
            let mut batches = client.do_get(ticket_of(endpoint)?).await?;
            while let Some(batch) = batches.try_next().await? {
                take(&batch)?;
            }
        }
        Ok(())
    }

    fn failure(&self, name: &str, problem: &Problem) -> Failure {
        let (url, asked) = (&self.settings.url, format!("the query for {name}"));
        match problem {
            Problem::TooSlow(limit) => {
                Failure::input_output(format!("{asked} took longer than {limit} at {url}"))
            }
            Problem::Odd(what) => {
                Failure::input_output(format!("the engine at {url} answered {asked} with {what}"))
            }
            Problem::Failed(status) => {
                let says = shown(status);
                if problem.is_refusal() {
                    Failure::configuration(format!(
                        "the engine at {url} refused {asked}: {says}: check engine.token_file"
                    ))
                } else if problem.is_distrust() {
                    Failure::configuration(format!(
                        "the engine at {url} cannot be trusted for {asked}: {says}: check engine.url and engine.tls_ca"
                    ))
                } else if status.code() == Code::Unavailable {
                    Failure::input_output(format!(
                        "the engine at {url} cannot be reached for {asked}: {says}"
                    ))
                } else {
                    Failure::input_output(format!("{asked} failed at {url}: {says}"))
                }
            }
        }
    }
}

impl Connection for FlightConnection {
    fn ask(&self, name: &str, statement: &str, max_lines: usize) -> Result<Answer, Failure> {
        let limit = Limit::Configured(self.settings.timeout);
        match self.ask_within(limit, name, statement, max_lines) {
            Ok(lines) => Ok(Answer {
                name: name.to_owned(),
                lines,
            }),
            Err(problem) => Err(self.failure(name, &problem)),
        }
    }

    fn execute(&self, name: &str, statement: &str) -> Result<(), Failure> {
        let limit = Limit::Configured(self.settings.timeout);
        let ended = self.timed(limit, name, self.each_batch(statement, |_| Ok(())));
        ended.map_err(|problem| self.failure(name, &problem))
    }
}

impl Limit {
    /// The limit of a statement of the doctor.
    fn of_doctor(configured: Duration) -> Self {
        match configured > MAX_DOCTOR_TIME {
            true => Self::Doctor,
            false => Self::Configured(configured),
        }
    }

    fn time(self) -> Duration {
        match self {
            Self::Configured(time) => time,
            Self::Doctor => MAX_DOCTOR_TIME,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time().as_secs();
        match self {
            Self::Configured(_) => write!(to, "engine.timeout_seconds ({seconds})"),
            Self::Doctor => write!(to, "{seconds} s"),
        }
    }
}

impl Problem {
    /// True if the same statement may succeed when it is sent again: the engine may be restarting, or
    /// have lost a worker.
    fn may_pass(&self) -> bool {
        match self {
            Self::TooSlow(_) | Self::Odd(_) => false,
            Self::Failed(_) if self.is_distrust() => false,
            Self::Failed(status) => !matches!(
                status.code(),
                Code::InvalidArgument
                    | Code::Unauthenticated
                    | Code::PermissionDenied
                    | Code::Unimplemented
                    | Code::DeadlineExceeded
            ),
        }
    }

    /// True if the engine refused the credentials.
    fn is_refusal(&self) -> bool {
        let is_of_credentials =
            |code| matches!(code, Code::Unauthenticated | Code::PermissionDenied);
        matches!(self, Self::Failed(status) if is_of_credentials(status.code()))
    }

    /// True if the certificate of the engine is not trusted. The library tells it by a text only. The code is
    /// checked, too, because the error of a statement may contain the same text.
    fn is_distrust(&self) -> bool {
        let is_of_certificate = |status: &tonic::Status| {
            status.code() == Code::Unavailable && shown(status).contains("invalid peer certificate")
        };
        matches!(self, Self::Failed(status) if is_of_certificate(status))
    }
}

impl From<FlightError> for Problem {
    fn from(error: FlightError) -> Self {
        match error {
            FlightError::Tonic(status) => Self::Failed(status),
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
    let invalid = |why: &str| invalid_certificates(&format!("{} {why}", file.display()));
    let Some(text) = files::read_if_present(file)? else {
        return Err(invalid("does not exist").into());
    };
    let begin = b"-----BEGIN CERTIFICATE-----";
    if !text.windows(begin.len()).any(|part| part == begin) {
        return Err(invalid("has no certificate").into());
    }
    Ok(text)
}

/// Failure for certificates that cannot be used.
fn invalid_certificates(why: &str) -> Failure {
    Failure::configuration(format!(
        "engine.tls_ca: {why}: name a PEM file with the certificate of the authority"
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(timeout: Duration) -> FlightSettings {
        FlightSettings {
            url: "grpc+tls://127.0.0.1:1".into(),
            tls_ca: None,
            token: None,
            timeout,
            retry_pause: Duration::ZERO,
        }
    }

    #[test]
    fn the_limit_that_was_exceeded_is_named() {
        let minutes = Duration::from_secs(600);
        let connection = FlightConnection::new(settings(minutes)).unwrap();
        let configured = Limit::Configured(minutes);
        let examined = Limit::of_doctor(minutes);
        let short = Limit::of_doctor(Duration::from_secs(3));
        for (limit, text) in [
            (configured, "longer than engine.timeout_seconds (600) at"),
            (examined, "longer than 10 s at"),
            (short, "longer than engine.timeout_seconds (3) at"),
        ] {
            let failure = connection.failure("the answer", &Problem::TooSlow(limit));
            assert!(failure.message.contains(text), "{failure}");
        }
    }

    #[test]
    fn only_a_connection_that_failed_is_distrusted() {
        let problem = |code| {
            let status = tonic::Status::new(code, "invalid peer certificate: UnknownIssuer");
            Problem::Failed(Box::new(status))
        };
        let untrusted = problem(Code::Unavailable);
        assert!(untrusted.is_distrust() && !untrusted.may_pass());
        let inside = problem(Code::Internal);
        assert!(!inside.is_distrust() && inside.may_pass());
        assert!(problem(Code::Unauthenticated).is_refusal());
        assert!(!untrusted.is_refusal());
    }

    #[test]
    fn certificates_that_cannot_be_used_are_named_with_their_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let of_file = || certificates(&file).unwrap_err().to_string();
        let text = of_file();
        assert!(text.contains("ca.pem does not exist"), "{text}");
        files::replace(&file, b"no PEM").unwrap();
        let text = of_file();
        assert!(text.contains("ca.pem has no certificate"), "{text}");
        let begin = "-----BEGIN CERTIFICATE-----\n";
        for broken in [
            begin.to_owned(),
            format!("{begin}?\n-----END CERTIFICATE-----\n"),
        ] {
            let with_broken = FlightSettings {
                tls_ca: Some(broken.into_bytes()),
                ..settings(Duration::from_secs(1))
            };
            let failure = FlightConnection::new(with_broken).unwrap_err();
            let text = failure.message;
            assert!(text.starts_with("engine.tls_ca: cannot be read"), "{text}");
        }
    }
}
