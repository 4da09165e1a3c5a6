//! Releases that are damaged or not live. The doctor names the way back to an intact release.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Visit, fix, is_fixed};
use crate::workspace::Workspace;

#[test]
fn a_damaged_live_release_is_named_with_the_way_back() {
    for damaged in [
        "trainedmodel.msgpack",
        "manifest.json",
        "confusionmatrix.png",
        "scorecard.csv",
        "report.html",
    ] {
        let workspace = Workspace::after_redeployment();
        let path = format!("production_deployment/releases/000002/{damaged}");
        if damaged == "manifest.json" {
            workspace.write(&path, "{}");
        } else {
            workspace.damage(&path);
        }
        let visit = Visit::to(&workspace);
        assert_eq!(visit.code, 74);
        let remedy = visit.remedy("releases", "problem", "the live release 000002 is damaged");
        assert_eq!(remedy, "deployment --rollback 000001");
        fix(&workspace, remedy);
        assert_eq!(workspace.live(), "000001");
        // The damaged release is kept so that a person can find the cause. The doctor names it
        // until it is removed.
        is_fixed(
            &workspace,
            "releases",
            "problem",
            "release 000002 cannot be made live again",
        );
    }
}

#[test]
fn a_run_that_cannot_read_the_live_release_sends_to_the_doctor() {
    let workspace = Workspace::after_cold_start();
    workspace.write("production_deployment/releases/000001/manifest.json", "{}");
    let run = workspace.run("fullprocess", &[]);
    run.failed(
        74,
        "`fullprocess --doctor` names the command that repairs it",
    );
}

#[test]
fn without_another_whole_release_the_way_back_is_a_new_one() {
    let workspace = Workspace::after_cold_start();
    workspace.write("production_deployment/releases/000001/manifest.json", "{}");
    let visit = Visit::to(&workspace);
    fix(
        &workspace,
        visit.remedy("releases", "problem", "the live release 000001"),
    );
    assert_eq!(workspace.live(), "000002");
    is_fixed(
        &workspace,
        "releases",
        "problem",
        "release 000001 cannot be made live again",
    );
}

#[test]
fn a_production_folder_that_does_not_serve_is_found() {
    let workspace = Workspace::after_redeployment();
    let current = workspace.path("production_deployment/current");
    fs::remove_file(&current).expect("removed");
    is_fixed(
        &workspace,
        "releases",
        "problem",
        "release 000002 was live after the last run",
    );
    assert_eq!(workspace.live(), "000002");

    fs::remove_file(&current).expect("removed");
    symlink("releases/000009", &current).expect("a link");
    is_fixed(
        &workspace,
        "releases",
        "problem",
        "where there is no release",
    );

    fs::remove_file(&current).expect("removed");
    workspace.write("production_deployment/current/note.txt", "a folder");
    is_fixed(&workspace, "releases", "problem", "no release is live");

    let link = workspace.path("production_deployment/latestscore.txt");
    fs::remove_file(link).expect("removed");
    workspace.write("production_deployment/latestscore.txt", "0.99\n");
    is_fixed(
        &workspace,
        "releases",
        "problem",
        "does not lead to the live release",
    );

    fs::remove_dir_all(workspace.path("production_deployment")).expect("wiped");
    is_fixed(&workspace, "releases", "problem", "no release is live");
    assert_eq!(workspace.live(), "000003");
}

#[test]
fn the_way_back_from_a_damaged_release_is_its_parent_and_not_what_was_rolled_back() {
    let mut workspace = Workspace::after_redeployment();
    workspace.set("training.c", serde_json::json!(0.5));
    // The newest release is one that a person rolled back from.
    for command in [
        &["training"][..],
        &["scoring"],
        &["deployment"],
        &["deployment", "--rollback", "000002"],
    ] {
        let done = workspace.run(command[0], &command[1..]);
        assert_eq!(done.code, 0, "{command:?}: {}", done.stderr);
    }
    let manifest = "production_deployment/releases/000002/manifest.json";
    let whole = workspace.text(manifest);
    for (damaged, content) in [("scorecard.csv", "cut"), ("manifest.json", "{}")] {
        workspace.write(manifest, &whole);
        workspace.write(
            &format!("production_deployment/releases/000002/{damaged}"),
            content,
        );
        let visit = Visit::to(&workspace);
        let remedy = visit.remedy("releases", "problem", "the live release 000002");
        assert_eq!(remedy, "deployment --rollback 000001", "{damaged}");
    }
}
