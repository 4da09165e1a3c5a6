//! Publishes the candidate as a release, lists the releases, or rolls back.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run::<deployment::Options, _>(
        "deployment",
        "Publish the scored candidate as a release, list the releases, or roll back",
        deployment::run,
    )
}
