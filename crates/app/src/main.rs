//! Serves predictions, scores and diagnostics of the deployed model over HTTP.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run_server(
        "app",
        "Serve predictions, scores and diagnostics of the deployed model over HTTP",
        |config, options| app::run(config, &options),
    )
}
