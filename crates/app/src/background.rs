//! A server in a thread of this process, for a program that calls its own API.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use anyhow::Context;
use common::Config;

use crate::{Application, make_key};

/// A server that answers until it is stopped or dropped.
pub struct RunningServer {
    url: String,
    key: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
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
    let thread = thread::Builder::new()
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
        })
        .context("failed to start a thread for the server")?;
    let handle = start
        .recv()
        .context("the server did not start; the log says why")?;
    Ok(RunningServer {
        url,
        key: key.key,
        handle,
        thread: Some(thread),
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

    /// Stops once running requests have finished.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        // The command is sent at once; the future would only wait for its end, as joining does.
        drop(self.handle.stop(true));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server's thread panicked");
        }
    }
}
