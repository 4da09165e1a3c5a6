//! Problems with the input that the doctor finds, although runs end with exit code 0.

use std::os::unix::fs::symlink;

use acceptance::sample_data::HEADER;

use super::Visit;
use crate::workspace::Workspace;

#[test]
fn input_that_is_empty_or_cannot_be_read_is_found_before_and_after_a_run() {
    let workspace = Workspace::empty();
    for _ in 0..2 {
        let visit = Visit::to(&workspace);
        assert_eq!(visit.code, 74);
        visit.remedy("input", "problem", "data/practicedata holds no CSV file");
        workspace.fullprocess();
    }
    symlink("/nowhere", workspace.path("data/practicedata/a.csv")).expect("a link");
    let visit = Visit::to(&workspace);
    let remedy = visit.remedy(
        "input",
        "problem",
        "cannot be read: data/practicedata/a.csv: ",
    );
    assert!(remedy.starts_with("ls -ld "), "{remedy}");
}

#[test]
fn rejected_files_and_that_nothing_is_deployed_are_found_with_the_reason() {
    let workspace = Workspace::empty();
    workspace.copy_sample("testdata", "testdata");
    workspace.write("data/practicedata/a.csv", "client,x\na,1\n");
    assert_eq!(workspace.run("fullprocess", &[]).code, 65);
    let visit = Visit::to(&workspace);
    assert_eq!(visit.code, 74);
    assert_eq!(visit.findings.len(), 1, "{:#?}", visit.findings);
    let remedy = visit.remedy(
        "input",
        "problem",
        "a.csv: the column corporation is missing",
    );
    let explained = workspace.shell(remedy);
    assert!(
        explained.stdout.contains("would be rejected"),
        "{}",
        explained.stdout
    );

    let workspace = Workspace::after_cold_start();
    workspace.write("data/practicedata/a.csv", "client,x\na,1\n");
    workspace.fullprocess();
    // The other files are in use.
    Visit::to(&workspace).is_healthy();
}

#[test]
fn a_target_that_is_probably_misspelt_is_found_until_the_file_is_corrected() {
    let workspace = Workspace::after_cold_start();
    let file = |target: &str| format!("{}\nz,1,2,3,0\n", HEADER.replace("exited", target));
    workspace.write("data/practicedata/a.csv", file("exitd"));
    for _ in 0..2 {
        workspace.fullprocess();
        let visit = Visit::to(&workspace);
        assert_eq!(visit.code, 0);
        let remedy = visit.remedy("input", "note", "did you mean \"exitd\"?");
        let explained = workspace.shell(remedy);
        assert!(
            explained.stdout.contains("did you mean \"exitd\"?"),
            "{}",
            explained.stdout
        );
    }
    workspace.write("data/practicedata/a.csv", file("exited"));
    workspace.fullprocess();
    Visit::to(&workspace).is_healthy();
}
