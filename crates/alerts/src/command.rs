//! Delivers an alert to a program on its stdin.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use common::config::CommandSettings;
use rustix::process::{Pid, Signal, kill_process_group};

/// Time to wait for the end of a killed program.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);
/// Interval between two checks whether the program has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Runs the program in the configuration's folder, with the message on its stdin. Delivery succeeds
/// if the program ends with status 0 within `within`. A slower program is killed.
///
/// The program shares the run's stderr. Its stdout is discarded, because the run's stdout carries
/// the result.
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
        // A process group of its own, so that its child processes end with it.
        .process_group(0)
        .spawn()
        .with_context(|| {
            let program = settings.program.display();
            format!("{program} (alerts.command) could not be started")
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        let body = format!("{body}\n");
        // Written in a thread: a program that never reads must not block the run.
        let written = thread::Builder::new().spawn(move || stdin.write_all(body.as_bytes()));
        written.context("failed to start a thread for alerts.command")?;
    }
    let ended = wait(&mut child, within).context("failed to wait for alerts.command")?;
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("alerts.command ended with {status}"),
        None => {
            // May fail if the program became another user or left its process group. The run does not
            // wait for it.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            // A killed program that waits for a disk ends only when the disk answers. The run waits
            // for at most `KILL_TIMEOUT`.
            wait(&mut child, KILL_TIMEOUT).context("failed to end alerts.command")?;
            bail!(
                "alerts.command took more than {:.3} s (alerts.timeout_seconds)",
                within.as_secs_f64()
            )
        }
    }
}

/// Exit status of the program. `None` if the time runs out first.
fn wait(child: &mut Child, within: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let deadline = Instant::now() + within;
    loop {
        let ended = child.try_wait()?;
        if ended.is_some() || Instant::now() >= deadline {
            return Ok(ended);
        }
        thread::sleep(POLL_INTERVAL);
    }
}
