//! A category in the schema, from the first file to the predictions.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::server::Server;
use crate::workspace::{Workspace, outcome};

const IN: &str = "data/practicedata";
const HEADER: &str = "corporation,logins,plan,tickets,exited";
const OF_PLAN: usize = 1;

/// A pseudorandom number below 1000, the same on every machine.
fn draw(client: u64, of: u64) -> u64 {
    let mut mixed = (client * 7 + of).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed ^ (mixed >> 29)) % 1000
}

/// Clients on these plans. Each plan has the share of the clients that are on it, in thousandths.
fn clients(ids: std::ops::Range<u64>, plans: &[(&str, u64)]) -> String {
    let mut text = format!("{HEADER}\n");
    for client in ids {
        let (logins, tickets) = (draw(client, 1), draw(client, 2) % 20);
        let mut place = draw(client, 3);
        let mut shares = plans.iter();
        let plan = shares.find_map(|(plan, share)| match place.checked_sub(*share) {
            Some(rest) => {
                place = rest;
                None
            }
            None => Some(*plan),
        });
        let plan = plan.unwrap_or("");
        let leaves = match plan {
            "gold" => 200,
            "basic" => 700,
            _ => 450,
        };
        let left = u8::from(draw(client, 4) + logins / 4 > 1125 - leaves);
        writeln!(text, "client {client},{logins},{plan},{tickets},{left}").expect("text");
    }
    text
}

const PLANS: &[(&str, u64)] = &[("basic", 550), ("plus, \"big\"", 250), ("gold", 180)];

fn quoted(text: &str) -> String {
    text.replace("plus, \"big\"", "\"plus, \"\"big\"\"\"")
}

/// A pipeline whose plan is a category with these rules, with test data.
fn workspace(rules: &Value) -> Workspace {
    let mut workspace = Workspace::empty();
    let mut plan = json!({"name": "plan", "kind": "category"});
    for (key, rule) in rules.as_object().expect("rules") {
        plan[key] = rule.clone();
    }
    workspace.set("schema.features", json!(["logins", plan, "tickets"]));
    workspace.set("drift.trigger", json!("evidence"));
    let test = quoted(&clients(50_000..50_300, PLANS));
    workspace.write("data/testdata/held_back.csv", test);
    workspace
}

fn put(workspace: &Workspace, name: &str, text: &str) {
    workspace.write(&format!("{IN}/{name}.csv"), quoted(text));
}

/// A pipeline after its first run.
fn after_cold_start() -> Workspace {
    let workspace = workspace(&json!({}));
    put(&workspace, "a", &clients(0..900, PLANS));
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    workspace
}

fn verdicts(record: &Value) -> &Value {
    &record["evidence"]["verdicts"]
}

fn features(record: &Value) -> Vec<&str> {
    let features = verdicts(record)["features"].as_array().expect("features");
    let verdicts = features.iter().map(|it| it["verdict"].as_str());
    verdicts.map(|it| it.expect("a verdict")).collect()
}

#[test]
fn a_level_called_like_a_missing_number_is_a_level() {
    let score_with = |word: &str| {
        let workspace = workspace(&json!({}));
        let held_back = workspace.text("data/testdata/held_back.csv");
        let renamed = held_back.replace(",gold,", &format!(",{word},"));
        workspace.write("data/testdata/held_back.csv", renamed);
        let text = clients(0..900, PLANS).replace(",gold,", &format!(",{word},"));
        put(&workspace, "a", &text);
        let record = workspace.fullprocess();
        let shown = workspace.run("diagnostics", &["--json"]).json();
        let missing = shown["missing"][2]["missing"].clone();
        (record["candidate_score"].clone(), missing)
    };
    let score = score_with("gold");
    assert!(score.0.is_f64(), "{score:?}");
    for word in ["none", "NA", "null"] {
        assert_eq!(score_with(word), score, "{word}");
    }
}

