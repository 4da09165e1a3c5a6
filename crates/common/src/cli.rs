//! The command-line frame of all nine programs: flags, logging, configuration, printing, exit
//! codes.
//!
//! Results go to stdout, as text or with `--json` as JSON. Log lines go to stderr.

use std::borrow::Cow;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser};
use serde::Serialize;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::exit::{self, Exit};
use crate::visible::visible_lines;
use crate::{Config, Failure, LogQueue, history, progress};

pub use clap;

/// The result of a program.
pub trait Report: Serialize + Display {
    /// Exit code of the result.
    fn exit(&self) -> Exit {
        Exit::Done
    }

    /// True if `--quiet` still prints the result.
    fn needs_attention(&self) -> bool {
        false
    }

    /// Work that runs after the result; returns text to print after it.
    ///
    /// With `--json` the work runs first, and the printed result includes its outcome.
    fn follow_up(&mut self, config: &Config) -> Option<String> {
        let _ = config;
        None
    }
}

/// The options of a program that has none of its own.
#[derive(Args, Debug)]
pub struct NoOptions {}

#[derive(Parser)]
struct CommandLine<A: Args> {
    /// Configuration file [default: $RISK_CONFIG, else ./config.json]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Print nothing unless a person should look
    #[arg(short, long)]
    quiet: bool,
    /// Log more; for debugging
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    options: A,
}

/// Format of log lines.
#[derive(Clone, Copy)]
enum LogForm {
    /// For people.
    Text,
    /// As JSON, one object a line.
    Json,
}

/// Longest wait for the reader of the log when a server ends.
const LOG_DRAIN_TIME: Duration = Duration::from_secs(2);

/// The log queue of a server. Other programs write log lines directly.
static SERVER_LOG: OnceLock<LogQueue> = OnceLock::new();

/// The log queue of a server; `None` in other programs.
pub fn server_log() -> Option<&'static LogQueue> {
    SERVER_LOG.get()
}

/// True if the log lines of a server are JSON: stderr is no terminal.
pub fn server_logs_json() -> bool {
    !io::stderr().is_terminal()
}

/// Where a program's configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// The configuration file.
    File,
    /// The configuration file, or the defaults if no file is named and `./config.json` is missing.
    FileIfPresent,
    /// The defaults.
    Defaults,
}

/// Runs a program: `name` and `about` for the help, `work` for the rest.
pub fn run<A: Args, R: Report>(
    name: &'static str,
    about: &'static str,
    work: impl FnOnce(&Config, A) -> anyhow::Result<R>,
) -> ExitCode {
    run_with_source(name, about, |_| ConfigSource::File, work)
}

/// Like [`run`], for a program that also works without a configuration. `source` says from the
/// options where the configuration comes from.
pub fn run_with_source<A: Args, R: Report>(
    name: &'static str,
    about: &'static str,
    source: fn(&A) -> ConfigSource,
    work: impl FnOnce(&Config, A) -> anyhow::Result<R>,
) -> ExitCode {
    run_logging(LogForm::Text, name, about, source, work)
}

/// Runs a program that serves until it is stopped. Its log lines are JSON when stderr is no
/// terminal.
pub fn run_server<A: Args, R: Report>(
    name: &'static str,
    about: &'static str,
    work: impl FnOnce(&Config, A) -> anyhow::Result<R>,
) -> ExitCode {
    let form = if server_logs_json() {
        LogForm::Json
    } else {
        LogForm::Text
    };
    // A duplicate of stderr, because a stalled write would hold the lock of the standard handle.
    let queue = io::stderr().as_fd().try_clone_to_owned();
    match queue.and_then(|stderr| LogQueue::start(File::from(stderr))) {
        Ok(queue) => {
            // A process runs one program, once, so the cell is empty.
            let _ = SERVER_LOG.set(queue);
        }
        Err(error) => {
            let error = anyhow::Error::new(error).context("failed to start a thread for the log");
            print_error(name, &error);
            return exit::classify(&error).into();
        }
    }
    let ended = run_logging(form, name, about, |_| ConfigSource::File, work);
    if let Some(queue) = server_log() {
        // Lines that are unread after this wait are lost.
        queue.drain(LOG_DRAIN_TIME);
    }
    ended
}

fn run_logging<A: Args, R: Report>(
    form: LogForm,
    name: &'static str,
    about: &'static str,
    source: fn(&A) -> ConfigSource,
    work: impl FnOnce(&Config, A) -> anyhow::Result<R>,
) -> ExitCode {
    let command = CommandLine::<A>::command()
        .name(name)
        .about(about)
        .version(env!("CARGO_PKG_VERSION"));
    let line = match command
        .try_get_matches()
        .and_then(|matches| CommandLine::<A>::from_arg_matches(&matches))
    {
        Ok(line) => line,
        Err(help_or_error) => return print_usage(&help_or_error),
    };
    start_logging(form, line.quiet, line.verbose);
    if !line.quiet {
        progress::allow();
    }
    let (json, quiet) = (line.json, line.quiet);
    let config = match source(&line.options) {
        ConfigSource::File => Config::find_and_load(line.config),
        ConfigSource::FileIfPresent => Config::find_or_default(line.config),
        ConfigSource::Defaults => Config::of_defaults_here(),
    };
    let done = config.and_then(|config| {
        let report = work(&config, line.options)
            .map_err(|error| history::with_remedy(error, &config.layout))?;
        print_and_follow_up(report, &config, json, quiet)
    });
    match done {
        Ok(exit) => exit.into(),
        Err(error) => {
            print_error(name, &error);
            exit::classify(&error).into()
        }
    }
}

