//! The pages on the schedule of runs, and on speed and memory.

use common::RunLock;

use super::each_block_of;
use crate::workspace::Workspace;

/// Folder of the installation in the example of a systemd timer.
const INSTALLED: &str = "/opt/risk";

impl Workspace {
    /// Runs the command of a crontab line in the way cron does. The command must succeed and print nothing.
    #[track_caller]
    pub(super) fn runs_by_cron(&self, line: &str) {
        // Five fields with the time, then the command.
        let command = line.splitn(6, ' ').nth(5).expect("a command");
        let run = self.shell(&format!("cd /\nexec env -i {command}"));
        let printed = format!("{}{}", run.stdout, run.stderr);
        assert_eq!((run.code, printed.as_str()), (0, ""), "{line}");
    }
}

#[test]
fn operations() {
    each_block_of("docs/operations.md", |page| {
        let workspace = Workspace::after_cold_start();
        let line = page.follow(&workspace).stdout;
        workspace.runs_by_cron(&line);

        let units = page.next_of("ini");
        let setting = |name: &str| {
            let values = units.lines().filter_map(|line| line.strip_prefix(name));
            let values: Vec<&str> = values.collect();
            assert_eq!(values.len(), 1, "{name} in {units}");
            values[0].to_owned()
        };
        let start = setting("ExecStart=");
        assert!(start.starts_with(INSTALLED), "{start}");
        let here = workspace.path("");
        let here = here.to_str().expect("UTF-8").trim_end_matches('/');
        let start = format!("cd /\nexec env -i {}", start.replace(INSTALLED, here));
        assert_eq!(workspace.shell(&start).code, 0, "{start}");
        let config = workspace.configuration();
        let lock = RunLock::acquire(&config.layout, "a test").expect("the lock");
        let beside_a_run = workspace.shell(&start).code;
        assert_eq!(setting("SuccessExitStatus="), beside_a_run.to_string());
        drop(lock);
        for line in units.lines().filter(|line| !line.is_empty()) {
            let is_known = line.starts_with("# /etc/systemd/system/risk.")
                || (line.starts_with('[') && line.ends_with(']'))
                || line.contains('=');
            assert!(is_known, "{line}");
        }

        page.follow(&workspace);
    });
}
