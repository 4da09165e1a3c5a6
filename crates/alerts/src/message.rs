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
    /// `open` or `resolved`.
    state: &'static str,
    opened_at: Timestamp,
    at: Timestamp,
    run: Option<i64>,
    release: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a str>,
}

impl<'a> Message<'a> {
    pub(crate) fn of(
        observation: &Observation,
        context: &'a RunContext,
        opened_at: Timestamp,
    ) -> Self {
        let condition = observation.condition.name();
        let name = condition.replace('_', " ");
        let in_run = context.run.map(|run| format!(" in run {run}"));
        let in_run = in_run.unwrap_or_default();
        let (state, text) = match &observation.status {
            Status::Present(what) => ("open", format!("{name}{in_run}: {what}")),
            Status::Absent => {
                let what = observation.condition.resolved_text();
                let since = opened_at.strftime("%Y-%m-%d %H:%M UTC");
                let text = format!("{name} resolved{in_run}: {what} (open since {since})");
                ("resolved", text)
            }
        };
        Self {
            text: with_link(text, context.report.as_deref()),
            condition,
            state,
            opened_at,
            at: context.now,
            run: context.run,
            release: context.release.as_deref(),
            report: context.report.as_deref(),
        }
    }

    /// The JSON text that is signed and sent.
    pub(crate) fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

/// The text, followed by the address of the report. A text that is too long is cut. The address is
/// never cut.
fn with_link(text: String, link: Option<&str>) -> String {
    let Some(link) = link else {
        return cut(text, MAX_TEXT_CHARACTERS);
    };
    let end = format!(". Report: {link}");
    let left = MAX_TEXT_CHARACTERS.saturating_sub(end.chars().count());
    cut(text, left) + &end
}

/// Cuts a text to this number of characters, the last of which is then an ellipsis.
fn cut(mut text: String, characters: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(characters) {
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
    fn a_text_has_at_most_as_many_characters_as_chat_tools_accept() {
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
            assert_eq!(with_link(long, None), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_before_the_link() {
        let link = "https://risk.example/v1/reports/3";
        let long = with_link("ä".repeat(MAX_TEXT_CHARACTERS), Some(link));
        assert_eq!(long.chars().count(), MAX_TEXT_CHARACTERS);
        assert!(long.ends_with(&format!("ä…. Report: {link}")), "{long}");
        let short = with_link("model drift in run 3: why".into(), Some(link));
        assert_eq!(short, format!("model drift in run 3: why. Report: {link}"));
    }
}
