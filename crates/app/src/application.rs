//! The server as a value: built on an address, asked for its port, run until it is stopped.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::task::Poll;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use actix_web::rt::{self, System};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use anyhow::Context;
use common::cli::{server_log, server_logs_json};
use common::{Config, Failure};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::access::{Gate, NewKey};
use crate::access_log::{AccessLog, Form};
use crate::connection::Connection;
use crate::state::AppState;
use crate::watch::Watch;
use crate::{answer, routes};

/// Seconds that running requests are given to finish when the server is stopped.
const DRAIN_SECONDS: u64 = 30;
/// Threads of each worker for what would hold it up; what they compute takes memory meanwhile.
const THREADS_BESIDE_A_WORKER: usize = 2;

/// A server that holds its port and does not answer yet.
pub struct Application {
    listener: TcpListener,
    address: SocketAddr,
    state: AppState,
}

impl Application {
    /// Takes the port; port 0 takes a free one.
    ///
    /// A bind that others than this machine can reach needs keys.
    pub fn build(config: Config, bind: SocketAddr) -> anyhow::Result<Self> {
        if !bind.ip().is_loopback() && config.api.keys_file.is_none() {
            return Err(Failure::configuration(format!(
                "api.bind: {bind} can be reached from other machines, so api.keys_file must name a file of keys (`app --new-key` makes one); or name a loopback address such as 127.0.0.1:{}",
                bind.port()
            ))
            .into());
        }
        let gate = Gate::of(&config.api)?;
        Self::listen(config, bind, gate)
    }

    /// Takes a free port of this machine for whoever knows this key.
    ///
    /// Other users of the machine can reach the port, and the release is not theirs to ask.
    pub(crate) fn build_private(mut config: Config, key: &NewKey) -> anyhow::Result<Self> {
        config.api.allowed_hosts = vec![Ipv4Addr::LOCALHOST.to_string()];
        // Read again with the release, it would take the place of the one.
        config.api.keys_file = None;
        let gate = Gate::for_one(&config.api, key)?;
        Self::listen(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), gate)
    }

    fn listen(config: Config, bind: SocketAddr, gate: Gate) -> anyhow::Result<Self> {
        let context = || format!("failed to listen on {bind} (api.bind)");
        let listener = TcpListener::bind(bind).with_context(context)?;
        let address = listener.local_addr().with_context(context)?;
        Ok(Self {
            listener,
            address,
            state: AppState::new(config, gate),
        })
    }

    /// Tells of every request on stderr, unless logging is off.
    pub(crate) fn with_access_log(mut self) -> Self {
        if tracing::enabled!(tracing::Level::INFO) {
            let form = if server_logs_json() {
                Form::Json
            } else {
                Form::Text
            };
            self.state.log = server_log().map(|queue| AccessLog::new(form, queue));
        }
        self
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
    ///
    /// SIGHUP makes it read the live release and the keys again.
    pub fn run_until_stopped(self) -> anyhow::Result<()> {
        allow_connections();
        let state = Data::new(self.state);
        let watch = Watch::start(state.clone()).context("failed to start looking for releases")?;
        let served = System::new()
            .block_on(async {
                rt::spawn(forward_hangups(signal(SignalKind::hangup())?, watch.asks()));
                serve(self.listener, state.clone(), Stop::OnSignal)?.await
            })
            .context("the server failed");
        drop(watch);
        served
    }

    /// Starts answering until its handle stops it; to be called within an actix system.
    pub(crate) fn serve_one_caller(self) -> io::Result<Server> {
        serve(self.listener, Data::new(self.state), Stop::ByHandle)
    }
}

/// Lets the process hold as many connections as the system allows it: what is usual without asking
/// is too few for a server.
fn allow_connections() {
    let files = getrlimit(Resource::Nofile);
    let allowed = Rlimit {
        current: files.maximum,
        ..files
    };
    // Where it may not, the connections beyond wait until others have ended.
    let _ = setrlimit(Resource::Nofile, allowed);
}

/// What ends a server.
enum Stop {
    /// SIGTERM or SIGINT to the process.
    OnSignal,
    /// Its handle only.
    ByHandle,
}

fn serve(listener: TcpListener, state: Data<AppState>, stop: Stop) -> io::Result<Server> {
    let (stop_state, noting) = (state.clone(), state.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .wrap(from_fn(answer::complete))
            .configure(routes::configure)
    })
    .on_connect(move |connection, noted| Connection::note(&noting, connection, noted))
    .worker_max_blocking_threads(THREADS_BESIDE_A_WORKER)
    .shutdown_timeout(DRAIN_SECONDS)
    .listen(listener)?;
    Ok(match stop {
        Stop::OnSignal => server.shutdown_signal(stop_signal(stop_state)?).run(),
        // It serves one caller within this process.
        Stop::ByHandle => server.disable_signals().workers(1).run(),
    })
}

/// Resolves at the first SIGTERM or SIGINT; actix on its own would not drain at SIGINT.
fn stop_signal(state: Data<AppState>) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(poll_fn(move |context| {
        let is_asked =
            terminate.poll_recv(context).is_ready() || interrupt.poll_recv(context).is_ready();
        if is_asked {
            state.is_draining.store(true, Ordering::Relaxed);
            tracing::info!("stopping: running requests are finished");
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }))
}

async fn forward_hangups(mut hangups: Signal, asks: Option<Sender<()>>) {
    while let (Some(()), Some(asks)) = (hangups.recv().await, &asks) {
        if asks.send(()).is_err() {
            break;
        }
    }
}
