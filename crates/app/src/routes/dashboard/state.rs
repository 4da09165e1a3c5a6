//! What is there of the pipeline: the live release, other releases, and runs.

use std::path::PathBuf;

use common::Layout;
use reporting::dashboard::{KnownRuns, LiveRelease, PipelineState};
use serde::de::IgnoredAny;

use super::Reading;
use crate::routes::runs;
use crate::snapshot::Readiness;

impl Reading {
    /// The state of the pipeline.
    pub(super) fn pipeline_state(&self) -> PipelineState {
        let read = runs::read(&self.state.config, |history| {
            Ok(match history.last_run()? {
                Some(_) => KnownRuns::Ended,
                None if history.unfinished_runs::<IgnoredAny>()?.is_empty() => KnownRuns::None,
                None => KnownRuns::FirstUnfinished,
            })
        });
        PipelineState {
            release: self.live_release(),
            runs: match read {
                Ok(known) => known.unwrap_or(KnownRuns::None),
                // The part of the page that needs the history logs why.
                Err(_) => KnownRuns::Unreadable,
            },
        }
    }

    /// The release that answers predictions. What a run has just deployed is live at once.
    pub(super) fn live_release(&self) -> LiveRelease {
        self.state.models.refresh();
        let layout = &self.state.config.layout;
        live_release(
            self.state.models.readiness(),
            deployment::live_target(layout),
            Kept {
                names: kept(layout),
                return_target: &|| {
                    let target = deployment::return_target(layout, None).ok().flatten()?;
                    Some(target.name().to_owned())
                },
            },
        )
    }
}

/// The releases that are kept.
struct Kept<'a> {
    names: Vec<String>,
    /// Finds the release to make live if the link to the live one is lost.
    return_target: &'a dyn Fn() -> Option<String>,
}

/// What the pages say of the live release: `target` is what `current` points at.
fn live_release(
    readiness: Readiness,
    target: anyhow::Result<Option<PathBuf>>,
    kept: Kept<'_>,
) -> LiveRelease {
    match (readiness.release, readiness.is_live, target) {
        (Some(release), true, _) => LiveRelease::Served(release),
        (None, _, Ok(None)) if kept.names.is_empty() => LiveRelease::None,
        (None, _, Ok(None)) => LiveRelease::Unlinked {
            last: (kept.return_target)().filter(|last| kept.names.contains(last)),
        },
        (Some(served), _, Ok(None)) => LiveRelease::Missing {
            is_kept: kept.names.contains(&served),
            served,
        },
        (served, _, Ok(Some(_)) | Err(_)) => LiveRelease::Damaged { served },
    }
}

/// Names of the releases that are kept, readable or not, the newest first.
pub(super) fn kept(layout: &Layout) -> Vec<String> {
    let all = deployment::newest_first(layout).unwrap_or_default();
    all.iter().map(|(_, folder)| name_of(folder)).collect()
}

/// Name of the release in a folder.
pub(super) fn name_of(folder: &std::path::Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(
        served: Option<&str>,
        is_live: bool,
        target: anyhow::Result<Option<&str>>,
        kept: &[&str],
    ) -> LiveRelease {
        live_release(
            Readiness {
                release: served.map(str::to_owned),
                is_live,
            },
            target.map(|target| target.map(PathBuf::from)),
            Kept {
                names: kept.iter().map(|name| (*name).to_owned()).collect(),
                return_target: &|| Some("000002".to_owned()),
            },
        )
    }

    #[test]
    fn a_release_that_is_served_but_no_longer_live_is_said_to_be_missing() {
        let kept = ["000002", "000001"];
        let missing = |is_kept| LiveRelease::Missing {
            served: "000002".into(),
            is_kept,
        };
        let served = Some("000002");
        assert_eq!(state(served, false, Ok(None), &kept), missing(true));
        assert_eq!(state(served, false, Ok(None), &[]), missing(false));
        let damaged = LiveRelease::Damaged {
            served: served.map(str::to_owned),
        };
        let target = || Ok(Some("releases/000003"));
        assert_eq!(state(served, false, target(), &kept), damaged);
        let unreadable = Err(anyhow::anyhow!("no link"));
        assert_eq!(state(served, false, unreadable, &kept), damaged);
        let live = LiveRelease::Served("000002".into());
        assert_eq!(state(served, true, target(), &kept), live);
    }

    #[test]
    fn without_a_link_the_release_that_was_live_last_is_named_if_it_is_kept() {
        assert_eq!(state(None, false, Ok(None), &[]), LiveRelease::None);
        let unlinked = |last: Option<&str>| LiveRelease::Unlinked {
            last: last.map(str::to_owned),
        };
        let kept = ["000003", "000002"];
        assert_eq!(
            state(None, false, Ok(None), &kept),
            unlinked(Some("000002"))
        );
        assert_eq!(state(None, false, Ok(None), &kept[..1]), unlinked(None));
    }
}
