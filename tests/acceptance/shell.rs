//! Command lines as an operator types them: in the configuration's folder, with the programs on
//! the search path.

use std::process::Command;

use crate::program;
use crate::workspace::{Finished, Workspace};

impl Workspace {
    /// Runs lines of a shell; the first one that fails ends them.
    pub(crate) fn shell(&self, lines: &str) -> Finished {
        let programs = program::path("fullprocess").parent().expect("a folder");
        let mut shell = Command::new("/bin/sh");
        shell
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .current_dir(self.path(""))
            .args(["-e", "-c", lines]);
        self.finish(&mut shell)
    }
}
