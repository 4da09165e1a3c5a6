//! Fits a model to the ingested data.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run(
        "training",
        "Fit a model to the ingested data and keep it as the candidate",
        training::run_with,
    )
}
