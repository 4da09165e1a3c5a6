//! The open conditions, and the queued alerts.

use std::ops::ControlFlow;

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{Row, params};

use super::store::{History, time};

/// Maximum number of waiting alerts per target. After so many undelivered alerts, the oldest ones
/// tell less than `fullprocess --doctor`.
const MAX_WAITING: i64 = 100;
/// Number of delivered alerts that are kept, newest first.
const KEPT_DELIVERED: i64 = 1_000;

/// Failure reason of an attempt that was recorded at its start and never updated.
pub(super) const UNKNOWN_END: &str = "the run ended before it was known how the try went";

/// A condition that an alert has reported and that is not resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCondition {
    /// Name of the condition, for example `model_drift`.
    pub name: String,
    /// When the condition was first found.
    pub opened_at: Timestamp,
    /// Time of the last notification about it.
    pub notified_at: Timestamp,
}

/// An alert that is not delivered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingAlert {
    /// Number of the alert; alerts are delivered in this order.
    pub id: i64,
    /// Target of the alert, for example `webhook`.
    pub target: String,
    /// When the alert was queued.
    pub queued_at: Timestamp,
    /// Content of the alert.
    pub body: String,
    /// Attempts that failed or whose end is unknown.
    pub failures: u64,
    /// Reason of the last failure.
    pub last_failure: Option<String>,
}

/// An alert, delivered or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlert {
    /// Number of the alert.
    pub id: i64,
    /// Target of the alert, for example `webhook`.
    pub target: String,
    /// When the alert was queued.
    pub queued_at: Timestamp,
    /// Content of the alert.
    pub body: String,
    /// Attempts that failed or whose end is unknown.
    pub failures: u64,
    /// When the alert was delivered; `None` while it waits.
    pub delivered_at: Option<Timestamp>,
}

impl History {
    /// Visits the kept alerts with a number below `before`, newest first, until `visit` breaks.
    pub fn visit_alerts(
        &self,
        before: Option<i64>,
        visit: impl FnMut(StoredAlert) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        self.visit_alerts_where("1", before.unwrap_or(i64::MAX), visit)
    }

    /// The kept alerts of a run, oldest first: those whose content names it.
    pub fn alerts_of_run(&self, run: i64) -> anyhow::Result<Vec<StoredAlert>> {
        let mut alerts = Vec::new();
        let names_it =
            format!("CASE WHEN json_valid(body) THEN json_extract(body, '$.run') = {run} END");
        self.visit_alerts_where(&names_it, i64::MAX, |alert| {
            alerts.push(alert);
            ControlFlow::Continue(())
        })?;
        alerts.reverse();
        Ok(alerts)
    }

    /// Number of alerts that wait after a failed attempt.
    pub fn n_undelivered_alerts(&self) -> anyhow::Result<u64> {
        let count: i64 = self
            .connection
            .query_row(
                "SELECT COUNT(*) FROM outbox WHERE delivered_at IS NULL AND failures > 0",
                [],
                |row| row.get(0),
            )
            .with_context(|| self.failed_to("read the waiting alerts"))?;
        Ok(count.unsigned_abs())
    }

