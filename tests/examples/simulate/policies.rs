//! The results of each policy on the same streams.

use common::Config;
use dataset::each_in_parallel;

use crate::intervals::{Mean, Share};
use crate::pipeline::{Pipeline, RunResult};
use crate::streams::{Scenario, Stream};

/// A policy: it decides when the model is replaced.
#[derive(Clone, Copy)]
pub(crate) enum Policy<'a> {
    Never,
    /// Replaces the model after every batch, without the gate.
    EveryBatch,
    /// Replaces the model after the first batch of each drift, without the gate.
    AtDrift,
    /// Runs the pipeline with this configuration.
    Trigger(&'a Config),
}

/// The results on one stream.
struct Played {
    retrains: Vec<usize>,
    refused: usize,
    f1: f64,
    log_loss: f64,
}

/// The results on all streams.
pub(crate) struct Summary {
    /// Retrains per hundred batches before the first drift.
    pub(crate) false_alarms: Mean,
    pub(crate) missed: Share,
    /// Batches until a drift was found, for drifts that were found; 1 is the first batch after it.
    pub(crate) until_found: Mean,
    pub(crate) retrains: Mean,
    pub(crate) refused: Mean,
    pub(crate) f1: Mean,
    pub(crate) log_loss: Mean,
    /// Log-loss of each stream, to compare policies on the same streams.
    pub(crate) log_losses: Vec<f64>,
}

/// Runs a policy on the streams of `runs` runs.
pub(crate) fn play(scenario: &Scenario, policy: Policy<'_>, runs: u64) -> Summary {
    let played = each_in_parallel((0..runs).collect(), |run| {
        play_one(&scenario.draw(run), scenario, policy)
    });
    let delays = played
        .iter()
        .flat_map(|played| delays(scenario, &played.retrains))
        .collect::<Vec<_>>();
    let clean = scenario.clean_batches();
    let mean = |number: &dyn Fn(&Played) -> f64| played.iter().map(number).collect::<Mean>();
    Summary {
        false_alarms: mean(&|played| {
            let early = played.retrains.iter().filter(|batch| **batch < clean);
            100.0 * early.count() as f64 / clean as f64
        }),
        missed: Share::of(delays.iter().map(Option::is_none)),
        until_found: delays.iter().flatten().map(|delay| *delay as f64).collect(),
        retrains: mean(&|played| played.retrains.len() as f64),
        refused: mean(&|played| played.refused as f64),
        f1: mean(&|played| played.f1),
        log_loss: mean(&|played| played.log_loss),
        log_losses: played.iter().map(|played| played.log_loss).collect(),
    }
}

/// For each drift, the number of batches until it was found; `None` if the next drift came first.
fn delays(scenario: &Scenario, retrains: &[usize]) -> Vec<Option<usize>> {
    let ends = scenario.drifts.iter().skip(1).copied();
    let ends = ends.chain([scenario.batches]);
    let spans = scenario.drifts.iter().zip(ends);
    spans
        .map(|(drift, end)| {
            let found = retrains.iter().find(|batch| (*drift..end).contains(*batch));
            found.map(|batch| batch - drift + 1)
        })
        .collect()
}

fn play_one(stream: &Stream, scenario: &Scenario, policy: Policy<'_>) -> Played {
    let seed = crate::worlds::config("score");
    let config = match policy {
        Policy::Trigger(config) => config,
        _ => &seed,
    };
    let mut pipeline = Pipeline::start(config, &stream.first, &stream.test);
    let mut played = Played {
        retrains: Vec::new(),
        refused: 0,
        f1: 0.0,
        log_loss: 0.0,
    };
    for (batch, arrival) in stream.batches.iter().enumerate() {
        // The deployed model predicts a batch before any model learns from it.
        let clients = &arrival.true_classes;
        let metrics = scoring::score(&pipeline.model, clients, &clients.all())
            .expect("every client has a true class");
        played.f1 += metrics.f1.unwrap_or(0.0) / scenario.batches as f64;
        played.log_loss += metrics.log_loss / scenario.batches as f64;
        let is_retrained = match policy {
            Policy::Never => false,
            Policy::EveryBatch => true,
            Policy::AtDrift => scenario.drifts.contains(&batch),
            Policy::Trigger(_) => {
                let came = pipeline.run(&arrival.told);
                played.refused += usize::from(came == RunResult::Refused);
                if came != RunResult::Kept {
                    played.retrains.push(batch);
                }
                continue;
            }
        };
        if is_retrained {
            pipeline.replace(&arrival.told);
            played.retrains.push(batch);
        } else {
            pipeline.take_in(&arrival.told);
        }
    }
    played
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::scenarios;

    #[test]
    fn each_drift_is_found_by_the_first_retrain_before_the_next_one() {
        let worlds = scenarios();
        let of = |name: &str| worlds.iter().find(|world| world.name == name);
        let recurring = of("recurring drift").expect("a world");
        assert_eq!(recurring.drifts, [10, 20, 30]);
        // The first retrain is before any drift, so it finds none. The second drift is missed.
        let found = delays(recurring, &[3, 10, 12, 34]);
        assert_eq!(found, [Some(1), None, Some(5)]);
        assert_eq!(delays(of("nothing").expect("a world"), &[3]), []);
    }
}