#[test]
fn a_category_goes_through_all_stages_and_its_drift_is_found() {
    let workspace = after_cold_start();
    put(&workspace, "b", &clients(1000..1300, PLANS));
    let steady = workspace.fullprocess();
    assert_eq!(outcome(&steady), "steady", "{steady:#}");
    assert_eq!(features(&steady), ["ok", "ok", "ok"], "{steady:#}");
    assert_eq!(verdicts(&steady)["features"][OF_PLAN]["kind"], "category");

    // The findings on the other columns are the same as for a file with valid plans.
    let of_good_plans = workspace.copy();
    put(&of_good_plans, "good", &clients(2000..2300, PLANS));
    let good = of_good_plans.fullprocess();
    assert_eq!(features(&good), ["ok", "ok", "ok"], "{good:#}");

    // Changed shares, an unseen level, and missing levels.
    let moved: &[(&str, u64)] = &[("basic", 250), ("plus, \"big\"", 550), ("gold", 180)];
    let new: &[(&str, u64)] = &[("basic", 400), ("plus, \"big\"", 200), ("platinum", 380)];
    for (plans, says) in [
        (moved, " among the values of plan has moved from "),
        (new, "plan has a new level \"platinum\": "),
        (&[], "more values of plan are missing: by "),
    ] {
        let workspace = workspace.copy();
        put(&workspace, "c", &clients(2000..2300, plans));
        let text = workspace.copy().run("fullprocess", &[]).stdout;
        assert!(text.contains(says) && !text.contains("NaN"), "{text}");
        let record = workspace.fullprocess();
        assert_eq!(features(&record), ["ok", "drift", "ok"], "{record:#}");
        for other in [0, 2] {
            let [mine, good] = [&record, &good].map(|it| &verdicts(it)["features"][other]);
            assert_eq!(
                mine["distribution"]["effect"],
                good["distribution"]["effect"]
            );
        }
    }
}

