//! The server as a value: built on an address, asked for its port, run until it is stopped.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::task::Poll;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::rt::System;
use actix_web::rt::signal::unix::{SignalKind, signal};
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use common::{Config, Failure};

use crate::state::AppState;
use crate::{answer, routes};

/// Seconds that running requests are given to finish when the server is stopped.
const DRAIN_SECONDS: u64 = 30;

/// A server that holds its port and does not answer yet.
pub struct Application {
    listener: TcpListener,
    address: SocketAddr,
    state: web::Data<AppState>,
}

impl Application {
    /// Takes the port; port 0 takes a free one.
    ///
    /// Only this machine may be served: a bind that others reach needs access keys, and there are
    /// none yet.
    pub fn build(config: Config, bind: SocketAddr) -> anyhow::Result<Self> {
        if !bind.ip().is_loopback() {
            return Err(Failure::configuration(format!(
                "api.bind: {bind} can be reached from other machines, and the API has no access keys; name a loopback address such as 127.0.0.1:{}",
                bind.port()
            ))
            .into());
        }
        let context = || format!("failed to listen on {bind} (api.bind)");
        let listener = TcpListener::bind(bind).with_context(context)?;
        let address = listener.local_addr().with_context(context)?;
        Ok(Self {
            listener,
            address,
            state: web::Data::new(AppState::new(config)),
        })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as the beginning of a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until the process gets SIGTERM or SIGINT; running requests are finished first.
    pub fn run_until_stopped(self) -> anyhow::Result<()> {
        System::new()
            .block_on(async { self.serve(Stop::OnSignal)?.await })
            .context("the server failed")
    }

    /// Starts answering; to be called within an actix system.
    pub(crate) fn serve(self, stop: Stop) -> io::Result<Server> {
        let state = self.state;
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .wrap(from_fn(answer::complete))
                .configure(routes::configure)
        })
        .shutdown_timeout(DRAIN_SECONDS)
        .listen(self.listener)?;
        Ok(match stop {
            Stop::OnSignal => server.shutdown_signal(stop_signal()?).run(),
            // It serves one caller within this process.
            Stop::ByHandle => server.disable_signals().workers(1).run(),
        })
    }
}

/// What ends a server.
pub(crate) enum Stop {
    /// SIGTERM or SIGINT to the process.
    OnSignal,
    /// Its handle only.
    ByHandle,
}

/// Resolves at the first SIGTERM or SIGINT; actix on its own would not drain at SIGINT.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(poll_fn(move |context| {
        let is_asked =
            terminate.poll_recv(context).is_ready() || interrupt.poll_recv(context).is_ready();
        if is_asked {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }))
}
