//! A registry index on this machine, in place of the one that cargo would use.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use tempfile::TempDir;

use crate::workspace::{Finished, Workspace};

/// The versions of each crate; true if a version is yanked.
pub(crate) type Versions = BTreeMap<String, Vec<(String, bool)>>;

/// A registry index, and a cargo home that refers to it.
pub(crate) struct Registry {
    home: TempDir,
    asked: Receiver<()>,
}

impl Registry {
    /// An index with these crates.
    pub(crate) fn serving(versions: Versions) -> Self {
        Self::start(move |mut stream| {
            let mut head = [0; 4096];
            // The request is short, so one read gets its whole head.
            let length = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]);
            let path = head.split(' ').nth(1).unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let (status, body) = match versions.get(name) {
                Some(versions) => ("200 OK", entry(name, versions)),
                None => ("404 Not Found", String::new()),
            };
            // The client may have disconnected.
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        })
    }

    /// An index that accepts every connection and never answers.
    pub(crate) fn hanging() -> Self {
        let mut kept = Vec::new();
        Self::start(move |stream| kept.push(stream))
    }

    /// An index whose address nothing listens on.
    pub(crate) fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (_, asked) = mpsc::channel();
        Self::named(listener.local_addr().expect("an address"), asked)
    }

    fn start(mut answer: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (asks, asked): (Sender<()>, _) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // The test may have ended.
                let _ = asks.send(());
                answer(stream);
            }
        });
        Self::named(address, asked)
    }

    #[expect(clippy::disallowed_methods, reason = "a test plays the administrator")]
    fn named(address: SocketAddr, asked: Receiver<()>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let text = format!(
            "[source.crates-io]\nreplace-with = \"here\"\n\
             [source.here]\nregistry = \"sparse+http://{address}/\"\n"
        );
        std::fs::write(home.path().join("config.toml"), text).expect("a file");
        Self { home, asked }
    }

    /// A program that uses this index.
    pub(crate) fn command(&self, workspace: &Workspace, name: &str) -> Command {
        let mut command = workspace.command(name);
        command.env("CARGO_HOME", self.home.path());
        command
    }

    /// Runs a program that uses this index.
    pub(crate) fn run(&self, workspace: &Workspace, name: &str, arguments: &[&str]) -> Finished {
        workspace.finish(self.command(workspace, name).args(arguments))
    }

    /// Number of connections since the last call.
    pub(crate) fn connections(&self) -> usize {
        self.asked.try_iter().count()
    }

    /// Waits for a connection.
    pub(crate) fn wait_for_connection(&self) {
        self.asked.recv().expect("the index is there");
    }
}

/// The index entry of one crate: a line of JSON for each version.
fn entry(name: &str, versions: &[(String, bool)]) -> String {
    let checksum = "0".repeat(64);
    let line = |(version, is_yanked): &(String, bool)| {
        format!(
            "{{\"name\":\"{name}\",\"vers\":\"{version}\",\"deps\":[],\"cksum\":\"{checksum}\",\
             \"features\":{{}},\"yanked\":{is_yanked}}}\n"
        )
    };
    versions.iter().map(line).collect()
}
