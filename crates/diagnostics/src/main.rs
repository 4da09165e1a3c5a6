//! The program `diagnostics`: shows the state of the deployed model and its data, and changes
//! nothing.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run_with_source(
        "diagnostics",
        "Show predictions, statistics, missing data, the current score, durations and dependencies",
        diagnostics::Options::config_source,
        diagnostics::run,
    )
}
