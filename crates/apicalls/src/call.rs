//! One call over HTTP, bounded in time and size.

use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;
use ureq::{Body, Error, RequestBuilder, Timeout};

use crate::answers::Endpoint;
use crate::parts::Part;
use crate::returns::ApiCall;

/// Until the connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read at most.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;
/// Characters of a problem's texts that are kept.
const LONGEST_PROBLEM: usize = 500;

/// Calls one API.
pub(crate) struct Caller {
    agent: Agent,
    url: String,
    key: Option<String>,
    timeout_seconds: u64,
}

/// What one call came to.
struct Outcome {
    status: Option<u16>,
    model_version: Option<String>,
    answer: Result<Value, String>,
}

impl Caller {
    /// `timeout_seconds` bound each call from the first byte sent to the last one read.
    pub(crate) fn new(url: &str, key: Option<String>, timeout_seconds: u64) -> Self {
        let agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(Duration::from_secs(timeout_seconds)))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .new_agent();
        Self {
            agent,
            url: url.to_owned(),
            key,
            timeout_seconds,
        }
    }

    /// Asks for the predictions of some rows.
    pub(crate) fn predict(&self, part: &Part) -> ApiCall {
        let endpoint = Endpoint::Prediction { rows: part.rows };
        let mut call = self.record("POST", endpoint, || {
            let request = self.agent.post(format!("{}{}", self.url, endpoint.path()));
            self.with_key(request)
                .content_type("text/csv")
                .send(&part.body)
        });
        call.input = Some(part.file.clone());
        call.rows.clone_from(&part.span);
        call
    }

    /// Reads an endpoint.
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
            .limit(LARGEST_ANSWER)
            .read_to_vec();
        let body: Result<Value, String> = match read {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("the answer is no JSON: {error}")),
            Err(error) => Err(format!(
                "the answer could not be read: {}",
                self.describe(&error)
            )),
        };
        let answer = if status.as_u16() == 200 {
            body.and_then(|answer| endpoint.checked(answer))
        } else {
            Err(refusal(status.as_u16(), body.ok().as_ref()))
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
                    "it took more than {} s (api.timeout_seconds)",
                    self.timeout_seconds
                )
            }
            error => error.to_string(),
        }
    }
}

/// What a status other than 200 means, in the words of the problem where it brings one.
fn refusal(status: u16, problem: Option<&Value>) -> String {
    let text = |name: &str| problem?.get(name)?.as_str();
    let words: Vec<&str> = ["title", "detail"].into_iter().filter_map(text).collect();
    let words: String = words.join(": ").chars().take(LONGEST_PROBLEM).collect();
    if words.is_empty() {
        format!("the server answered with status {status}")
    } else {
        format!("the server answered with status {status}: {words}")
    }
}
