//! A healthy pipeline is reported as healthy. With `--quiet` only problems are reported.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Visit, fix};
use crate::workspace::Workspace;

#[test]
fn a_healthy_pipeline_is_reported_as_healthy_examination_by_examination() {
    let workspace = Workspace::after_redeployment();
    Visit::to(&workspace).is_healthy();
    let looked = workspace.run("fullprocess", &["--doctor"]);
    assert_eq!(looked.code, 0, "{}", looked.stdout);
    let lines: Vec<&str> = looked.stdout.lines().collect();
    assert_eq!(lines.len(), 12, "{}", looked.stdout);
    for (line, begins) in lines.iter().zip([
        "permissions  6 folders",
        "space        ",
        "clock        ",
        "lock         free",
        "history      version 6, undamaged, 2 runs",
        "input        ",
        "releases     2 undamaged, 000002 is live",
        "model        F1 0.70 (95 % interval ",
        "orphans      none",
        "runs         the last run was run 2: redeployed",
        "alerts       nobody is notified",
        "nothing is wrong",
    ]) {
        assert!(line.starts_with(begins), "{line:?}, {begins:?}");
    }
    let quiet = workspace.run("fullprocess", &["--doctor", "--quiet"]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (0, ""));
}

#[test]
fn of_a_pipeline_that_never_ran_it_is_only_noted_that_nothing_is_deployed() {
    let workspace = Workspace::with_sample_data();
    let visit = Visit::to(&workspace);
    assert_eq!((visit.code, visit.findings.len()), (0, 1));
    let remedy = visit.remedy("releases", "note", "no model is deployed yet");
    fs::remove_dir_all(workspace.path("data/practicedata")).expect("removed");
    let visit = Visit::to(&workspace);
    fix(
        &workspace,
        visit.remedy("permissions", "problem", "practicedata is missing"),
    );
    Visit::to(&workspace).remedy("input", "problem", "practicedata holds no CSV file");
    workspace.copy_sample("practicedata", "practicedata");
    fix(&workspace, remedy);
    Visit::to(&workspace).is_healthy();
}

#[test]
fn with_quiet_a_problem_is_printed() {
    let workspace = Workspace::after_cold_start();
    let key = workspace.path("data/state/fingerprint.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).expect("a mode");
    let quiet = workspace.run("fullprocess", &["--doctor", "--quiet"]);
    assert_eq!(quiet.code, 74);
    assert!(quiet.stdout.contains("chmod 600 "), "{}", quiet.stdout);
}
