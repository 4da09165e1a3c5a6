//! Section `alerts`: who is notified when something is wrong.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;

use super::folders;
use super::section::Section;

/// Section `alerts`; without a target nobody is notified.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertSettings {
    /// Address that alerts are posted to.
    pub webhook: Option<WebhookSettings>,
    /// Program that receives alerts on its stdin.
    pub command: Option<CommandSettings>,
    /// Time limit of one delivery; default 5 seconds.
    pub timeout: Duration,
    /// Public address of the server, without a slash at its end. An alert links to its run's report
    /// under this address. `None` if alerts have no link.
    pub link_base: Option<String>,
    /// Interval between repeated alerts of an open condition; default 24 hours.
    pub cool_down: SignedDuration,
}

/// Section `alerts.webhook`.
#[derive(Clone, PartialEq)]
pub struct WebhookSettings {
    /// The address. It is never shown, because anybody who knows it can post there.
    pub url: String,
    /// File with the secret that signs alerts.
    pub secret_file: Option<PathBuf>,
}

/// Key `alerts.command`.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandSettings {
    /// The program: a path, or a name on the search path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl AlertSettings {
    /// True if a target is configured.
    pub fn has_target(&self) -> bool {
        self.webhook.is_some() || self.command.is_some()
    }
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("WebhookSettings")
            .field("secret_file", &self.secret_file)
            .finish_non_exhaustive()
    }
}

/// Upper limit of `timeout_seconds`. One delivery waits for each target up to four times as long.
const MAX_TIMEOUT: f64 = 60.0;

pub(super) fn read_alerts(mut section: Section<'_>, base: &Path) -> AlertSettings {
    let webhook = read_webhook(section.section("webhook"), base);
    let command: Option<Vec<String>> = section.value("command", None);
    let command = command.and_then(|words| {
        let read = read_command(words, base);
        if read.is_none() {
            section.problem("command", "must be a list of the program and its arguments");
        }
        read
    });
    let timeout: f64 = section.value("timeout_seconds", 5.0);
    let timeout = if timeout > 0.0 && timeout <= MAX_TIMEOUT {
        Duration::from_secs_f64(timeout)
    } else {
        let text = format!("must be above 0 and at most {MAX_TIMEOUT}");
        section.problem("timeout_seconds", &text);
        Duration::ZERO
    };
    let link_base: Option<String> = section.value("link_base", None);
    let is_base = |base: &str| has_host(base) && !base.contains(['?', '#', '@', '"', '<', '>']);
    if link_base.as_deref().is_some_and(|base| !is_base(base)) {
        section.problem(
            "link_base",
            "must be http:// or https:// and a host, with a path at most",
        );
    }
    let cool_down_hours: u32 = section.value("cool_down_hours", 24);
    section.finish();
    AlertSettings {
        webhook,
        command,
        timeout,
        link_base: link_base.map(|base| base.trim_end_matches('/').to_owned()),
        cool_down: SignedDuration::from_hours(i64::from(cool_down_hours)),
    }
}

fn read_webhook(mut section: Section<'_>, base: &Path) -> Option<WebhookSettings> {
    let url: Option<String> = section.value("url", None);
    let secret_file: Option<String> = section.value("secret_file", None);
    match &url {
        Some(url) if !has_host(url) => {
            section.problem("url", "must be http:// or https:// and a host");
        }
        None if secret_file.is_some() => section.problem("url", "is missing"),
        _ => {}
    }
    section.finish();
    Some(WebhookSettings {
        url: url?,
        secret_file: secret_file.map(|path| folders::absolute(base, &path)),
    })
}

fn has_host(url: &str) -> bool {
    let rest = ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let is_plain = |c: char| c.is_ascii_graphic();
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(is_plain)
    })
}

/// The program and its arguments; `None` without a program.
fn read_command(words: Vec<String>, base: &Path) -> Option<CommandSettings> {
    let mut words = words.into_iter();
    let program = words.next().filter(|program| !program.is_empty())?;
    let program = if program.contains('/') {
        folders::absolute(base, &program)
    } else {
        PathBuf::from(program)
    };
    Some(CommandSettings {
        program,
        arguments: words.collect(),
    })
}
