//! Ingests what is new in the input folders, explains one file, or proposes a schema.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run::<ingestion::Options, _>(
        "ingestion",
        "Check, merge and deduplicate the input files into finaldata.csv",
        ingestion::run_with,
    )
}
