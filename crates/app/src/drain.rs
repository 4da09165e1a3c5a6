//! Graceful stop: no request that a client has sent is lost.
//!
//! New connections are refused at once. Requests on open connections are answered with `Connection: close`.
//! Idle connections stay open for a while, because a request may be on its way. They also stay open while
//! other requests run. Then each idle connection is closed, but only while no byte of a new request has
//! arrived.

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use actix_server::ServerHandle;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use actix_web::rt::time::sleep;
use actix_web::web::Data;
use rustix::net::{Shutdown, shutdown};

use crate::state::AppState;

/// Longest time for running requests.
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(30);
/// Shortest time for which idle connections stay open.
const IDLE_TIME: Duration = Duration::from_secs(5);
/// Time for the library's thread to accept the waiting connections, and to stop accepting.
const PAUSE_TIME: Duration = Duration::from_millis(5);
/// Time between two checks whether all connections have ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// The signals that stop the process: SIGTERM and SIGINT.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Starts listening for the signals.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the first signal, then drains and stops the server.
    pub(crate) async fn drain(
        mut self,
        server: ServerHandle,
        port: TcpListener,
        state: Data<AppState>,
    ) {
        poll_fn(|context| {
            let is_asked = self.terminate.poll_recv(context).is_ready()
                || self.interrupt.poll_recv(context).is_ready();
            if is_asked {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        state.is_draining.store(true, Ordering::Relaxed);
        tracing::info!("stopping: requests on open connections are answered");
        refuse_connections(&server, port).await;
        let have_ended = drained(&state).await;
        server.stop(have_ended).await;
    }
}

/// Closes the port after accepting the waiting connections.
async fn refuse_connections(server: &ServerHandle, port: TcpListener) {
    sleep(PAUSE_TIME).await;
    server.pause().await;
    // The library's thread would report a port that closes too early as an error.
    sleep(PAUSE_TIME).await;
    // On Linux, connections are refused from here on. On other systems they wait until the end.
    let _ = shutdown(&port, Shutdown::Both);
}

/// Waits until all connections have ended; `false` if some take too long.
async fn drained(state: &AppState) -> bool {
    let began = Instant::now();
    let connections = &state.connections;
    loop {
        // An accepted connection is counted only when its worker receives it.
        sleep(CHECK_INTERVAL).await;
        if connections.count() == 0 {
            return true;
        }
        if began.elapsed() >= DRAIN_TIME {
            return false;
        }
        if began.elapsed() >= IDLE_TIME && connections.underway() == 0 {
            connections.close_idle();
        }
    }
}
