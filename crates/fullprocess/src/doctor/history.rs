//! Examines whether the history is undamaged, and checks the data against the ledger.

use std::path::Path;

use anyhow::Context;
use common::history::is_damage;
use common::waiting_rows::TableProblem;
use common::{Config, Failure, History, Layout, Ledger, WaitingRows, digest, regular};
use dataset::FingerprintKey;

use super::pipeline::ExaminedPipeline;
use super::report::{Findings, counted, quoted};

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let history = match pipeline.history {
        Ok(Some(history)) => history,
        Ok(None) => return Ok(examine_absence(pipeline, findings)),
        Err(error) => return examine_unreadable(pipeline, error, findings),
    };
    let (version, newest) = history.versions()?;
    if pipeline.is_working() {
        return Ok(format!(
            "version {version}; the rest not examined while a run is working"
        ));
    }
    if has_unreadable_seal(pipeline, findings) {
        return Ok("its seal cannot be read".into());
    }
    if let Some(problem) = first_problem(history) {
        findings.problem(
            format!("the history is damaged: {problem}"),
            set_aside(pipeline),
        );
        return Ok("damaged".into());
    }
    if let Some(problem) = History::damage_of_seal(&pipeline.config.layout) {
        findings.note(
            format!("{problem}: a change of the history by another program would not be noticed until the next run writes the seal again"),
            "fullprocess",
        );
    }
    for problem in history.unreadable_changes()? {
        findings.problem(
            format!("{problem}: restore the history from a backup, or set it aside"),
            set_aside(pipeline),
        );
    }
    if version < newest {
        findings.note(
            format!("the history has version {version}; the next run upgrades it to {newest}"),
            "fullprocess",
        );
    }
    examine_data(pipeline, &history.ledger()?, findings)?;
    let runs = counted(history.run_ids()?.len(), "run");
    Ok(format!("version {version}, undamaged, {runs}"))
}

/// True if the seal cannot be read at all, for example if a folder has its name. Every run then fails,
/// although the history itself may be undamaged.
fn has_unreadable_seal(pipeline: &ExaminedPipeline<'_>, findings: &mut Findings) -> bool {
    let checked = History::check_seal(&pipeline.config.layout);
    let Some(error) = checked.err().filter(|error| !is_damage(error)) else {
        return false;
    };
    findings.problem(
        format!("the history cannot be used: {error:#}"),
        moved_aside(pipeline, "history-seal", "-seal"),
    );
    true
}

/// Examines the rows that wait for a label.
fn examine_predictions(
    pipeline: &ExaminedPipeline<'_>,
    history: &History,
    ledger: &Ledger,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let layout = &pipeline.config.layout;
    let cannot = "the predictions that wait for a label cannot be used";
    match WaitingRows::problem(layout, history, ledger)? {
        None => {}
        Some(TableProblem::Newer(what)) => {
            findings.problem(format!("{cannot}: {what}"), "fullprocess --version");
        }
        Some(TableProblem::Unreadable(what)) => findings.problem(
            format!("{cannot}: {what}"),
            replaced(pipeline, &layout.predictions(), "predictions"),
        ),
        Some(TableProblem::Damaged(what)) => findings.problem(
            format!("{cannot}: {what}; put the file back as the last run left it, or let `ingestion` set it aside and find the rows again without their predictions"),
            "ingestion",
        ),
    }
    Ok(())
}

/// Command that moves a file of the state folder away, and lets `ingestion` rebuild it.
fn replaced(pipeline: &ExaminedPipeline<'_>, path: &Path, what: &str) -> String {
    let folder = aside(pipeline, what);
    format!(
        "mkdir {folder} && mv {}* {folder} && ingestion",
        quoted(path)
    )
}

/// Examines a missing history: normal before the first run, a loss after it.
fn examine_absence(pipeline: &ExaminedPipeline<'_>, findings: &mut Findings) -> String {
    let layout = &pipeline.config.layout;
    if History::check_seal(layout).is_err() {
        findings.problem(
            format!(
                "{} is missing or empty: restore it from a backup, or set its seal aside and begin a new one",
                layout.history().display()
            ),
            set_aside(pipeline),
        );
    } else if layout.final_data().exists() || layout.current().exists() {
        findings.problem(
            format!(
                "{} is missing: restore it from a backup, or let the next run begin a new one",
                layout.history().display()
            ),
            "fullprocess",
        );
    }
    "none yet".into()
}

fn examine_unreadable(
    pipeline: &ExaminedPipeline<'_>,
    error: &anyhow::Error,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    if error.chain().any(|cause| cause.is::<Failure>()) {
        findings.problem(format!("{error:#}"), "fullprocess --version");
        return Ok("of a newer version".into());
    }
    if !is_damage(error) {
        anyhow::bail!("{error:#}");
    }
    findings.problem(
        format!("{error:#}: restore it from a backup, or set it aside"),
        set_aside(pipeline),
    );
    Ok("damaged".into())
}

/// First integrity problem of the history. An error of the check itself counts as a problem.
fn first_problem(history: &History) -> Option<String> {
    match history.integrity_problems() {
        Ok(problems) => problems.into_iter().next(),
        Err(error) => Some(format!("{error:#}")),
    }
}

