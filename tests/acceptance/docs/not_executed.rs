//! The blocks that no test executes, and why. Their scripts, examples and tests must exist, and must
//! take the arguments of the block.

use std::os::unix::fs::PermissionsExt;

use super::{pages, text};
use crate::program;

/// A block that is not executed.
struct NotExecuted {
    page: &'static str,
    block: &'static str,
    reason: &'static str,
    /// The file that defines what the block runs, and words of it on the arguments of the block and
    /// of the page.
    defined_in: &'static str,
    words: &'static [&'static str],
}

const NOT_EXECUTED: [NotExecuted; 10] = [
    NotExecuted {
        page: "README.md",
        block: "cargo test --workspace",
        reason: "it runs these tests",
        defined_in: "Cargo.toml",
        words: &["[workspace]", "\"tests\""],
    },
    NotExecuted {
        page: "docs/cluster.md",
        block: "cargo build --release -p fullprocess --features cluster",
        reason: "sixty more crates take minutes",
        defined_in: "crates/fullprocess/Cargo.toml",
        words: &["cluster = [\"dep:cluster\""],
    },
    NotExecuted {
        page: "docs/cluster.md",
        block: "scripts/cluster-up.sh sail",
        reason: "it fetches the engine",
        defined_in: "scripts/cluster-up.sh",
        words: &["scripts/cluster-up.sh [sail]"],
    },
    NotExecuted {
        page: "docs/evidence.md",
        block: "cargo run --release -p acceptance --example simulate -- 0 6",
        reason: "the simulation takes minutes",
        defined_in: "tests/examples/simulate/main.rs",
        words: &["-p acceptance --example simulate -- [RUNS] [STREAMS]"],
    },
    NotExecuted {
        page: "docs/evidence.md",
        block: "scripts/bench-models.sh bank.csv telco.csv hr.csv bigml.csv credit_data.csv german_sc.csv",
        reason: "the measurement takes minutes, and fetches the models to compare with",
        defined_in: "scripts/bench-models.sh",
        words: &["scripts/bench-models.sh FILE.csv..."],
    },
    NotExecuted {
        page: "docs/evidence.md",
        block: "FUZZ_CASES=10000 cargo test -p acceptance --test fuzz columns",
        reason: "ten thousand files take minutes",
        defined_in: "tests/src/fuzzing.rs",
        words: &["\"FUZZ_CASES\""],
    },
    NotExecuted {
        page: "docs/evidence.md",
        block: "cargo test --release -p diagnostics --lib -- --ignored --nocapture measured_",
        reason: "the measurement takes minutes",
        defined_in: "crates/diagnostics/src/compare/tests/power.rs",
        words: &["fn measured_power_normal()", "fn measured_alarms()"],
    },
    NotExecuted {
        page: "docs/evidence.md",
        block: "cargo test --release -p scoring --lib -- --ignored --nocapture measured_estimates",
        reason: "the measurement takes minutes",
        defined_in: "crates/scoring/src/estimate_interval.rs",
        words: &["fn measured_estimates()"],
    },
    NotExecuted {
        page: "docs/speed.md",
        block: "scripts/bench.sh",
        reason: "the measurement takes many minutes, and fetches the programs to compare with",
        defined_in: "scripts/bench.sh",
        words: &["scripts/bench.sh [ROWS]", "TURNS"],
    },
    NotExecuted {
        page: "docs/speed.md",
        block: "scripts/bench-serving.sh",
        reason: "the measurement takes minutes, and fetches the servers to compare with",
        defined_in: "scripts/bench-serving.sh",
        words: &["TURNS", "SECONDS_EACH"],
    },
];

/// The blocks of a page that are not executed.
pub(super) fn not_executed(page: &str) -> Vec<&'static str> {
    let of_page = NOT_EXECUTED.iter().filter(|entry| entry.page == page);
    of_page.map(|entry| entry.block).collect()
}

/// False if the option of cargo names an example or a test that does not exist.
fn exists(option: &str, name: &str) -> bool {
    let top = program::repository();
    let candidates = match option {
        "--example" => vec![
            format!("tests/examples/{name}.rs"),
            format!("tests/examples/{name}/main.rs"),
        ],
        "--test" => vec![format!("tests/{name}/main.rs")],
        _ => return true,
    };
    candidates.iter().any(|path| top.join(path).is_file())
}

#[test]
fn each_block_that_is_not_executed_names_what_exists() {
    for entry in &NOT_EXECUTED {
        let why = format!("{}, not executed because {}", entry.block, entry.reason);
        assert!(pages().iter().any(|page| page == entry.page), "{why}");
        let definition = text(entry.defined_in);
        for word in entry.words {
            assert!(definition.contains(word), "{why}: {word:?} is gone");
        }
        let words: Vec<&str> = entry.block.split(' ').collect();
        for pair in words.windows(2) {
            assert!(exists(pair[0], pair[1]), "{why}: {} is gone", pair[1]);
        }
        if words[0].starts_with("scripts/") {
            let script = program::repository().join(words[0]);
            let mode = script.metadata().expect("a script").permissions().mode();
            assert_ne!(mode & 0o100, 0, "{why}: the script cannot be started");
        }
    }
}
