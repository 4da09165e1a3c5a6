//! Fuzzing: each reader gets a few stored inputs, and mutations of them.
//!
//! The folder `corpus/<reader>` has the inputs that mutations start from, and those on which a
//! reader once failed. All of them are always tried unchanged. Mutations follow: the same few each
//! time. With `FUZZ_CASES` there are more of the same sequence. With `FUZZ_SECONDS` there are other
//! ones for that time. An input on which a reader fails is written to its folder.
//!
//! Limit: mutations are blind; they do not follow the code that they reach.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::mutation::Mutator;

/// Variable with the number of seconds for which each reader is tested.
const SECONDS_VARIABLE: &str = "FUZZ_SECONDS";
/// Variable with the number of mutations for each reader, in place of the default.
const CASES_VARIABLE: &str = "FUZZ_CASES";

/// Tests a reader. `check` panics if the result of reading an input breaks a promise.
///
/// `cases` mutations are tried unless `FUZZ_SECONDS` or `FUZZ_CASES` is set.
pub fn fuzz(reader: &str, cases: u32, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(reader);
    let corpus = corpus(&folder);
    for (path, input) in &corpus {
        assert!(
            is_survived(&check, input),
            "stumbles over {}",
            path.display()
        );
    }
    let seeds: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let attempt = |input: &[u8]| {
        if !is_survived(&check, input) {
            let kept = keep(&folder, input);
            panic!("stumbles over a new input, kept as {}", kept.display());
        }
    };
    match number(SECONDS_VARIABLE).map(Duration::from_secs) {
        None => {
            let mut mutator = Mutator::new(&seeds, 0);
            (0..number(CASES_VARIABLE).unwrap_or(cases.into()))
                .for_each(|_| attempt(&mutator.input()));
        }
        Some(limit) => try_for(reader, limit, &seeds, attempt),
    }
}

/// The files of a folder, sorted by name; at least one.
fn corpus(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    let read = |path: PathBuf| {
        let content = fs::read(&path).expect("a file of the corpus");
        (path, content)
    };
    paths.into_iter().map(read).collect()
}

fn is_survived(check: &impl Fn(&[u8]), input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| check(input))).is_ok()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is a whole number")))
}

#[expect(
    clippy::print_stderr,
    reason = "a person who waits so long wants to know what was done"
)]
fn try_for(reader: &str, limit: Duration, seeds: &[Vec<u8>], attempt: impl Fn(&[u8])) {
    let start = RandomState::new().build_hasher().finish();
    let mut mutator = Mutator::new(seeds, start);
    let (clock, mut cases, mut slowest) = (Instant::now(), 0u64, Duration::ZERO);
    while clock.elapsed() < limit {
        let begun = clock.elapsed();
        attempt(&mutator.input());
        slowest = slowest.max(clock.elapsed() - begun);
        cases += 1;
    }
    let rate = cases as f64 / clock.elapsed().as_secs_f64();
    eprintln!("{reader}: {cases} cases, {rate:.0} a second, the slowest took {slowest:?}");
}

/// Writes an input to the corpus.
#[expect(
    clippy::disallowed_methods,
    reason = "the corpus is no file of the pipeline"
)]
fn keep(folder: &Path, input: &[u8]) -> PathBuf {
    // The name is a hash (FNV-1a), so that equal inputs have equal names.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in input {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let path = folder.join(format!("found-{hash:016x}"));
    fs::write(&path, input).expect("a file of the corpus");
    path
}
