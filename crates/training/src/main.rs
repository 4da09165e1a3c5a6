//! Fits a model to the ingested data.

use std::process::ExitCode;

use common::cli::{self, NoOptions};

fn main() -> ExitCode {
    cli::run::<NoOptions, _>(
        "training",
        "Fit a model to the ingested data and keep it as the candidate",
        |config, _| training::run(config),
    )
}
