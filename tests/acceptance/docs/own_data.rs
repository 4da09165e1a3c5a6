//! The page on files and columns.

use std::fmt::Write;

use super::each_block_of;
use crate::workspace::Workspace;

/// Clients with columns that the shipped configuration does not name.
fn own_clients() -> String {
    let mut text = String::from("customerID,plan,spend,Churn\n");
    for client in 0..300 {
        let plan = ["basic", "basic", "gold"][client % 3];
        let spend = client * 37 % 97;
        let left = ["Yes", "No"][usize::from(spend + client * 29 % 50 > 60)];
        writeln!(text, "K-{client},{plan},{spend}.5,{left}").expect("a string takes all");
    }
    text
}

#[test]
fn your_data() {
    each_block_of("docs/your-data.md", |page| {
        let mut workspace = Workspace::with_sample_data();
        workspace.write("clients.csv", own_clients());
        let tried = page.follow(&workspace).stdout;
        for part in ["run 1: cold_start\n", "target: Churn", "\n  \"schema\": {"] {
            assert!(tried.contains(part), "{part}: {tried}");
        }

        let guessed = workspace.shell(&page.commands());
        for part in ["target: Churn", "next best", "positive label: \"Yes\""] {
            assert!(guessed.stderr.contains(part), "{part}: {}", guessed.stderr);
        }
        workspace.set("schema", guessed.json());
        explains(&workspace, "clients.csv", "would be ingested");

        let columns = page.json();
        workspace.set("schema.features", columns["features"].clone());
        let header = "customerID,logins,spend,tickets,complaints,age,plan,Churn";
        let good = ["1,$1.50,0,2,120,gold,Yes", "2,unknown,3,0,0,basic,No"];
        let broken = [
            "1,many,0,2,40,gold,Yes",
            "1,$1,4,2,40,gold,Yes",
            "1,$1,0,2,,gold,Yes",
            "1,$1,0,2,121,gold,Yes",
            "1,$1,0,2,40,silver,Yes",
        ];
        let file = |rows: &[&str]| -> String {
            let rows = rows.iter().enumerate();
            let rows = rows.map(|(number, row)| format!("K-{number},{row}\n"));
            std::iter::once(format!("{header}\n")).chain(rows).collect()
        };
        workspace.write("good.csv", file(&good));
        explains(&workspace, "good.csv", "would be ingested");
        workspace.write("broken.csv", file(&broken));
        let all = format!("all of its {} rows would be rejected", broken.len());
        explains(&workspace, "broken.csv", &all);
    });
}

/// Checks what would happen to a file under the present configuration.
#[track_caller]
fn explains(workspace: &Workspace, file: &str, expected: &str) {
    let explained = workspace.shell(&format!("ingestion --explain {file}"));
    let first = explained.stdout.lines().next().unwrap_or_default();
    assert!(
        first.ends_with(expected),
        "{}{}",
        explained.stdout,
        explained.stderr
    );
}
