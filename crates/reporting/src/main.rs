//! Redraws the picture of the deployed model.

use std::process::ExitCode;

use common::cli::{self, NoOptions};

fn main() -> ExitCode {
    cli::run::<NoOptions, _>(
        "reporting",
        "Draw the confusion matrix of the deployed model on the test data",
        |config, _| reporting::run(config),
    )
}
