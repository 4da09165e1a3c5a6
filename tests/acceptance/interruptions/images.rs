//! The files that a kill leaves at each change of a run, from one run.
//!
//! The run stops in the middle of each change. Its files are then those that `kill -9` leaves: the kernel
//! releases locks, and changes no file. So they are kept, and the run goes on to its next change.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;

use super::stories::Story;
use crate::tree::Tree;
use crate::workspace::Workspace;

/// The files in the middle of a change.
pub(super) struct Image {
    pub(super) tree: Tree,
    /// Kind and path of the change.
    pub(super) change: String,
    pub(super) path: String,
}

/// A command that stops at its changes. It is killed if a test ends before it.
struct StoppingCommand {
    child: Child,
    has_ended: bool,
    /// Its log of changes and its messages.
    folder: TempDir,
}

/// The files at each change of the command, in order. The workspace is afterwards as after the command.
pub(super) fn images(story: &Story, workspace: &Workspace) -> Vec<Image> {
    let mut command = StoppingCommand::start(story, workspace, 1);
    let mut images: Vec<Image> = Vec::new();
    while command.stops() {
        let tree = workspace.tree_like(images.last().map(|image| &image.tree));
        let (change, path) = command.change();
        images.push(Image { tree, change, path });
        command.go_on();
    }
    images
}

/// Kills the command at its change `number`, and checks that this changes no file. Returns kind and path of
/// the change; `None` if the command makes fewer changes.
pub(super) fn kill(story: &Story, workspace: &Workspace, number: u32) -> Option<(String, String)> {
    let mut command = StoppingCommand::start(story, workspace, number);
    if !command.stops() {
        return None;
    }
    let (change, path) = command.change();
    let stopped = workspace.tree();
    let status = command.kill();
    assert_eq!(status.signal(), Some(9), "{change} {path}");
    assert!(
        workspace.tree() == stopped,
        "{}: a kill at change {number}, {change} {path}, leaves other files than a stop",
        story.name
    );
    Some((change, path))
}

impl StoppingCommand {
    #[expect(
        clippy::disallowed_methods,
        reason = "the file belongs to the test, not to a pipeline"
    )]
    fn start(story: &Story, workspace: &Workspace, number: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let messages = File::create(messages(folder.path())).expect("a file");
        let log = log(folder.path());
        let child = workspace
            .command(story.program)
            .args(story.arguments)
            .env("RISK_FAULT", format!("stop:{number}:{}", log.display()))
            .stdout(Stdio::null())
            .stderr(messages)
            .spawn()
            .expect("the program starts");
        Self {
            child,
            has_ended: false,
            folder,
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until the command stops at a change, or ends well: then false.
    fn stops(&mut self) -> bool {
        let waited = waitpid(Some(self.pid()), WaitOptions::UNTRACED).expect("a child");
        let (_, status) = waited.expect("it waits for a change of state");
        if status.stopped() {
            return true;
        }
        self.has_ended = true;
        let said = fs::read_to_string(messages(self.folder.path())).expect("messages");
        assert_eq!(status.exit_status(), Some(0), "{said}");
        false
    }

    fn go_on(&self) {
        kill_process(self.pid(), Signal::CONT).expect("it is stopped");
    }

    /// Kind and path of the change that it stops at.
    fn change(&self) -> (String, String) {
        let log = fs::read_to_string(log(self.folder.path())).expect("a log");
        let last = log.lines().last().expect("a change");
        let (change, path) = last.split_once(' ').expect("change and path");
        (change.to_owned(), path.to_owned())
    }

    fn kill(&mut self) -> ExitStatus {
        self.child.kill().expect("it is there");
        self.has_ended = true;
        self.child.wait().expect("it has ended")
    }
}

impl Drop for StoppingCommand {
    fn drop(&mut self) {
        if !self.has_ended {
            self.kill();
        }
    }
}

fn log(folder: &Path) -> std::path::PathBuf {
    folder.join("changes")
}

fn messages(folder: &Path) -> std::path::PathBuf {
    folder.join("messages")
}
