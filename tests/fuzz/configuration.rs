//! The reader of the configuration.

use std::path::Path;

use acceptance::fuzzing::fuzz;
use common::Config;
use common::exit::{Exit, classify};
use serde_json::json;

use crate::pipeline::write;

#[test]
fn a_configuration_is_usable_or_refused() {
    fuzz("config", 400, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Config::parse(Path::new("/nowhere/config.json"), &text) {
            Ok(config) => check(&config),
            Err(error) => assert_eq!(classify(&error), Exit::Configuration, "{error:#}"),
        }
    });
}

#[test]
fn a_schema_proposed_from_any_file_is_accepted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let today = json!({"input_folder_path": "in", "output_folder_path": "out",
        "test_data_path": "test", "output_model_path": "models", "prod_deployment_path": "prod"});
    let path = folder.path().join("config.json");
    let config = Config::parse(&path, &today.to_string()).expect("a configuration");
    let file = folder.path().join("a.csv");
    fuzz("csv", 300, |bytes| {
        write(&file, bytes);
        match ingestion::infer(&config, std::slice::from_ref(&file)) {
            Ok(proposed) => {
                let mut text = today.clone();
                text["schema"] = serde_json::to_value(&proposed).expect("JSON");
                let accepted = Config::parse(&path, &text.to_string()).expect("accepted");
                assert_eq!(accepted.schema, proposed.schema);
            }
            Err(error) => assert_eq!(classify(&error), Exit::DataUnusable, "{error:#}"),
        }
    });
}

/// Checks the promises of a configuration that the rest of the pipeline depends on.
fn check(config: &Config) {
    let schema = &config.schema;
    assert!(!schema.features.is_empty());
    assert!(schema.columns().all(|column| !column.trim().is_empty()));
    assert!(config.training.c.is_finite() && config.training.c > 0.0);
    assert!(config.deployment.keep_releases > 0);
    assert!(config.api.timeout_seconds > 0);
    let layout = &config.layout;
    let inputs = config.input_folders.iter().chain([&config.test_folder]);
    for input in inputs {
        assert!(input.path.is_absolute());
        for written in [layout.output(), layout.models(), layout.state()] {
            assert!(written.is_absolute() && !written.starts_with(&input.path));
        }
    }
    assert!(!schema.digest().is_empty());
}
