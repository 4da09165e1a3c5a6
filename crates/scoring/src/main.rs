//! Scores the candidate model on the test data.

use std::process::ExitCode;

use common::cli::{self, NoOptions};

fn main() -> ExitCode {
    cli::run::<NoOptions, _>(
        "scoring",
        "Scores the candidate model on the test data and keeps the score beside it",
        |config, _| scoring::run(config),
    )
}
