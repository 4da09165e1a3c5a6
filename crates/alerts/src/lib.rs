//! Telling people that something is wrong: once when it is found, again only after a cool-down, and
//! once when it is over.
//!
//! What a run saw is noted in the history, in the transaction that ends the run, and delivered
//! afterwards; what could not be delivered goes with the next run. Nothing here makes a run fail,
//! and no target holds one up for longer than four time-outs. A message holds counts, names of
//! features and statistics, and nothing else of the data: no client, no value, no file's name.

mod command;
mod condition;
mod message;
mod outbox;
mod webhook;

use common::history::OpenCondition;
use common::{Config, History};
use jiff::Timestamp;

use crate::message::Message;
use crate::outbox::{Round, Target};

pub use condition::{Condition, Seen, Sighting};

/// The run that an alert is about.
#[derive(Clone, Debug)]
pub struct AlertContext {
    /// Start of the program. One start of the program reports an open condition once.
    pub began: Timestamp,
    /// Time of the alert.
    pub now: Timestamp,
    /// Number of the run; `None` where the run got none.
    pub run: Option<i64>,
    /// The release that is live after the run.
    pub release: Option<String>,
}

/// What one start of the program may still try, however often it delivers.
pub struct Delivery<'a> {
    config: &'a Config,
    rounds: Vec<Round<'a>>,
}

/// Notes what a run saw, and queues what people are to be told of it.
///
/// Where there is nobody to tell, what is over is closed, and nothing is opened.
pub fn note(
    config: &Config,
    history: &History,
    context: &AlertContext,
    sightings: &[Sighting],
) -> anyhow::Result<()> {
    history.transaction(|history| {
        let open = history.open_conditions()?;
        for sighting in sightings {
            let name = sighting.condition.name();
            let known = open.iter().find(|condition| condition.name == name);
            note_one(config, history, context, sighting, known)?;
        }
        Ok(())
    })
}

fn note_one(
    config: &Config,
    history: &History,
    context: &AlertContext,
    sighting: &Sighting,
    known: Option<&OpenCondition>,
) -> anyhow::Result<()> {
    let is_wrong = matches!(sighting.seen, Seen::Wrong(_));
    if is_wrong && !config.alerts.has_target() {
        return Ok(());
    }
    let name = sighting.condition.name();
    let told = known.map(|condition| condition.told_at);
    let opened_at = known.map_or(context.now, |condition| condition.opened_at);
    let told_now = OpenCondition {
        name: name.to_owned(),
        opened_at,
        told_at: context.now,
    };
    let is_due = condition::is_due(told, &sighting.seen, context.now, config.alerts.cool_down);
    let is_repeated = is_wrong && told.is_some_and(|told| context.has_told_at(told));
    if !is_due || is_repeated {
        // It was told by a clock that was ahead, which would silence it until then.
        return match told {
            Some(told) if is_wrong && told > context.now => history.save_condition(&told_now),
            _ => Ok(()),
        };
    }
    if is_wrong {
        history.save_condition(&told_now)?;
    } else {
        history.close_condition(name)?;
    }
    let body = Message::of(sighting, context, opened_at).to_json()?;
    for target in Target::all(config) {
        history.queue_alert(context.now, target.name(), &body)?;
    }
    Ok(())
}

impl AlertContext {
    /// Whether this start of the program sent the alert of that time.
    fn has_told_at(&self, told: Timestamp) -> bool {
        (self.began..=self.now).contains(&told)
    }
}

impl<'a> Delivery<'a> {
    /// To all targets, with all tries left.
    pub fn begin(config: &'a Config) -> Self {
        let targets = Target::all(config).into_iter();
        Self {
            config,
            rounds: targets.map(|target| Round::begin(config, target)).collect(),
        }
    }

    /// Delivers what waits, oldest first; what cannot be delivered is logged and waits on.
    ///
    /// What waits for a target that the configuration no longer names is given up.
    pub fn deliver(&mut self, history: &History) {
        if let Err(error) = give_up_those_for_nobody(self.config, history) {
            tracing::warn!("{error:#}");
        }
        for round in &mut self.rounds {
            if let Err(error) = round.deliver(history) {
                tracing::warn!("alerts wait for the next run: {error:#}");
            }
        }
    }

    /// Tells of what is wrong where the history cannot be written.
    ///
    /// Nothing remembers that it was told, so it is told by each run until it is mended.
    pub fn deliver_unremembered(&mut self, context: &AlertContext, sighting: &Sighting) {
        let body = match Message::of(sighting, context, context.now).to_json() {
            Ok(body) => body,
            Err(error) => return tracing::warn!("an alert cannot be written: {error:#}"),
        };
        for round in &mut self.rounds {
            if let Err(reason) = round.deliver_unremembered(&body) {
                tracing::warn!("the {} got no alert: {reason:#}", round.target());
            }
        }
    }
}

