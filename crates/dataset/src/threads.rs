//! The threads that passes and readers work on.

use std::error::Error;
use std::sync::OnceLock;

use common::Failure;

/// Starts the threads. Without this call they start at their first use, and the program ends with a
/// panic where the system allows no more threads. Every program calls it before it works on rows.
///
/// An error (exit code 74) says why a thread could not be started. Later calls repeat the result of
/// the first.
pub fn start_threads() -> anyhow::Result<()> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        let built = rayon::ThreadPoolBuilder::new().build_global();
        // Without a source the threads are running already.
        match built.as_ref().err().and_then(Error::source) {
            Some(source) => Err(source.to_string()),
            None => Ok(()),
        }
    });
    started.clone().map_err(|reason| {
        Failure::input_output(format!(
            "a thread could not be started: {reason}; allow this user more processes or memory (`ulimit -a` shows the limits), or name fewer threads in RAYON_NUM_THREADS"
        ))
        .into()
    })
}
