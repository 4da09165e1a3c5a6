//! A server in a thread of this process, for a program that calls its own API.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use common::{Config, Failure};

use crate::{Application, make_key};

/// Time limit for binding the port and starting the worker.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Threads of a server with one worker: its own, one that accepts, the worker, one that loads the first
/// model, and two for its work.
const THREADS: usize = 6;
/// Time limit for the end of the server after the last call. Its remaining work serves nobody and
/// could hang on a file.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// A server that answers until it is stopped or dropped.
pub struct RunningServer {
    url: String,
    key: String,
    handle: ServerHandle,
    ended: Receiver<()>,
}

/// Serves on a free local port, in a thread of its own, without signal handlers.
///
/// It always serves the release that is live now, and accepts only its own new key. An error with exit
/// code 74 if the server or one of its threads cannot be started.
pub fn serve_in_background(config: &Config) -> anyhow::Result<RunningServer> {
    dataset::check_threads(THREADS)?;
    let key = make_key("own", "all")?;
    let application = Application::build_private(config.clone(), &key)?;
    let url = application.url();
    let (started, start) = mpsc::channel();
    let (ends, ended) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("api".into())
        .spawn(move || {
            let served = System::new().block_on(async {
                let server = application.serve_one_caller()?;
                // Sending fails only if the spawning thread is gone.
                let _ = started.send(server.handle());
                server.await
            });
            if let Err(error) = served {
                tracing::error!(%error, "the server failed");
            }
            // Sending fails only if nobody waits any more.
            let _ = ends.send(());
        })
        .map_err(|error| dataset::thread_error(&error))?;
    let handle = start
        .recv_timeout(START_TIMEOUT)
        .map_err(|_| Failure::input_output("the server did not start; the log says why"))?;
    Ok(RunningServer {
        url,
        key: key.key,
        handle,
        ended,
    })
}

impl RunningServer {
    /// Start of the server's URLs.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Key that the server accepts.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Stops the server after its running requests, or after two seconds.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        // The call sends the stop command. Its future would only wait for the end of the server.
        drop(self.handle.stop(true));
        wait_for_end(&self.ended, END_TIMEOUT);
    }
}

/// Waits for a server's thread; after `bound` the thread is left to itself.
fn wait_for_end(ended: &Receiver<()>, bound: Duration) {
    match ended.recv_timeout(bound) {
        Ok(()) => {}
        Err(RecvTimeoutError::Timeout) => {
            tracing::warn!(
                "the server of this run is still busy after {} s; the run does not wait for its end",
                bound.as_secs_f64()
            );
        }
        Err(RecvTimeoutError::Disconnected) => {
            tracing::error!("the server's thread panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_never_ends_delays_nobody() {
        let (ends, ended) = mpsc::sync_channel(1);
        wait_for_end(&ended, Duration::from_millis(1));
        ends.send(()).unwrap();
        wait_for_end(&ended, Duration::MAX);
        drop(ends);
        wait_for_end(&ended, Duration::MAX);
    }
}
