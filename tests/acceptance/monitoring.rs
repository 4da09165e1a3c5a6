//! What tells drift from chance, as a user calls for it.

use std::fmt::Write;

use serde_json::Value;

use crate::workspace::Workspace;

/// Rows of a made-up export; `by` moves the amount, and every `gap`-th region is missing.
fn export(rows: usize, by: f64, gap: usize) -> String {
    let mut text = String::from("corporation,amount,region,p,predicted,exited\n");
    for row in 0..rows {
        let amount = (row as f64 * 12.9898).sin() * 50.0 + by;
        let region = ["north", "south", ""][if row % gap == 0 { 2 } else { row % 2 }];
        let p = 0.05 + 0.1 * (row % 10) as f64;
        let (predicted, left) = (u8::from(p > 0.5), u8::from((row / 10) % 10 < row % 10));
        writeln!(text, "c{row},{amount},{region},{p},{predicted},{left}").expect("text");
    }
    text
}

fn column<'a>(report: &'a Value, name: &str) -> &'a Value {
    let columns = report["columns"].as_array().expect("columns");
    columns
        .iter()
        .find(|column| column["name"] == name)
        .expect("the column")
}

#[test]
fn any_two_files_can_be_compared_and_nothing_is_changed() {
    let workspace = Workspace::empty();
    workspace.write("before.csv", export(2000, 0.0, 1000));
    workspace.write("same.csv", export(400, 0.5, 400));
    workspace.write("moved.csv", export(400, 20.0, 7));
    let files = |name: &str| [workspace.path("before.csv"), workspace.path(name)];
    let compare = |name: &str, more: &[&str]| {
        let mut command = workspace.command("diagnostics");
        command.arg("--compare").args(files(name)).args(more);
        workspace.finish(&mut command)
    };
    let untouched = workspace.snapshot(&[""]);

    let same = compare("same.csv", &["--json"]).json();
    assert_eq!(same["verdict"], "ok", "{same:#}");

    let moved = compare("moved.csv", &["--json"]).json();
    assert_eq!(moved["verdict"], "drift");
    assert_eq!(moved["joint"]["verdict"], "drift");
    let amount = column(&moved, "amount");
    assert_eq!(amount["distribution"]["verdict"], "drift");
    assert!(amount["distribution"]["p_value"].as_f64().expect("p") < 1e-6);
    assert!(
        amount["distribution"]["effect"]
            .as_f64()
            .expect("an effect")
            > 0.4
    );
    assert_eq!(amount["missing"]["verdict"], "ok");
    let region = column(&moved, "region");
    assert_eq!(region["kind"], "category");
    assert_eq!(region["distribution"]["verdict"], "ok");
    assert_eq!(region["missing"]["verdict"], "drift");
    assert!(moved.get("performance").is_none());

    let answers = ["--probability", "p", "--prediction", "predicted"];
    let judged = compare("same.csv", &[&answers[..], &["--json"]].concat()).json();
    let performance = &judged["performance"];
    let f1 = |which: &str| performance[which]["f1"].as_f64().expect(which);
    assert!(
        (f1("estimated") - f1("realised")).abs() < 0.05,
        "{performance:#}"
    );

    let text = compare("moved.csv", &answers);
    assert_eq!(text.code, 0, "{}", text.stderr);
    assert!(text.stdout.starts_with("drift\n"), "{}", text.stdout);
    assert!(
        text.stdout.contains("blind to concept drift"),
        "{}",
        text.stdout
    );

    compare("absent.csv", &[]).failed(74, "absent.csv");
    compare("same.csv", &["--probability", "q", "--prediction", "p"])
        .failed(65, "the column q is missing");
    compare("same.csv", &["--probability", "p"]).failed(2, "--prediction");
    assert_eq!(workspace.snapshot(&[""]), untouched);
}
