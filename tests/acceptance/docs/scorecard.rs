//! The page on the scorecard: its file, a score by hand, and the scale.

use std::collections::HashMap;

use serde_json::Value;

use super::each_block_of;
use crate::server::Server;
use crate::workspace::{Workspace, outcome};

/// Rows of the file, each a cell for every column. No cell of the sample data has quotes.
fn rows(workspace: &Workspace) -> Vec<HashMap<String, String>> {
    let text = workspace.text("production_deployment/scorecard.csv");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let row = |line: &str| -> HashMap<String, String> {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "{line}");
        let named = header.iter().zip(cells);
        named
            .map(|(name, cell)| ((*name).to_owned(), cell.to_owned()))
            .collect()
    };
    lines.map(row).collect()
}

fn number(row: &HashMap<String, String>, column: &str) -> f64 {
    row[column].parse().expect("a number")
}

/// The base points and those of each line, added as the page does it.
fn score(rows: &[HashMap<String, String>], client: &Value) -> f64 {
    let lines = rows.iter().filter(|row| row["part"] == "line");
    let points = lines.map(|row| {
        let cell = client[&row["feature"]].as_f64().expect("a number");
        number(row, "points_at_from")
            + number(row, "points_per_unit") * (cell - number(row, "from"))
    });
    number(&rows[0], "points_at_from") + points.sum::<f64>()
}

#[test]
fn scorecard() {
    each_block_of("docs/scorecard.md", |page| {
        let mut workspace = Workspace::after_cold_start();
        page.follow(&workspace);
        let client = page.json();
        let of_client = |name: &str| client[name].as_f64().expect("a number");
        let found = score(&rows(&workspace), &client);
        assert!((found - of_client("score")).abs() < 0.01, "{found}");
        let probability = 1.0 / (1.0 + 50.0 * 2_f64.powf((found - 600.0) / 20.0));
        assert!((probability - of_client("probability")).abs() < 0.0005);

        let features = [
            "lastmonth_activity",
            "lastyear_activity",
            "number_of_employees",
        ];
        let cells = features.map(|name| client[name].to_string()).join(",");
        let asked = format!("corporation,{}\nX,{cells}\n", features.join(","));
        let server = Server::start(&mut workspace);
        let answer = server.post("/prediction", "text/csv", &asked).json(200);
        let served = answer["probabilities"][0].as_f64().expect("a probability");
        assert!(
            (probability - served).abs() < 0.0002,
            "{probability} {served}"
        );
        assert_eq!(server.stop(), 0);

        // A changed scale applies from the next release on.
        let scale = page.json();
        workspace.set("scorecard", scale["scorecard"].clone());
        let before = workspace.text("production_deployment/scorecard.csv");
        assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
        assert_eq!(
            workspace.text("production_deployment/scorecard.csv"),
            before
        );
        workspace.set_input(&["sourcedata"]);
        assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
        let note = &rows(&workspace)[0]["note"];
        for part in ["500 points:", "10 to 1", "50 points more double"] {
            assert!(note.contains(part), "{note}");
        }
    });
}
