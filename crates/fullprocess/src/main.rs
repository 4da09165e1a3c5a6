//! Runs the whole pipeline once: what cron starts.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run::<fullprocess::Options, _>(
        "fullprocess",
        "Take in new data, judge the deployed model, and retrain and redeploy when it has drifted",
        fullprocess::run,
    )
}
