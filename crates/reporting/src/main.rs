//! Redraws the picture of the deployed model, and its figures.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run::<reporting::Options, _>(
        "reporting",
        "Draw the confusion matrix of the deployed model on the test data",
        |config, options| reporting::run(config, &options),
    )
}
