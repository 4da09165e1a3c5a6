//! A server in a thread of this process, for a program that calls its own API.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use anyhow::Context;
use common::Config;

use crate::{Application, make_key};

/// How long the server may take to take its port and start its worker.
const START_BOUND: Duration = Duration::from_secs(30);
/// How long a caller whose calls are over waits for the server's end: what the server still does is
/// for nobody, and it may hang on a file for ever.
const END_BOUND: Duration = Duration::from_secs(2);

/// A server that answers until it is stopped or dropped.
pub struct RunningServer {
    url: String,
    key: String,
    handle: ServerHandle,
    ended: Receiver<()>,
}

/// Serves on a free port of this machine, in a thread of its own, without signal handlers.
///
/// It serves the release that is live now, to the end, and asks for a key that is of this server
/// only.
pub fn serve_in_background(config: &Config) -> anyhow::Result<RunningServer> {
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
                // Nobody waits any more only when the spawning thread has gone.
                let _ = started.send(server.handle());
                server.await
            });
            if let Err(error) = served {
                tracing::error!(%error, "the server failed");
            }
            // Nobody waits for it any more only when that took too long.
            let _ = ends.send(());
        })
        .context("failed to start a thread for the server")?;
    let handle = start
        .recv_timeout(START_BOUND)
        .context("the server did not start; the log says why")?;
    Ok(RunningServer {
        url,
        key: key.key,
        handle,
        ended,
    })
}

impl RunningServer {
    /// The address as the beginning of a URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key that it asks for.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Stops once running requests have finished, or two seconds are over.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        // The command is sent at once; the future would only wait for its end.
        drop(self.handle.stop(true));
        wait_for_end(&self.ended, END_BOUND);
    }
}

/// Waits for a server's thread, which is left to itself where it takes longer.
fn wait_for_end(ended: &Receiver<()>, bound: Duration) {
    match ended.recv_timeout(bound) {
        Ok(()) => {}
        Err(RecvTimeoutError::Timeout) => {
            tracing::warn!(
                "the server of this run is still busy after {} s; the run goes on without its end",
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
    fn a_server_that_never_ends_holds_nobody_up() {
        let (ends, ended) = mpsc::sync_channel(1);
        wait_for_end(&ended, Duration::from_millis(1));
        ends.send(()).unwrap();
        wait_for_end(&ended, Duration::MAX);
        drop(ends);
        wait_for_end(&ended, Duration::MAX);
    }
}
