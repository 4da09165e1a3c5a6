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

impl Caller {
    /// Creates a caller for the API at `url`. `timeout_seconds` limits each call, from
    /// the lookup of the host to the last byte read.
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

    /// Requests predictions.
    pub(crate) fn predict(&self, request: &PredictionRequest) -> ApiCall {
        let n_rows = request.n_rows;
        let mut call = self.timed_call("POST", Endpoint::Prediction { n_rows }, |url| {
            self.with_key(self.agent.post(url))
                .content_type("text/csv")
                .send(&request.body)
        });
        call.input = Some(request.file.clone());
        call
    }

    /// Calls an endpoint with GET.
    pub(crate) fn get(&self, endpoint: Endpoint) -> ApiCall {
        self.timed_call("GET", endpoint, |url| {
            self.with_key(self.agent.get(url)).call()
        })
    }

    fn with_key<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.key {
            Some(key) => request.header("Authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    /// Sends a request to the URL of the endpoint. Returns the answer, or the error, as a call with its
    /// duration.
    fn timed_call(
        &self,
        method: &str,
        endpoint: Endpoint,
        send: impl FnOnce(String) -> Result<Response<Body>, Error>,
    ) -> ApiCall {
        let clock = Instant::now();
        let mut call = ApiCall::new(method, endpoint.path());
        match send(format!("{}{}", self.url, endpoint.path())) {
            Ok(response) => self.read(response, endpoint, &mut call),
            Err(error) => call.error = Some(self.describe(&error)),
        }
        call.seconds = clock.elapsed().as_secs_f64();
        call
    }

    /// Reads a response into the call.
    fn read(&self, mut response: Response<Body>, endpoint: Endpoint, call: &mut ApiCall) {
        let status = response.status().as_u16();
        call.status = Some(status);
        let header = response.headers().get("x-model-version");
        call.model_version = header
            .and_then(|value| value.to_str().ok())
            .map(String::from);
        let bytes = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec();
        let body: Result<Value, String> = match bytes {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("the answer is not JSON: {error}")),
            Err(error) => Err(format!(
                "the answer could not be read: {}",
                self.describe(&error)
            )),
        };
        if status != 200 {
            call.error = Some(describe_status(status, body.ok().as_ref()));
            return;
        }
        match body.and_then(|answer| endpoint.checked(answer)) {
            Ok(answer) => {
                let in_answer = || answer.get("model_version")?.as_str().map(String::from);
                call.model_version = call.model_version.take().or_else(in_answer);
                call.answer = Some(answer);
            }
            Err(error) => call.error = Some(error),
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
