//! Bodies of arbitrary bytes, in every format.

use acceptance::fuzzing::fuzz;
use actix_web::body::MessageBody;
use common::files;
use common::ledger::DataPosition;
use common::schema::{Kind, NumberRules, ValueRange};
use dataset::Table;
use model::Model;
use serde_json::{Value, json};

use super::*;
use crate::accept::Media;
use crate::in_flight::InFlight;
use crate::predict::{Options, answer_bytes, predict, predict_csv, predict_text};
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
    training::train(config, &table, 0..table.rows(), DataPosition::default()).unwrap()
}

/// Checks that predictions are probabilities and that all values are numbers.
fn check(model: &Model, rows: &RequestRows) {
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

/// The answer for these rows, and the number of bytes that was counted for it.
fn written(model: &Model, rows: &RequestRows, explain: bool, media: Media) -> (Vec<u8>, usize) {
    let options = Options {
        explain,
        ..Options::default()
    };
    let (release, request) = ("000001", "r".repeat(64));
    let counted = answer_bytes(model, rows, options, media, release);
    let text = match media {
        Media::Csv => predict_csv(model, rows, options, counted).0,
        Media::Text => predict_text(model, rows, options, counted).0,
        _ => serde_json::to_vec(&predict(model, rows, options, release, &request)).unwrap(),
    };
    (text, counted)
}

/// Checks that no answer is longer than the count made before it.
fn check_counted(model: &Model, rows: &RequestRows) {
    for (explain, media) in [
        (false, Media::Json),
        (true, Media::Json),
        (false, Media::Csv),
        (true, Media::Csv),
        (false, Media::Text),
    ] {
        let (text, counted) = written(model, rows, explain, media);
        assert!(text.len() <= counted, "{} of {counted} bytes", text.len());
    }
}

#[test]
fn the_size_of_an_answer_is_counted_correctly_for_texts_with_escapes() {
    let (_base, mut config) = workspace();
    for (feature, name) in config.schema.features.iter_mut().zip(["\"", "\\", "\u{1}"]) {
        feature.name = name.repeat(300);
    }
    let model = model(&config);
    let in_flight = InFlight::new(config.api.limits.in_flight_bytes);
    for of_id in [
        "x", "\u{1}", "\"", "\\", "\n", "=", "\u{7f}", "東", "\u{2028}", ",\"\r",
    ] {
        let ids = (1..200).map(|length| of_id.repeat(length));
        let cells = ids.map(|id| json!([id, 1e-300, f64::MAX, -0.1234567890123456]));
        let names: Vec<&str> = std::iter::once("corporation")
            .chain(config.schema.feature_names())
            .collect();
        let body = json!({"columns": names, "data": cells.collect::<Vec<_>>()}).to_string();
        let source = Source::of(BodyFormat::Json, body.as_bytes()).unwrap();
        let rows = rows(&source, &config, &config.schema, &mut in_flight.permit()).unwrap();
        check_counted(&model, &rows);
        // The count must not be much too high either: that would reject requests for which there is
        // room.
        let (text, counted) = written(&model, &rows, false, Media::Json);
        let slack = 512 + 40 * rows.len();
        assert!(counted <= text.len() + slack, "{} of {counted}", text.len());
    }
}

#[test]
fn arbitrary_bytes_get_predictions_or_a_client_error() {
    let (_base, config) = workspace();
    let model = model(&config);
    let mut schema = config.schema.clone();
    schema.features[2].kind = Kind::Number(NumberRules {
        range: ValueRange::new(Some(0.0), Some(1e6)).unwrap(),
        ..NumberRules::default()
    });
    let in_flight = InFlight::new(config.api.limits.in_flight_bytes);
    fuzz("payload", 300, |bytes| {
        for form in [BodyFormat::Csv, BodyFormat::Json, BodyFormat::Undeclared] {
            let mut permit = in_flight.permit();
            let read = Source::of(form, bytes)
                .and_then(|source| rows(&source, &config, &schema, &mut permit));
            match read {
                Ok(rows) => {
                    check(&model, &rows);
                    check_counted(&model, &rows);
                }
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
