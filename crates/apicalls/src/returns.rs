//! Answers of the API, as saved and shown.

use std::fmt;

use common::cli::Report;
use common::exit::Exit;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pretty::{Pretty, json_text};

/// All calls of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiReturns {
    /// Base URL of the API.
    pub url: String,
    /// The calls in their order.
    pub calls: Vec<ApiCall>,
    /// Number of accepted rows of the test data that were not sent, because they are too long for
    /// any request.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows_left_out: usize,
}

/// One call. Either `answer` or `error` is present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiCall {
    /// HTTP method.
    pub method: String,
    /// Path on the server.
    pub endpoint: String,
    /// File of the rows of a prediction request.
    pub input: Option<String>,
    /// Range of accepted rows of the file. `None` if one request takes all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
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
    pub fn is_complete(&self) -> bool {
        !self.calls.is_empty() && self.failed().next().is_none()
    }

    /// Errors of the failed calls, one sentence per call.
    pub fn failures(&self) -> Vec<String> {
        self.failed()
            .map(|call| format!("{} {}: {}", call.method, call.endpoint, call.problem()))
            .collect()
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
        self.calls
            .iter()
            .filter(|call| call.answer.is_none() || call.error.is_some())
    }
}

impl ApiReturns {
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
    /// A call that could not be made.
    pub(crate) fn not_made(method: &str, endpoint: &str, why: &anyhow::Error) -> Self {
        Self {
            method: method.into(),
            endpoint: endpoint.into(),
            input: None,
            rows: None,
            status: None,
            seconds: 0.0,
            model_version: None,
            answer: None,
            error: Some(format!("the call was not made: {why:#}")),
        }
    }

    /// The error on one line.
    fn problem(&self) -> String {
        let error = self.error.as_deref().unwrap_or("there is no answer");
        one_line(error)
    }
}

impl Report for ApiReturns {
    fn exit(&self) -> Exit {
        if self.is_complete() {
            Exit::Done
        } else {
            Exit::ApiFailed
        }
    }

    fn needs_attention(&self) -> bool {
        !self.is_complete() || self.rows_left_out > 0
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
        if let Some(rows) = &self.rows {
            write!(to, ", {rows}")?;
        }
        match self.status {
            Some(status) => write!(to, "\nstatus {status}")?,
            None => write!(to, "\nno answer")?,
        }
        write!(to, ", {:.3} s", self.seconds)?;
        if let Some(version) = &self.model_version {
            write!(to, ", model {}", one_line(version))?;
        }
        match &self.answer {
            Some(answer) if self.error.is_none() => writeln!(to, "\n{}", Pretty(answer)),
            _ => writeln!(to, "\nERROR: {}", self.problem()),
        }
    }
}

/// Tells serde to omit the field when it is 0.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// The text with escaped control characters.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
