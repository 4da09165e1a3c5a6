//! Takes in what is new in the input folders.

use std::process::ExitCode;

use common::cli::{self, NoOptions};

fn main() -> ExitCode {
    cli::run::<NoOptions, _>(
        "ingestion",
        "Check, merge and deduplicate the input files into finaldata.csv",
        |config, _| ingestion::run(config),
    )
}