fn print_usage(help_or_error: &clap::Error) -> ExitCode {
    // Requested help goes to stdout, a usage error to stderr. A closed pipe is no error.
    let _ = help_or_error.print();
    if help_or_error.use_stderr() {
        Exit::Usage.into()
    } else {
        Exit::Done.into()
    }
}

fn start_logging(form: LogForm, quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (_, 1..) => Level::DEBUG,
        (true, 0) => Level::WARN,
        (false, 0) => Level::INFO,
    };
    let writer: fn() -> Box<dyn Write> = match form {
        LogForm::Text => || Box::new(Shown(log_writer())),
        LogForm::Json => log_writer,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false);
    let lines = match form {
        LogForm::Text => lines.without_time().compact().boxed(),
        LogForm::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
    };
    // The HTTP library logs its own start and every client's mistake. Nobody acts on these lines.
    let what = Targets::new()
        .with_default(level)
        .with_target("actix_server", level.min(Level::WARN))
        .with_target("actix_http", LevelFilter::OFF);
    // Fails only when a logger is already set; that logger is kept.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(what))
        .try_init();
}

/// Writer of log lines. Each line is written by one call.
fn log_writer() -> Box<dyn Write> {
    match server_log() {
        Some(queue) => Box::new(Queued(queue)),
        None => Box::new(progress::LogWriter),
    }
}

/// Paths, each with the one that is shown in its place.
static SHOWN_PATHS: RwLock<Vec<(String, String)>> = RwLock::new(Vec::new());

/// From now on log lines name the second path of each pair in place of the first: a person does not
/// know the paths of a copy.
pub fn show_paths(pairs: &[(&Path, &Path)]) {
    let text = |path: &Path| path.display().to_string();
    let pairs = pairs.iter().map(|(path, shown)| (text(path), text(shown)));
    let mut paths = SHOWN_PATHS.write().unwrap_or_else(PoisonError::into_inner);
    paths.extend(pairs);
}

/// A text with the paths that are to be shown.
pub fn with_shown_paths(text: &str) -> Cow<'_, str> {
    let paths = SHOWN_PATHS.read().unwrap_or_else(PoisonError::into_inner);
    paths
        .iter()
        .fold(Cow::Borrowed(text), |text, (path, shown)| {
            match text.contains(path.as_str()) {
                true => Cow::Owned(text.replace(path.as_str(), shown)),
                false => text,
            }
        })
}

/// Writes log lines for people: with the paths that are to be shown, and without invisible characters.
struct Shown<W>(W);

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let shown = with_shown_paths(&text);
        self.0.write_all(visible_lines(&shown).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Puts log lines into a server's queue.
struct Queued(&'static LogQueue);

impl Write for Queued {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(|lines| lines.extend_from_slice(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints a result and runs its follow-up work. With `--json` the work runs first, because the
/// result is one document. Otherwise the work runs after printing.
fn print_and_follow_up<R: Report>(
    mut report: R,
    config: &Config,
    json: bool,
    quiet: bool,
) -> anyhow::Result<Exit> {
    if json {
        report.follow_up(config);
    }
    let is_printed = !quiet || report.needs_attention();
    if is_printed {
        print(&report, json)?;
    }
    if !json && let Some(more) = report.follow_up(config) {
        if is_printed {
            print_text(&more)?;
        } else if report.needs_attention() {
            print(&report, json)?;
        }
    }
    Ok(report.exit())
}

fn print_text(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(visible_lines(text).as_bytes());
    ignore_closed_pipe(printed.and_then(|()| stdout.flush()))
}

/// Treats a closed pipe as success: the reader has seen enough.
fn ignore_closed_pipe(printed: io::Result<()>) -> anyhow::Result<()> {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn print<R: Report>(report: &R, json: bool) -> anyhow::Result<()> {
    if !json {
        return print_text(&report.to_string());
    }
    let text = serde_json::to_string_pretty(report)?;
    let mut stdout = io::stdout().lock();
    let printed = writeln!(stdout, "{text}");
    ignore_closed_pipe(printed.and_then(|()| stdout.flush()))
}

fn print_error(name: &str, error: &anyhow::Error) {
    let is_expected = error.chain().any(|cause| cause.is::<Failure>());
    let hint = if is_expected || exit::classify(error) != Exit::Unexpected {
        ""
    } else {
        "\nthis should not happen; please report it"
    };
    // Nothing is left to do when stderr is closed.
    let text = format!("{name}: {error:#}{hint}\n");
    let _ = io::stderr().write_all(visible_lines(&text).as_bytes());
}
