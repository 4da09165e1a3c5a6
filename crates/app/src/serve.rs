//! The server: port, workers, connections and the application.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive, Protocol};
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::Data;
use actix_web::{App, Error};

use crate::connection::{Connections, WatchedStream};
use crate::drain::DRAIN_TIME;
use crate::state::AppState;
use crate::{answer, routes};

/// How long the rest of an unread body is discarded before the connection ends.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// Number of workers of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    /// One for each processor.
    Usual,
    /// One, for a single caller.
    One,
}

/// Starts answering until the server's handle stops it. Must be called within an actix system.
///
/// This replaces the library's `HttpServer`, in order to wrap each connection in a watched stream.
pub(crate) fn start(
    listener: TcpListener,
    state: &Data<AppState>,
    workers: Workers,
) -> io::Result<Server> {
    let mut server = Server::build()
        .disable_signals()
        .worker_max_blocking_threads(state.work.threads_of_a_worker())
        .shutdown_timeout(DRAIN_TIME.as_secs());
    if workers == Workers::One {
        server = server.workers(1);
    }
    let address = listener.local_addr()?;
    let (state, stopping) = (state.clone(), server.graceful_shutdown_signal());
    let each_worker = move || {
        let stopping = stopping.clone();
        let connections = Connections::new(state.clone());
        let app = App::new()
            .app_data(state.clone())
            .wrap(from_fn(answer::complete))
            .configure(routes::configure)
            .into_factory()
            .map_err(|error: Error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            // The module `connection` applies the time limits.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(LINGER_TIME)
            .local_addr(address)
            .on_connect_ext(|stream: &WatchedStream, extensions| {
                extensions.insert(stream.connection());
                extensions.insert(stream.peer());
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let client = stream.peer_addr().ok();
            let stream = connections.watch(stream);
            async move { Ok((stream, Protocol::Http1, client)) }
        })
        .and_then(http)
    };
    Ok(server.listen("app", listener, each_worker)?.run())
}
