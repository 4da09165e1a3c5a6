//! Attacks by paths that lead out of the open folders, or to entries in them that are not files.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FileType, Mode, makedev, mknodat};
use serde_json::json;

use super::predict;
use crate::api::{ROWS, problem, serving, still_answers};
use crate::server::{Server, status_of};

fn predict_path(server: &Server, path: &str) -> String {
    predict(
        server,
        &["Content-Type: application/json"],
        json!(path).to_string().as_bytes(),
    )
}

#[test]
fn no_spelling_of_a_path_leads_out_of_the_open_folders() {
    let (workspace, server) = serving(&[]);
    workspace.write("secret.csv", ROWS);
    workspace.write("data/testdata/rows.csv", ROWS);
    let absolute = workspace.path("secret.csv").display().to_string();
    for path in [
        "../secret.csv",
        "secret.csv",
        "./secret.csv",
        &absolute,
        "data/testdata/../../secret.csv",
        "data/testdata/./../../secret.csv",
        "data/testdata//..//..//secret.csv",
        "data\\testdata\\..\\..\\secret.csv",
        "data/testdata/..%2f..%2fsecret.csv",
        "data/testdata/%2e%2e/%2e%2e/secret.csv",
        "data/testdata/..;/secret.csv",
        "data/testdata/....//....//secret.csv",
        "data/testdata/rows.csv\0.txt",
        "data/testdata/rows.csv/../../../secret.csv",
        "~/secret.csv",
        "/etc/passwd",
        "/etc/passwd\0.csv",
        "/proc/self/environ",
        "/proc/self/root/etc/hosts.csv",
        "/proc/self/cwd/secret.csv",
        "/dev/stdin",
        "/dev/fd/0",
        "file:///etc/passwd",
        "http://127.0.0.1:9/x.csv",
        "//evil.example/share/x.csv",
        "production_deployment/current/manifest.json",
        "data/state/history.db",
        "",
    ] {
        let answer = predict_path(&server, path);
        let found = problem(&answer);
        let is_refused = matches!(
            found.as_str(),
            "403 path-not-allowed" | "404 file-not-found"
        );
        assert!(is_refused, "{path:?}: {found}");
        let base = workspace.path("").display().to_string();
        assert!(!answer.contains(base.trim_end_matches('/')), "{answer}");
    }
    // The answer does not reveal whether a file exists elsewhere.
    for path in [
        "secret.csv",
        "no-secret.csv",
        "/etc/hosts.csv",
        "/etc/no.csv",
    ] {
        assert_eq!(
            problem(&predict_path(&server, path)),
            "403 path-not-allowed",
            "{path}"
        );
    }
    assert_eq!(
        status_of(&predict_path(&server, "data/testdata/rows.csv")),
        200
    );
}

#[test]
fn links_pipes_and_devices_within_an_open_folder_are_neither_read_nor_waited_for() {
    let (workspace, server) = serving(&[]);
    workspace.write("secret/secret.csv", ROWS);
    let inside = |name: &str| workspace.path("data/testdata").join(name);
    symlink("../../secret/secret.csv", inside("link.csv")).expect("a link");
    symlink("../../secret", inside("folder")).expect("a link");
    symlink("/proc/self/environ", inside("proc.csv")).expect("a link");
    symlink("/dev/zero", inside("zero.csv")).expect("a link");
    let make =
        |name: &str, kind, device| mknodat(rustix::fs::CWD, inside(name), kind, Mode::RUSR, device);
    make("pipe.csv", FileType::Fifo, 0).expect("a pipe");
    // Only root can create a device.
    let has_device = make("device.csv", FileType::CharacterDevice, makedev(1, 5)).is_ok();
    for name in [
        "link.csv",
        "folder/secret.csv",
        "proc.csv",
        "zero.csv",
        "pipe.csv",
    ]
    .into_iter()
    .chain(has_device.then_some("device.csv"))
    {
        let answer = predict_path(&server, &format!("data/testdata/{name}"));
        assert_eq!(problem(&answer), "403 path-not-allowed", "{name}");
    }
    still_answers(&server);
}

#[test]
fn a_file_swapped_for_a_link_while_it_is_asked_for_is_never_followed() {
    let (workspace, server) = serving(&[]);
    workspace.write("secret.csv", ROWS.replace("Calm Co", "Hidden Co"));
    workspace.write("data/testdata/good.csv", ROWS);
    let inside = |name: &str| workspace.path("data/testdata").join(name);
    symlink("../../secret.csv", inside("bad.csv")).expect("a link");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let path = inside("swapped.csv");
            while !is_over.load(Ordering::Relaxed) {
                for from in ["good.csv", "bad.csv"] {
                    let beside = inside("beside");
                    let made = if from == "bad.csv" {
                        symlink("../../secret.csv", &beside)
                    } else {
                        fs::hard_link(inside("good.csv"), &beside)
                    };
                    made.expect("made");
                    rename(&beside, &path);
                }
            }
        });
        let mut statuses = [0, 0];
        for _ in 0..300 {
            let answer = predict_path(&server, "data/testdata/swapped.csv");
            assert!(!answer.contains("Hidden"), "{answer}");
            match status_of(&answer) {
                200 => statuses[0] += 1,
                403 | 404 => statuses[1] += 1,
                other => panic!("{other}: {answer}"),
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert_ne!(statuses, [0, 0]);
    });
    still_answers(&server);
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test plays the foreign program"
)]
fn rename(from: &std::path::Path, to: &std::path::Path) {
    fs::rename(from, to).expect("renamed");
}
