//! The clock, checked against recorded times: no run, release or file may be from the future.
//!
//! A future time shows that the clock was set back. Only a person can tell which of the two clock
//! settings was wrong.

use common::Manifest;
use jiff::{SignedDuration, Timestamp};

use super::pipeline::ExaminedPipeline;
use super::report::{Findings, quoted};

/// Tolerance for clocks of different machines, for example of a file server.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let (layout, now) = (&pipeline.config.layout, pipeline.now);
    let shown = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let last = match pipeline.history() {
        Some(history) => history.last_run()?,
        None => None,
    };
    if let Some(last) = last
        && is_ahead(last.finished_at, now)
    {
        findings.problem(
            format!(
                "run {} ended at {}, which is in the future: the clock is wrong or was",
                last.run_id, last.finished_at
            ),
            "date && fullprocess",
        );
    }
    // An unreadable manifest is a finding of the examination of the releases.
    if let Ok(Some(live)) = Manifest::of_live_release(layout)
        && is_ahead(live.created_at, now)
    {
        findings.note(
            format!(
                "release {} was made at {}, which is in the future: the clock is wrong or was",
                live.release, live.created_at
            ),
            "date",
        );
    }
    for path in [layout.final_data(), layout.history()] {
        let modified = path.metadata().and_then(|metadata| metadata.modified());
        let modified = modified
            .ok()
            .and_then(|time| Timestamp::try_from(time).ok());
        if let Some(modified) = modified
            && is_ahead(modified, now)
        {
            findings.problem(
                format!(
                    "{} was written at {modified}, which is in the future: the clock is wrong or was",
                    path.display()
                ),
                format!("date && touch {}", quoted(&path)),
            );
        }
    }
    Ok(shown)
}

fn is_ahead(recorded: Timestamp, now: Timestamp) -> bool {
    recorded.duration_since(now) > TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_seconds_ahead_is_tolerated() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (recorded, ahead) in [
            ("2026-03-01T11:00:00Z", false),
            ("2026-03-01T12:01:00Z", false),
            ("2026-03-01T12:01:01Z", true),
        ] {
            assert_eq!(
                is_ahead(recorded.parse().unwrap(), now),
                ahead,
                "{recorded}"
            );
        }
    }
}
