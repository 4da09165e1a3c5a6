//! Serves predictions, scores and diagnostics of the deployed model over HTTP.

use std::process::ExitCode;

use common::cli::{self, NoOptions};

fn main() -> ExitCode {
    cli::run::<NoOptions, _>(
        "app",
        "Serve predictions, scores and diagnostics of the deployed model over HTTP",
        |config, _| app::run(config),
    )
}
