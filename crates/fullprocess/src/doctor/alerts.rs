//! The delivery of alerts: targets, waiting alerts and open conditions.

use common::config::WebhookSettings;

use super::permissions::examine_key;
use super::pipeline::ExaminedPipeline;
use super::report::{Findings, counted, quoted};

/// First version of the history with tables for alerts.
const FIRST_VERSION: usize = 3;

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let config = pipeline.config;
    let targets = alerts::targets(config);
    if targets.is_empty() {
        return Ok("nobody is notified: `alerts` names no webhook and no command".into());
    }
    if let Some(webhook) = &config.alerts.webhook {
        examine_secret(webhook, findings);
    }
    let target_names = targets.join(" and ");
    let Some(history) = pipeline.history() else {
        return Ok(format!("for the {target_names}"));
    };
    if history.versions()?.0 < FIRST_VERSION {
        return Ok(format!("for the {target_names}; no alert yet"));
    }
    let mut n_waiting = 0;
    for target in targets {
        let waiting = history.waiting_alerts(target)?;
        n_waiting += waiting.len();
        // A working run is about to deliver its alerts.
        let failed = waiting.iter().find(|alert| alert.failures > 0);
        if let Some(alert) = failed.filter(|_| !pipeline.is_working()) {
            findings.problem(
                format!(
                    "{} for the {target} could not be delivered since {}: {}",
                    counted(waiting.len(), "alert"),
                    alert.queued_at.strftime("%Y-%m-%d %H:%M:%SZ"),
                    alert.last_failure.as_deref().unwrap_or("reason unknown")
                ),
                "fullprocess",
            );
        }
    }
    let names = open_conditions(pipeline);
    let conditions = if names.is_empty() {
        "no condition is open".to_owned()
    } else {
        format!("open: {}", names.join(", "))
    };
    Ok(format!(
        "for the {target_names}; {n_waiting} waiting; {conditions}"
    ))
}

/// Names of the open conditions; none where they cannot be read.
pub(super) fn open_conditions(pipeline: &ExaminedPipeline<'_>) -> Vec<String> {
    let history = pipeline.history();
    let history = history.filter(|it| {
        it.versions()
            .is_ok_and(|(version, _)| version >= FIRST_VERSION)
    });
    let open = history.and_then(|history| history.open_conditions().ok());
    let open = open.into_iter().flatten();
    open.map(|condition| condition.name).collect()
}

fn examine_secret(webhook: &WebhookSettings, findings: &mut Findings) {
    let Some(file) = &webhook.secret_file else {
        return;
    };
    match file.metadata() {
        Ok(_) => examine_key(file, findings),
        Err(error) => findings.problem(
            format!(
                "{} (alerts.webhook.secret_file) cannot be read: {error}",
                file.display()
            ),
            format!("ls -l {}", quoted(file)),
        ),
    }
}
