//! The releases: every release checked against its checksums, and the link to the live release.

use std::path::Path;

use common::{Layout, Manifest};
use deployment::ExaminedRelease;
use record::{Action, Outcome, RunFilter, RunRecord};

use super::pipeline::ExaminedPipeline;
use super::report::{Findings, quoted};

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let layout = &pipeline.config.layout;
    let releases = deployment::examine(layout)?;
    let live = examine_live(pipeline, &releases, findings);
    let others = releases
        .iter()
        .filter(|release| Some(release.name.as_str()) != live);
    for release in others {
        if let Some(problem) = &release.problem {
            findings.problem(
                format!(
                    "release {} cannot be made live again: {problem}; restore it from a backup or remove it",
                    release.name
                ),
                format!("rm -r {}", quoted(&release.folder)),
            );
        }
    }
    Ok(in_short(&releases, live))
}

/// Checks that `current` leads to an undamaged release; returns its name, if it leads to a release.
fn examine_live<'a>(
    pipeline: &ExaminedPipeline<'_>,
    releases: &'a [ExaminedRelease],
    findings: &mut Findings,
) -> Option<&'a str> {
    let layout = &pipeline.config.layout;
    let target = match deployment::live_target(layout) {
        Ok(Some(target)) => layout.production().join(target),
        Ok(None) => {
            examine_absence(pipeline, releases, findings);
            return None;
        }
        Err(error) => {
            let current = quoted(&layout.current());
            let rollback =
                rollback_command_to_last_live(layout, None).unwrap_or_else(|| "fullprocess".into());
            findings.problem(
                format!("no release is live: {error:#}"),
                format!("mv {current} {current}.set-aside && {rollback}"),
            );
            return None;
        }
    };
    let live = releases.iter().find(|release| release.folder == target);
    let or_restart = |command: Option<String>| {
        command.unwrap_or_else(|| format!("rm {} && fullprocess", quoted(&layout.current())))
    };
    match live {
        None => findings.problem(
            format!(
                "{} leads to {}, where there is no release",
                layout.current().display(),
                target.display()
            ),
            or_restart(rollback_command_to_last_live(layout, None)),
        ),
        Some(ExaminedRelease {
            name,
            problem: Some(problem),
            ..
        }) => findings.problem(
            format!("the live release {name} is damaged: {problem}"),
            or_restart(rollback_command_to_last_live(layout, Some(name))),
        ),
        Some(_) => examine_links(layout, &target, findings),
    }
    live.map(|release| release.name.as_str())
}

/// Examines a pipeline without a live release: normal before the first run only.
fn examine_absence(
    pipeline: &ExaminedPipeline<'_>,
    releases: &[ExaminedRelease],
    findings: &mut Findings,
) {
    if pipeline.is_working() {
        return;
    }
    let newest_run = pipeline
        .history()
        .and_then(|history| record::newest_runs(history, RunFilter::All, 1).ok()?.pop());
    let was_live = newest_run.as_ref().and_then(|run| run.release.as_ref());
    let what = match (was_live, &newest_run) {
        (Some(release), _) => {
            format!("no release is live, but release {release} was live after the last run")
        }
        (None, _) if !releases.is_empty() => "no release is live, although releases exist".into(),
        // The examination of the runs reports a failure, with the same remedy.
        (None, Some(run)) if run.outcome == Some(Outcome::Failed) => return,
        // The examination of the input names the files and how to look at them.
        (None, Some(run)) if has_no_usable_input(run) => return,
        (None, Some(run)) => format!(
            "no model is deployed: run {} ended as {}: {}",
            run.run_id.unwrap_or_default(),
            run.outcome.as_ref().map_or("open", Outcome::name),
            run.reason
        ),
        (None, None) => {
            return findings.note(
                "no model is deployed yet: the first run that can fit one deploys it",
                "fullprocess",
            );
        }
    };
    findings.problem(
        what,
        rollback_command_to_last_live(&pipeline.config.layout, None)
            .unwrap_or_else(|| "fullprocess".into()),
    );
}

/// True if a run found that every input file is rejected.
fn has_no_usable_input(record: &RunRecord) -> bool {
    let decision = record.decision.as_ref();
    decision.is_some_and(|decision| decision.action == Action::Unusable)
}

fn examine_links(layout: &Layout, live: &Path, findings: &mut Findings) {
    // An unreadable manifest is already a finding.
    let Ok(manifest) = Manifest::read(live) else {
        return;
    };
    for link in deployment::stray_links(layout, &manifest) {
        findings.problem(
            format!("{} does not lead to the live release", link.display()),
            "fullprocess",
        );
    }
}

/// Rollback command to the release that should be live instead, if one is undamaged. `damaged` is the name
/// of the live release.
fn rollback_command_to_last_live(layout: &Layout, damaged: Option<&str>) -> Option<String> {
    let release = deployment::release_to_restore(layout, damaged)
        .inspect_err(|error| tracing::warn!("{error:#}"))
        .ok()??;
    Some(format!("deployment --rollback {}", release.name()))
}

fn in_short(releases: &[ExaminedRelease], live: Option<&str>) -> String {
    let n_undamaged = releases
        .iter()
        .filter(|release| release.problem.is_none())
        .count();
    let counts = match (releases.len(), n_undamaged) {
        (0, _) => return "none".into(),
        (all, undamaged) if all == undamaged => format!("{all} undamaged"),
        (all, undamaged) => format!("{undamaged} of {all} undamaged"),
    };
    match live {
        Some(live) => format!("{counts}, {live} is live"),
        None => format!("{counts}, none is live"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(name: &str, problem: Option<&str>) -> ExaminedRelease {
        ExaminedRelease {
            name: name.into(),
            folder: Path::new("/prod/releases").join(name),
            problem: problem.map(str::to_owned),
        }
    }

    #[test]
    fn the_summary_counts_undamaged_releases() {
        let releases = [
            release("000001", None),
            release("000002", None),
            release("000003", Some("cut")),
            release("000004", Some("changed")),
        ];
        assert_eq!(
            in_short(&releases, Some("000004")),
            "2 of 4 undamaged, 000004 is live"
        );
        assert_eq!(in_short(&[], None), "none");
    }
}
