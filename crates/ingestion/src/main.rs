//! Ingests what is new in the input folders, explains one file, or proposes a schema.

use std::process::ExitCode;

use common::cli;

fn main() -> ExitCode {
    cli::run_with_source(
        "ingestion",
        "Check, merge and deduplicate the input files into finaldata.csv",
        ingestion::Options::config_source,
        ingestion::run_with,
    )
}
