//! The server as a value. It is built for an address, tells its port, and runs until it is stopped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::mpsc::Sender;
use std::thread::available_parallelism;

use actix_server::Server;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use actix_web::rt::{self, System};
use actix_web::web::Data;
use anyhow::Context;
use common::cli::{server_log, server_logs_json};
use common::{Config, Failure};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::access::{AccessControl, NewKey};
use crate::access_log::{AccessLog, LogFormat};
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
    /// Binds the address; port 0 binds a free port.
    ///
    /// An address that other machines can reach requires a keys file.
    pub fn build(config: Config, bind: SocketAddr) -> anyhow::Result<Self> {
        if !bind.ip().is_loopback() && config.api.keys_file.is_none() {
            return Err(Failure::configuration(format!(
                "api.bind: {bind} can be reached from other machines, so api.keys_file must name a file of keys (`app --new-key` makes one); or name a loopback address such as 127.0.0.1:{}",
                bind.port()
            ))
            .into());
        }
        let access = AccessControl::of(&config.api)?;
        Self::listen(config, bind, access)
    }

    /// Binds a free local port for a single key.
    ///
    /// Other users of the machine can reach the port, but must not read the release.
    pub(crate) fn build_private(mut config: Config, key: &NewKey) -> anyhow::Result<Self> {
        config.api.allowed_hosts = vec![Ipv4Addr::LOCALHOST.to_string()];
        // If the keys file were read again, its keys would replace the single key.
        config.api.keys_file = None;
        let access = AccessControl::with_single_key(&config.api, key)?;
        Self::listen(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), access)
    }

    fn listen(config: Config, bind: SocketAddr, access: AccessControl) -> anyhow::Result<Self> {
        let context = || format!("failed to listen on {bind} (api.bind)");
        let listener = TcpListener::bind(bind).with_context(context)?;
        let address = listener.local_addr().with_context(context)?;
        Ok(Self {
            listener,
            address,
            state: AppState::new(config, access),
        })
    }

    /// Logs every request on stderr, unless logging is off.
    pub(crate) fn with_access_log(mut self) -> Self {
        if tracing::enabled!(tracing::Level::INFO) {
            let format = if server_logs_json() {
                LogFormat::Json
            } else {
                LogFormat::Text
            };
            self.state.log = server_log().map(|queue| AccessLog::new(format, queue));
        }
        self
    }

    /// Port that the server listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Start of the server's URLs.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until SIGTERM or SIGINT; requests on open connections are still answered for a
    /// while.
    ///
    /// SIGHUP reloads the live release and the keys.
    pub fn run_until_stopped(self) -> anyhow::Result<()> {
        raise_file_limit();
        let workers = available_parallelism().map_or(1, NonZeroUsize::get);
        // The workers, and three more threads: one accepts connections, one looks for releases, and one
        // does the work.
        dataset::check_threads(workers + 3)?;
        let state = Data::new(self.state);
        let watch = Watch::start(state.clone()).context("failed to start looking for releases")?;
        let served = System::new()
            .block_on(async {
                rt::spawn(forward_hangups(
                    signal(SignalKind::hangup())?,
                    watch.reload_sender(),
                ));
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

    /// Starts answering until the handle stops the server. Must be called within an actix system.
    pub(crate) fn serve_one_caller(self) -> io::Result<Server> {
        serve::start(self.listener, &Data::new(self.state), Workers::One)
    }
}

/// Raises the limit of open files to the maximum: the usual limit is too low for a server.
fn raise_file_limit() {
    let files = getrlimit(Resource::Nofile);
    let allowed = Rlimit {
        current: files.maximum,
        ..files
    };
    // If that fails, further connections wait until others have ended.
    let _ = setrlimit(Resource::Nofile, allowed);
}

async fn forward_hangups(mut hangups: Signal, reload_sender: Option<Sender<()>>) {
    while let (Some(()), Some(reload_sender)) = (hangups.recv().await, &reload_sender) {
        if reload_sender.send(()).is_err() {
            break;
        }
    }
}
