//! What stands in the input folders: nothing, what cannot be read, what was rejected, and what the
//! last run noticed of it.
//!
//! The content of files is not read again: what a run found of it is in its record.

use std::io::{self, Read};
use std::path::Path;

use common::ledger::{FileStatus, Ledger};
use common::{Config, History, regular};
use dataset::{FoundFile, Listing};
use record::{NoticeKind, RunRecord};

use super::Patient;
use super::report::{Findings, counted, quoted};
use crate::notices;

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) -> anyhow::Result<String> {
    let config = patient.config;
    if config
        .input_folders
        .iter()
        .any(|folder| !folder.path.is_dir())
    {
        // That is a finding of the permissions.
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
    examine_last_run(patient, &unreadable, findings)?;
    let rejected = match patient.history() {
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

/// Entries that this user cannot read; returns how each is named.
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

/// Permission alone does not show that a disk fails.
fn read_a_byte(path: &Path) -> io::Result<()> {
    regular::open(path)?.read(&mut [0]).map(|_| ())
}

/// Errors of the operating system that opening shows: no such file, permission denied.
const DECIDED_BY_OPENING: [&str; 2] = ["(os error 2)", "(os error 13)"];

/// What the last run noticed that its listing alone does not show.
fn examine_last_run(
    patient: &Patient<'_>,
    unreadable: &[String],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let Some(history) = patient.history() else {
        return Ok(());
    };
    let Some(last) = history.finished_runs::<RunRecord>(1)?.pop() else {
        return Ok(());
    };
    for notice in &last.record.notices {
        let is_found_now = match notice.kind {
            NoticeKind::EmptyFolder => true,
            // Opening the file again has decided these; damage further on is known by the run.
            NoticeKind::Unreadable => {
                DECIDED_BY_OPENING
                    .iter()
                    .any(|error| notice.what.contains(error))
                    || unreadable.contains(&notice.place)
            }
            // Ingestion has kept it.
            NoticeKind::MisspeltTarget => true,
            NoticeKind::NoLabels => false,
        };
        if !is_found_now {
            findings.problem(format!("run {}: {}", last.id, notice.what), "fullprocess");
        }
    }
    Ok(())
}

/// Files whose target is probably misspelt, as ingestion found them.
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
            // The ledger knows a file that was renamed by its former name.
            None => format!("ls -la {}", quoted(folder_path(config, &target.folder))),
        };
        // The column may be another on purpose, so this alone is no problem.
        findings.note(notices::of_misspelt(&target).what, remedy);
    }
    Ok(())
}

/// Where an input folder is, by its name in the configuration.
fn folder_path<'a>(config: &'a Config, name: &str) -> &'a Path {
    let folder = config
        .input_folders
        .iter()
        .find(|folder| folder.name == name);
    folder.map_or(config.base.as_path(), |folder| &folder.path)
}

/// The file of that folder and name, where it is still there.
fn find<'a>(listing: &'a Listing, folder: &str, name: &str) -> Option<&'a FoundFile> {
    let is_this = |file: &&FoundFile| file.folder == folder && file.name == name;
    listing.files.iter().find(is_this)
}

/// Rejected files that are still there; returns how many. While other input is in use they are no
/// finding: the run that read them first has said it.
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
            Some((found, file.reason.as_deref().unwrap_or("unknown why")))
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
