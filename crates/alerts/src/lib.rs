//! Alerts: notify people once when a condition opens, again only after a cool-down, and once when
//! it is resolved.
//!
//! The open conditions and the alerts of a run are saved in the history, in the transaction that ends
//! the run. The alerts are delivered afterwards. Undelivered alerts wait for the next run. No alert
//! makes a run fail. No target delays one delivery for longer than four times
//! `alerts.timeout_seconds`, plus a second for the end of a killed command.
//!
//! From the data, a message contains only counts, feature names, statistics, and the bounds of bins,
//! which are values of training rows. It contains no client, no level and no file name.

mod command;
mod condition;
mod message;
mod outbox;
mod run_context;
mod webhook;

use common::history::OpenCondition;
use common::{Config, History};

use crate::message::Message;
use crate::outbox::{Target, TargetDelivery};

pub use condition::{Condition, Observation, Status};
pub use run_context::RunContext;

/// One delivery of the waiting alerts. Each target has a limited number of attempts and a limited
/// time. A check of the dependencies after the run begins a second delivery.
pub struct Delivery<'a> {
    config: &'a Config,
    deliveries: Vec<TargetDelivery<'a>>,
}

/// Opens and resolves conditions by the observations of a run, and queues the alerts.
///
/// Without a target, resolved conditions are closed and no condition is opened.
pub fn record(
    config: &Config,
    history: &History,
    context: &RunContext,
    observations: &[Observation],
) -> anyhow::Result<()> {
    history.transaction(|history| {
        let known = history.open_conditions()?;
        for observation in observations {
            let name = observation.condition.name();
            let open = known.iter().find(|condition| condition.name == name);
            record_one(config, history, context, observation, open)?;
        }
        Ok(())
    })
}

fn record_one(
    config: &Config,
    history: &History,
    context: &RunContext,
    observation: &Observation,
    open: Option<&OpenCondition>,
) -> anyhow::Result<()> {
    let is_present = matches!(observation.status, Status::Present(_));
    if is_present && !config.alerts.has_target() {
        return Ok(());
    }
    let name = observation.condition.name();
    let notified_at = open.map(|condition| condition.notified_at);
    let opened_at = open.map_or(context.now, |condition| condition.opened_at);
    let notified_now = OpenCondition {
        name: name.to_owned(),
        opened_at,
        notified_at: context.now,
    };
    // If the clock was ahead, the time of the last notification lies in the future. The present time
    // replaces it. Otherwise no reminder would be sent before that future time.
    if is_present && notified_at.is_some_and(|at| at > context.now) {
        return history.save_condition(&notified_now);
    }
    let is_due = condition::is_due(
        notified_at,
        &observation.status,
        context.now,
        config.alerts.cool_down,
    );
    let is_repeated =
        is_present && notified_at.is_some_and(|at| context.was_notified_since_start(at));
    if !is_due || is_repeated {
        return Ok(());
    }
    if is_present {
        history.save_condition(&notified_now)?;
    } else {
        history.close_condition(name)?;
    }
    let body = Message::of(observation, context, opened_at).to_json()?;
    for target in Target::all(config) {
        history.queue_alert(context.now, target.name(), &body)?;
    }
    Ok(())
}

impl<'a> Delivery<'a> {
    /// A delivery to all targets, with all attempts left.
    pub fn begin(config: &'a Config) -> Self {
        let targets = Target::all(config).into_iter();
        Self {
            config,
            deliveries: targets
                .map(|target| TargetDelivery::begin(config, target))
                .collect(),
        }
    }

    /// Delivers the waiting alerts, oldest first. An alert that cannot be delivered is logged and
    /// keeps waiting.
    ///
    /// Alerts for a target that the configuration no longer names go to the targets that it names.
    pub fn deliver(&mut self, history: &History) {
        if let Err(error) = move_alerts_without_target(self.config, history) {
            tracing::warn!("{error:#}");
        }
        for delivery in &mut self.deliveries {
            if let Err(error) = delivery.deliver(history) {
                tracing::warn!(
                    "alerts for the {} wait for the next run: {error:#}",
                    delivery.target()
                );
            }
        }
    }

    /// Delivers an alert when the history cannot be written.
    ///
    /// The delivery is not recorded, so each run repeats it until the history is fixed.
    pub fn deliver_unrecorded(&mut self, context: &RunContext, observation: &Observation) {
        let body = match Message::of(observation, context, context.now).to_json() {
            Ok(body) => body,
            Err(error) => return tracing::warn!("an alert cannot be written: {error:#}"),
        };
        for delivery in &mut self.deliveries {
            if let Err(reason) = delivery.deliver_unrecorded(&body) {
                tracing::warn!(
                    "failed to send an alert to the {}: {reason:#}",
                    delivery.target()
                );
            }
        }
    }
}

/// If the configuration no longer names a target, moves its alerts to the targets that it names. People
/// count as notified of a condition once its alert is queued. If the alert were dropped, nobody would
/// learn of the condition.
fn move_alerts_without_target(config: &Config, history: &History) -> anyhow::Result<()> {
    let named = targets(config);
    for former in history.targets_of_waiting_alerts()? {
        if named.contains(&former.as_str()) {
            continue;
        }
        let moved = history.transaction(|history| {
            for alert in history.waiting_alerts(&former)? {
                for target in &named {
                    // The present target may already have the same alert.
                    if !history.has_alert(target, &alert.body)? {
                        history.queue_alert(alert.queued_at, target, &alert.body)?;
                    }
                }
            }
            history.drop_alerts_for(&former)
        })?;
        tracing::warn!(
            moved,
            "alerts waited for the {former}, which the configuration no longer names; they go to: {}",
            if named.is_empty() {
                "nobody".into()
            } else {
                named.join(", ")
            }
        );
    }
    Ok(())
}

