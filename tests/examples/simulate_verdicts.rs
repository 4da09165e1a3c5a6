//! How often the verdicts of a run are right, in worlds whose truth is known:
//! `cargo run --release -p acceptance --example simulate_verdicts -- [RUNS]`.
//!
//! Each run draws 5,000 training rows of three features, fits a model as the pipeline does, draws a
//! batch and asks for its verdicts. The table says how often the model and the features were said
//! to have drifted, with 95 % intervals (Wilson 1927). Limits: single batches and one slow stream;
//! no files, no gate and no late labels.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use common::Config;
use common::ledger::DataPosition;
use dataset::{Table, each_in_parallel};
use diagnostics::statistics::CumulativeScore;
use diagnostics::{Batch, Verdict, Verdicts, verdicts};
use training::Model;

const TRAINING_ROWS: usize = 5_000;
const ALPHA: f64 = 0.005;
const FEATURES: usize = 3;
/// The intercept, then each feature.
type Weights = [f64; 4];
/// How far each feature has moved, in standard deviations.
type Moves = [f64; 3];
/// The log-odds of leaving: the intercept, then a standard deviation of each feature.
const WEIGHTS: Weights = [-0.5, 1.1, 0.3, -0.3];
/// Batches of the slow stream, and rows of each.
const STREAM: (u64, usize) = (50, 100);

fn main() -> Result<(), Box<dyn Error>> {
    let runs: u64 = match env::args().nth(1) {
        Some(runs) => runs.parse()?,
        None => 1_000,
    };
    let out = &mut io::stdout().lock();
    writeln!(out, "{runs} runs a cell, {TRAINING_ROWS} training rows")?;
    writeln!(
        out,
        "{:34} {:>5}  {:>22}  {:>22}",
        "world", "rows", "model drift %", "feature drift %"
    )?;
    for (name, world, sizes) in cells() {
        for size in sizes {
            let found = each_in_parallel((0..runs).collect(), |run| one_run(&world, run, size));
            let share = |is_drift: fn(&Found) -> bool| {
                let count = found.iter().filter(|found| is_drift(found)).count();
                interval(count as f64, runs as f64)
            };
            writeln!(
                out,
                "{name:34} {size:5}  {:>22}  {:>22}",
                share(|found| found.model),
                share(|found| found.features)
            )?;
        }
    }
    for (name, weights) in streams() {
        let world = World {
            weights,
            ..World::SAME
        };
        let found = each_in_parallel((0..runs).collect(), |run| one_stream(&world, run));
        let (by_sums, alarms) = found.iter().fold((0, 0), |(streams, alarms), found| {
            (streams + u64::from(found.0), alarms + found.1)
        });
        writeln!(
            out,
            "{name:34} {} x {}: by the sums in {} % of the streams, {:.2} alarms a stream",
            STREAM.0,
            STREAM.1,
            interval(by_sums as f64, runs as f64),
            alarms as f64 / runs as f64
        )?;
    }
    Ok(())
}

/// How a feature is distributed.
#[derive(Clone, Copy)]
enum Shape {
    Normal,
    Lognormal,
    ZeroInflated,
}

/// What the rows of a batch are like; training rows are like [`World::SAME`] of the same shape.
#[derive(Clone, Copy)]
struct World {
    shape: Shape,
    weights: Weights,
    /// How far each feature has moved, in standard deviations.
    moved: Moves,
    /// The share of missing values of the first feature.
    missing: f64,
}

struct Found {
    model: bool,
    features: bool,
}

impl World {
    const SAME: Self = Self {
        shape: Shape::Normal,
        weights: WEIGHTS,
        moved: [0.0; FEATURES],
        missing: 0.02,
    };
}

fn cells() -> Vec<(&'static str, World, Vec<usize>)> {
    let same = World::SAME;
    let all = vec![26, 100, 500, 5_000];
    let weights = |weights: Weights| World { weights, ..same };
    let moved = |moved: Moves| World { moved, ..same };
    let [intercept, first, second, third] = WEIGHTS;
    vec![
        ("nothing, normal", same, all.clone()),
        (
            "nothing, lognormal",
            World {
                shape: Shape::Lognormal,
                ..same
            },
            all.clone(),
        ),
        (
            "nothing, zero-inflated",
            World {
                shape: Shape::ZeroInflated,
                ..same
            },
            all,
        ),
        ("all features +0.5 sd", moved([0.5; 3]), vec![26, 100, 500]),
        (
            "all features +0.25 sd",
            moved([0.25; 3]),
            vec![26, 100, 500],
        ),
        ("one feature +0.5 sd", moved([0.5, 0.0, 0.0]), vec![100]),
        (
            "missing from 2 % to 10 %",
            World {
                missing: 0.1,
                ..same
            },
            vec![200],
        ),
        (
            "one coefficient gone",
            weights([intercept, 0.0, second, third]),
            vec![26, 100, 200, 1_000],
        ),
        (
            "coefficients halved",
            weights([intercept, first / 2.0, second / 2.0, third / 2.0]),
            vec![100, 500, 1_000],
        ),
        (
            "intercept -0.5",
            weights([intercept - 0.5, first, second, third]),
            vec![100, 500, 1_000],
        ),
    ]
}

