//! Rows of clients in worlds whose truth is known.

use std::f64::consts::{E, TAU};
use std::path::Path;

use common::Config;
use common::ledger::DataPosition;
use dataset::Table;
use model::Model;

/// Number of features of a client.
pub(crate) const FEATURES: usize = 3;
/// Coefficients of the log-odds of leaving: the intercept, then one per standard deviation of each
/// feature.
pub(crate) type Weights = [f64; FEATURES + 1];
/// Coefficients of the world of every first model. The model's ROC-AUC is 0.76 there. It is 0.65
/// after all coefficients are halved, and 0.59 after the first one becomes 0.
pub(crate) const WEIGHTS: Weights = [0.0, 0.95, 0.45, -0.45];

/// The distribution of a feature.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Normal,
    Lognormal,
    ZeroInflated,
}

/// A world: the distribution of its rows.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) shape: Shape,
    pub(crate) weights: Weights,
    /// Shift of each feature, in standard deviations.
    pub(crate) moved: [f64; FEATURES],
    /// Share of missing values of the first feature.
    pub(crate) missing: f64,
    /// A feature whose values are all missing; `None` if there is none.
    pub(crate) broken: Option<usize>,
    /// Share of labels that are wrong for the pipeline.
    pub(crate) flipped: f64,
}

/// The same rows twice: with true labels, and as the pipeline gets them.
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

    /// Draws rows of new clients with [`draw`](Self::draw), as the pipeline gets them.
    pub(crate) fn told(&self, draws: &mut Draws, rows: usize) -> Table {
        self.draw(draws, 0, rows).told
    }

    /// A model that is fitted to `rows` rows as in the pipeline.
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

/// A model that is fitted as in the pipeline, except for the independent check.
pub(crate) fn fitted(table: &Table) -> Model {
    training::train(
        &config("score"),
        table,
        0..table.rows(),
        DataPosition::default(),
    )
    .expect("rows of both classes give a model")
}

/// A configuration with this `drift.trigger`, for code that does not use its folders.
pub(crate) fn config(trigger: &str) -> Config {
    config_in(Path::new("/"), trigger)
}

/// A configuration with this `drift.trigger` and its folders in `folder`.
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

/// Pseudorandom numbers that are the same on every machine (SplitMix64).
pub(crate) struct Draws(u64);

impl Draws {
    /// The numbers of one run for one purpose, independent of those of other runs and purposes.
    pub(crate) fn of(purpose: u64, run: u64) -> Self {
        let mut draws = Self(purpose.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ run);
        // The first word spreads the states of neighbouring runs.
        Self(draws.word())
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A uniform number between 0 and 1, both excluded.
    fn uniform(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// A number with mean 0 and standard deviation 1.
    fn standard(&mut self, shape: Shape) -> f64 {
        match shape {
            Shape::Normal => self.normal(),
            Shape::Lognormal => (self.normal().exp() - E.sqrt()) / (E * (E - 1.0)).sqrt(),
            // Six of ten numbers are 0; the others are exponential.
            Shape::ZeroInflated => {
                let is_zero = self.uniform() < 0.6;
                let value = if is_zero { 0.0 } else { -self.uniform().ln() };
                (value - 0.4) / 0.8
            }
        }
    }
}
