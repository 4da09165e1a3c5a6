//! The configuration.

use std::path::Path;

use acceptance::fuzzing::fuzz;
use common::Config;
use common::exit::{Exit, classify};

#[test]
fn a_configuration_is_usable_or_refused_as_one() {
    fuzz("config", 400, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Config::parse(Path::new("/nowhere/config.json"), &text) {
            Ok(config) => check(&config),
            Err(error) => assert_eq!(classify(&error), Exit::Configuration, "{error:#}"),
        }
    });
}

/// What the rest of the pipeline takes for granted.
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
