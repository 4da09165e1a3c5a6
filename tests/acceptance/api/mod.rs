//! The HTTP interface, promise by promise.

mod access;
mod answers;
mod attacks;
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
/// What every request of a test names, unless the test is about it.
const HOST: &str = "Host: localhost";
const CSV: &str = "Content-Type: text/csv";

/// A pipeline with a release, and a server with these settings beneath `api`.
fn serving(settings: &[(&str, Value)]) -> (Workspace, Server) {
    let mut workspace = Workspace::with_sample_data();
    workspace.fullprocess();
    for (key, value) in settings {
        workspace.set(&format!("api.{key}"), value.clone());
    }
    let server = Server::start(&mut workspace);
    (workspace, server)
}

/// The status and the problem's code of an answer as text.
#[track_caller]
fn problem(answer: &str) -> String {
    let status = status_of(answer);
    let problem: Value =
        serde_json::from_str(body_of(answer)).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let kind = problem["type"].as_str().expect("a type");
    format!("{status} {}", kind.strip_prefix("/docs#").expect("a code"))
}

/// The server still predicts.
#[track_caller]
fn still_answers(server: &Server) {
    let answer = server.post("/prediction", "text/csv", ROWS).json(200);
    assert_eq!(answer["predictions"], serde_json::json!([0, 1]));
}
