//! The connection over Arrow Flight SQL.
//!
//! Statements are sent as text, because Sail knows no prepared ones. A statement that fails for a
//! reason that may pass is sent once more if it only reads.

mod cells;

use std::fmt;
use std::time::Duration;

use arrow_flight::FlightEndpoint;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use common::config::EngineSettings;
use common::{Failure, files};
use futures::TryStreamExt;
use tokio::runtime::{Builder, Runtime};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::answer::{Answer, Cell, Connection};

/// Maximum size of one message of an answer. A message has some thousand rows.
const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// Maximum time to connect.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(30);
/// Maximum length of an engine's message in an error.
const MAX_SHOWN: usize = 400;

/// How an engine is reached.
#[derive(Clone)]
pub struct FlightSettings {
    /// Address, such as `grpc://localhost:32010`.
    pub url: String,
    /// Token that is sent with every statement; `None` for an engine without authentication.
    pub token: Option<String>,
    /// Time that a statement may take.
    pub timeout: Duration,
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
        let token = settings.token_file.as_ref().map(|file| {
            let token = files::read_private(file, "engine.token_file")?;
            Ok::<_, anyhow::Error>(token.trim().to_owned())
        });
        let connection = Self::new(FlightSettings {
            url: settings.url.clone(),
            token: token.transpose()?,
            timeout: settings.timeout,
        })?;
        Ok(connection)
    }

    /// A connection to the engine at this address. A failure if the address is not valid.
    pub fn new(settings: FlightSettings) -> Result<Self, Failure> {
        let invalid =
            |why: String| Failure::configuration(format!("engine.url {}: {why}", settings.url));
        let address = settings.url.strip_prefix("grpc://").ok_or_else(|| {
            invalid("it must begin with grpc://; connections over TLS are not possible yet".into())
        })?;
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| invalid(error.to_string()))?
            .connect_timeout(settings.timeout.min(MAX_CONNECT_TIME));
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
        let ask = || self.in_time(self.lines(statement, max_lines));
        let lines = match ask() {
            Err(problem) if problem.may_pass() => ask(),
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
        let ended = self.in_time(async {
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

/// The message of an error, on one line and not too long.
fn shown(status: &tonic::Status) -> String {
    let words = status
        .message()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    match words.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{:?}: {}…", status.code(), &words[..end]),
        None => format!("{:?}: {words}", status.code()),
    }
}
