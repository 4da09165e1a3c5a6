//! Delivering what waits, within a bound.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use common::config::{CommandSettings, WebhookSettings};
use common::history::WaitingAlert;
use common::{Config, History};
use jiff::Timestamp;

use crate::webhook::RefusedForGood;
use crate::{command, webhook};

/// Somebody who is told.
pub(crate) enum Target<'a> {
    Webhook(&'a WebhookSettings),
    Command(&'a CommandSettings),
}

/// Tries a run makes for a target; once they have failed, what waits there waits for the next run.
const MOST_FAILURES: u32 = 3;
/// Failed tries after which a message that the target refuses for good is given up.
const MOST_REFUSALS: u64 = 5;
/// All tries and pauses for one target end within so many time-outs.
const BOUND_IN_TIMEOUTS: u32 = 4;
/// The first pause is about this part of the time-out, the next one twice as long.
const PAUSE_PART: f64 = 0.1;

/// How a try to deliver goes, as far as it is noted while it lasts.
enum Try<'a> {
    /// Noted before anything is sent: a history that takes no note of it takes none of the delivery
    /// either, and the same message would be sent by each run.
    Begins,
    /// Why it failed.
    Failed(&'a str),
}

/// What one run does for one target, whenever it does so.
pub(crate) struct Round<'a> {
    target: Target<'a>,
    tries: Tries<'a>,
    /// Messages that were refused for good, which are tried once a run.
    refused: BTreeSet<i64>,
}

/// The tries for one target in one run.
struct Tries<'a> {
    config: &'a Config,
    /// What is left of the time for them.
    left: Duration,
    failures: u32,
}

impl<'a> Target<'a> {
    /// Those that the configuration names.
    pub(crate) fn all(config: &'a Config) -> Vec<Self> {
        let webhook = config.alerts.webhook.as_ref().map(Self::Webhook);
        let command = config.alerts.command.as_ref().map(Self::Command);
        webhook.into_iter().chain(command).collect()
    }

    /// Its name in the history and in log lines.
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

impl<'a> Round<'a> {
    pub(crate) fn begin(config: &'a Config, target: Target<'a>) -> Self {
        Self {
            target,
            tries: Tries::begin(config),
            refused: BTreeSet::new(),
        }
    }

    /// The name of the target.
    pub(crate) fn target(&self) -> &'static str {
        self.target.name()
    }

    /// Delivers what waits, oldest first, so that nobody reads of an end before its beginning; a
    /// message that is refused for good holds up no other.
    pub(crate) fn deliver(&mut self, history: &History) -> anyhow::Result<()> {
        let mut waiting = history.waiting_alerts(self.target())?;
        waiting.retain(|alert| !self.refused.contains(&alert.id));
        let mut delivered = 0;
        for (position, alert) in waiting.iter().enumerate() {
            let note = |how: Try<'_>| match how {
                Try::Begins => history.note_try_to_deliver(alert.id),
                Try::Failed(reason) => history.note_failed_delivery(alert.id, reason),
            };
            match self.tries.deliver(&self.target, &alert.body, note) {
                Ok(()) => {
                    history.note_delivery(alert.id, Timestamp::now())?;
                    delivered += 1;
                }
                Err(reason) if reason.is::<RefusedForGood>() => {
                    self.refused.insert(alert.id);
                    note_refusal(&self.target, history, alert, &reason)?;
                }
                Err(reason) => bail!(
                    "{} for the {}: {reason:#}",
                    waiting.len() - position,
                    self.target()
                ),
            }
        }
        if delivered > 0 {
            tracing::info!(alerts = delivered, "told the {}", self.target());
        }
        Ok(())
    }

    /// Delivers a message that nothing remembers.
    pub(crate) fn deliver_unremembered(&mut self, body: &str) -> anyhow::Result<()> {
        self.tries.deliver(&self.target, body, |_| Ok(()))
    }
}

/// Leaves a refused message to the next run, or gives it up.
fn note_refusal(
    target: &Target<'_>,
    history: &History,
    alert: &WaitingAlert,
    reason: &anyhow::Error,
) -> anyhow::Result<()> {
    let name = target.name();
    if alert.failures + 1 < MOST_REFUSALS {
        tracing::warn!("an alert waits for the next run: for the {name}: {reason:#}");
        return Ok(());
    }
    tracing::warn!(
        "an alert of {} for the {name} is given up: {reason:#}",
        alert.queued_at
    );
    history.give_up_alert(alert.id)
}

impl<'a> Tries<'a> {
    fn begin(config: &'a Config) -> Self {
        Self {
            config,
            left: config.alerts.timeout * BOUND_IN_TIMEOUTS,
            failures: 0,
        }
    }

    /// Tries until it is delivered, refused for good, or tries or time are used up; the error is why
    /// the last one failed. Nothing is sent where it cannot be noted that it is.
    fn deliver(
        &mut self,
        target: &Target<'_>,
        body: &str,
        note: impl Fn(Try<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        loop {
            let within = self.left.min(self.config.alerts.timeout);
            if within.is_zero() {
                bail!("there was no time left for it");
            }
            if self.failures >= MOST_FAILURES {
                bail!("this run has tried {MOST_FAILURES} times");
            }
            note(Try::Begins)?;
            let sent = self.timed(|tries| target.send(tries.config, body, within));
            let Err(reason) = sent else {
                return Ok(());
            };
            note(Try::Failed(&format!("{reason:#}")))?;
            if reason.is::<RefusedForGood>() {
                return Err(reason);
            }
            self.failures += 1;
            if self.failures >= MOST_FAILURES {
                return Err(reason);
            }
            let pause = self.pause().min(self.left);
            self.timed(|_| thread::sleep(pause));
        }
    }

    /// Only what is spent on delivering counts, and not the work between two deliveries.
    fn timed<T>(&mut self, work: impl FnOnce(&Self) -> T) -> T {
        let clock = Instant::now();
        let done = work(self);
        self.left = self.left.saturating_sub(clock.elapsed());
        done
    }

    /// Longer each time, and never the same, so that many pipelines do not knock in step.
    fn pause(&self) -> Duration {
        let jitter = 0.5 + fastrand::f64();
        let doubled = f64::from(1_u32 << (self.failures - 1));
        self.config
            .alerts
            .timeout
            .mul_f64(PAUSE_PART * doubled * jitter)
    }
}
