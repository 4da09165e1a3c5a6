//! Runs the whole pipeline once, as started by cron.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run::<fullprocess::Options, _>(
        "fullprocess",
        "Ingest new data, evaluate the deployed model, and retrain and redeploy when it has drifted",
        fullprocess::run,
    )
}