#[test]
fn levels_are_predicted_explained_counted_and_shown() {
    let mut workspace = after_cold_start();
    let report = workspace.run("training", &[]).stdout;
    for name in [
        "plan = basic",
        "plan = plus, \"big\"",
        "plan (any other)",
        "plan (missing)",
    ] {
        assert!(report.contains(name), "{name} is not in:\n{report}");
    }
    let shown = workspace.run("diagnostics", &[]).stdout;
    assert!(shown.contains("3 levels: basic "), "{shown}");

    let server = Server::start(&mut workspace);
    let asked = ["basic", "plus, \"big\"", "platinum", ""];
    let record =
        |plan: &str| json!({"corporation": "a", "logins": 400, "plan": plan, "tickets": 3});
    let records: Vec<Value> = asked.iter().map(|plan| record(plan)).collect();
    let by_records = server
        .post(
            "/prediction?explain=true",
            "application/json",
            &json!(records).to_string(),
        )
        .json(200);
    assert_eq!(
        (&by_records["unknown_levels"], &by_records["imputed"]),
        (&json!(1), &json!(1))
    );
    let rows: Vec<Value> = asked
        .iter()
        .map(|plan| json!(["a", 400, plan, 3]))
        .collect();
    let names = ["corporation", "logins", "plan", "tickets"];
    let by_columns = json!({"columns": names, "data": rows}).to_string();
    let csv: String = asked
        .iter()
        .map(|plan| format!("a,400,{plan},3\n"))
        .collect();
    let csv = quoted(&format!("corporation,logins,plan,tickets\n{csv}"));
    for (kind, body) in [("application/json", &by_columns), ("text/csv", &csv)] {
        let answer = server.post("/prediction", kind, body).json(200);
        assert_eq!(answer["probabilities"], by_records["probabilities"]);
        assert_eq!(answer["unknown_levels"], 1);
    }
    let number = |value: &Value| value.as_f64().expect("a number");
    let probabilities = by_records["probabilities"].as_array().expect("a list");
    assert!(
        number(&probabilities[0]) > number(&probabilities[1]) + 0.05,
        "{by_records:#}"
    );
    let explanations = by_records["explanations"].as_array().expect("a list");
    for (explained, probability) in explanations.iter().zip(probabilities) {
        let contributions = explained["contributions"].as_object().expect("by feature");
        assert!(contributions.keys().eq(["logins", "plan", "tickets"]));
        let log_odds = number(&explained["base"]) + contributions.values().map(number).sum::<f64>();
        let of_sum = 1.0 / (1.0 + (-log_odds).exp());
        assert!((of_sum - number(probability)).abs() < 1e-12);
    }

    let model = server.get("/v1/model").json(200);
    let plan = &model["features"][OF_PLAN];
    // A missing plan is a level: its own coefficient, and none of the others.
    let mean: f64 = plan["levels"]
        .as_array()
        .expect("levels")
        .iter()
        .map(|level| number(&level["coefficient"]) * number(&level["imputed"]))
        .sum();
    let missing = &plan["missing"];
    let own = number(&missing["coefficient"]) * (1.0 - number(&missing["share"])) - mean;
    let contribution = number(&explanations[3]["contributions"]["plan"]);
    assert!((contribution - own).abs() < 1e-12, "{contribution} {own}");
    let levels: Vec<&Value> = plan["levels"]
        .as_array()
        .expect("levels")
        .iter()
        .map(|level| &level["level"])
        .collect();
    assert_eq!(
        levels,
        [
            &json!("basic"),
            &json!("plus, \"big\""),
            &json!("gold"),
            &Value::Null
        ]
    );
    assert_eq!(plan["allowed"], json!({"name": "plan", "kind": "category"}));
    assert!(model["features"][0]["coefficient"].is_number());

    let summary = server.get("/summarystats").json(200);
    let plan = &summary["columns"][OF_PLAN];
    assert_eq!(plan["mean"], Value::Null);
    assert_eq!(plan["levels"]["distinct"], 3);
    assert_eq!(plan["levels"]["top"][0]["level"], "basic");

    for (cell, code) in [("5", "not-a-text"), ("true", "not-a-text")] {
        let body = format!(r#"[{{"corporation":"a","logins":1,"plan":{cell},"tickets":3}}]"#);
        let answer = server.post("/prediction", "application/json", &body);
        let refused = answer.refused_row();
        assert_eq!(refused["code"], code);
        assert_eq!(refused["column"], "plan");
    }
}

#[test]
fn what_a_category_promises_holds_by_row_by_file_and_in_requests() {
    let mut workspace = workspace(&json!({
        "required": true, "allowed": ["basic", "gold"], "max_missing_share": 0.5
    }));
    let rows = "a,1,basic,3,0\nb,1, gold ,3,1\nc,1,Gold,3,1\nd,1,,3,0\n";
    put(&workspace, "a", &format!("{HEADER}\n{rows}"));
    put(
        &workspace,
        "b",
        &format!("{HEADER}\ne,1,,3,0\nf,1, ,3,0\ng,1,basic,3,1\n"),
    );
    let report = workspace.run("ingestion", &["--json"]).json();
    assert_eq!(report["rows"]["kept"], 2, "{report:#}");
    let rejected = workspace.text("data/ingesteddata/rejectedrows.csv");
    for reason in [
        "plan: Gold is none of the values the schema allows",
        "plan: the value is missing, and the schema requires it",
    ] {
        assert!(rejected.contains(reason), "{reason}:\n{rejected}");
    }
    let second = report["files"].as_array().expect("files").iter();
    let second = second.clone().find(|file| file["status"] == "rejected");
    let reason = second.expect("a refused file")["reason"].to_string();
    assert!(
        reason.contains("plan is missing in 2 of 3 rows"),
        "{reason}"
    );
    assert_eq!(workspace.final_rows()[1], "b,1,gold,3,1");

    let bounds = json!(["logins", {"name": "plan", "kind": "category", "min": 0}]);
    workspace.set("schema.features", bounds);
    workspace
        .run("ingestion", &[])
        .failed(78, "schema.features[1].min: is for columns of numbers");
}

#[test]
fn a_category_is_proposed_from_data_and_accepted() {
    let mut workspace = Workspace::empty();
    workspace.write(
        &format!("{IN}/a.csv"),
        quoted(&clients(0..300, &PLANS[..3])),
    );
    let loose = workspace.run("ingestion", &["--infer-schema"]).json();
    let unlimited = json!({"name": "plan", "kind": "category"});
    assert_eq!(loose["features"][OF_PLAN], unlimited);
    let proposed = workspace.run("ingestion", &["--infer-schema", "--strict"]);
    let schema = proposed.json();
    let plan = &schema["features"][OF_PLAN];
    assert_eq!(
        (&plan["kind"], &plan["allowed"]),
        (
            &json!("category"),
            &json!(["basic", "gold", "plus, \"big\""])
        )
    );
    assert!(
        proposed.stderr.contains("plan is taken for a category"),
        "{}",
        proposed.stderr
    );
    workspace.set("schema", schema);
    let report = workspace.run("ingestion", &["--json"]).json();
    assert_eq!(report["rows"]["kept"], 300, "{report:#}");
}
