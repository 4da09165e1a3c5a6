//! Alert conditions, and when people are notified about them.

use jiff::{SignedDuration, Timestamp};

/// A condition that can open and be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Model drift was found.
    ModelDrift,
    /// Feature drift was found.
    FeatureDrift,
    /// The model is wrong about a segment of the clients, and no model drift was found.
    SegmentDrift,
    /// A retraining was due but led to no new deployed model.
    CandidateRefused,
    /// A run ended with an error.
    RunFailed,
    /// Files or rows were rejected.
    InputRejected,
    /// A call to the API failed.
    ApiUnreachable,
    /// A crate that the programs are built from was yanked.
    DependencyYanked,
}

/// What a run observed about one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Condition that the run checked.
    pub condition: Condition,
    /// Whether the condition is present.
    pub status: Status,
}

/// Status of a condition in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The condition is present. The text describes it to a person.
    Present(String),
    /// The condition is absent.
    Absent,
}

impl Condition {
    /// Name of the condition in messages and in the history.
    pub fn name(self) -> &'static str {
        match self {
            Self::ModelDrift => "model_drift",
            Self::FeatureDrift => "feature_drift",
            Self::SegmentDrift => "segment_drift",
            Self::CandidateRefused => "candidate_refused",
            Self::RunFailed => "run_failed",
            Self::InputRejected => "input_rejected",
            Self::ApiUnreachable => "api_unreachable",
            Self::DependencyYanked => "dependency_yanked",
        }
    }

    /// Text for a person when the condition is resolved.
    pub(crate) fn resolved_text(self) -> &'static str {
        match self {
            Self::ModelDrift => "no model drift any more",
            Self::FeatureDrift => {
                "no feature drift any more: new clients resemble the training clients"
            }
            Self::SegmentDrift => "the model is no longer wrong about any segment of the clients",
            Self::CandidateRefused => {
                "the deployed model fits the new rows again, or another release is live"
            }
            Self::RunFailed => "runs succeed again",
            Self::InputRejected => "the newest files were ingested without a rejection",
            Self::ApiUnreachable => "the API answers again",
            Self::DependencyYanked => "no crate that the programs are built from is yanked",
        }
    }
}

/// Decides whether to notify people. `notified_at` is the time of the last notification about the open
/// condition, or `None` if the condition is not open.
///
/// A condition that was resolved and comes back counts as new, because people were told that all is
/// well.
pub(crate) fn is_due(
    notified_at: Option<Timestamp>,
    status: &Status,
    now: Timestamp,
    cool_down: SignedDuration,
) -> bool {
    match (notified_at, status) {
        (None, Status::Present(_)) | (Some(_), Status::Absent) => true,
        (None, Status::Absent) => false,
        (Some(notified_at), Status::Present(_)) => now.duration_since(notified_at) >= cool_down,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_due_when_a_condition_opens_or_is_resolved_and_after_each_cool_down() {
        let opened: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let after = |hours: i64| opened + SignedDuration::from_hours(hours);
        let day = SignedDuration::from_hours(24);
        let present = Status::Present("drift".into());
        for (notified_at, status, now, due) in [
            (None, &present, after(0), true),
            (None, &Status::Absent, after(0), false),
            (Some(opened), &present, after(0), false),
            (Some(opened), &present, after(23), false),
            (Some(opened), &present, after(24), true),
            // A clock that was set back does not cause a repetition.
            (Some(opened), &present, after(-30), false),
            (Some(opened), &Status::Absent, after(1), true),
        ] {
            assert_eq!(
                is_due(notified_at, status, now, day),
                due,
                "{notified_at:?} {status:?} {now}"
            );
        }
        let none = SignedDuration::ZERO;
        assert!(is_due(Some(opened), &present, opened, none));
    }
}
