//! Rows of clients in worlds whose truth is known.

use std::f64::consts::{E, TAU};
use std::path::Path;

use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use model::Model;

/// Features of a client.
pub(crate) const FEATURES: usize = 3;
/// The log-odds of leaving: the intercept, then a standard deviation of each feature.
pub(crate) type Weights = [f64; FEATURES + 1];
/// The world that every first model was fitted in: one in which the model's ROC-AUC is 0.76, 0.65
/// once all coefficients are halved, and 0.59 once the first is gone.
pub(crate) const WEIGHTS: Weights = [0.0, 0.95, 0.45, -0.45];

/// How a feature is distributed.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Normal,
    Lognormal,
    ZeroInflated,
}

/// What rows are like.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) shape: Shape,
    pub(crate) weights: Weights,
    /// How far every feature has moved, in standard deviations.
    pub(crate) moved: [f64; FEATURES],
    /// The share of missing values of the first feature.
    pub(crate) missing: f64,
    /// A feature that no row has a value of any more.
    pub(crate) broken: Option<usize>,
    /// The share of classes that are told wrong.
    pub(crate) flipped: f64,
}

/// The same rows as they are, and as the pipeline is told of them.
pub(crate) struct Rows {
    pub(crate) told: Table,
    pub(crate) true_classes: Table,
}

impl World {
    pub(crate) const SAME: Self = Self {
        shape: Shape::Normal,
        weights: WEIGHTS,
        moved: [0.0; FEATURES],
        missing: 0.02,
        broken: None,
        flipped: 0.0,
    };

    pub(crate) fn of(shape: Shape) -> Self {
        Self {
            shape,
            ..Self::SAME
        }
    }

    pub(crate) fn with(weights: Weights) -> Self {
        Self {
            weights,
            ..Self::SAME
        }
    }

    /// Draws rows; the clients are numbered from `first_id`.
    pub(crate) fn draw(&self, draws: &mut Draws, first_id: usize, rows: usize) -> Rows {
        let schema = config("score").schema;
        let mut drawn = Rows {
            told: Table::new(&schema),
            true_classes: Table::new(&schema),
        };
        for id in (first_id..).take(rows) {
            let (values, left) = self.client(draws);
            let is_flipped = draws.uniform() < self.flipped;
            let name = client(id);
            let told = Some(left != is_flipped);
            drawn.told.push(name.as_bytes(), &values, told);
            drawn
                .true_classes
                .push(name.as_bytes(), &values, Some(left));
        }
        drawn
    }

    /// As [`draw`](Self::draw), of clients in no other rows, as they are told of.
    pub(crate) fn told(&self, draws: &mut Draws, rows: usize) -> Table {
        self.draw(draws, 0, rows).told
    }

    /// A model fitted to so many rows, as the pipeline fits it.
    pub(crate) fn model(&self, draws: &mut Draws, rows: usize) -> Model {
        fitted(&self.told(draws, rows))
    }

    fn client(&self, draws: &mut Draws) -> ([f64; FEATURES], bool) {
        let mut values = [0.0; FEATURES];
        for (value, moved) in values.iter_mut().zip(self.moved) {
            *value = draws.standard(self.shape) + moved;
        }
        let left = draws.uniform() < self.probability(&values);
        if draws.uniform() < self.missing {
            values[0] = f64::NAN;
        }
        if let Some(broken) = self.broken {
            values[broken] = f64::NAN;
        }
        (values, left)
    }

    /// The probability that a client with these values leaves.
    pub(crate) fn probability(&self, values: &[f64; FEATURES]) -> f64 {
        let [intercept, weights @ ..] = self.weights;
        let terms = weights
            .iter()
            .zip(values)
            .map(|(weight, value)| weight * value);
        1.0 / (1.0 + (-(intercept + terms.sum::<f64>())).exp())
    }
}

/// The name of a client.
pub(crate) fn client(id: usize) -> String {
    format!("client {id}")
}

/// A model fitted as the pipeline fits it, but for the independent solver's check.
pub(crate) fn fitted(table: &Table) -> Model {
    training::train(&config("score"), table, DataPosition::default())
        .expect("rows of both classes give a model")
}

/// The configuration with this `drift.trigger`, for what never looks at its folders.
pub(crate) fn config(trigger: &str) -> Config {
    config_in(Path::new("/"), trigger)
}

/// The same with its folders in this one.
pub(crate) fn config_in(folder: &Path, trigger: &str) -> Config {
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod",
        "training":{{"verify_rows":0}},"drift":{{"trigger":"{trigger}"}},
        "diagnostics":{{"check_updates":false}},
        "ingestion":{{"settle_seconds":0}},"state_folder_path":"state",
        "schema":{{"features":["a","b","c"]}}}}"#
    );
    Config::parse(&folder.join("config.json"), &text).expect("a configuration")
}

/// Numbers that look like chance and are the same on every machine (SplitMix64).
pub(crate) struct Draws(u64);

impl Draws {
    /// Those of one run for one purpose; others are of no help to foresee them.
    pub(crate) fn of(purpose: u64, run: u64) -> Self {
        let mut draws = Self(purpose.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ run);
        // Neighbouring runs begin far from each other.
        Self(draws.word())
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// From 0 to 1, neither included.
    fn uniform(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// With mean 0 and standard deviation 1.
    fn standard(&mut self, shape: Shape) -> f64 {
        match shape {
            Shape::Normal => self.normal(),
            Shape::Lognormal => (self.normal().exp() - E.sqrt()) / (E * (E - 1.0)).sqrt(),
            // Six of ten are 0, the others exponential.
            Shape::ZeroInflated => {
                let is_zero = self.uniform() < 0.6;
                let value = if is_zero { 0.0 } else { -self.uniform().ln() };
                (value - 0.4) / 0.8
            }
        }
    }
}
