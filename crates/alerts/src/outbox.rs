//! Delivery of waiting alerts, within limits of attempts and time.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use common::config::{CommandSettings, WebhookSettings};
use common::history::WaitingAlert;
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
/// A message that the target rejects permanently is dropped after this number of failed attempts.
const MAX_REJECTIONS: u64 = 5;
/// Time budget for all attempts and pauses of one target, as a multiple of the time-out.
const TIME_BUDGET_IN_TIMEOUTS: u32 = 4;
/// Length of the first pause, as a fraction of the time-out. Each further pause is twice as long.
const FIRST_PAUSE_IN_TIMEOUTS: f64 = 0.1;

/// Event of a delivery attempt. The history records it.
enum AttemptEvent<'a> {
    /// The attempt begins. This is recorded before anything is sent. If the history cannot be
    /// written, nothing is sent; otherwise each run would send the same message again.
    Starting,
    /// The attempt failed for this reason.
    Failed(&'a str),
}

/// Deliveries of one run to one target.
pub(crate) struct TargetDelivery<'a> {
    target: Target<'a>,
    attempts: Attempts<'a>,
    /// Ids of permanently rejected messages. They are tried once per run.
    rejected: BTreeSet<i64>,
}

/// Attempts of one run to deliver to one target.
struct Attempts<'a> {
    config: &'a Config,
    /// Remaining time budget.
    time_left: Duration,
    failures: u32,
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
            target,
            attempts: Attempts::begin(config),
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
            let record = |attempt: AttemptEvent<'_>| match attempt {
                AttemptEvent::Starting => history.record_delivery_attempt(alert.id),
                AttemptEvent::Failed(reason) => history.record_failed_delivery(alert.id, reason),
            };
            match self.attempts.deliver(&self.target, &alert.body, record) {
                Ok(()) => {
                    history.record_delivery(alert.id, common::clock::now())?;
                    delivered += 1;
                }
                Err(reason) if reason.is::<PermanentRejection>() => {
                    self.rejected.insert(alert.id);
                    handle_rejection(&self.target, history, alert, &reason)?;
                }
                Err(reason) => bail!(
                    "{} for the {}: {reason:#}",
                    waiting.len() - position,
                    self.target()
                ),
            }
        }
        if delivered > 0 {
            tracing::info!(alerts = delivered, "notified the {}", self.target());
        }
        Ok(())
    }

    /// Delivers a message that the history does not record.
    pub(crate) fn deliver_unrecorded(&mut self, body: &str) -> anyhow::Result<()> {
        self.attempts.deliver(&self.target, body, |_| Ok(()))
    }
}

/// Leaves a rejected message to the next run, or drops it after too many failures.
fn handle_rejection(
    target: &Target<'_>,
    history: &History,
    alert: &WaitingAlert,
    reason: &anyhow::Error,
) -> anyhow::Result<()> {
    let name = target.name();
    if alert.failures + 1 < MAX_REJECTIONS {
        tracing::warn!("an alert for the {name} waits for the next run: {reason:#}");
        return Ok(());
    }
    tracing::warn!(
        "the alert for the {name} that was queued at {} is dropped: {reason:#}",
        alert.queued_at
    );
    history.drop_alert(alert.id)
}

impl<'a> Attempts<'a> {
    fn begin(config: &'a Config) -> Self {
        Self {
            config,
            time_left: config.alerts.timeout * TIME_BUDGET_IN_TIMEOUTS,
            failures: 0,
        }
    }

    /// Tries until the message is delivered or permanently rejected, or until attempts or time are
    /// used up. Returns the reason of the last failure. Sends nothing if the attempt cannot be
    /// saved first.
    fn deliver(
        &mut self,
        target: &Target<'_>,
        body: &str,
        record: impl Fn(AttemptEvent<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        loop {
            let within = self.time_left.min(self.config.alerts.timeout);
            if within.is_zero() {
                bail!("no time was left for another attempt");
            }
            if self.failures >= MAX_FAILURES {
                bail!("{MAX_FAILURES} attempts of this run have failed");
            }
            record(AttemptEvent::Starting)?;
            let sent = self.timed(|attempts| target.send(attempts.config, body, within));
            let Err(reason) = sent else {
                return Ok(());
            };
            record(AttemptEvent::Failed(&format!("{reason:#}")))?;
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

    /// Runs `work` and subtracts its duration from the time budget. Work between two deliveries
    /// does not count.
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
            .mul_f64(FIRST_PAUSE_IN_TIMEOUTS * doubled * jitter)
    }
}
