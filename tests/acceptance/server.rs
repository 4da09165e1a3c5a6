//! The real server on a free port.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Response;

use crate::workspace::Workspace;

/// A running server; stopped on drop.
pub(crate) struct Server {
    process: Child,
    url: String,
    agent: Agent,
}

/// What the server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) model_version: Option<String>,
    pub(crate) body: String,
}

impl Server {
    /// Starts the server of a workspace and waits until it says where it listens.
    pub(crate) fn start(workspace: &mut Workspace) -> Self {
        workspace.set("api.bind", json!("127.0.0.1:0"));
        let mut process = workspace
            .command("app")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        let stderr = process.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let at = line.find("http://")?;
                let url: String = line[at..]
                    .chars()
                    .take_while(|c| !c.is_whitespace() && *c != '"')
                    .collect();
                Some(url)
            })
            .expect("the server says where it listens");
        // Its log must be read on, or it would block when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            process,
            url: url.trim_end_matches('/').to_owned(),
            agent: config.into(),
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks for a path.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let asked = self.agent.get(format!("{}{path}", self.url)).call();
        Answer::of(asked.expect("an answer"))
    }

    /// Posts a body; without a content type when it is empty.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if !content_type.is_empty() {
            request = request.header("Content-Type", content_type);
        }
        Answer::of(request.send(body).expect("an answer"))
    }

    /// Asks the server to stop and waits for its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let process = Pid::from_child(&self.process);
        kill_process(process, Signal::TERM).expect("the server is there");
        let ended = self.process.wait().expect("the server ends");
        ended.code().expect("the server ends by itself")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Answer {
    fn of(mut response: Response<ureq::Body>) -> Self {
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        Self {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            model_version: header("x-model-version"),
            body: response.body_mut().read_to_string().expect("a body"),
        }
    }

    /// The JSON of an answer with this status.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The answer is a problem of this status and type.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.json(status);
        assert!(
            self.content_type.starts_with("application/problem+json"),
            "{}",
            self.content_type
        );
        let found = problem["type"].as_str().expect("a type");
        assert!(found.ends_with(kind), "{found} is not {kind}");
        assert_eq!(problem["status"], status);
        problem
    }
}
