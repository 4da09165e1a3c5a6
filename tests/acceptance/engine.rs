//! A distributed engine in the configuration of programs that have no client of one. Runs with their rows on
//! an engine are tested by `scripts/check-cluster.sh`.

use serde_json::json;

use crate::workspace::Workspace;

fn workspace_with_engine() -> Workspace {
    let mut workspace = Workspace::with_sample_data();
    let engine = json!({
        "kind": "flight_sql",
        "url": "grpc://127.0.0.1:32010",
        "storage": "file:///srv/risk-engine",
    });
    workspace.set("engine", engine);
    workspace
}

#[test]
fn a_run_without_the_client_of_its_engine_says_how_to_build_it_and_changes_nothing() {
    let workspace = workspace_with_engine();
    let before = workspace.snapshot(&["data"]);
    for arguments in [&[][..], &["--dry-run"]] {
        let build = "cargo build --release -p fullprocess --features cluster";
        workspace.run("fullprocess", arguments).failed(78, build);
    }
    assert_eq!(workspace.snapshot(&["data"]), before);
}

#[test]
fn stages_by_hand_keep_their_rows_in_memory() {
    let workspace = workspace_with_engine();
    for program in ["ingestion", "training", "scoring"] {
        let found = workspace.run(program, &[]);
        assert_eq!(found.code, 0, "{program}: {}", found.stderr);
    }
}
