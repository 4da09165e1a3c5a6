//! Whether the history is whole, and whether the data is what its ledger says.

use anyhow::Context;
use common::history::is_damage;
use common::{Failure, History, Ledger, digest};
use dataset::FingerprintKey;

use super::Patient;
use super::report::{Findings, counted, quoted};

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Findings) -> anyhow::Result<String> {
    let history = match patient.history {
        Ok(Some(history)) => history,
        Ok(None) => return Ok(examine_absence(patient, findings)),
        Err(error) => return examine_unreadable(patient, error, findings),
    };
    let (version, newest) = history.versions()?;
    if patient.is_working() {
        return Ok(format!(
            "version {version}; the rest not examined while a run is working"
        ));
    }
    if let Some(problem) = first_problem(history) {
        findings.problem(
            format!("the history is damaged: {problem}"),
            set_aside(patient),
        );
        return Ok("damaged".into());
    }
    if version < newest {
        findings.note(
            format!("the history is of version {version}, the next run brings it to {newest}"),
            "fullprocess",
        );
    }
    examine_data(patient, &history.ledger()?, findings)?;
    let runs = counted(history.run_ids()?.len(), "run");
    Ok(format!("version {version}, whole, {runs}"))
}

/// No history: nothing to say before the first run, and a loss after it.
fn examine_absence(patient: &Patient<'_>, findings: &mut Findings) -> String {
    let layout = &patient.config.layout;
    if layout.final_data().exists() || layout.current().exists() {
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
    patient: &Patient<'_>,
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
        set_aside(patient),
    );
    Ok("damaged".into())
}

/// Why the history cannot be trusted; an error of the check itself is such a reason.
fn first_problem(history: &History) -> Option<String> {
    match history.integrity_problems() {
        Ok(problems) => problems.into_iter().next(),
        Err(error) => Some(format!("{error:#}")),
    }
}

/// Moves the history away with its journal, which would be played into the next one, and begins
/// a new one.
fn set_aside(patient: &Patient<'_>) -> String {
    let layout = &patient.config.layout;
    // With milliseconds: the folder of a remedy that was followed a moment ago is there already.
    let name = patient.now.strftime("history-set-aside-%Y%m%dT%H%M%S%.3fZ");
    let folder = quoted(&layout.state().join(name.to_string()));
    format!(
        "mkdir {folder} && mv {}* {folder} && fullprocess",
        quoted(&layout.history())
    )
}

/// The data and the fingerprints of its rows against the ledger.
fn examine_data(
    patient: &Patient<'_>,
    ledger: &Ledger,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let layout = &patient.config.layout;
    if ledger.committed_bytes == 0 {
        return Ok(());
    }
    if ledger.rebuilding {
        findings.note(
            "finaldata.csv was being made anew when a run was cut short",
            "fullprocess",
        );
        return Ok(());
    }
    if let Some(history) = patient.history() {
        for removal in ingestion::unconfirmed_removals(patient.config, history)? {
            findings.problem(
                format!("{removal}: mount the disk or put the files back, unless they were removed on purpose"),
                "ingestion --accept-removal",
            );
        }
    }
    examine_final_data(patient, ledger, findings);
    let rejected = layout.rejected_rows();
    if rejected.metadata().map_or(0, |metadata| metadata.len()) < ledger.rejected_bytes {
        findings.problem(
            format!("{} was cut or removed", rejected.display()),
            "ingestion",
        );
    }
    match FingerprintKey::load(layout) {
        Ok(Some(_)) if ingestion::is_intact(layout, ledger) => {}
        Ok(Some(_)) => findings.note(
            format!(
                "{} was cut or removed",
                layout.judged_fingerprints().display()
            ),
            "ingestion",
        ),
        Ok(None) => findings.note(
            format!(
                "{} is missing, a new one is drawn",
                layout.fingerprint_key().display()
            ),
            "ingestion",
        ),
        Err(error) if error.is::<Failure>() => findings.problem(
            format!("{error:#}"),
            format!("rm {} && ingestion", quoted(&layout.fingerprint_key())),
        ),
        Err(error) => return Err(error).context("failed to examine the key"),
    }
    Ok(())
}

fn examine_final_data(patient: &Patient<'_>, ledger: &Ledger, findings: &mut Findings) {
    let path = patient.config.layout.final_data();
    let what = match digest::of_file_start(&path, ledger.committed_bytes) {
        Ok(Some(found)) if found == ledger.digest => return,
        Ok(Some(_)) => format!("{} does not hold what was ingested", path.display()),
        Ok(None) => format!("{} was cut", path.display()),
        Err(error) => format!("{error:#}"),
    };
    findings.problem(what, "ingestion");
}
