//! The program `diagnostics`: shows the state of the deployed model and its data, and changes
//! nothing.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run::<diagnostics::Options, _>(
        "diagnostics",
        "Show predictions, statistics, missing data, the current score, durations and dependencies",
        diagnostics::run,
    )
}
