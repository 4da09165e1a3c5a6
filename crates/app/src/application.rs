//! The server as a value: built on an address, asked for its port, run until it is stopped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::Sender;

use actix_server::Server;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use actix_web::rt::{self, System};
use actix_web::web::Data;
use anyhow::Context;
use common::cli::{server_log, server_logs_json};
use common::{Config, Failure};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::access::{Gate, NewKey};
use crate::access_log::{AccessLog, Form};
use crate::drain::StopSignals;
use crate::serve::{self, Workers};
use crate::state::AppState;
use crate::watch::Watch;

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

    /// Answers until the process gets SIGTERM or SIGINT; requests on kept connections are answered
    /// for a while longer.
    ///
    /// SIGHUP makes it read the live release and the keys again.
    pub fn run_until_stopped(self) -> anyhow::Result<()> {
        allow_connections();
        let state = Data::new(self.state);
        let watch = Watch::start(state.clone()).context("failed to start looking for releases")?;
        let served = System::new()
            .block_on(async {
                rt::spawn(forward_hangups(signal(SignalKind::hangup())?, watch.asks()));
                let stop = StopSignals::new()?;
                let port = self.listener.try_clone()?;
                let server = serve::start(self.listener, &state, Workers::Usual)?;
                rt::spawn(stop.drain(server.handle(), port, state.clone()));
                server.await
            })
            .context("the server failed");
        drop(watch);
        served
    }

    /// Starts answering until its handle stops it; to be called within an actix system.
    pub(crate) fn serve_one_caller(self) -> io::Result<Server> {
        serve::start(self.listener, &Data::new(self.state), Workers::One)
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

async fn forward_hangups(mut hangups: Signal, asks: Option<Sender<()>>) {
    while let (Some(()), Some(asks)) = (hangups.recv().await, &asks) {
        if asks.send(()).is_err() {
            break;
        }
    }
}