    /// Visits the alerts of `SELECT … WHERE {condition}`, newest first, until `visit` breaks.
    fn visit_alerts_where(
        &self,
        condition: &str,
        before: i64,
        mut visit: impl FnMut(StoredAlert) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let context = || self.failed_to("read the alerts");
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT id, target, queued_at, body, failures, delivered_at FROM outbox
                 WHERE id < ?1 AND {condition} ORDER BY id DESC"
            ))
            .with_context(context)?;
        let mut rows = statement.query([before]).with_context(context)?;
        while let Some(row) = rows.next().with_context(context)? {
            if visit(stored_alert(row).with_context(context)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The open conditions, by name.
    pub fn open_conditions(&self) -> anyhow::Result<Vec<OpenCondition>> {
        let context = || self.failed_to("read the open conditions");
        let mut statement = self
            .connection
            .prepare("SELECT name, opened_at, told_at FROM conditions ORDER BY name")
            .with_context(context)?;
        let rows = statement
            .query_map([], |row| {
                let texts: (String, String) = (row.get(1)?, row.get(2)?);
                Ok((row.get(0)?, texts))
            })
            .with_context(context)?;
        rows.map(|row| {
            let (name, (opened_at, notified_at)) = row.with_context(context)?;
            Ok(OpenCondition {
                name,
                opened_at: time(&opened_at)?,
                notified_at: time(&notified_at)?,
            })
        })
        .collect()
    }

    /// Opens a condition, or records another notification about it.
    pub fn save_condition(&self, condition: &OpenCondition) -> anyhow::Result<()> {
        self.connection
            .execute(
                "INSERT INTO conditions (name, opened_at, told_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET told_at = excluded.told_at",
                params![
                    condition.name,
                    condition.opened_at.to_string(),
                    condition.notified_at.to_string()
                ],
            )
            .with_context(|| self.failed_to("record an open condition"))?;
        Ok(())
    }

    /// Closes a condition.
    pub fn close_condition(&self, name: &str) -> anyhow::Result<()> {
        self.connection
            .execute("DELETE FROM conditions WHERE name = ?1", [name])
            .with_context(|| self.failed_to("close a condition"))?;
        Ok(())
    }

    /// Queues an alert. If too many wait for the target, the oldest are dropped.
    pub fn queue_alert(&self, now: Timestamp, target: &str, body: &str) -> anyhow::Result<()> {
        let context = || self.failed_to("queue an alert");
        self.connection
            .execute(
                "INSERT INTO outbox (target, queued_at, body) VALUES (?1, ?2, ?3)",
                params![target, now.to_string(), body],
            )
            .with_context(context)?;
        let given_up = self
            .connection
            .execute(
                "DELETE FROM outbox WHERE delivered_at IS NULL AND target = ?1 AND id <=
                     (SELECT id FROM outbox WHERE delivered_at IS NULL AND target = ?1
                      ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                params![target, MAX_WAITING],
            )
            .with_context(context)?;
        if given_up > 0 {
            tracing::warn!(target_of_alerts = target, given_up, "too many alerts wait");
        }
        Ok(())
    }

    /// The alerts that wait for a target, oldest first.
    pub fn waiting_alerts(&self, target: &str) -> anyhow::Result<Vec<WaitingAlert>> {
        let context = || self.failed_to("read the waiting alerts");
        let mut statement = self
            .connection
            .prepare(
                "SELECT id, target, queued_at, body, failures, last_failure FROM outbox
                 WHERE delivered_at IS NULL AND target = ?1 ORDER BY id",
            )
            .with_context(context)?;
        let rows = statement
            .query_map([target], |row| {
                let queued_at: String = row.get(2)?;
                let alert = WaitingAlert {
                    id: row.get(0)?,
                    target: row.get(1)?,
                    queued_at: Timestamp::UNIX_EPOCH,
                    body: row.get(3)?,
                    failures: row.get::<_, i64>(4)?.unsigned_abs(),
                    last_failure: row.get(5)?,
                };
                Ok((queued_at, alert))
            })
            .with_context(context)?;
        rows.map(|row| {
            let (queued_at, alert) = row.with_context(context)?;
            Ok(WaitingAlert {
                queued_at: time(&queued_at)?,
                ..alert
            })
        })
        .collect()
    }

    /// The targets with waiting alerts, by name.
    pub fn targets_of_waiting_alerts(&self) -> anyhow::Result<Vec<String>> {
        let context = || self.failed_to("read the waiting alerts");
        let mut statement = self
            .connection
            .prepare(
                "SELECT DISTINCT target FROM outbox WHERE delivered_at IS NULL ORDER BY target",
            )
            .with_context(context)?;
        let targets = statement
            .query_map([], |row| row.get(0))
            .with_context(context)?;
        targets.map(|target| target.with_context(context)).collect()
    }

    /// True if an alert with this content was queued for a target, delivered or not.
    pub fn has_alert(&self, target: &str, body: &str) -> anyhow::Result<bool> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM outbox WHERE target = ?1 AND body = ?2)",
                params![target, body],
                |row| row.get(0),
            )
            .with_context(|| self.failed_to("look for an alert"))
    }

    /// Drops all alerts that wait for a target; returns their number.
    pub fn drop_alerts_for(&self, target: &str) -> anyhow::Result<usize> {
        self.connection
            .execute(
                "DELETE FROM outbox WHERE delivered_at IS NULL AND target = ?1",
                [target],
            )
            .with_context(|| self.failed_to("give up the waiting alerts"))
    }

    /// Drops an alert.
    pub fn drop_alert(&self, id: i64) -> anyhow::Result<()> {
        self.connection
            .execute("DELETE FROM outbox WHERE id = ?1", [id])
            .with_context(|| self.failed_to("give up an alert"))?;
        Ok(())
    }

    /// Records that an alert was delivered.
    pub fn record_delivery(&self, id: i64, now: Timestamp) -> anyhow::Result<()> {
        let context = || self.failed_to("record a delivered alert");
        self.connection
            .execute(
                "UPDATE outbox SET delivered_at = ?2 WHERE id = ?1",
                params![id, now.to_string()],
            )
            .with_context(context)?;
        self.connection
            .execute(
                "DELETE FROM outbox WHERE delivered_at IS NOT NULL AND id <= ?1 - ?2",
                params![id, KEPT_DELIVERED],
            )
            .with_context(context)?;
        Ok(())
    }

    /// Records that a delivery attempt begins. The attempt counts as failed until its success is
    /// recorded.
    pub fn record_delivery_attempt(&self, id: i64) -> anyhow::Result<()> {
        self.connection
            .execute(
                "UPDATE outbox SET failures = failures + 1, last_failure = ?2 WHERE id = ?1",
                params![id, UNKNOWN_END],
            )
            .with_context(|| self.failed_to("record that an alert is being delivered"))?;
        Ok(())
    }

    /// Records the failure reason of the latest attempt.
    pub fn record_failed_delivery(&self, id: i64, reason: &str) -> anyhow::Result<()> {
        self.connection
            .execute(
                "UPDATE outbox SET last_failure = ?2 WHERE id = ?1",
                params![id, reason],
            )
            .with_context(|| self.failed_to("record an alert that was not delivered"))?;
        Ok(())
    }
}

