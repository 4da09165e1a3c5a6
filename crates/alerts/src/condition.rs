//! What can be wrong, and when people are told of it.

use jiff::{SignedDuration, Timestamp};

/// Something that can be wrong, and be right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The deployed model no longer holds.
    ModelDrift,
    /// The features lie elsewhere than those of the training rows.
    FeatureDrift,
    /// A retrain was called for and no model came of it.
    CandidateRefused,
    /// A run ended with an error.
    RunFailed,
    /// Files or rows were refused.
    InputRejected,
    /// The API did not answer as it should.
    ApiUnreachable,
    /// A crate that the programs are built from was withdrawn.
    DependencyYanked,
}

/// What a run saw of one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Of which one.
    pub condition: Condition,
    /// What.
    pub seen: Seen,
}

/// How a condition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is there; what a person is to read of it.
    Wrong(String),
    /// It is not there.
    Right,
}

impl Condition {
    /// Its name in messages and in the history.
    pub fn name(self) -> &'static str {
        match self {
            Self::ModelDrift => "model_drift",
            Self::FeatureDrift => "feature_drift",
            Self::CandidateRefused => "candidate_refused",
            Self::RunFailed => "run_failed",
            Self::InputRejected => "input_rejected",
            Self::ApiUnreachable => "api_unreachable",
            Self::DependencyYanked => "dependency_yanked",
        }
    }

    /// What a person reads when it is over.
    pub(crate) fn over(self) -> &'static str {
        match self {
            Self::ModelDrift => "the deployed model holds again",
            Self::FeatureDrift => "the features lie where those of the training rows did again",
            Self::CandidateRefused => {
                "the deployed model is accepted again, or a better one is live"
            }
            Self::RunFailed => "runs end as they should again",
            Self::InputRejected => "the newest files were taken in whole",
            Self::ApiUnreachable => "the API answers again",
            Self::DependencyYanked => {
                "none of the crates that the programs are built from is yanked"
            }
        }
    }
}

/// Whether people are to be told of a condition; `told` says when they last were while it was
/// open.
///
/// One that was over and comes back is a new one: the last that people read is that all is well.
pub(crate) fn is_due(
    told: Option<Timestamp>,
    seen: &Seen,
    now: Timestamp,
    cool_down: SignedDuration,
) -> bool {
    match (told, seen) {
        (None, Seen::Wrong(_)) | (Some(_), Seen::Right) => true,
        (None, Seen::Right) => false,
        (Some(told), Seen::Wrong(_)) => now.duration_since(told) >= cool_down,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_told_of_when_it_opens_after_its_cool_down_and_when_it_is_over() {
        let opened: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let after = |hours: i64| opened + SignedDuration::from_hours(hours);
        let day = SignedDuration::from_hours(24);
        let wrong = Seen::Wrong("drift".into());
        for (told, seen, now, due) in [
            (None, &wrong, after(0), true),
            (None, &Seen::Right, after(0), false),
            (Some(opened), &wrong, after(0), false),
            (Some(opened), &wrong, after(23), false),
            (Some(opened), &wrong, after(24), true),
            // A clock that was set back is no reason to repeat it.
            (Some(opened), &wrong, after(-30), false),
            (Some(opened), &Seen::Right, after(1), true),
        ] {
            assert_eq!(is_due(told, seen, now, day), due, "{told:?} {seen:?} {now}");
        }
        let none = SignedDuration::ZERO;
        assert!(is_due(Some(opened), &wrong, opened, none));
    }
}
