//! Delivery of waiting alerts, within limits of attempts and time.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use common::config::{CommandSettings, WebhookSettings};
use common::history::WaitingAlert;
use common::numbers::counted;
use common::{Config, History};

use crate::webhook::PermanentRejection;
use crate::{command, webhook};

/// A receiver of alerts.
pub(crate) enum Target<'a> {
    Webhook(&'a WebhookSettings),
    Command(&'a CommandSettings),
}

/// Maximum number of failed attempts of a run for one target. After that, alerts for the target
/// wait for the next run.
const MAX_FAILURES: u32 = 3;
/// A message that the target rejects is dropped once this number of its attempts failed, for whatever
/// reason. Until then each run tries it again, because the receiver may be fixed.
const MAX_FAILURES_OF_REJECTED: u64 = 5;
/// Time budget for all attempts and pauses of one target, as a multiple of the time-out.
const TIMEOUTS_PER_DELIVERY: u32 = 4;
/// Length of the first pause, as a fraction of the time-out. Each further pause is twice as long.
const TIMEOUTS_OF_FIRST_PAUSE: f64 = 0.1;

/// One delivery of alerts to one target.
pub(crate) struct TargetDelivery<'a> {
    config: &'a Config,
    target: Target<'a>,
    /// Remaining time budget.
    time_left: Duration,
    /// Failed attempts, without rejections.
    failures: u32,
    /// Ids of messages that the target rejected. They are not tried again in this delivery.
    rejected: BTreeSet<i64>,
}

impl<'a> Target<'a> {
    /// The configured targets.
    pub(crate) fn all(config: &'a Config) -> Vec<Self> {
        let webhook = config.alerts.webhook.as_ref().map(Self::Webhook);
        let command = config.alerts.command.as_ref().map(Self::Command);
        webhook.into_iter().chain(command).collect()
    }

    /// Name of the target in the history and in log lines.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Command(_) => "command",
        }
    }

    fn send(&self, config: &Config, body: &str, within: Duration) -> anyhow::Result<()> {
        match self {
            Self::Webhook(settings) => webhook::post(settings, body, within),
            Self::Command(settings) => command::run(settings, &config.base, body, within),
        }
    }
}

impl<'a> TargetDelivery<'a> {
    pub(crate) fn begin(config: &'a Config, target: Target<'a>) -> Self {
        Self {
            config,
            target,
            time_left: config.alerts.timeout * TIMEOUTS_PER_DELIVERY,
            failures: 0,
            rejected: BTreeSet::new(),
        }
    }

    /// Name of the target.
    pub(crate) fn target(&self) -> &'static str {
        self.target.name()
    }

    /// Delivers the waiting alerts, oldest first, so that a condition is reported open before it is
    /// reported resolved. A permanently rejected message does not block the others.
    pub(crate) fn deliver(&mut self, history: &History) -> anyhow::Result<()> {
        let mut waiting = history.waiting_alerts(self.target())?;
        waiting.retain(|alert| !self.rejected.contains(&alert.id));
        let mut delivered = 0;
        for (position, alert) in waiting.iter().enumerate() {
            match self.try_to_deliver(&alert.body, Some((history, alert.id))) {
                Ok(()) => {
                    history.record_delivery(alert.id, common::clock::now())?;
                    delivered += 1;
                }
                Err(reason) if reason.is::<PermanentRejection>() => {
                    self.rejected.insert(alert.id);
                    handle_rejection(self.target(), history, alert, &reason)?;
                }
                Err(reason) => {
                    let left = counted((waiting.len() - position) as u64, "alert");
                    return Err(reason.context(format!("{left} not delivered")));
                }
            }
        }
        if delivered > 0 {
            tracing::info!(alerts = delivered, "notified the {}", self.target());
        }
        Ok(())
    }

    /// Delivers a message that the history does not record.
    pub(crate) fn deliver_unrecorded(&mut self, body: &str) -> anyhow::Result<()> {
        self.try_to_deliver(body, None)
    }

    /// Tries until the message is delivered or permanently rejected, or until attempts or time are
    /// used up. Returns the reason of the last failure. The history records the attempts of the alert
    /// with the number in `recorded`.
    fn try_to_deliver(
        &mut self,
        body: &str,
        recorded: Option<(&History, i64)>,
    ) -> anyhow::Result<()> {
        loop {
            let within = self.time_left.min(self.config.alerts.timeout);
            if within.is_zero() {
                bail!("no time was left for another attempt");
            }
            if self.failures >= MAX_FAILURES {
                bail!("{MAX_FAILURES} attempts of this run have failed");
            }
            // If the history cannot be written, nothing is sent. Otherwise each run would send the same
            // message again.
            if let Some((history, alert)) = recorded {
                history.record_delivery_attempt(alert)?;
            }
            let sent = self.timed(|it| it.target.send(it.config, body, within));
            let Err(reason) = sent else {
                return Ok(());
            };
            if let Some((history, alert)) = recorded {
                history.record_failed_delivery(alert, &format!("{reason:#}"))?;
            }
            if reason.is::<PermanentRejection>() {
                return Err(reason);
            }
            self.failures += 1;
            if self.failures >= MAX_FAILURES {
                return Err(reason);
            }
            let pause = self.pause().min(self.time_left);
            self.timed(|_| thread::sleep(pause));
        }
    }

    /// Runs an attempt or a pause and subtracts its duration from the time budget. Writing to the
    /// history does not count.
    fn timed<T>(&mut self, work: impl FnOnce(&Self) -> T) -> T {
        let clock = Instant::now();
        let done = work(self);
        self.time_left = self.time_left.saturating_sub(clock.elapsed());
        done
    }

    /// Pause after a failure: longer each time, and random, so that many pipelines do not retry at
    /// the same moment.
    fn pause(&self) -> Duration {
        let jitter = 0.5 + fastrand::f64();
        let doubled = f64::from(1_u32 << (self.failures - 1));
        self.config
            .alerts
            .timeout
            .mul_f64(TIMEOUTS_OF_FIRST_PAUSE * doubled * jitter)
    }
}

/// Leaves a rejected message to the next run, or drops it after too many failures.
fn handle_rejection(
    target: &str,
    history: &History,
    alert: &WaitingAlert,
    reason: &anyhow::Error,
) -> anyhow::Result<()> {
    if alert.failures + 1 < MAX_FAILURES_OF_REJECTED {
        tracing::warn!("an alert for the {target} waits for the next run: {reason:#}");
        return Ok(());
    }
    tracing::warn!(
        "the alert for the {target} that was queued at {} is dropped: {reason:#}",
        alert.queued_at
    );
    history.drop_alert(alert.id)
}