fn stored_alert(row: &Row<'_>) -> anyhow::Result<StoredAlert> {
    let queued_at: String = row.get(2)?;
    let delivered_at: Option<String> = row.get(5)?;
    Ok(StoredAlert {
        id: row.get(0)?,
        target: row.get(1)?,
        queued_at: time(&queued_at)?,
        body: row.get(3)?,
        failures: row.get::<_, i64>(4)?.unsigned_abs(),
        delivered_at: delivered_at.as_deref().map(time).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::{now, opened};

    #[test]
    fn alerts_without_a_target_are_found_and_dropped() {
        let (_folder, history) = opened();
        for target in ["webhook", "command", "webhook"] {
            history.queue_alert(now(), target, "body").unwrap();
        }
        let targets = history.targets_of_waiting_alerts().unwrap();
        assert_eq!(targets, ["command", "webhook"]);
        let first = history.waiting_alerts("webhook").unwrap()[0].id;
        history.drop_alert(first).unwrap();
        assert_eq!(history.waiting_alerts("webhook").unwrap().len(), 1);
        assert_eq!(history.drop_alerts_for("webhook").unwrap(), 1);
        let targets = history.targets_of_waiting_alerts().unwrap();
        assert_eq!(targets, ["command"]);
    }

    #[test]
    fn alerts_wait_in_their_order_until_they_are_delivered() {
        let (_folder, history) = opened();
        for body in 0..120 {
            let target = if body == 5 { "command" } else { "webhook" };
            history
                .queue_alert(now(), target, &body.to_string())
                .unwrap();
        }
        let waiting = history.waiting_alerts("webhook").unwrap();
        let bodies: Vec<&str> = waiting.iter().map(|alert| alert.body.as_str()).collect();
        assert_eq!((bodies.len(), bodies[0], bodies[99]), (100, "20", "119"));
        assert_eq!(history.waiting_alerts("command").unwrap().len(), 1);
        for alert in &waiting[..3] {
            history.record_delivery_attempt(alert.id).unwrap();
        }
        history
            .record_failed_delivery(waiting[0].id, "refused")
            .unwrap();
        history.record_delivery(waiting[1].id, now()).unwrap();
        let waiting = history.waiting_alerts("webhook").unwrap();
        let failed = |place: usize| {
            (
                waiting[place].failures,
                waiting[place].last_failure.as_deref(),
            )
        };
        assert_eq!(failed(0), (1, Some("refused")));
        assert_eq!(waiting[1].body, "22");
        assert_eq!(failed(1), (1, Some(UNKNOWN_END)), "the run was killed");
        assert_eq!(failed(2), (0, None));
    }

    #[test]
    fn alerts_are_listed_newest_first_and_found_by_their_run() {
        let (_folder, history) = opened();
        for body in [r#"{"run":1}"#, r#"{"run":2}"#, "no JSON", r#"{"run":2}"#] {
            history.queue_alert(now(), "webhook", body).unwrap();
        }
        history.record_delivery_attempt(1).unwrap();
        history.record_delivery(1, now()).unwrap();
        history.record_delivery_attempt(2).unwrap();
        let mut seen = Vec::new();
        let visit = |alert: StoredAlert| {
            seen.push((alert.id, alert.delivered_at, alert.failures));
            match alert.id {
                2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        };
        history.visit_alerts(Some(4), visit).unwrap();
        assert_eq!(seen, [(3, None, 0), (2, None, 1)]);
        let of_run = |run| -> Vec<i64> {
            let alerts = history.alerts_of_run(run).unwrap();
            alerts.iter().map(|alert| alert.id).collect()
        };
        assert_eq!(
            (of_run(1), of_run(2), of_run(3)),
            (vec![1], vec![2, 4], vec![])
        );
        let delivered = history.alerts_of_run(1).unwrap().remove(0);
        assert_eq!(delivered.delivered_at, Some(now()));
        assert_eq!(history.n_undelivered_alerts().unwrap(), 1);
    }

    #[test]
    fn a_condition_keeps_the_time_it_was_opened_at_until_it_is_closed() {
        let (_folder, history) = opened();
        let condition = |hour: i64| {
            let at = now() + jiff::SignedDuration::from_hours(hour);
            OpenCondition {
                name: "model_drift".into(),
                opened_at: at,
                notified_at: at,
            }
        };
        history.save_condition(&condition(0)).unwrap();
        history.save_condition(&condition(30)).unwrap();
        let open = history.open_conditions().unwrap();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].opened_at, condition(0).opened_at);
        assert_eq!(open[0].notified_at, condition(30).notified_at);
        history.close_condition("model_drift").unwrap();
        assert_eq!(history.open_conditions().unwrap(), []);
    }
}