fn give_up_those_for_nobody(config: &Config, history: &History) -> anyhow::Result<()> {
    let named = targets(config);
    for target in history.targets_of_waiting_alerts()? {
        if !named.contains(&target.as_str()) {
            let given_up = history.give_up_alerts_for(&target)?;
            tracing::warn!(
                given_up,
                "alerts waited for the {target}, which the configuration no longer names"
            );
        }
    }
    Ok(())
}

/// For whom alerts are, by name.
pub fn targets(config: &Config) -> Vec<&'static str> {
    Target::all(config).iter().map(Target::name).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::SignedDuration;

    use super::*;

    const ONE_TARGET: &str = r#"{"command":["/bin/true"]}"#;

    fn config(folder: &Path, alerts: &str) -> Config {
        let text = format!(
            r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod","alerts":{alerts}}}"#
        );
        Config::parse(&folder.join("config.json"), &text).unwrap()
    }

    fn drift(seen: Seen) -> [Sighting; 1] {
        [Sighting {
            condition: Condition::ModelDrift,
            seen,
        }]
    }

    fn context(now: Timestamp) -> AlertContext {
        AlertContext {
            began: now,
            now,
            run: Some(1),
            release: None,
        }
    }

    fn hours(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1_000 + hours)
    }

    #[test]
    fn a_clock_that_was_ahead_silences_a_condition_for_a_cool_down_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), ONE_TARGET);
        let history = History::open(&config.layout).unwrap();
        for (hour, messages) in [(500, 1), (0, 1), (23, 1), (24, 2)] {
            let wrong = drift(Seen::Wrong("drift".into()));
            note(&config, &history, &context(hours(hour)), &wrong).unwrap();
            let waiting = history.waiting_alerts("command").unwrap();
            assert_eq!(waiting.len(), messages, "at hour {hour}");
        }
    }

    #[test]
    fn one_start_of_the_program_tells_of_a_condition_once() {
        let folder = tempfile::tempdir().unwrap();
        let targets = r#"{"command":["/bin/true"],"cool_down_hours":0}"#;
        let config = config(folder.path(), targets);
        let history = History::open(&config.layout).unwrap();
        let see = |began: i64, now: i64, seen: Seen| {
            let context = AlertContext {
                began: hours(began),
                ..context(hours(now))
            };
            note(&config, &history, &context, &drift(seen)).unwrap();
            history.waiting_alerts("command").unwrap().len()
        };
        let wrong = || Seen::Wrong("drift".into());
        assert_eq!(see(0, 0, wrong()), 1);
        assert_eq!(see(0, 1, wrong()), 1);
        assert_eq!(
            see(0, 2, Seen::Right),
            2,
            "that it is over is something else"
        );
        assert_eq!(see(3, 3, wrong()), 3);
        assert_eq!(see(4, 4, wrong()), 4, "without a cool-down");
    }

    #[test]
    fn what_waits_is_left_alone_where_nothing_can_be_noted() {
        let folder = tempfile::tempdir().unwrap();
        let target = r#"{"command":["/bin/sh","-c","echo told >> told"]}"#;
        let config = config(folder.path(), target);
        let history = History::open(&config.layout).unwrap();
        let wrong = drift(Seen::Wrong("drift".into()));
        note(&config, &history, &context(hours(0)), &wrong).unwrap();
        let read_only = History::read(&config.layout).unwrap().unwrap();
        Delivery::begin(&config).deliver(&read_only);
        let told = folder.path().join("told");
        assert!(!told.exists());
        Delivery::begin(&config).deliver(&history);
        assert_eq!(std::fs::read_to_string(&told).unwrap(), "told\n");
        assert_eq!(history.waiting_alerts("command").unwrap(), []);
    }

    #[test]
    fn without_a_target_what_is_over_is_closed_and_what_waits_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let told = config(folder.path(), ONE_TARGET);
        let silent = config(folder.path(), "{}");
        let history = History::open(&told.layout).unwrap();
        let see = |config: &Config, seen: Seen| {
            note(config, &history, &context(hours(0)), &drift(seen)).unwrap();
            history.open_conditions().unwrap().len()
        };
        let wrong = || Seen::Wrong("drift".into());
        assert_eq!(see(&silent, wrong()), 0);
        assert_eq!(see(&told, wrong()), 1);
        assert_eq!(see(&silent, Seen::Right), 0);
        assert_eq!(history.waiting_alerts("command").unwrap().len(), 1);
        Delivery::begin(&silent).deliver(&history);
        assert_eq!(history.waiting_alerts("command").unwrap(), []);
    }
}