fn streams() -> Vec<(&'static str, Weights)> {
    let [intercept, first, second, third] = WEIGHTS;
    vec![
        ("stream, nothing", WEIGHTS),
        (
            "stream, a tenth of a coefficient",
            [intercept, first * 0.9, second, third],
        ),
        (
            "stream, intercept -0.05",
            [intercept - 0.05, first, second, third],
        ),
    ]
}

fn one_run(world: &World, run: u64, rows: usize) -> Found {
    let mut draws = Draws(run.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ rows as u64);
    let model = model(world.shape, &mut draws);
    let found = judged(&model, world, &mut draws, rows, &CumulativeScore::default());
    let columns = found.features.iter().map(|feature| feature.verdict);
    let joint = found.joint.iter().map(|joint| joint.verdict);
    Found {
        // The first look at the sums is the batch once more; held against its own level alone.
        model: found.model.single.is_some_and(|held| held.is_drift()),
        features: columns
            .chain(joint)
            .any(|verdict| verdict == Verdict::Drift),
    }
}

/// Whether the sums found anything in a stream, and how many alarms there were.
fn one_stream(world: &World, run: u64) -> (bool, u64) {
    let mut draws = Draws(run ^ 0x2545_f491_4f6c_dd1d);
    let model = model(world.shape, &mut draws);
    let mut sums = CumulativeScore::default();
    let (mut by_sums, mut alarms) = (false, 0);
    for _ in 0..STREAM.0 {
        let found = judged(&model, world, &mut draws, STREAM.1, &sums);
        by_sums |= found.model.cumulative.is_some_and(|held| held.is_drift());
        alarms += u64::from(found.model.verdict == Verdict::Drift);
        sums = found.sums;
    }
    (by_sums, alarms)
}

fn judged(
    model: &Model,
    world: &World,
    draws: &mut Draws,
    rows: usize,
    sums: &CumulativeScore,
) -> Verdicts {
    let table = table(world, draws, rows);
    let batch = Batch {
        table: &table,
        rows: 0..rows,
    };
    verdicts(model, &batch, sums, ALPHA)
}

fn model(shape: Shape, draws: &mut Draws) -> Model {
    let world = World {
        shape,
        ..World::SAME
    };
    let table = table(&world, draws, TRAINING_ROWS);
    training::train(&config(), &table, DataPosition::default()).expect("two classes")
}

fn config() -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "training":{"verify_rows":0},"schema":{"features":["a","b","c"]}}"#;
    Config::parse(Path::new("/config.json"), text).expect("a configuration")
}

fn table(world: &World, draws: &mut Draws, rows: usize) -> Table {
    let mut table = Table::new(&config().schema);
    for row in 0..rows {
        let mut values = [0.0; FEATURES];
        let mut log_odds = world.weights[0];
        for (feature, value) in values.iter_mut().enumerate() {
            let standard = draws.standard(world.shape) + world.moved[feature];
            log_odds += world.weights[feature + 1] * standard;
            *value = standard;
        }
        let left = draws.uniform() < 1.0 / (1.0 + (-log_odds).exp());
        if draws.uniform() < world.missing {
            values[0] = f64::NAN;
        }
        table.push(
            &(row as u64).to_le_bytes(),
            &values,
            Some(left),
            row as u128,
        );
    }
    table
}

/// A share in percent with its 95 % interval.
fn interval(count: f64, of: f64) -> String {
    const Z: f64 = 1.96;
    let share = count / of;
    let centre = (share + Z * Z / (2.0 * of)) / (1.0 + Z * Z / of);
    let reach =
        Z / (1.0 + Z * Z / of) * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
    format!(
        "{:.1} ({:.1} to {:.1})",
        100.0 * share,
        100.0 * (centre - reach).max(0.0),
        100.0 * (centre + reach).min(1.0)
    )
}

/// Numbers that look like chance and are the same on every machine (SplitMix64).
struct Draws(u64);

impl Draws {
    /// From 0 to 1, neither included.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        ((word >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// With mean 0 and standard deviation 1.
    fn standard(&mut self, shape: Shape) -> f64 {
        let e = std::f64::consts::E;
        match shape {
            Shape::Normal => self.normal(),
            Shape::Lognormal => (self.normal().exp() - e.sqrt()) / (e * (e - 1.0)).sqrt(),
            // Six of ten are 0, the others exponential.
            Shape::ZeroInflated => {
                let is_zero = self.uniform() < 0.6;
                let value = if is_zero { 0.0 } else { -self.uniform().ln() };
                (value - 0.4) / 0.8
            }
        }
    }
}