/// Command that moves the history away with its journal and begins a new history. Without the move,
/// SQLite would apply the old journal to the new file.
fn set_aside(pipeline: &ExaminedPipeline<'_>) -> String {
    moved_aside(pipeline, "history", "*")
}

/// Command that moves files of the history away and then starts a run. `ending` is what follows the
/// history's path in the names of these files.
fn moved_aside(pipeline: &ExaminedPipeline<'_>, what: &str, ending: &str) -> String {
    let folder = aside(pipeline, what);
    let history = quoted(&pipeline.config.layout.history());
    format!("mkdir {folder} && mv {history}{ending} {folder} && fullprocess")
}

/// A new folder of the state folder for files that are set aside, quoted for a shell.
fn aside(pipeline: &ExaminedPipeline<'_>, what: &str) -> String {
    // Milliseconds make the name unique: a folder of a command from a moment ago may exist.
    let name = pipeline
        .now
        .strftime(&format!("{what}-set-aside-%Y%m%dT%H%M%S%.3fZ"))
        .to_string();
    quoted(&pipeline.config.layout.state().join(name))
}

/// Checks the data and its row fingerprints against the ledger.
fn examine_data(
    pipeline: &ExaminedPipeline<'_>,
    ledger: &Ledger,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let layout = &pipeline.config.layout;
    if ledger.committed_bytes == 0 {
        return Ok(());
    }
    if ledger.rebuilding {
        findings.note(
            "finaldata.csv was being rebuilt when a run was interrupted",
            "fullprocess",
        );
        return Ok(());
    }
    if let Some(history) = pipeline.history() {
        for removal in ingestion::unconfirmed_removals(pipeline.config, history)? {
            findings.problem(
                format!("{removal}: mount the disk or put the files back; only if they were removed on purpose, `ingestion --accept-removal` drops these rows"),
                list_input(pipeline.config),
            );
        }
    }
    if let Some(history) = pipeline.history() {
        examine_predictions(pipeline, history, ledger, findings)?;
    }
    examine_final_data(pipeline, ledger, findings);
    examine_rejected_rows(layout, ledger, findings);
    examine_fingerprints(pipeline, ledger, findings)
}

/// Examines the key, and the fingerprints of the evaluated rows.
fn examine_fingerprints(
    pipeline: &ExaminedPipeline<'_>,
    ledger: &Ledger,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let layout = &pipeline.config.layout;
    let mut are_files = true;
    for (path, what) in [
        (layout.fingerprint_key(), "key"),
        (layout.evaluated_fingerprints(), "fingerprints"),
    ] {
        if let Err(error) = regular::check(&path) {
            are_files = false;
            findings.problem(
                format!("{}: {error}", path.display()),
                replaced(pipeline, &path, what),
            );
        }
    }
    if !are_files {
        return Ok(());
    }
    match FingerprintKey::load(layout) {
        Ok(_) => {
            if let Some(loss) = ingestion::loss_of_content(layout, ledger)? {
                findings.note(
                    format!("{loss}: the fingerprints of the evaluated rows are lost"),
                    "ingestion",
                );
            }
        }
        Err(error) if error.is::<Failure>() => findings.problem(
            format!("{error:#}"),
            replaced(pipeline, &layout.fingerprint_key(), "key"),
        ),
        Err(error) => return Err(error).context("failed to examine the key"),
    }
    Ok(())
}

/// The command that shows what the input folders hold, because only a person knows what is missing.
fn list_input(config: &Config) -> String {
    let folders = config
        .input_folders
        .iter()
        .map(|folder| quoted(&folder.path));
    format!("ls -la {}", folders.collect::<Vec<_>>().join(" "))
}

fn examine_rejected_rows(layout: &Layout, ledger: &Ledger, findings: &mut Findings) {
    let path = layout.rejected_rows();
    if path.metadata().map_or(0, |metadata| metadata.len()) < ledger.rejected_bytes {
        findings.problem(
            format!("{} was cut or removed", path.display()),
            "ingestion",
        );
        return;
    }
    // An older program recorded no checksum.
    if ledger.rejected_bytes == 0 || ledger.rejected_digest.is_empty() {
        return;
    }
    let what = match digest::of_file_start(&path, ledger.rejected_bytes) {
        Ok(Some(found)) if found == ledger.rejected_digest => return,
        Ok(_) => format!("{} does not contain the rejected rows", path.display()),
        Err(error) => format!("{error:#}"),
    };
    findings.problem(what, "ingestion");
}

fn examine_final_data(pipeline: &ExaminedPipeline<'_>, ledger: &Ledger, findings: &mut Findings) {
    let path = pipeline.config.layout.final_data();
    let what = match digest::of_file_start(&path, ledger.committed_bytes) {
        Ok(Some(found)) if found == ledger.digest => return,
        Ok(Some(_)) => format!("{} does not contain the ingested rows", path.display()),
        Ok(None) => format!("{} was cut", path.display()),
        Err(error) => format!("{error:#}"),
    };
    findings.problem(what, remedy(pipeline));
}

/// The command that makes the data again.
fn remedy(pipeline: &ExaminedPipeline<'_>) -> &'static str {
    match pipeline.config.ingests_on_engine() {
        true => "fullprocess",
        false => "ingestion",
    }
}
