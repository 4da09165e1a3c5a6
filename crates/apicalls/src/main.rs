//! Calls the API's endpoints and saves the answers.

use std::process::ExitCode;

use common::cli::{self, NoOptions};

fn main() -> ExitCode {
    cli::run::<NoOptions, _>(
        "apicalls",
        "Call the API's endpoints and save the answers in apireturns.txt and apireturns.json",
        |config, _| apicalls::run(config),
    )
}
