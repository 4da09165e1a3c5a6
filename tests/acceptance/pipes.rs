//! Named pipes in place of files: the programs report them and never wait for them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use acceptance::sample_data::HEADER;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::workspace::{Finished, Workspace};

/// A time longer than any machine needs for a command on a few thousand rows.
const PATIENCE: Duration = Duration::from_secs(120);

/// The files of a pipeline that some program opens.
const FILES: [&str; 21] = [
    "config.json",
    "data/ingesteddata/finaldata.csv",
    "data/ingesteddata/ingestedfiles.txt",
    "data/ingesteddata/rejectedrows.csv",
    "data/models/latestscore.txt",
    "data/models/trainedmodel.msgpack",
    "data/state/fingerprint.key",
    "data/state/history.db",
    "data/state/history.db-journal",
    "data/state/history.db-wal",
    "data/state/ingestion.carry",
    "data/state/judged.fingerprints",
    "data/state/predictions.db",
    "data/state/predictions.db-journal",
    "data/state/run.lock",
    "production_deployment/releases/000001/confusionmatrix.png",
    "production_deployment/releases/000001/latestscore.txt",
    "production_deployment/releases/000001/manifest.json",
    "production_deployment/releases/000001/report.html",
    "production_deployment/releases/000001/scorecard.csv",
    "production_deployment/releases/000001/trainedmodel.msgpack",
];

/// Runs a program, and checks that it ends in time.
fn run(workspace: &Workspace, name: &str, arguments: &[&str], place: &str) -> Finished {
    let child = workspace
        .command(name)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let process = child.id().to_string();
    let (ends, ended) = mpsc::channel();
    thread::spawn(move || ends.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        let _ = Command::new("kill").args(["-9", &process]).status();
        panic!("{place}: {name} {arguments:?} waits");
    };
    let output = output.expect("it was there");
    Finished {
        code: output.status.code().expect("it ends by itself"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn put_pipe(path: &Path) {
    if path.symlink_metadata().is_ok() {
        fs::remove_file(path).expect("removed");
    }
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

#[test]
fn s23_a_pipe_in_the_place_of_any_file_is_named_and_nobody_waits_for_it() {
    let before = Workspace::after_cold_start();
    before.write(
        "data/practicedata/new.csv",
        format!("{HEADER}\nnew,1,2,3,0\nnewer,1,2,3,\n"),
    );
    for file in FILES {
        let workspace = before.copy();
        put_pipe(&workspace.path(file));
        for (name, arguments) in [
            ("fullprocess", &["--doctor"][..]),
            ("diagnostics", &[]),
            ("fullprocess", &["--dry-run"]),
            ("fullprocess", &["--quiet"]),
            ("scoring", &[]),
        ] {
            let ended = run(&workspace, name, arguments, file);
            let is_known = [0, 65, 74, 78].contains(&ended.code);
            assert!(
                is_known,
                "{file}: {name} {arguments:?}: {} {}",
                ended.code, ended.stderr
            );
        }
    }
}

#[test]
fn s23_a_pipe_in_the_place_of_the_history_is_named() {
    let workspace = Workspace::with_sample_data();
    fs::create_dir_all(workspace.path("data/state")).expect("a folder");
    for file in ["history.db", "run.lock"] {
        let path = workspace.path("data/state").join(file);
        put_pipe(&path);
        let ended = run(&workspace, "fullprocess", &[], file);
        ended.failed(74, file);
        ended.failed(74, "it is a named pipe, not a regular file: move it away");
        fs::remove_file(path).expect("removed");
    }
    workspace.fullprocess();
}

/// Files that a person names on the command line.
#[test]
fn a_pipe_that_a_command_names_is_reported_and_not_waited_for() {
    let workspace = Workspace::with_sample_data();
    let pipe = workspace.path("pipe.csv");
    put_pipe(&pipe);
    let pipe = pipe.to_str().expect("a path in UTF-8");
    let other = workspace.path("data/testdata/clients_held_back.csv");
    let other = other.to_str().expect("a path in UTF-8");
    let commands: [(&str, &[&str]); 5] = [
        ("ingestion", &["--explain", pipe]),
        ("ingestion", &["--infer-schema", pipe]),
        ("diagnostics", &["--compare", pipe, other]),
        ("diagnostics", &["--compare", other, pipe]),
        ("fullprocess", &["--try", pipe]),
    ];
    for (name, arguments) in commands {
        let ended = run(&workspace, name, arguments, pipe);
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains("pipe"), "{name} {arguments:?}: {said}");
        assert!(
            said.contains("a named pipe") || said.contains("not a regular file"),
            "{said}"
        );
    }
}
