//! The HTTP interface: one test for each promise.

mod access;
mod answers;
mod attacks;
mod examples;
mod exhaustion;
mod kept;
mod load;
mod memory;
mod observed;
mod stopping;

use serde_json::Value;

use crate::server::{Server, body_of, status_of};
use crate::workspace::Workspace;

const HEADER: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\n";
const ROWS: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees
Calm Co,900,9000,40
Quiet Co,3,900,12
";
/// The header that every request of a test has, unless the test is about that header.
const HOST: &str = "Host: localhost";
const CSV: &str = "Content-Type: text/csv";

/// A pipeline with a release, and a server with these settings under the key `api`.
fn serving(settings: &[(&str, Value)]) -> (Workspace, Server) {
    let mut workspace = Workspace::after_cold_start();
    for (key, value) in settings {
        workspace.set(&format!("api.{key}"), value.clone());
    }
    let server = Server::start(&mut workspace);
    (workspace, server)
}

/// The status of an answer, and the code of its problem.
#[track_caller]
fn problem(answer: &str) -> String {
    let status = status_of(answer);
    let problem: Value =
        serde_json::from_str(body_of(answer)).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let kind = problem["type"].as_str().expect("a type");
    format!("{status} {}", kind.strip_prefix("/docs#").expect("a code"))
}

/// Checks that the server still predicts.
#[track_caller]
fn still_answers(server: &Server) {
    let answer = server.post("/prediction", "text/csv", ROWS).json(200);
    assert_eq!(answer["predictions"], serde_json::json!([0, 1]));
}
