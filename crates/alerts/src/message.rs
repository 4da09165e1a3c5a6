//! The alert as sent: one JSON object. Chat tools show its `text` as it is.

use jiff::Timestamp;
use serde::Serialize;

use crate::condition::{Observation, Status};
use crate::run_context::RunContext;

/// Maximum number of characters of `text` that chat tools accept.
const MAX_TEXT_CHARACTERS: usize = 2_000;

/// One alert.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    text: String,
    condition: &'static str,
    state: State,
    opened_at: Timestamp,
    at: Timestamp,
    run: Option<i64>,
    release: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Open,
    Resolved,
}

impl<'a> Message<'a> {
    pub(crate) fn of(
        observation: &Observation,
        context: &'a RunContext,
        opened_at: Timestamp,
    ) -> Self {
        let name = observation.condition.name();
        let (state, what) = match &observation.status {
            Status::Present(what) => (State::Open, what.clone()),
            Status::Absent => {
                let over = observation.condition.resolved_text();
                (State::Resolved, format!("{over} (open since {opened_at})"))
            }
        };
        let heading = match (state, context.run) {
            (State::Open, Some(run)) => format!("{name} in run {run}"),
            (State::Resolved, Some(run)) => format!("{name} resolved in run {run}"),
            (State::Open, None) => name.to_owned(),
            (State::Resolved, None) => format!("{name} resolved"),
        };
        Self {
            text: cut(format!("{heading}: {what}")),
            condition: name,
            state,
            opened_at,
            at: context.now,
            run: context.run,
            release: context.release.as_deref(),
        }
    }

    /// The JSON text that is signed and sent.
    pub(crate) fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARACTERS) {
        let last = text[..end].char_indices().next_back();
        text.truncate(last.map_or(0, |(start, _)| start));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_longer_than_chat_tools_take() {
        for (long, expected) in [
            (
                "ä".repeat(MAX_TEXT_CHARACTERS),
                "ä".repeat(MAX_TEXT_CHARACTERS),
            ),
            (
                "ä".repeat(MAX_TEXT_CHARACTERS + 1),
                "ä".repeat(MAX_TEXT_CHARACTERS - 1) + "…",
            ),
        ] {
            assert_eq!(cut(long), expected);
        }
    }
}
