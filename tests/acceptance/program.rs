//! The nine programs. Cargo builds them together with these tests, with a hook at every change to
//! the file system (`common::faults`). The hook does nothing until a test requests a fault.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Name of each program, and the path of its binary.
const PROGRAMS: [(&str, &str); 9] = [
    ("apicalls", env!("CARGO_BIN_EXE_tested_apicalls")),
    ("app", env!("CARGO_BIN_EXE_tested_app")),
    ("deployment", env!("CARGO_BIN_EXE_tested_deployment")),
    ("diagnostics", env!("CARGO_BIN_EXE_tested_diagnostics")),
    ("fullprocess", env!("CARGO_BIN_EXE_tested_fullprocess")),
    ("ingestion", env!("CARGO_BIN_EXE_tested_ingestion")),
    ("reporting", env!("CARGO_BIN_EXE_tested_reporting")),
    ("scoring", env!("CARGO_BIN_EXE_tested_scoring")),
    ("training", env!("CARGO_BIN_EXE_tested_training")),
];

/// The path of a program's binary.
pub(crate) fn path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(path.exists(), "{name} is a program of the workspace");
    path
}

/// A folder that holds each program under its own name.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        fs::create_dir_all(&folder).expect("a folder");
        for (name, binary) in PROGRAMS {
            link(Path::new(binary), &folder.join(name));
        }
        folder
    })
}

fn link(binary: &Path, path: &Path) {
    if fs::read_link(path).is_ok_and(|target| target == binary) {
        return;
    }
    // The link does not exist the first time.
    let _ = fs::remove_file(path);
    symlink(binary, path).expect("a link");
}

/// The top folder of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the repository")
}
