//! What a hostile client tries: each attack gets its answer in time, and the server answers on.

mod bodies;
mod echoes;
mod models;
mod numbers;
mod paths;
mod slow_clients;

use std::time::{Duration, Instant};

use super::HOST;
use crate::server::Server;

/// An answer within this is an answer at once, on the slowest machine.
const AT_ONCE: Duration = Duration::from_secs(20);

fn predict(server: &Server, headers: &[&str], body: &[u8]) -> String {
    let headers = [&[HOST], headers].concat();
    let began = Instant::now();
    let answer = server.send("POST /prediction", &headers, body);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    answer
}
