//! Runs the whole pipeline once, as started by cron.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run_with_source(
        "fullprocess",
        "Ingest new data, evaluate the deployed model, and retrain and redeploy when it has drifted",
        fullprocess::Options::config_source,
        fullprocess::run,
    )
}
