//! A JSON text, read into whatever takes it, and what a bad one is refused with.

use serde::de::DeserializeSeed;

use crate::error::ApiError;
use crate::problem::excerpt;

/// A JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    json: &'a str,
    /// Whether places in it are those of the body.
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

    /// Reads all of it.
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

/// What a JSON text is refused with; nothing of it is repeated.
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
    // What was found may be input of any length; what was expected is ours.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => excerpt(message.as_bytes()),
    }
}
