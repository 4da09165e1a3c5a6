//! Every release against its checksums, and whether one of them is live.

use std::path::Path;

use common::{Layout, Manifest};
use deployment::ExaminedRelease;
use record::{Outcome, RunRecord};

use super::Patient;
use super::report::{Findings, quoted};

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) -> anyhow::Result<String> {
    let layout = &patient.config.layout;
    let releases = deployment::examine(layout)?;
    let live = examine_live(patient, &releases, findings);
    let others = releases
        .iter()
        .filter(|release| Some(release.name.as_str()) != live);
    for release in others {
        if let Some(problem) = &release.problem {
            findings.problem(
                format!(
                    "release {} cannot be gone back to: {problem}; restore it from a backup or remove it",
                    release.name
                ),
                format!("rm -r {}", quoted(&release.folder)),
            );
        }
    }
    Ok(in_short(&releases, live))
}

/// Whether what `current` leads to is a whole release; its name where it is any.
fn examine_live<'a>(
    patient: &Patient<'_>,
    releases: &'a [ExaminedRelease],
    findings: &mut Findings,
) -> Option<&'a str> {
    let layout = &patient.config.layout;
    let target = match deployment::live_target(layout) {
        Ok(Some(target)) => layout.production().join(target),
        Ok(None) => {
            examine_absence(patient, releases, findings);
            return None;
        }
        Err(error) => {
            let current = quoted(&layout.current());
            let back = way_back(releases, None).unwrap_or_else(|| "fullprocess".into());
            findings.problem(
                format!("nothing is live: {error:#}"),
                format!("mv {current} {current}.set-aside && {back}"),
            );
            return None;
        }
    };
    let live = releases.iter().find(|release| release.folder == target);
    let remedy = |live| {
        way_back(releases, live)
            .unwrap_or_else(|| format!("rm {} && fullprocess", quoted(&layout.current())))
    };
    match live {
        None => findings.problem(
            format!(
                "{} leads to {}, where no release is",
                layout.current().display(),
                target.display()
            ),
            remedy(None),
        ),
        Some(ExaminedRelease {
            name,
            problem: Some(problem),
            ..
        }) => findings.problem(
            format!("release {name}, the live one, is damaged: {problem}"),
            remedy(Some(name)),
        ),
        Some(_) => examine_links(layout, &target, findings),
    }
    live.map(|release| release.name.as_str())
}

/// Nothing is live: before the first run that is to be expected, and after it is not.
fn examine_absence(patient: &Patient<'_>, releases: &[ExaminedRelease], findings: &mut Findings) {
    if patient.is_working() {
        return;
    }
    let newest_run = patient
        .history()
        .and_then(|history| history.finished_runs::<RunRecord>(1).ok()?.pop());
    let was_live = newest_run
        .as_ref()
        .and_then(|run| run.record.release.as_ref());
    let what = match (was_live, &newest_run) {
        (Some(release), _) => {
            format!("nothing is live, but release {release} was after the last run")
        }
        (None, _) if !releases.is_empty() => "nothing is live, though there are releases".into(),
        (None, Some(run)) => format!(
            "no model is deployed: run {} ended as {}: {}",
            run.id,
            run.record.outcome.as_ref().map_or("open", Outcome::name),
            run.record.reason
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
        way_back(releases, None).unwrap_or_else(|| "fullprocess".into()),
    );
}

fn examine_links(layout: &Layout, live: &Path, findings: &mut Findings) {
    // A manifest that cannot be read is a finding already.
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

/// The command that makes the newest whole release but `live` the live one.
fn way_back(releases: &[ExaminedRelease], live: Option<&str>) -> Option<String> {
    releases
        .iter()
        .rfind(|release| release.problem.is_none() && Some(release.name.as_str()) != live)
        .map(|release| format!("deployment --rollback {}", release.name))
}

fn in_short(releases: &[ExaminedRelease], live: Option<&str>) -> String {
    let n_whole = releases
        .iter()
        .filter(|release| release.problem.is_none())
        .count();
    let whole = match (releases.len(), n_whole) {
        (0, _) => return "none".into(),
        (all, whole) if all == whole => format!("{all} whole"),
        (all, whole) => format!("{whole} of {all} whole"),
    };
    match live {
        Some(live) => format!("{whole}, {live} is live"),
        None => format!("{whole}, none is live"),
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
    fn the_way_back_is_the_newest_whole_other_release() {
        let releases = [
            release("000001", None),
            release("000002", None),
            release("000003", Some("cut")),
            release("000004", Some("changed")),
        ];
        let back = |live| way_back(&releases, live);
        assert_eq!(
            back(Some("000004")).as_deref(),
            Some("deployment --rollback 000002")
        );
        assert_eq!(
            back(Some("000002")).as_deref(),
            Some("deployment --rollback 000001")
        );
        assert_eq!(way_back(&releases[2..], None), None);
        assert_eq!(
            in_short(&releases, Some("000004")),
            "2 of 4 whole, 000004 is live"
        );
        assert_eq!(in_short(&[], None), "none");
    }
}
