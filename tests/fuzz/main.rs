//! Fuzz tests: no file or configuration makes a reader panic, or return values that break its
//! promises.
//!
//! There is one test per reader. `acceptance::fuzzing` describes how inputs are made. Input by HTTP
//! is tested in the crates `app` and `apicalls`. `FUZZ_SECONDS=600 cargo test -p acceptance --test
//! fuzz -- --nocapture` tests each reader for ten minutes. `FUZZ_CASES=10000` tests each with that
//! number of inputs.

mod artifacts;
mod columns;
mod configuration;
mod history;
mod intake;
mod pipeline;
mod rows;
