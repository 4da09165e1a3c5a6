//! The input folders: empty folders, unreadable entries, rejected files, and the notices of the
//! last run.
//!
//! The content of files is not read again: the record of a run holds what was found.

use std::io;
use std::path::Path;

use common::ledger::{FileStatus, Ledger};
use common::{Config, History, regular};
use dataset::{FoundFile, Listing};
use record::{NoticeKind, RunFilter};

use super::pipeline::ExaminedPipeline;
use super::report::{Findings, counted, quoted};
use crate::notices;

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let config = pipeline.config;
    if config
        .input_folders
        .iter()
        .any(|folder| !folder.path.is_dir())
    {
        // The check `permissions` reports missing folders.
        return Ok("not listed".into());
    }
    let listing = dataset::list(&config.input_folders)?;
    for name in listing.empty_folders(&config.input_folders) {
        findings.problem(
            format!("the input folder {name} holds no CSV file"),
            format!("ls -la {}", quoted(folder_path(config, &name))),
        );
    }
    let unreadable = examine_access(config, &listing, findings);
    examine_last_run(pipeline, &unreadable, findings)?;
    let rejected = match pipeline.history() {
        Some(history) => {
            let ledger = history.ledger()?;
            examine_targets(config, history, &ledger, &listing, findings)?;
            examine_rejected(config, &ledger, &listing, findings)
        }
        None => 0,
    };
    let mut seen = counted(listing.files.len(), "file");
    if rejected > 0 {
        seen.push_str(&format!(", {rejected} rejected"));
    }
    Ok(seen)
}

/// Reports entries that this user cannot read; returns their names.
fn examine_access(config: &Config, listing: &Listing, findings: &mut Findings) -> Vec<String> {
    let mut named = Vec::new();
    for entry in &listing.unreadable {
        let folder = config
            .input_folders
            .iter()
            .find(|it| it.name == entry.folder);
        let place = folder.map_or(config.base.clone(), |folder| folder.path.join(&entry.name));
        findings.problem(
            format!("cannot be read: {entry}"),
            format!("ls -ld {}", quoted(&place)),
        );
        named.push(format!("{}/{}", entry.folder, entry.name));
    }
    for file in &listing.files {
        if let Err(error) = read_a_byte(&file.path) {
            let name = format!("{}/{}", file.folder, file.name);
            findings.problem(
                format!("cannot be read: {name}: {error}"),
                format!("ls -l {}", quoted(&file.path)),
            );
            named.push(name);
        }
    }
    named
}

/// Reads one byte, because permission bits do not show that a disk fails.
fn read_a_byte(path: &Path) -> io::Result<()> {
    regular::read_some(&mut regular::open(path)?, &mut [0]).map(|_| ())
}

/// Errors of the operating system that opening a file shows: not found, permission denied.
const ERRORS_CHECKED_BY_OPENING: [&str; 2] = ["(os error 2)", "(os error 13)"];

/// Reports notices of the last run that the listing alone does not show.
fn examine_last_run(
    pipeline: &ExaminedPipeline<'_>,
    unreadable: &[String],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let Some(history) = pipeline.history() else {
        return Ok(());
    };
    // The examination of the runs reports a record that cannot be read.
    let Some(last) = record::newest_runs(history, RunFilter::All, 1)?.pop() else {
        return Ok(());
    };
    for notice in &last.notices {
        let is_found_now = match notice.kind {
            NoticeKind::EmptyFolder => true,
            // Opening the file shows whether such an error still occurs. Only a run can find damage
            // further inside the file.
            NoticeKind::Unreadable => {
                ERRORS_CHECKED_BY_OPENING
                    .iter()
                    .any(|error| notice.what.contains(error))
                    || unreadable.contains(&notice.place)
            }
            // Ingestion stored these files, and `examine_targets` reports them.
            NoticeKind::MisspeltTarget => true,
            // The examination of the model reports the test data.
            NoticeKind::NoTestData => true,
            // The loss is past; the examination of the history looks at the file.
            NoticeKind::LostPredictions => true,
            NoticeKind::NoLabels | NoticeKind::DeferredRebuild => false,
        };
        if !is_found_now {
            let run = last.run_id.unwrap_or_default();
            findings.problem(format!("run {run}: {}", notice.what), "fullprocess");
        }
    }
    Ok(())
}

/// Reports files whose target column is probably misspelt, as stored by ingestion.
fn examine_targets(
    config: &Config,
    history: &History,
    ledger: &Ledger,
    listing: &Listing,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    for target in ingestion::misspelt_targets(history, ledger)? {
        let remedy = match find(listing, &target.folder, &target.name) {
            Some(found) => format!("ingestion --explain {}", quoted(&found.path)),
            // The ledger keeps the former name of a renamed file.
            None => format!("ls -la {}", quoted(folder_path(config, &target.folder))),
        };
        // The target may be missing on purpose, so this is a note and no problem.
        findings.note(notices::misspelt_target_notice(&target).what, remedy);
    }
    Ok(())
}

/// Path of an input folder, by its configured name.
fn folder_path<'a>(config: &'a Config, name: &str) -> &'a Path {
    let folder = config
        .input_folders
        .iter()
        .find(|folder| folder.name == name);
    folder.map_or(config.base.as_path(), |folder| &folder.path)
}

/// The file with this folder and name; `None` if it is gone.
fn find<'a>(listing: &'a Listing, folder: &str, name: &str) -> Option<&'a FoundFile> {
    let is_this = |file: &&FoundFile| file.folder == folder && file.name == name;
    listing.files.iter().find(is_this)
}

/// Counts rejected files that are still there. Reports the first one if no other input is in use;
/// otherwise the run that first read the file has reported it.
fn examine_rejected(
    config: &Config,
    ledger: &Ledger,
    listing: &Listing,
    findings: &mut Findings,
) -> usize {
    let rejected: Vec<(&FoundFile, &str)> = ledger
        .files
        .iter()
        .filter(|file| file.status == FileStatus::Rejected)
        .filter_map(|file| {
            let found = find(listing, &file.folder, &file.name)?;
            Some((found, file.reason.as_deref().unwrap_or("reason unknown")))
        })
        .collect();
    let is_in_use = ledger.rows > 0 || config.layout.current().exists();
    if let Some((first, reason)) = rejected.first().filter(|_| !is_in_use) {
        findings.problem(
            format!(
                "no input file can be used, and nothing is deployed: {} rejected, the first is {}/{}: {reason}",
                counted(rejected.len(), "file"),
                first.folder,
                first.name
            ),
            format!("ingestion --explain {}", quoted(&first.path)),
        );
    }
    rejected.len()
}
