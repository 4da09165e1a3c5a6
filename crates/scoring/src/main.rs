//! Scores the candidate model on the test data, or ranks clients by the deployed model.

use std::process::ExitCode;

use common::cli;
use scoring::Options;

fn main() -> ExitCode {
    cli::run::<Options, _>(
        "scoring",
        "Score the candidate on the test data, or rank clients by the deployed model",
        scoring::run_command,
    )
}
