//! Attacks by a hostile client. Each attack is answered in time, and the server keeps working.

mod bodies;
mod echoes;
mod models;
mod numbers;
mod paths;
mod slow_clients;

use std::time::{Duration, Instant};

use super::HOST;
use crate::server::Server;

/// Time within which an immediate answer arrives, even on the slowest machine.
const AT_ONCE: Duration = Duration::from_secs(20);

fn predict(server: &Server, headers: &[&str], body: &[u8]) -> String {
    let headers = [&[HOST], headers].concat();
    let began = Instant::now();
    let answer = server.send("POST /prediction", &headers, body);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    answer
}
