//! The figures of a world over all its streams.

use crate::intervals::{Mean, Share};
use crate::pipeline::RunResult;
use crate::playing::{PipelineRuns, Played, Tally, compared};
use crate::policies::Compared;
use crate::worlds::World;

/// The predictions of a policy or of the pipeline.
#[derive(Clone, Copy)]
pub(crate) struct Predictions {
    pub(crate) log_loss: Mean,
    pub(crate) f1: Mean,
}

/// The runs of the pipeline with one trigger.
pub(crate) struct TriggerFigures {
    pub(crate) trigger: &'static str,
    pub(crate) predictions: Predictions,
    /// Runs per hundred batches, before the first drift, that found drift.
    pub(crate) false_alarms: Mean,
    pub(crate) missed: Share,
    /// Batches until a drift was found, for drifts that were found; 1 is the first batch after it.
    pub(crate) until_found: Mean,
    pub(crate) retrains: Mean,
    pub(crate) refused: Mean,
    /// Runs per hundred batches that found drift and deployed a candidate.
    pub(crate) deployed_alarms: Mean,
    /// Deployments per hundred batches.
    pub(crate) deployments: Mean,
}

/// The figures of a world.
pub(crate) struct Summary {
    pub(crate) policies: Vec<(Compared, Predictions)>,
    pub(crate) triggers: Vec<TriggerFigures>,
}

impl Summary {
    pub(crate) fn of(world: &World, played: &[Played]) -> Self {
        let policies = compared(world).into_iter().enumerate();
        let triggers = world.triggers.iter().enumerate();
        Self {
            policies: policies
                .map(|(place, policy)| {
                    let tallies = played.iter().map(|stream| &stream.policies[place]);
                    (policy, Predictions::of(tallies))
                })
                .collect(),
            triggers: triggers
                .map(|(place, trigger)| {
                    let runs = played.iter().map(|stream| &stream.pipelines[place]);
                    TriggerFigures::of(trigger, world, &runs.collect::<Vec<_>>())
                })
                .collect(),
        }
    }

    pub(crate) fn never(&self) -> &Predictions {
        &self.policies[0].1
    }

    /// The policy with the lowest log-loss, in hindsight.
    pub(crate) fn best(&self) -> &(Compared, Predictions) {
        let by_log_loss =
            |(_, predictions): &&(Compared, Predictions)| predictions.log_loss.value();
        let policies = self.policies.iter();
        policies
            .min_by(|one, other| by_log_loss(one).total_cmp(&by_log_loss(other)))
            .expect("policies")
    }

    /// The log-loss above that of the best policy, in percent.
    pub(crate) fn excess(&self, predictions: &Predictions) -> f64 {
        100.0 * (predictions.log_loss.value() / self.best().1.log_loss.value() - 1.0)
    }

    /// The log-loss above that of the first model, in percent.
    pub(crate) fn above_never(&self, predictions: &Predictions) -> f64 {
        100.0 * (predictions.log_loss.value() / self.never().log_loss.value() - 1.0)
    }

    /// How much of the loss of never retraining the predictions win back, in percent.
    pub(crate) fn won_back(&self, predictions: &Predictions) -> f64 {
        let never = self.never().log_loss.value();
        let best = self.best().1.log_loss.value();
        100.0 * (never - predictions.log_loss.value()) / (never - best)
    }

    /// The figures of a trigger; `None` if the pipeline did not run with it.
    pub(crate) fn of_trigger(&self, trigger: &str) -> Option<&TriggerFigures> {
        let mut triggers = self.triggers.iter();
        triggers.find(|figures| figures.trigger == trigger)
    }

    /// The figures of the default trigger.
    pub(crate) fn evidence(&self) -> &TriggerFigures {
        self.of_trigger("evidence").expect("the default trigger")
    }
}