/// Names of the configured targets.
pub fn targets(config: &Config) -> Vec<&'static str> {
    Target::all(config).iter().map(Target::name).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::{SignedDuration, Timestamp};

    use super::*;

    const ONE_TARGET: &str = r#"{"command":["/bin/true"]}"#;

    fn config(folder: &Path, alerts: &str) -> Config {
        let text = format!(
            r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod","alerts":{alerts}}}"#
        );
        Config::parse(&folder.join("config.json"), &text).unwrap()
    }

    fn drift(status: Status) -> [Observation; 1] {
        [Observation {
            condition: Condition::ModelDrift,
            status,
        }]
    }

    fn context(now: Timestamp) -> RunContext {
        RunContext {
            began: now,
            now,
            run: Some(1),
            release: None,
            report: None,
        }
    }

    fn hours(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1_000 + hours)
    }

    #[test]
    fn a_clock_that_was_ahead_silences_a_condition_for_one_cool_down_only() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), ONE_TARGET);
        let history = History::open(&config.layout).unwrap();
        for (hour, messages) in [(500, 1), (0, 1), (23, 1), (24, 2)] {
            let drifted = drift(Status::Present("drift".into()));
            record(&config, &history, &context(hours(hour)), &drifted).unwrap();
            let waiting = history.waiting_alerts("command").unwrap();
            assert_eq!(waiting.len(), messages, "at hour {hour}");
        }
    }

    #[test]
    fn an_execution_of_the_program_notifies_once_about_a_condition() {
        let folder = tempfile::tempdir().unwrap();
        let targets = r#"{"command":["/bin/true"],"cool_down_hours":0}"#;
        let config = config(folder.path(), targets);
        let history = History::open(&config.layout).unwrap();
        let n_waiting_after = |began: i64, now: i64, status: Status| {
            let context = RunContext {
                began: hours(began),
                ..context(hours(now))
            };
            record(&config, &history, &context, &drift(status)).unwrap();
            history.waiting_alerts("command").unwrap().len()
        };
        let drifted = || Status::Present("drift".into());
        assert_eq!(n_waiting_after(0, 0, drifted()), 1);
        assert_eq!(n_waiting_after(0, 1, drifted()), 1);
        assert_eq!(
            n_waiting_after(0, 2, Status::Absent),
            2,
            "the resolution is a new message"
        );
        assert_eq!(n_waiting_after(3, 3, drifted()), 3);
        assert_eq!(n_waiting_after(4, 4, drifted()), 4, "without a cool-down");
    }

    #[test]
    fn waiting_alerts_are_not_sent_when_the_history_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let target = r#"{"command":["/bin/sh","-c","echo told >> told"]}"#;
        let config = config(folder.path(), target);
        let history = History::open(&config.layout).unwrap();
        let drifted = drift(Status::Present("drift".into()));
        record(&config, &history, &context(hours(0)), &drifted).unwrap();
        let read_only = History::read(&config.layout).unwrap().unwrap();
        Delivery::begin(&config).deliver(&read_only);
        let delivered = folder.path().join("told");
        assert!(!delivered.exists());
        Delivery::begin(&config).deliver(&history);
        assert_eq!(std::fs::read_to_string(&delivered).unwrap(), "told\n");
        assert_eq!(history.waiting_alerts("command").unwrap(), []);
    }

    #[test]
    fn without_a_target_resolved_conditions_close_and_waiting_alerts_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let with_target = config(folder.path(), ONE_TARGET);
        let without_target = config(folder.path(), "{}");
        let history = History::open(&with_target.layout).unwrap();
        let n_open_after = |config: &Config, status: Status| {
            record(config, &history, &context(hours(0)), &drift(status)).unwrap();
            history.open_conditions().unwrap().len()
        };
        let drifted = || Status::Present("drift".into());
        assert_eq!(n_open_after(&without_target, drifted()), 0);
        assert_eq!(n_open_after(&with_target, drifted()), 1);
        assert_eq!(n_open_after(&without_target, Status::Absent), 0);
        assert_eq!(history.waiting_alerts("command").unwrap().len(), 1);
        Delivery::begin(&without_target).deliver(&history);
        assert_eq!(history.waiting_alerts("command").unwrap(), []);
    }

    #[test]
    fn alerts_that_wait_for_a_former_target_go_to_the_present_one() {
        let folder = tempfile::tempdir().unwrap();
        let former = config(
            folder.path(),
            r#"{"webhook":{"url":"http://127.0.0.1:9/"}}"#,
        );
        let present = config(folder.path(), ONE_TARGET);
        let history = History::open(&former.layout).unwrap();
        let drifted = drift(Status::Present("drift".into()));
        record(&former, &history, &context(hours(0)), &drifted).unwrap();
        let waiting =
            || ["webhook", "command"].map(|target| history.waiting_alerts(target).unwrap().len());
        assert_eq!(waiting(), [1, 0]);
        move_alerts_without_target(&present, &history).unwrap();
        assert_eq!(waiting(), [0, 1]);
        // An alert that was queued for both targets is not queued again for the present one.
        let body = &history.waiting_alerts("command").unwrap()[0].body;
        history.queue_alert(hours(0), "webhook", body).unwrap();
        move_alerts_without_target(&present, &history).unwrap();
        assert_eq!(waiting(), [0, 1]);
    }
}
