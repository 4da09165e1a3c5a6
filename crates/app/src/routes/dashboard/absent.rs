//! Answers to an address that names a missing run, release or feature. Such an answer says which ones exist,
//! and where their list is.

use common::numbers::listed;
use reporting::dashboard::{Advice, KnownRuns, LiveRelease, PipelineState, paths};

use crate::error::{Absent, ApiError};

/// Maximum number of names that an answer lists.
const MAX_NAMES: usize = 8;

/// The answer if no ended run has the requested number. `range` has the numbers of the oldest and of the
/// newest ended run.
pub(super) fn run(range: Option<[i64; 2]>, state: &PipelineState) -> ApiError {
    let advice = range.map(|[first, last]| Advice {
        to_do: match first == last {
            true => format!("look at run {first}, the only one that has ended"),
            false => format!("choose one of the runs {first} to {last}"),
        },
        more: Some((paths::RUNS, "The runs")),
    });
    absent("no run with that number has ended", advice, state)
}

/// The answer if no release has the requested number. `names` are the names of all releases, the newest
/// first.
pub(super) fn release(names: &[String], state: &PipelineState) -> ApiError {
    let advice = (!names.is_empty()).then(|| Advice {
        to_do: format!(
            "choose one of the releases that are kept: {}",
            listed(names, MAX_NAMES)
        ),
        more: Some((paths::RELEASES, "The releases")),
    });
    absent("there is no release with that number", advice, state)
}

/// The answer if no feature has the requested name. `names` are the names of all features.
pub(super) fn feature(names: &[String], state: &PipelineState) -> ApiError {
    let advice = (!names.is_empty()).then(|| Advice {
        to_do: format!("choose one of the features: {}", listed(names, MAX_NAMES)),
        more: Some((paths::DRIFT, "Drift by feature")),
    });
    let what = match (&state.release, state.runs) {
        (LiveRelease::Served(_), KnownRuns::None) => "the live model has no feature of that name",
        (LiveRelease::Served(_), _) => {
            "neither the live model nor one of these runs has a feature with that name"
        }
        _ => {
            "no model is live that can be used, and none of these runs has tested a feature of that name"
        }
    };
    absent(what, advice, state)
}

/// Without `advice`, the state of the pipeline decides the advice.
fn absent(what: &str, advice: Option<Advice>, state: &PipelineState) -> ApiError {
    ApiError::Absent(Box::new(Absent {
        what: what.to_owned(),
        advice: advice.unwrap_or_else(|| state.advice()),
    }))
}
