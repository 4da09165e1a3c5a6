//! Scores the candidate model on the test data.

use std::process::ExitCode;

use common::cli::{self, NoOptions};

fn main() -> ExitCode {
    cli::run::<NoOptions, _>(
        "scoring",
        "Score the candidate on the test data, and store the score next to it",
        |config, _| scoring::run(config),
    )
}
