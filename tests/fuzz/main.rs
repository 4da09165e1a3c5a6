//! No file or configuration makes a reader panic, or hand out what it promises not to.
//!
//! One test a reader; how inputs are made is told in `acceptance::fuzzing`, what HTTP brings is
//! tried in the crates `app` and `apicalls`. `FUZZ_SECONDS=600 cargo test -p acceptance --test
//! fuzz -- --nocapture` tries each for ten minutes; `FUZZ_CASES=10000` tries each so often.

mod artifacts;
mod columns;
mod configuration;
mod history;
mod intake;
mod pipeline;
mod rows;
