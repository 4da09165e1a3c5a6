//! Bodies of any bytes, in every form.

use acceptance::fuzzing::fuzz;
use actix_web::body::MessageBody;
use common::files;
use common::ledger::DataPosition;
use common::schema::{Kind, NumberRules, ValueRange};
use dataset::Table;
use serde_json::Value;
use training::Model;

use super::*;
use crate::in_flight::InFlight;
use crate::predict::{Options, predict};
use crate::problem;

/// A folder with one file that a request may name.
fn workspace() -> (tempfile::TempDir, Config) {
    let base = tempfile::tempdir().unwrap();
    files::create_folder(&base.path().join("test")).unwrap();
    let file = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\na,1,2,3\n";
    files::replace(&base.path().join("test/a.csv"), file.as_bytes()).unwrap();
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod"}"#;
    let config = Config::parse(&base.path().join("config.json"), text).unwrap();
    (base, config)
}

fn model(config: &Config) -> Model {
    let mut table = Table::new(&config.schema);
    for row in 0..40 {
        let (x, y) = (f64::from(row), f64::from(row % 7));
        let left = row % 4 == 0 || row > 30;
        table.push(row.to_string().as_bytes(), &[x, 20.0, y], Some(left));
    }
    training::train(config, &table, DataPosition::default()).unwrap()
}

/// Predictions are probabilities; what stands in the answer are numbers.
fn check(model: &Model, rows: &Rows) {
    let options = Options {
        explain: true,
        ..Options::default()
    };
    let answer = serde_json::to_value(predict(model, rows, options, "000001", "r")).unwrap();
    let probabilities = answer["probabilities"].as_array().unwrap();
    assert_eq!(probabilities.len(), rows.len());
    for probability in probabilities {
        let probability = probability.as_f64().expect("a number");
        assert!((0.0..=1.0).contains(&probability), "{probability}");
    }
    for explained in answer["explanations"].as_array().unwrap() {
        assert!(explained["base"].is_number());
        let contributions = explained["contributions"].as_object().unwrap();
        assert!(contributions.values().all(Value::is_number), "{explained}");
    }
}

#[test]
fn a_body_of_any_bytes_is_predicted_or_refused_as_the_clients_mistake() {
    let (_base, config) = workspace();
    let model = model(&config);
    let mut schema = config.schema.clone();
    schema.features[2].kind = Kind::Number(NumberRules {
        range: ValueRange::new(Some(0.0), Some(1e6)).unwrap(),
        ..NumberRules::default()
    });
    let in_flight = InFlight::new(config.api.limits.in_flight_bytes);
    fuzz("payload", 300, |bytes| {
        for form in [Form::Csv, Form::Json, Form::Unsaid] {
            let mut permit = in_flight.permit();
            let read = Source::of(form, bytes)
                .and_then(|source| rows(&source, &config, &schema, &mut permit));
            match read {
                Ok(rows) => check(&model, &rows),
                Err(error) => {
                    assert!(error.status().is_client_error(), "{error:?}");
                    let body = problem::answer(&error, "/prediction", "r").into_body();
                    let body = body.try_into_bytes().ok().unwrap();
                    let _: Value = serde_json::from_slice(&body).unwrap();
                    assert!(!error.to_string().chars().any(char::is_control), "{error}");
                }
            }
        }
    });
}
