//! Giving a message to a program on its stdin.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use common::config::CommandSettings;
use rustix::process::{Pid, Signal, kill_process_group};

/// How long the end of a program that was killed is waited for.
const END_BOUND: Duration = Duration::from_secs(1);
/// How often a program that is still working is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Runs the program in the configuration's folder; done is when it ends with 0.
///
/// What it says on stderr is the run's stderr; its stdout is nobody's, as the run's is the result.
pub(crate) fn run(
    settings: &CommandSettings,
    folder: &Path,
    body: &str,
    within: Duration,
) -> anyhow::Result<()> {
    let mut child = Command::new(&settings.program)
        .args(&settings.arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        // A group of its own, so that what it started ends with it.
        .process_group(0)
        .spawn()
        .with_context(|| {
            let program = settings.program.display();
            format!("{program} (alerts.command) could not be started")
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        let body = format!("{body}\n");
        // Not waited for: a program that never reads must not hold up the run.
        thread::spawn(move || stdin.write_all(body.as_bytes()));
    }
    let ended = wait(&mut child, within).context("failed to wait for alerts.command")?;
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("alerts.command ended with {status}"),
        None => {
            // It may have ended in this instant.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            // One that waits for a disk ends when the disk answers, and nobody waits for that.
            wait(&mut child, END_BOUND).context("failed to end alerts.command")?;
            bail!(
                "alerts.command took more than {:.3} s (alerts.timeout_seconds)",
                within.as_secs_f64()
            )
        }
    }
}

/// How it ended; `None` when the time is over first.
fn wait(child: &mut Child, within: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let deadline = Instant::now() + within;
    loop {
        let ended = child.try_wait()?;
        if ended.is_some() || Instant::now() >= deadline {
            return Ok(ended);
        }
        thread::sleep(LOOK);
    }
}