impl Predictions {
    fn of<'a>(tallies: impl Iterator<Item = &'a Tally> + Clone) -> Self {
        Self {
            log_loss: tallies.clone().map(Tally::log_loss).collect(),
            f1: tallies.map(Tally::f1).collect(),
        }
    }
}

impl TriggerFigures {
    fn of(trigger: &'static str, world: &World, runs: &[&PipelineRuns]) -> Self {
        let clean = world.clean_batches();
        let mean = |number: &dyn Fn(&[RunResult]) -> f64| {
            let results = runs.iter().map(|runs| number(&runs.results));
            results.collect::<Mean>()
        };
        let count = |is: fn(RunResult) -> bool| {
            move |results: &[RunResult]| results.iter().filter(|result| is(**result)).count() as f64
        };
        let in_hundred = |is: fn(RunResult) -> bool, batches: usize| {
            mean(&|results| 100.0 * count(is)(&results[..batches]) / batches as f64)
        };
        let delays: Vec<Option<usize>> = runs
            .iter()
            .flat_map(|runs| delays(world, &runs.results))
            .collect();
        Self {
            trigger,
            predictions: Predictions::of(runs.iter().map(|runs| &runs.tally)),
            false_alarms: in_hundred(RunResult::is_alarm, clean),
            missed: Share::of(delays.iter().map(Option::is_none)),
            until_found: delays.iter().flatten().map(|delay| *delay as f64).collect(),
            retrains: mean(&count(RunResult::is_retrain)),
            refused: mean(&count(|result| {
                result.is_retrain() && !result.is_deployment()
            })),
            deployed_alarms: in_hundred(
                |result| result.is_alarm() && result.is_deployment(),
                world.batches,
            ),
            deployments: in_hundred(RunResult::is_deployment, world.batches),
        }
    }
}

/// For each drift, the number of batches until it was found; `None` if the next drift came first.
fn delays(world: &World, results: &[RunResult]) -> Vec<Option<usize>> {
    let ends = world.drifts.iter().skip(1).copied();
    let spans = world.drifts.iter().zip(ends.chain([world.batches]));
    spans
        .map(|(drift, end)| {
            let mut results = results[*drift..end].iter();
            let found = results.position(|result| result.is_alarm());
            found.map(|batches| batches + 1)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::{Columns, Policy};
    use crate::worlds::worlds;

    #[test]
    fn each_drift_is_found_by_the_first_alarm_before_the_next_one() {
        let worlds = worlds();
        let of = |name: &str| worlds.iter().find(|world| world.name == name);
        let recurring = of("recurring drift").expect("a world");
        assert_eq!(recurring.drifts, [10, 20, 30]);
        // The first alarm is before any drift, so it finds none. The second drift is missed.
        let mut results = vec![RunResult::Kept; 100];
        for batch in [3, 10, 12, 34] {
            results[batch] = RunResult::Refused;
        }
        assert_eq!(delays(recurring, &results), [Some(1), None, Some(5)]);
        assert_eq!(delays(of("nothing").expect("a world"), &results), []);
    }

    #[test]
    fn the_loss_of_never_retraining_is_won_back_in_part() {
        let predictions = |log_loss: f64| Predictions {
            log_loss: [log_loss].into_iter().collect(),
            f1: [0.5].into_iter().collect(),
        };
        let lines = |policy| Compared {
            policy,
            columns: Columns::Lines,
        };
        let summary = Summary {
            policies: vec![
                (lines(Policy::Never), predictions(0.7)),
                (lines(Policy::AllRows), predictions(0.6)),
                (lines(Policy::Last(1)), predictions(0.5)),
            ],
            triggers: Vec::new(),
        };
        assert_eq!(summary.best().0.policy, Policy::Last(1));
        let close = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(close(summary.excess(&predictions(0.55)), 10.0));
        assert!(close(summary.won_back(&predictions(0.55)), 75.0));
        assert!(close(summary.above_never(&predictions(0.77)), 10.0));
    }
}
