//! Answers of the API, as saved and shown.

use std::fmt;

use common::cli::Report;
use common::exit::Exit;
use common::visible;
use serde::Serialize;
use serde_json::Value;

use crate::pretty::{Pretty, json_text};

/// All calls of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiReturns {
    /// Base URL of the API.
    pub url: String,
    /// The calls in their order.
    pub calls: Vec<ApiCall>,
    /// Number of accepted rows of the test data that were not sent, because they are too long for
    /// any request.
    #[serde(skip_serializing_if = "is_zero")]
    pub rows_left_out: usize,
}

/// One call. Either `answer` or `error` is present.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiCall {
    /// HTTP method.
    pub method: String,
    /// Path on the server.
    pub endpoint: String,
    /// File of the rows of a prediction request.
    pub input: Option<String>,
    /// First and last row of a prediction request, counted from 1 among the accepted rows of the file. `None`
    /// if the file needs only one request.
    #[serde(rename = "rows", skip_serializing_if = "Option::is_none")]
    pub row_range: Option<String>,
    /// HTTP status. `None` if the server did not answer.
    pub status: Option<u16>,
    /// Duration in seconds.
    pub seconds: f64,
    /// Number of the release that answered, if the answer names one.
    pub model_version: Option<String>,
    /// The answer of a successful call.
    pub answer: Option<Value>,
    /// The error of a failed call.
    pub error: Option<String>,
}

impl ApiReturns {
    /// True if calls were made and all of them succeeded.
    pub fn has_succeeded(&self) -> bool {
        !self.calls.is_empty() && self.failed().next().is_none()
    }

    /// Errors of the failed calls, one sentence per call.
    pub fn failures(&self) -> Vec<String> {
        let sentence = |call: &ApiCall| {
            let error = visible(call.error.as_deref()?);
            Some(format!("{} {}: {error}", call.method, call.endpoint))
        };
        self.calls.iter().filter_map(sentence).collect()
    }

    /// Warning about rows that were not sent. `None` if all rows were sent.
    pub fn warning(&self) -> Option<String> {
        let (rows, were, they_are) = match self.rows_left_out {
            0 => return None,
            1 => ("row", "was", "it is"),
            _ => ("rows", "were", "each is"),
        };
        Some(format!(
            "{} {rows} of the test data {were} not sent to the API: {they_are} longer than api.limits allows",
            self.rows_left_out
        ))
    }

    /// The failed calls.
    pub(crate) fn failed(&self) -> impl Iterator<Item = &ApiCall> {
        self.calls.iter().filter(|call| call.error.is_some())
    }

    /// The result when no server could be called.
    pub fn not_called(why: &anyhow::Error) -> Self {
        Self {
            url: "no server".into(),
            calls: vec![ApiCall::not_made("GET", "/", why)],
            rows_left_out: 0,
        }
    }
}

impl ApiCall {
    /// A call without a result yet.
    pub(crate) fn new(method: &str, endpoint: &str) -> Self {
        Self {
            method: method.into(),
            endpoint: endpoint.into(),
            input: None,
            row_range: None,
            status: None,
            seconds: 0.0,
            model_version: None,
            answer: None,
            error: None,
        }
    }

    /// A call that could not be made.
    pub(crate) fn not_made(method: &str, endpoint: &str, why: &anyhow::Error) -> Self {
        let mut call = Self::new(method, endpoint);
        call.error = Some(format!("the call was not made: {why:#}"));
        call
    }
}

impl Report for ApiReturns {
    fn exit(&self) -> Exit {
        if self.has_succeeded() {
            Exit::Done
        } else {
            Exit::ApiFailed
        }
    }

    fn needs_attention(&self) -> bool {
        !self.has_succeeded() || self.rows_left_out > 0
    }
}

impl fmt::Display for ApiReturns {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            to,
            "{}: {} calls, {} failed",
            self.url,
            self.calls.len(),
            self.failed().count()
        )?;
        if let Some(warning) = self.warning() {
            writeln!(to, "warning: {warning}")?;
        }
        for call in &self.calls {
            write!(to, "\n{call}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ApiCall {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.method, self.endpoint)?;
        if let Some(input) = &self.input {
            write!(to, "  {}", json_text(&Value::from(input.as_str())))?;
        }
        if let Some(row_range) = &self.row_range {
            write!(to, ", {row_range}")?;
        }
        match self.status {
            Some(status) => write!(to, "\nstatus {status}")?,
            None => write!(to, "\nno answer")?,
        }
        write!(to, ", {:.3} s", self.seconds)?;
        if let Some(version) = &self.model_version {
            write!(to, ", model {}", visible(version))?;
        }
        if let Some(answer) = &self.answer {
            writeln!(to, "\n{}", Pretty(answer))?;
        }
        if let Some(error) = &self.error {
            writeln!(to, "\nERROR: {}", visible(error))?;
        }
        Ok(())
    }
}

/// Tells serde to omit the field when it is 0.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}
