//! A JSON text, read by a visitor, and the error for an invalid text.

use serde::de::DeserializeSeed;

use crate::error::ApiError;
use crate::problem::excerpt;

/// A JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    json: &'a str,
    /// True if positions in the text are positions in the body.
    is_whole: bool,
}

impl<'a> Text<'a> {
    /// The whole body.
    pub(crate) fn whole(json: &'a str) -> Self {
        Self {
            json,
            is_whole: true,
        }
    }

    /// A value within the body, known to be well-formed.
    pub(crate) fn part(json: &'a str) -> Self {
        Self {
            json,
            is_whole: false,
        }
    }

    /// Reads the whole text.
    pub(super) fn read<S>(&self, seed: S) -> Result<(), ApiError>
    where
        S: DeserializeSeed<'a, Value = ()>,
    {
        let mut deserializer = serde_json::Deserializer::from_str(self.json);
        seed.deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|error| {
                if self.is_whole {
                    invalid(&error)
                } else {
                    ApiError::JsonInvalid(describe(&error))
                }
            })
    }
}

/// The error for an invalid JSON text; nothing of the text is repeated.
pub(in crate::payload) fn invalid(error: &serde_json::Error) -> ApiError {
    ApiError::JsonInvalid(format!(
        "{} (line {}, column {})",
        describe(error),
        error.line(),
        error.column()
    ))
}

fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    // The found value may be input of any length; the expectation is a text of the program.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => excerpt(message.as_bytes()),
    }
}
