//! Command lines as an operator types them, in the configuration's folder and with the programs on
//! the search path.

use std::fs;
use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;
use crate::workspace::{Finished, Workspace};

/// User number of `nobody`, which no person and no service has.
const NOBODY: u32 = 65_534;

impl Workspace {
    /// Runs shell commands, and stops at the first one that fails.
    pub(crate) fn shell(&self, lines: &str) -> Finished {
        self.finish(&mut self.prepared(lines, program::folder()))
    }

    fn prepared(&self, lines: &str, programs: &Path) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .current_dir(self.path(""))
            .args(["-e", "-c", lines]);
        shell
    }
}

/// A user for whom folder permissions apply. They do not apply to root.
pub(crate) struct OrdinaryUser<'a> {
    workspace: &'a Workspace,
    programs: PathBuf,
    is_nobody: bool,
}

impl<'a> OrdinaryUser<'a> {
    /// The user who runs the tests. If that is root, it is `nobody`, who then owns the workspace.
    pub(crate) fn of(workspace: &'a Workspace) -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self {
                workspace,
                programs: program::folder().to_owned(),
                is_nobody: false,
            };
        }
        // Other users may have no access to the folder with the built programs.
        let copies = workspace.path("programs");
        fs::create_dir(&copies).expect("a folder");
        fs::copy(program::path("fullprocess"), copies.join("fullprocess")).expect("a copy");
        give(&workspace.path(""));
        Self {
            workspace,
            programs: copies,
            is_nobody: true,
        }
    }

    /// Runs shell commands, and stops at the first one that fails.
    pub(crate) fn shell(&self, lines: &str) -> Finished {
        let mut shell = self.workspace.prepared(lines, &self.programs);
        if self.is_nobody {
            shell.uid(NOBODY).gid(NOBODY);
        }
        self.workspace.finish(&mut shell)
    }
}

fn give(path: &Path) {
    lchown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
    if path.is_symlink() || !path.is_dir() {
        return;
    }
    for entry in fs::read_dir(path).expect("a folder") {
        give(&entry.expect("an entry").path());
    }
}
