//! The results of all policies and of the pipeline on the same streams.
//!
//! Every model predicts a batch before any model learns from it. The true labels count, and batch 0
//! does not, because all policies have the same model there.

use common::Config;
use dataset::passes::{profile, score_groups};
use dataset::{Table, each_in_parallel};
use model::{Design, LinearPredictor, Model, Predictor, Threshold};
use scoring::{ConfusionMatrix, evaluate};

use crate::pipeline::{Pipeline, RunResult};
use crate::policies::{Columns, Compared, Learned, POLICIES, Policy};
use crate::rows::config;
use crate::streams::Stream;
use crate::weighted_fit::{Fitter, Part};
use crate::worlds::{Promise, World};

/// The predictions for the batches of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    log_loss: f64,
    batches: f64,
    confusion: ConfusionMatrix,
}

/// The pipeline's predictions and runs on a stream.
pub(crate) struct PipelineRuns {
    pub(crate) tally: Tally,
    pub(crate) results: Vec<RunResult>,
}

/// The results on one stream.
pub(crate) struct Played {
    /// One for each policy of [`compared`].
    pub(crate) policies: Vec<Tally>,
    /// One for each trigger of the world.
    pub(crate) pipelines: Vec<PipelineRuns>,
}

impl Tally {
    /// Mean over batches of the mean log-loss of a batch.
    pub(crate) fn log_loss(&self) -> f64 {
        self.log_loss / self.batches
    }

    /// F1 on the rows of all batches together; 0 if it is undefined.
    pub(crate) fn f1(&self) -> f64 {
        self.confusion.f1().unwrap_or(0.0)
    }

    fn add(&mut self, log_loss: f64, confusion: ConfusionMatrix) {
        self.log_loss += log_loss;
        self.batches += 1.0;
        self.confusion = self.confusion.plus(confusion);
    }

    fn add_predictions(&mut self, predictor: &LinearPredictor, truth: &Table) {
        let groups = score_groups(&predictor.expression(), truth, &truth.all());
        let groups = groups.expect("the rows are in memory");
        let metrics = evaluate(&groups, Threshold::HALF).expect("every client has a true label");
        self.add(metrics.log_loss, metrics.confusion);
    }
}

/// The policies that are of interest in a world, first those with the columns of the first model.
/// Where nothing changes, it is the first model's log-loss that counts.
pub(crate) fn compared(world: &World) -> Vec<Compared> {
    let with = |columns| POLICIES.map(|policy| Compared { policy, columns });
    let [first, lines] = [Columns::OfFirstModel, Columns::Lines].map(with);
    match world.promise {
        Promise::Steady => first[..1].to_vec(),
        _ => [first, lines].concat(),
    }
}

/// Plays the streams of `runs` runs.
pub(crate) fn play(world: &World, runs: u64) -> Vec<Played> {
    let triggers = world.triggers.iter();
    let configs: Vec<Config> = triggers
        .map(|trigger| config(trigger, &world.schema))
        .collect();
    each_in_parallel((0..runs).collect(), |run| {
        let stream = Stream::draw(world, run);
        let config = &configs[0];
        let first = Pipeline::start(config, &stream.first, &stream.test).model;
        Played {
            policies: play_compared(world, &stream, &first, config.training.c),
            pipelines: configs
                .iter()
                .map(|config| play_pipeline(&stream, config))
                .collect(),
        }
    })
}

/// The predictions of all policies that are compared; `first` is the pipeline's first model.
fn play_compared(world: &World, stream: &Stream, first: &Model, c: f64) -> Vec<Tally> {
    let compared = compared(world);
    let policies = |columns| -> Vec<Policy> {
        let all = compared.iter().filter(|it| it.columns == columns);
        all.map(|it| it.policy).collect()
    };
    let Predictor::Linear(near) = &first.predictor;
    let of_first = policies(Columns::OfFirstModel);
    let fitter = Fitter::new(near.for_fitting().design, &stream.first, first.c);
    let mut tallies = play_policies(world, stream, fitter, &of_first, Some(near));
    let profile =
        profile(&world.schema, &stream.first, &stream.first.all()).expect("the rows are in memory");
    let lines = Fitter::new(Design::choose(&world.schema, &profile), &stream.first, c);
    let of_lines = policies(Columns::Lines);
    tallies.extend(play_policies(world, stream, lines, &of_lines, None));
    tallies
}

fn play_pipeline(stream: &Stream, config: &Config) -> PipelineRuns {
    let mut pipeline = Pipeline::start(config, &stream.first, &stream.test);
    let mut tally = Tally::default();
    let mut results = Vec::new();
    for (batch, arrival) in stream.batches.iter().enumerate() {
        if batch > 0 {
            let truth = &arrival.truth;
            let metrics = scoring::score(&pipeline.model, truth, &truth.all())
                .expect("the rows are in memory")
                .expect("every client has a true label");
            tally.add(metrics.log_loss, metrics.confusion);
        }
        results.push(pipeline.run(&arrival.observed));
    }
    PipelineRuns { tally, results }
}

