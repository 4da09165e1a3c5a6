//! What is there of the pipeline: the live release, other releases, and runs.

use std::path::{self, PathBuf};

use common::Layout;
use common::manifest::PublishedManifests;
use deployment::Release;
use reporting::dashboard::{KnownRuns, LiveRelease, PipelineState};
use serde::de::IgnoredAny;

use super::Reading;
use super::releases::count_model;
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
        let found = live_release(
            self.state.models.readiness(),
            deployment::live_target(layout),
            Kept {
                names: kept(layout),
                release_to_restore: &|served| {
                    let target = self.logged(release_to_restore(layout, served));
                    Some(target.ok()??.name().to_owned())
                },
            },
        );
        match found {
            LiveRelease::Served(served) if !self.is_whole_on_disk() => LiveRelease::Damaged {
                served: Some(served),
            },
            found => found,
        }
    }

    /// True if the served release, which is live, was not damaged since it was loaded.
    fn is_whole_on_disk(&self) -> bool {
        let may_read = |folder: &path::Path| count_model(self, folder).is_ok();
        self.state.models.is_whole_on_disk(may_read)
    }
}

/// The releases that are kept.
struct Kept<'a> {
    names: Vec<String>,
    /// Finds an undamaged release to make live if the link to the live one is lost: the served one, if it
    /// is given and undamaged.
    release_to_restore: &'a dyn Fn(Option<&str>) -> Option<String>,
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
            return_to: (kept.release_to_restore)(None),
        },
        (Some(served), _, Ok(None)) => LiveRelease::Missing {
            return_to: (kept.release_to_restore)(Some(&served)),
            served,
        },
        (served, _, Ok(Some(_)) | Err(_)) => LiveRelease::Damaged { served },
    }
}

/// The undamaged release to make live: the served one, if it is given and undamaged.
fn release_to_restore(layout: &Layout, served: Option<&str>) -> anyhow::Result<Option<Release>> {
    let published = PublishedManifests::read(layout)?;
    let served = served.and_then(|served| {
        let release = Release::open_published(&layout.release(served), &published).ok()?;
        release.verify().is_ok().then_some(release)
    });
    match served {
        Some(served) => Ok(Some(served)),
        None => deployment::release_to_restore(layout, None),
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

    /// The state if only the release `whole` is undamaged, and 000002 was live last.
    fn state(
        served: Option<&str>,
        is_live: bool,
        target: anyhow::Result<Option<&str>>,
        whole: Option<&str>,
    ) -> LiveRelease {
        live_release(
            Readiness {
                release: served.map(str::to_owned),
                is_live,
            },
            target.map(|target| target.map(PathBuf::from)),
            Kept {
                names: vec!["000003".to_owned(), "000002".to_owned()],
                release_to_restore: &|served| {
                    assert!(served.is_none() || served == Some("000002"));
                    whole.map(str::to_owned)
                },
            },
        )
    }

    #[test]
    fn a_release_that_is_served_but_no_longer_live_is_reported_as_missing() {
        let missing = |return_to: Option<&str>| LiveRelease::Missing {
            served: "000002".into(),
            return_to: return_to.map(str::to_owned),
        };
        let served = Some("000002");
        for whole in [served, Some("000003"), None] {
            assert_eq!(state(served, false, Ok(None), whole), missing(whole));
        }
        let damaged = LiveRelease::Damaged {
            served: served.map(str::to_owned),
        };
        let target = || Ok(Some("releases/000003"));
        assert_eq!(state(served, false, target(), served), damaged);
        let unreadable = Err(anyhow::anyhow!("no link"));
        assert_eq!(state(served, false, unreadable, served), damaged);
        let live = LiveRelease::Served("000002".into());
        assert_eq!(state(served, true, target(), served), live);
    }

    #[test]
    fn without_a_link_a_whole_release_is_named_if_there_is_one() {
        for whole in [Some("000002"), None] {
            let unlinked = LiveRelease::Unlinked {
                return_to: whole.map(str::to_owned),
            };
            assert_eq!(state(None, false, Ok(None), whole), unlinked);
        }
        let nothing_kept = live_release(
            Readiness {
                release: None,
                is_live: false,
            },
            Ok(None),
            Kept {
                names: Vec::new(),
                release_to_restore: &|_| None,
            },
        );
        assert_eq!(nothing_kept, LiveRelease::None);
    }
}
