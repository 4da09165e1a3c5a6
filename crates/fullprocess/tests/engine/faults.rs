//! Engines that are away, slow, killed or started again.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::cli::clap::{self, Args, FromArgMatches};
use common::exit::{Exit, classify};
use common::files;
use fullprocess::{Check, DoctorReport, FullprocessReport, Options, Severity};
use record::RunRecord;
use serde_json::json;

use crate::STORY;
use crate::pipeline::{Pipeline, engine_url, repository};

/// Runs the drift of the sample data, and checks that it ends as in memory.
fn ends_as_in_memory(pipeline: &mut Pipeline) {
    let found = pipeline.run(STORY[2]);
    is_as_in_memory(pipeline, &found.unwrap());
}

fn is_as_in_memory(pipeline: &Pipeline, found: &RunRecord) {
    let mut memory = Pipeline::new();
    memory.run(STORY[0]).unwrap();
    let wanted = memory.run(STORY[2]).unwrap();
    assert_eq!(found.outcome, wanted.outcome);
    assert_eq!(pipeline.live().name(), memory.live().name());
}

#[test]
fn a_run_whose_engine_is_away_deploys_nothing_and_is_finished_by_the_next() {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    pipeline.run(STORY[0]).unwrap();
    // Nobody listens on this port of the loopback address.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("grpc://{}", listener.local_addr().unwrap());
    drop(listener);
    pipeline.reach(&nobody);
    let error = pipeline.run(STORY[2]).unwrap_err();
    assert_eq!(classify(&error), Exit::InputOutput);
    let text = format!("{error:#}");
    for part in [&*nobody, "the view of new rows"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(pipeline.live().name(), "000001");

    pipeline.reach(&url);
    let away = pipeline.folder.path().join("away");
    files::rename(&pipeline.storage(), &away).unwrap();
    let error = pipeline.run(STORY[2]).unwrap_err();
    assert_eq!(classify(&error), Exit::InputOutput);
    let text = format!("{error:#}");
    assert!(text.contains("engine.storage) does not exist"), "{text}");
    files::rename(&away, &pipeline.storage()).unwrap();

    ends_as_in_memory(&mut pipeline);
}

#[test]
fn a_run_whose_engine_is_too_slow_deploys_nothing_and_is_finished_by_the_next() {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    pipeline.run(STORY[0]).unwrap();
    // It accepts connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    pipeline.reach(&format!("grpc://{}", silent.local_addr().unwrap()));
    pipeline.config["engine"]["timeout_seconds"] = json!(1);
    let error = pipeline.run(STORY[2]).unwrap_err();
    assert_eq!(classify(&error), Exit::InputOutput);
    let text = format!("{error:#}");
    assert!(
        text.contains("longer than engine.timeout_seconds (1)"),
        "{text}"
    );
    assert_eq!(pipeline.live().name(), "000001");
    pipeline.reach(&url);
    ends_as_in_memory(&mut pipeline);
}

/// The folder of the engine that `scripts/cluster-up.sh` started for the tests.
fn cluster() -> PathBuf {
    std::env::var("RISK_CLUSTER").unwrap().into()
}

/// Kills the process whose number is in a file.
fn kill(file: &Path) {
    let number = fs::read_to_string(file).unwrap();
    let killed = Command::new("kill").args(["-KILL", number.trim()]).status();
    assert!(killed.unwrap().success(), "{}", file.display());
}

/// Longest wait for something to happen.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Waits until a condition holds.
fn wait_until(holds: impl Fn() -> bool) {
    let clock = Instant::now();
    while !holds() {
        assert!(clock.elapsed() < MAX_WAIT, "it did not happen in time");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Runs the drift of the sample data, and disturbs the engine as soon as it has the rows. The run must end
/// as in memory, or with 74 and the old release; in that case the next run must end as in memory.
#[expect(
    clippy::print_stdout,
    reason = "a person wants to see how the run ended"
)]
fn disturb(fault: &str, disturbance: impl FnOnce() + Send + 'static) {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    pipeline.run(STORY[0]).unwrap();
    let stored = pipeline.storage().join("rows.json");
    let before = fs::read(&stored).unwrap();
    let disturbing = thread::spawn(move || {
        wait_until(|| fs::read(&stored).is_ok_and(|now| now != before));
        disturbance();
    });
    let clock = Instant::now();
    let ran = pipeline.run(STORY[2]);
    let seconds = clock.elapsed().as_secs_f64();
    disturbing.join().unwrap();
    match ran {
        Ok(record) => {
            println!("{fault}: the run went on, {seconds:.1} s");
            is_as_in_memory(&pipeline, &record);
        }
        Err(error) => {
            println!("{fault}: after {seconds:.1} s: {error:#}");
            assert_eq!(classify(&error), Exit::InputOutput);
            assert_eq!(pipeline.live().name(), "000001");
            ends_as_in_memory(&mut pipeline);
        }
    }
}

#[test]
#[ignore = "it kills a worker of the engine, which other tests need"]
fn a_run_that_loses_a_worker_goes_on_or_is_finished_by_the_next() {
    disturb("a worker was killed", || {
        let workers = fs::read_dir(cluster().join("workers")).unwrap();
        let mut workers: Vec<PathBuf> = workers.map(|it| it.unwrap().path()).collect();
        workers.sort();
        kill(&workers[0]);
    });
}

#[test]
#[ignore = "it kills the engine, which other tests need"]
fn a_run_whose_engine_starts_again_goes_on_or_is_finished_by_the_next() {
    disturb("the engine was started again", || {
        let url = fs::read_to_string(cluster().join("url")).unwrap();
        let address = url.trim().strip_prefix("grpc://").unwrap();
        let address: SocketAddr = address.parse().unwrap();
        kill(&cluster().join("pid"));
        wait_until(|| TcpStream::connect(address).is_err());
        let started = Command::new(repository().join("scripts/cluster-up.sh"))
            .env("RISK_CLUSTER_PORT", address.port().to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "{text}");
    });
}

/// What the doctor says of the engine.
fn doctor(pipeline: &Pipeline) -> DoctorReport {
    let command = Options::augment_args(clap::Command::new("fullprocess"));
    let matches = command.get_matches_from(["fullprocess", "--doctor"]);
    let options = Options::from_arg_matches(&matches).unwrap();
    match fullprocess::run(&pipeline.config(), options).unwrap() {
        FullprocessReport::Doctor(report) => report,
        _ => panic!("no report of the doctor"),
    }
}

#[test]
fn the_doctor_says_what_is_wrong_with_an_engine_and_its_storage() {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    let seen = |pipeline: &Pipeline| {
        let report = doctor(pipeline);
        let examinations = report.examinations.iter();
        let mut examinations = examinations.filter(|it| it.check == Check::Engine);
        let findings = report.findings.iter();
        let mut findings = findings.filter(|it| it.check == Check::Engine);
        let finding = findings.next().cloned();
        assert_eq!(findings.next(), None);
        (examinations.next().unwrap().seen.clone(), finding)
    };
    let (text, finding) = seen(&pipeline);
    assert_eq!(
        (text, finding),
        (format!("answers at {url}; no rows yet"), None)
    );
    pipeline.run(STORY[0]).unwrap();
    let (text, finding) = seen(&pipeline);
    assert!(text.ends_with(" rows in 1 file"), "{text}");
    assert_eq!(finding, None);

    let file = pipeline.storage().join("rows/000000000000-000.parquet");
    let whole = fs::read(&file).unwrap();
    files::replace(&file, b"cut").unwrap();
    let (_, finding) = seen(&pipeline);
    let finding = finding.unwrap();
    assert_eq!(finding.severity, Severity::Note);
    assert_eq!(finding.remedy, "fullprocess");
    files::replace(&file, &whole).unwrap();

    let stranger = pipeline.storage().join("rows/stranger.parquet");
    let problem = |pipeline: &Pipeline, says: &str| {
        let (text, finding) = seen(pipeline);
        let finding = finding.unwrap();
        assert_eq!(finding.severity, Severity::Problem, "{text}");
        assert!(finding.what.contains(says), "{}", finding.what);
        finding.remedy
    };
    files::replace(&stranger, &whole).unwrap();
    problem(&pipeline, "stranger.parquet is no file of a run");
    files::remove_file(&stranger).unwrap();

    let away = pipeline.folder.path().join("away");
    files::rename(&pipeline.storage(), &away).unwrap();
    let remedy = problem(&pipeline, "(engine.storage) does not exist");
    assert!(remedy.starts_with("ls -l "), "{remedy}");
    files::rename(&away, &pipeline.storage()).unwrap();
    // Nothing was changed by the examinations.
    assert_eq!(seen(&pipeline).1, None);

    pipeline.reach("grpc://127.0.0.1:1");
    let remedy = problem(&pipeline, "cannot be reached for the query for the doctor");
    assert_eq!(remedy, "curl -v --max-time 5 http://127.0.0.1:1");
}