/// Plays policies whose models have the columns of the fitter. `kept` is the model that stays, if it is
/// not the fitter's first one.
fn play_policies(
    world: &World,
    stream: &Stream,
    mut fitter: Fitter,
    policies: &[Policy],
    kept: Option<&LinearPredictor>,
) -> Vec<Tally> {
    let mut table = stream.first.clone();
    let mut learned = Learned::default();
    learned.push(table.rows(), table.in_memory().labels, false);
    let all = learned.parts(Policy::AllRows).expect("rows");
    let first = fitter.fit(&table, &all, &fitter.origin());
    let mut models = vec![first; policies.len()];
    for (policy, model) in policies.iter().zip(&mut models) {
        if let (Policy::Never, Some(kept)) = (policy, kept) {
            model.clone_from(kept);
        }
    }
    let mut tallies = vec![Tally::default(); policies.len()];
    for (batch, arrival) in stream.batches.iter().enumerate() {
        if batch > 0 {
            for (tally, model) in tallies.iter_mut().zip(&models) {
                tally.add_predictions(model, &arrival.truth);
            }
        }
        table.extend(&arrival.observed);
        fitter.add(&table);
        let is_change = batch
            .checked_sub(world.late)
            .is_some_and(|first_labelled| world.drifts.contains(&first_labelled));
        learned.push(table.rows(), arrival.observed.in_memory().labels, is_change);
        fit_each(&fitter, &table, &learned, policies, &mut models);
    }
    tallies
}

/// Fits a model for each policy. Policies that choose the same rows share the fit.
fn fit_each(
    fitter: &Fitter,
    table: &Table,
    learned: &Learned,
    policies: &[Policy],
    models: &mut [LinearPredictor],
) {
    let mut fitted: Vec<(Vec<Part>, LinearPredictor)> = Vec::new();
    for (policy, model) in policies.iter().zip(models) {
        let Some(parts) = learned.parts(*policy) else {
            continue;
        };
        if let Some((_, shared)) = fitted.iter().find(|(known, _)| *known == parts) {
            model.clone_from(shared);
            continue;
        }
        *model = fitter.fit(table, &parts, model);
        fitted.push((parts, model.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worlds::worlds;

    /// Gradient descent on rows of an intercept and three numbers, without anything of the product.
    fn descended(rows: &[([f64; 4], f64)]) -> [f64; 4] {
        let mut weights = [0.0; 4];
        for _ in 0..300 {
            let mut gradient = [0.0, weights[1], weights[2], weights[3]];
            for (values, label) in rows {
                let residual = plain_probability(&weights, values) - label;
                for (sum, value) in gradient.iter_mut().zip(values) {
                    *sum += residual * value;
                }
            }
            for (weight, slope) in weights.iter_mut().zip(gradient) {
                *weight -= 2.0 * slope / rows.len() as f64;
            }
        }
        weights
    }

    fn plain_probability(weights: &[f64; 4], values: &[f64; 4]) -> f64 {
        let log_odds: f64 = weights.iter().zip(values).map(|(w, x)| w * x).sum();
        1.0 / (1.0 + (-log_odds).exp())
    }

    /// Rows without missing values, as plain numbers.
    fn plain(table: &Table) -> Vec<([f64; 4], f64)> {
        (0..table.rows())
            .map(|row| {
                let [a, b, c] =
                    [0, 1, 2].map(|feature: usize| table.in_memory().features[feature][row]);
                let label = table.in_memory().labels[row].expect("a label");
                ([1.0, a, b, c], f64::from(u8::from(label)))
            })
            .collect()
    }

    #[test]
    fn two_policies_have_the_log_loss_of_plain_arithmetic() {
        let mut worlds = worlds().into_iter();
        let mut world = worlds
            .find(|world| world.name == "sudden drift, 5 rows a client")
            .expect("a world");
        world.batches = 12;
        let stream = Stream::draw(&world, 3);
        let profile = profile(&world.schema, &stream.first, &stream.first.all())
            .expect("the rows are in memory");
        let lines = Design::choose(&world.schema, &profile);
        let fitter = Fitter::new(lines, &stream.first, 1.0);
        let tallies = play_policies(&world, &stream, fitter, &POLICIES, None);
        let mut rows = plain(&stream.first);
        let never = descended(&rows);
        let (mut of_never, mut of_all) = (0.0, 0.0);
        for (batch, arrival) in stream.batches.iter().enumerate() {
            let truth = plain(&arrival.truth);
            if batch > 0 {
                let all = descended(&rows);
                let mean = |weights: &[f64; 4]| {
                    let losses = truth.iter().map(|(values, label)| {
                        let probability = plain_probability(weights, values);
                        -(label * probability.ln() + (1.0 - label) * (1.0 - probability).ln())
                    });
                    losses.sum::<f64>() / truth.len() as f64
                };
                of_never += mean(&never) / 11.0;
                of_all += mean(&all) / 11.0;
            }
            rows.extend(plain(&arrival.observed));
        }
        assert!(
            (tallies[0].log_loss() - of_never).abs() < 1e-6,
            "{of_never}"
        );
        assert!((tallies[1].log_loss() - of_all).abs() < 1e-6, "{of_all}");
        assert!(of_all < of_never);
    }
}
