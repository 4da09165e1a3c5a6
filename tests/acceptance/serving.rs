//! The HTTP interface and the programs that call it.

use std::fs;

use serde_json::{Value, json};

use crate::server::Server;
use crate::workspace::{Workspace, outcome};

const ROWS: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees
Calm Co,900,9000,40
Quiet Co,3,900,12
";

#[test]
fn the_three_forms_of_a_prediction_agree() {
    let mut workspace = Workspace::after_cold_start();
    workspace.write("data/testdata/two.csv", ROWS);
    let server = Server::start(&mut workspace);

    let csv = server.post("/prediction", "text/csv", ROWS);
    assert_eq!(csv.model_version.as_deref(), Some("000001"));
    let csv = csv.json(200);
    assert_eq!(csv["predictions"], json!([0, 1]));
    assert_eq!(csv["ids"], json!(["Calm Co", "Quiet Co"]));
    assert_eq!((&csv["rows"], &csv["imputed"]), (&json!(2), &json!(0)));
    assert_eq!(csv["model_version"], "000001");

    let record = |id: &str, last_month: u32, last_year: u32, employees: u32| {
        json!({"corporation": id, "lastmonth_activity": last_month,
               "lastyear_activity": last_year, "number_of_employees": employees})
    };
    let records = json!([
        record("Calm Co", 900, 9000, 40),
        record("Quiet Co", 3, 900, 12)
    ]);
    let path = "\"data/testdata/two.csv\"";
    for (content_type, body) in [
        ("application/json", records.to_string()),
        ("application/json", json!({"records": records}).to_string()),
        (
            "application/json",
            json!({"columns": ["number_of_employees", "corporation", "lastyear_activity", "lastmonth_activity"],
                   "data": [[40, "Calm Co", 9000, 900], [12, "Quiet Co", 900, 3]]})
            .to_string(),
        ),
        ("application/json", path.to_owned()),
        ("application/json", json!({"path": "data/testdata/two.csv"}).to_string()),
        ("application/x-www-form-urlencoded", path.to_owned()),
        ("application/x-www-form-urlencoded", ROWS.to_owned()),
    ] {
        let other = server.post("/prediction", content_type, &body).json(200);
        for part in ["predictions", "probabilities", "ids"] {
            assert_eq!(other[part], csv[part], "{part} of {body}");
        }
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn the_other_endpoints_show_the_deployment() {
    let mut workspace = Workspace::with_sample_data();
    let record = workspace.fullprocess();
    let server = Server::start(&mut workspace);
    let before = workspace.snapshot(&["data", "production_deployment"]);
    let scoring = server.get("/scoring").json(200);
    assert_eq!(scoring["f1"], record["candidate_score"]);
    assert_eq!(scoring["deployed_score"], record["candidate_score"]);
    let bound = |end: usize| scoring["f1_interval"][end].as_f64();
    assert!(bound(0) < scoring["f1"].as_f64() && scoring["f1"].as_f64() < bound(1));
    let summary = server.get("/summarystats").json(200);
    assert_eq!(summary["rows"], 4895);
    assert_eq!(summary["columns"][0]["name"], "lastmonth_activity");
    let diagnostics = server.get("/diagnostics").json(200);
    assert_eq!(diagnostics["last_run"]["outcome"], "cold_start");
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(
        workspace.snapshot(&["data", "production_deployment"]),
        before
    );
}

#[test]
fn what_is_wrong_with_a_request_is_reported_and_nothing_else_is() {
    let mut workspace = Workspace::after_cold_start();
    workspace.write("secret.csv", ROWS);
    let server = Server::start(&mut workspace);
    let post = |content_type, body: &str| server.post("/prediction", content_type, body);

    let bad_cell = post("text/csv", &ROWS.replace("900,12", "12 k,12")).problem(422, "row-invalid");
    assert_eq!(bad_cell["errors"][0]["column"], "lastyear_activity");
    assert_eq!(bad_cell["errors"][0]["line"], 3);
    post("text/csv", "corporation,lastmonth_activity\na,1\n").problem(422, "missing-column");
    post("application/json", "[{]").problem(400, "json-invalid");
    post("application/json", "[]").problem(422, "no-rows");
    post("application/xml", "<a/>").problem(415, "content-type");
    for path in [
        "../secret.csv",
        "secret.csv",
        "/etc/passwd",
        "data/testdata/../../secret.csv",
    ] {
        let refused = post("application/json", &json!(path).to_string());
        let problem = refused.problem(403, "path-not-allowed");
        assert!(!problem.to_string().contains("/tmp"), "{problem}");
    }
    server.get("/nowhere").problem(404, "not-found");
    assert_eq!(server.get("/prediction").status, 405);
    post("text/csv", ROWS).json(200);
}

#[test]
fn the_server_is_ready_by_itself_after_the_first_deployment_and_follows_the_next() {
    let mut workspace = Workspace::with_sample_data();
    let server = Server::start(&mut workspace);
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(server.get("/readyz").status, 503);
    server
        .post("/prediction", "text/csv", ROWS)
        .problem(503, "no-model");

    workspace.fullprocess();
    assert_eq!(server.get("/readyz").status, 200);
    // For a readiness check, the server checks the release itself.
    let version = |server: &Server| -> Value {
        server.get("/readyz");
        server.post("/prediction", "text/csv", ROWS).json(200)["model_version"].clone()
    };
    assert_eq!(version(&server), "000001");
    workspace.set_input(&["sourcedata"]);
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    assert_eq!(version(&server), "000002");
    workspace.run("deployment", &["--rollback"]);
    assert_eq!(version(&server), "000001");
}

#[test]
fn a_damaged_release_does_not_replace_the_model_in_memory() {
    let mut workspace = Workspace::after_cold_start();
    let server = Server::start(&mut workspace);
    let before = server.post("/prediction", "text/csv", ROWS).json(200);
    workspace.set_input(&["sourcedata"]);
    workspace.fullprocess();
    workspace.run("deployment", &["--rollback"]);
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(
        server.post("/prediction", "text/csv", ROWS).json(200)["model_version"],
        "000001"
    );
    let model = "production_deployment/releases/000002/trainedmodel.msgpack";
    workspace.damage(model);
    let current = workspace.path("production_deployment/current");
    fs::remove_file(&current).expect("removed");
    std::os::unix::fs::symlink("releases/000002", &current).expect("a link");

    let checks = server.get("/readyz").json(200)["checks"].clone();
    assert_eq!(checks[1]["ok"], false);
    let after = server.post("/prediction", "text/csv", ROWS).json(200);
    assert_eq!(after["model_version"], "000001");
    assert_eq!(after["probabilities"], before["probabilities"]);
}

#[test]
fn apicalls_keeps_what_a_running_server_answers() {
    let mut workspace = Workspace::after_cold_start();
    let server = Server::start(&mut workspace);
    workspace.set("api.url", json!(server.url()));
    let called = workspace.run("apicalls", &[]);
    assert_eq!(called.code, 0, "{}{}", called.stdout, called.stderr);
    let returns = workspace.text("data/models/apireturns.txt");
    for part in [
        "/prediction",
        "/scoring",
        "/summarystats",
        "/diagnostics",
        "000001",
    ] {
        assert!(returns.contains(part), "{part} is missing in {returns}");
    }
}

#[test]
fn without_a_server_the_calls_fail_and_everything_else_is_done() {
    let mut workspace = Workspace::with_sample_data();
    // Nothing listens on the discard port of the loopback address.
    workspace.set("api.url", json!("http://127.0.0.1:9"));
    let run = workspace.run("fullprocess", &["--json"]);
    assert_eq!(run.code, 69, "{}", run.stderr);
    let record: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(outcome(&record), "cold_start");
    assert_eq!(workspace.live(), "000001");
    let returns = workspace.text("data/models/apireturns.txt");
    assert!(returns.contains("ERROR"), "{returns}");
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}
