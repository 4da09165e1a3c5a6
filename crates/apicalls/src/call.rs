//! One call over HTTP, with limits of time and size.

use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;
use ureq::{Body, Error, RequestBuilder, Timeout};

use crate::answers::Endpoint;
use crate::requests::PredictionRequest;
use crate::returns::ApiCall;

/// Time limit for the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum number of bytes of an answer.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;
/// Maximum number of characters kept from an error answer.
const MAX_PROBLEM_CHARACTERS: usize = 500;

/// Calls one API.
pub(crate) struct Caller {
    agent: Agent,
    url: String,
    key: Option<String>,
    timeout_seconds: u64,
}

/// Outcome of one call.
struct Outcome {
    status: Option<u16>,
    model_version: Option<String>,
    answer: Result<Value, String>,
}

impl Caller {
    /// Creates a caller for the API at `url`. `timeout_seconds` limits each call from the first
    /// byte sent to the last byte read.
    pub(crate) fn new(url: &str, key: Option<String>, timeout_seconds: u64) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(Duration::from_secs(timeout_seconds)))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Self {
            agent: http_client::agent(config),
            url: url.to_owned(),
            key,
            timeout_seconds,
        }
    }

    /// Requests predictions for the rows.
    pub(crate) fn predict(&self, rows: &PredictionRequest) -> ApiCall {
        let endpoint = Endpoint::Prediction { rows: rows.n_rows };
        let mut call = self.record("POST", endpoint, || {
            let request = self.agent.post(format!("{}{}", self.url, endpoint.path()));
            self.with_key(request)
                .content_type("text/csv")
                .send(&rows.body)
        });
        call.input = Some(rows.file.clone());
        call.rows.clone_from(&rows.span);
        call
    }

    /// Calls an endpoint with GET.
    pub(crate) fn get(&self, endpoint: Endpoint) -> ApiCall {
        self.record("GET", endpoint, || {
            let request = self.agent.get(format!("{}{}", self.url, endpoint.path()));
            self.with_key(request).call()
        })
    }

    fn with_key<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.key {
            Some(key) => request.header("Authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    fn record(
        &self,
        method: &str,
        endpoint: Endpoint,
        send: impl FnOnce() -> Result<Response<Body>, Error>,
    ) -> ApiCall {
        let clock = Instant::now();
        let outcome = match send() {
            Ok(response) => self.read(response, endpoint),
            Err(error) => Outcome {
                status: None,
                model_version: None,
                answer: Err(self.describe(&error)),
            },
        };
        let (answer, error) = match outcome.answer {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(error)),
        };
        ApiCall {
            method: method.into(),
            endpoint: endpoint.path().into(),
            input: None,
            rows: None,
            status: outcome.status,
            seconds: clock.elapsed().as_secs_f64(),
            model_version: outcome.model_version,
            answer,
            error,
        }
    }

    fn read(&self, mut response: Response<Body>, endpoint: Endpoint) -> Outcome {
        let status = response.status();
        let header = response.headers().get("x-model-version");
        let named_by_header = header
            .and_then(|value| value.to_str().ok())
            .map(String::from);
        let read = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec();
        let body: Result<Value, String> = match read {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("the answer is not JSON: {error}")),
            Err(error) => Err(format!(
                "the answer could not be read: {}",
                self.describe(&error)
            )),
        };
        let answer = if status.as_u16() == 200 {
            body.and_then(|answer| endpoint.checked(answer))
        } else {
            Err(describe_status(status.as_u16(), body.ok().as_ref()))
        };
        let version = |answer: &Value| answer.get("model_version")?.as_str().map(String::from);
        Outcome {
            status: Some(status.as_u16()),
            model_version: named_by_header.or_else(|| answer.as_ref().ok().and_then(version)),
            answer,
        }
    }

    fn describe(&self, error: &Error) -> String {
        match error {
            Error::Timeout(Timeout::Global) => {
                format!(
                    "the call took more than {} s (api.timeout_seconds)",
                    self.timeout_seconds
                )
            }
            error => error.to_string(),
        }
    }
}

/// Describes a status other than 200, with the title and detail of the answer if it has them.
fn describe_status(status: u16, problem: Option<&Value>) -> String {
    let text = |name: &str| problem?.get(name)?.as_str();
    let texts: Vec<&str> = ["title", "detail"].into_iter().filter_map(text).collect();
    let description: String = texts
        .join(": ")
        .chars()
        .take(MAX_PROBLEM_CHARACTERS)
        .collect();
    if description.is_empty() {
        format!("the server answered with status {status}")
    } else {
        format!("the server answered with status {status}: {description}")
    }
}
