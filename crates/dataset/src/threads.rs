//! The threads that passes and readers work on.

use std::error::Error;
use std::sync::{OnceLock, mpsc};
use std::{io, thread};

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
        let failure = thread_failure(&reason);
        let message = failure.message;
        Failure::input_output(format!(
            "{message}, or name fewer threads in RAYON_NUM_THREADS"
        ))
        .into()
    })
}

/// An error (exit code 74) if the system does not allow `count` more threads now. For libraries that
/// panic in that case: the threads of this check have ended when they start theirs.
pub fn check_threads(count: usize) -> anyhow::Result<()> {
    let mut started = Vec::new();
    let mut all = Ok(());
    for _ in 0..count {
        let (end, ended) = mpsc::channel::<()>();
        // The only event is the end of the sender.
        let wait = move || {
            let _ = ended.recv();
        };
        match thread::Builder::new().spawn(wait) {
            Ok(thread) => started.push((end, thread)),
            Err(error) => {
                all = Err(thread_failure(&error).into());
                break;
            }
        }
    }
    for (end, thread) in started {
        drop(end);
        // The thread only waits, so it cannot panic.
        let _ = thread.join();
    }
    all
}

/// The error for a thread that could not be started.
pub fn thread_error(error: &io::Error) -> anyhow::Error {
    thread_failure(error).into()
}

fn thread_failure(reason: &impl std::fmt::Display) -> Failure {
    Failure::input_output(format!(
        "a thread could not be started: {reason}; allow this user more processes or memory (`ulimit -a` shows the limits)"
    ))
}

#[cfg(test)]
mod tests {
    use common::exit::{Exit, classify};

    use super::*;

    #[test]
    fn a_check_ends_its_threads_and_a_failed_start_is_an_input_output_error() {
        check_threads(0).unwrap();
        check_threads(3).unwrap();
        let error = thread_error(&io::Error::from_raw_os_error(11));
        assert_eq!(classify(&error), Exit::InputOutput);
        let text = error.to_string();
        assert!(text.contains("a thread could not be started: "), "{text}");
        assert!(text.contains("ulimit -a"), "{text}");
    }
}
