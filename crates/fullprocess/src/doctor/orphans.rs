//! Leftovers of killed runs: temporary files, unfinished releases, uncommitted bytes, an outdated
//! file list, reports without a run.
//!
//! The next run removes most of them by itself.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::{History, Layout, Ledger, files};
use ingestion::uncommitted_tails;
use record::RunRecord;

use super::pipeline::ExaminedPipeline;
use super::report::{Findings, counted, quoted};
use crate::reviews;

/// Upper limit of paths in one finding; the next examination names the rest.
const MAX_PATHS: usize = 20;
/// Upper limit of run numbers in one finding.
const MAX_RUNS: usize = 5;

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    if pipeline.is_working() {
        return Ok("not examined while a run is working".into());
    }
    let layout = &pipeline.config.layout;
    let swept = [
        layout.output(),
        layout.models(),
        layout.production(),
        layout.state(),
    ];
    let mut left = deployment::leftovers(layout)?;
    for folder in swept {
        left.extend(temporaries(folder)?);
    }
    for path in &left {
        findings.note(
            format!("{} was left by an interrupted run", path.display()),
            "fullprocess",
        );
    }
    let mut n_orphans = left.len();
    if let Some(history) = pipeline.history() {
        let ledger = history.ledger()?;
        n_orphans += uncommitted(layout, &ledger, findings)?;
        n_orphans += outdated_file_list(layout, &ledger, findings)?;
        n_orphans += orphaned_reports(layout, &history.run_ids()?, findings)?;
        n_orphans += unneeded_candidates(layout, history, findings)?;
    }
    Ok(match n_orphans {
        0 => "none".into(),
        n => counted(n, "leftover"),
    })
}

/// Reports bytes after the committed end of a file.
fn uncommitted(layout: &Layout, ledger: &Ledger, findings: &mut Findings) -> anyhow::Result<usize> {
    let tails = uncommitted_tails(layout, ledger)?;
    for tail in &tails {
        findings.note(
            format!(
                "{} ends with {} that no run committed",
                tail.path.display(),
                counted(tail.bytes as usize, "byte")
            ),
            "fullprocess",
        );
    }
    Ok(tails.len())
}

/// Reports an ingestedfiles.txt that differs from the ledger.
fn outdated_file_list(
    layout: &Layout,
    ledger: &Ledger,
    findings: &mut Findings,
) -> anyhow::Result<usize> {
    let path = layout.ingested_files();
    let found = files::read_if_present(&path)?.unwrap_or_default();
    if found == ledger.position().file_list().as_bytes() {
        return Ok(0);
    }
    findings.note(
        format!("{} is not the list of the ingested files", path.display()),
        "fullprocess",
    );
    Ok(1)
}

/// Reports report folders whose run is not in the history.
fn orphaned_reports(
    layout: &Layout,
    known: &BTreeSet<i64>,
    findings: &mut Findings,
) -> anyhow::Result<usize> {
    let mut unknown: Vec<PathBuf> = entries(&layout.runs())?
        .into_iter()
        .filter(|path| run_of(path).is_some_and(|run| !known.contains(&run)))
        .collect();
    unknown.sort();
    if unknown.is_empty() {
        return Ok(0);
    }
    let paths: Vec<String> = unknown
        .iter()
        .take(MAX_PATHS)
        .map(|path| quoted(path))
        .collect();
    findings.note(
        format!(
            "{} of {} that the history does not know",
            counted(unknown.len(), "report folder"),
            if unknown.len() == 1 { "a run" } else { "runs" }
        ),
        format!("rm -r {}", paths.join(" ")),
    );
    Ok(unknown.len())
}

/// Reports refused candidates that no review needs: a run was killed before it could remove them, or
/// before its refusal was recorded.
fn unneeded_candidates(
    layout: &Layout,
    history: &History,
    findings: &mut Findings,
) -> anyhow::Result<usize> {
    let needed = reviews::kept_candidates(history)?;
    let open = history.unfinished_runs::<RunRecord>()?;
    let is_needed = |run: &i64| needed.contains(run) || open.iter().any(|open| open.id == *run);
    let known = history.run_ids()?;
    let runs = entries(&layout.runs())?;
    let runs = runs.iter().filter_map(|folder| run_of(folder));
    let mut unneeded: Vec<i64> = runs
        .filter(|run| known.contains(run) && !is_needed(run))
        .filter(|run| layout.refused_candidate(*run).exists())
        .collect();
    unneeded.sort_unstable();
    if unneeded.is_empty() {
        return Ok(0);
    }
    let paths: Vec<String> = unneeded
        .iter()
        .take(MAX_PATHS)
        .map(|run| quoted(&layout.refused_candidate(*run)))
        .collect();
    findings.note(
        unneeded_candidates_sentence(&unneeded),
        format!("rm {}", paths.join(" ")),
    );
    Ok(unneeded.len())
}

/// A sentence about the candidates of these runs, which are sorted.
fn unneeded_candidates_sentence(runs: &[i64]) -> String {
    if let [run] = runs {
        return format!("the candidate of run {run} is kept, and no review needs it");
    }
    let first: Vec<String> = runs.iter().take(MAX_RUNS).map(i64::to_string).collect();
    let more = match runs.len() - first.len() {
        0 => String::new(),
        more => format!(" and {}", counted(more, "other run")),
    };
    format!(
        "{} are kept, and no review needs them: runs {}{more}",
        counted(runs.len(), "candidate"),
        first.join(", ")
    )
}

fn run_of(folder: &Path) -> Option<i64> {
    folder.file_name()?.to_str()?.parse().ok()
}

/// Temporary files in a folder that runs clean up.
fn temporaries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = entries(folder)?
        .into_iter()
        .filter(|path| is_temporary(path))
        .collect();
    found.sort();
    Ok(found)
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(files::is_temporary)
}

/// Entries of a folder; empty if the folder does not exist.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("failed to list {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(context),
    };
    entries
        .map(|entry| Ok(entry.with_context(context)?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_and_report_folders_are_recognised_by_name() {
        assert!(is_temporary(Path::new("/out/.finaldata.csv.partial")));
        assert!(!is_temporary(Path::new("/out/finaldata.csv.partial")));
        assert!(!is_temporary(Path::new("/out/.finaldata.csv")));
        assert!(!is_temporary(Path::new("/out/.notes.csv.partial")));
        assert_eq!(run_of(Path::new("/runs/000012")), Some(12));
        assert_eq!(run_of(Path::new("/runs/notes")), None);
    }

    #[test]
    fn many_candidates_are_one_finding() {
        for (runs, wanted) in [
            (
                &[7][..],
                "the candidate of run 7 is kept, and no review needs it",
            ),
            (
                &[7, 12],
                "2 candidates are kept, and no review needs them: runs 7, 12",
            ),
            (
                &[1, 2, 3, 4, 5, 6],
                "6 candidates are kept, and no review needs them: runs 1, 2, 3, 4, 5 and 1 other run",
            ),
        ] {
            assert_eq!(unneeded_candidates_sentence(runs), wanted);
        }
    }
}
