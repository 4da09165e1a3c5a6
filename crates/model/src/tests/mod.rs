mod categories;
mod curves;
mod file;
mod pairs;
mod predictions;

use common::artifact::LoadError;
use common::ledger::{DataPosition, FileReference};
use common::manifest::SampleCell;
use common::schema::{CategoryRules, Feature, Kind, Labels, NumberRules, ValueRange};
use common::{Schema, digest, files};
use dataset::passes::{Curve, Grid, Profile, Side, profile};
use dataset::{Table, level_code};
use ndarray::Array2;
use serde_json::json;

use super::matrix::Matrix;
use super::*;

/// A model with this predictor, made without a fit. Its profile has 80 rows.
fn model_of(schema: Schema, profile: Profile, predictor: LinearPredictor) -> Model {
    let size = 1 + predictor.coefficients.len();
    let covariance = |(row, column)| if row == column { 0.5 } else { 0.125 };
    Model {
        program: "0.1.0".into(),
        schema,
        predictor: Predictor::Linear(predictor),
        client_agreement: None,
        covariance: Some(Array2::from_shape_fn((size, size), covariance).into()),
        data: DataPosition {
            sample: None,
            rows: 80,
            committed_bytes: 1000,
            digest: "ab".into(),
            files: vec![FileReference {
                folder: "in".into(),
                name: "a.csv".into(),
                sha256: "cd".into(),
            }],
        },
        rows: profile.rows,
        positives: profile.rows / 3,
        profile,
        c: 1.0,
        convergence: Convergence {
            iterations: 5,
            gradient_norm: 1e-12,
            loss: 30.5,
        },
        check: Check::Confirmed,
        threshold: Threshold::HALF,
        recalibration: None,
        forms: Vec::new(),
        windows: Vec::new(),
    }
}

/// A model whose features are two numbers.
fn model() -> Model {
    let schema = Schema {
        features: vec!["x".into(), "y".into()],
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for row in 0..80_u32 {
        let label = row % 9 + row % 4 > 5;
        let values = [f64::from(row % 9), f64::from(row % 7)];
        table.push(b"client", &values, Some(label));
    }
    let predictor = LinearPredictor {
        intercept: -1.5,
        coefficients: vec![0.75, -0.1],
        imputed: vec![3.9, 2.9],
        design: Design::default(),
    };
    let profile = profile(&schema, &table, &table.labelled()).unwrap();
    model_of(schema, profile, predictor)
}

/// The linear predictor of a model.
fn linear(model: &mut Model) -> &mut LinearPredictor {
    let Predictor::Linear(linear) = &mut model.predictor;
    linear
}

fn covariance_of(model: &mut Model) -> &mut Matrix {
    model.covariance.as_mut().unwrap()
}

/// The error of decoding a model after `change` was applied to it.
fn decoding_error(change: impl FnOnce(&mut Model)) -> String {
    let mut changed = model();
    change(&mut changed);
    let bytes = changed.encode().unwrap();
    Model::decode(&bytes).unwrap_err().to_string()
}

/// A model whose features are a number and a category.
fn model_with_category() -> Model {
    let plan = Feature {
        name: "plan".into(),
        kind: Kind::Category(CategoryRules::default()),
    };
    let schema = Schema {
        features: vec!["x".into(), plan],
        ..Schema::default()
    };
    let mut table = Table::new(&schema);
    for row in 0..120_u32 {
        let level = match row % 11 {
            0 if row < 99 => f64::NAN,
            1..6 => table.add_level(1, "basic"),
            6..10 => table.add_level(1, "gold\u{7}"),
            _ if row < 60 => table.add_level(1, "rare"),
            _ => table.add_level(1, "basic"),
        };
        let label = row % 9 + row % 4 > 5;
        table.push(b"client", &[f64::from(row % 9), level], Some(label));
    }
    let profile = profile(&schema, &table, &table.labelled()).unwrap();
    let predictor = LinearPredictor {
        intercept: -1.25,
        coefficients: vec![0.5, 0.75, -0.5, -0.125],
        imputed: vec![4.0, 0.5, 0.375, 0.125],
        design: Design::choose(&schema, &profile),
    };
    model_of(schema, profile, predictor)
}

fn schema_of_x() -> Schema {
    Schema {
        features: vec!["x".into()],
        ..Schema::default()
    }
}
