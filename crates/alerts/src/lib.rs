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
use crate::outbox::Target;

pub use condition::{Condition, Seen, Sighting};

/// The run that saw something.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// When.
    pub now: Timestamp,
    /// Its number; `None` where it did not come to one.
    pub run: Option<i64>,
    /// The release that is live after it.
    pub release: Option<String>,
}

/// Notes what a run saw, and queues what people are to be told of it.
pub fn note(
    config: &Config,
    history: &History,
    occasion: &Occasion,
    sightings: &[Sighting],
) -> anyhow::Result<()> {
    if !config.alerts.has_target() {
        return Ok(());
    }
    history.transaction(|history| {
        let known = history.open_conditions()?;
        for sighting in sightings {
            let name = sighting.condition.name();
            let standing = known.iter().find(|condition| condition.name == name);
            note_one(config, history, occasion, sighting, standing)?;
        }
        Ok(())
    })
}

fn note_one(
    config: &Config,
    history: &History,
    occasion: &Occasion,
    sighting: &Sighting,
    standing: Option<&OpenCondition>,
) -> anyhow::Result<()> {
    let name = sighting.condition.name();
    let told = standing.map(|condition| condition.told_at);
    let is_due = condition::is_due(told, &sighting.seen, occasion.now, config.alerts.cool_down);
    if !is_due {
        return Ok(());
    }
    let opened_at = standing.map_or(occasion.now, |condition| condition.opened_at);
    match sighting.seen {
        Seen::Wrong(_) => history.save_condition(&OpenCondition {
            name: name.to_owned(),
            opened_at,
            told_at: occasion.now,
        })?,
        Seen::Right => history.close_condition(name)?,
    }
    let body = Message::of(sighting, occasion, opened_at).to_json()?;
    for target in Target::all(config) {
        history.queue_alert(occasion.now, target.name(), &body)?;
    }
    Ok(())
}

/// Delivers what waits, oldest first; what cannot be delivered is logged and waits on.
pub fn deliver(config: &Config, history: &History) {
    for target in Target::all(config) {
        if let Err(error) = outbox::deliver_to(&target, config, history) {
            tracing::warn!("alerts wait for the next run: {error:#}");
        }
    }
}

/// Tells of what is wrong where the history cannot be written.
///
/// Nothing remembers that it was told, so it is told by each run until it is mended.
pub fn deliver_unremembered(config: &Config, occasion: &Occasion, sighting: &Sighting) {
    let body = match Message::of(sighting, occasion, occasion.now).to_json() {
        Ok(body) => body,
        Err(error) => return tracing::warn!("an alert cannot be written: {error:#}"),
    };
    for target in Target::all(config) {
        if let Err(reason) = outbox::Tries::begin(config).deliver(&target, &body, |_| Ok(())) {
            tracing::warn!("the {} got no alert: {reason:#}", target.name());
        }
    }
}

/// For whom alerts are, by name.
pub fn targets(config: &Config) -> Vec<&'static str> {
    Target::all(config).iter().map(Target::name).collect()
}
