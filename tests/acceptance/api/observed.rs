//! Observability: what the server reports about itself.

use std::io::{Read, Write};

use flate2::read::GzDecoder;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{CSV, HOST, ROWS, problem, serving, still_answers};
use crate::schema::flaw;
use crate::server::{body_of, header_of, status_of};
use crate::workspace::{Workspace, outcome};

#[test]
fn answers_are_what_the_description_says() {
    let (mut workspace, server) = serving(&[]);
    workspace.set_input(&["sourcedata"]);
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    workspace.rank_new_clients();
    assert_eq!(server.get("/readyz").status, 200);
    let document = server.get("/openapi.json").json(200);
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    for (path, methods) in paths {
        let (answer, operation) = match &methods["post"] {
            Value::Null => (
                server.get(&path.replace("{id}", "2").replace("{run}", "2")),
                &methods["get"],
            ),
            operation => {
                let asked = "/prediction?explain=true&threshold=0.4";
                (server.post(asked, "text/csv", ROWS), operation)
            }
        };
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let content = &operation["responses"]["200"]["content"];
        let essence = answer.content_type.split(';').next().expect("a type");
        assert!(content[essence].is_object(), "{path} answers as {essence}");
        if essence == "application/json" {
            let flaw = flaw(&document, &content[essence]["schema"], &answer.json(200));
            assert_eq!(flaw, None, "{path}: {}", answer.body);
        }
    }
    let described = &document["components"]["schemas"]["Problem"];
    let refused = server.post("/prediction", "text/csv", &ROWS.replace("900,12", "x,12"));
    let refused = refused.problem(422, "row-invalid");
    assert_eq!(flaw(&document, described, &refused), None, "{refused}");
}

/// Examples may leave out elements of lists, but nothing else.
#[test]
fn examples_of_the_description_are_what_it_says() {
    let (_workspace, server) = serving(&[]);
    let document = server.get("/openapi.json").json(200);
    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for operation in methods.as_object().expect("methods").values() {
            let responses = operation["responses"].as_object().expect("responses");
            let responses = responses.values().map(|response| &response["content"]);
            for content in responses.chain([&operation["requestBody"]["content"]]) {
                for form in content.as_object().into_iter().flat_map(|it| it.values()) {
                    let several = form["examples"].as_object();
                    let several = several.into_iter().flat_map(|it| it.values());
                    let several = several.map(|example| &example["value"]);
                    for example in form.get("example").into_iter().chain(several) {
                        assert_eq!(flaw(&document, &form["schema"], example), None, "{path}");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked > 15, "{checked}");
}

#[test]
fn what_is_no_request_gets_a_problem_that_is_logged_and_counted() {
    let (_workspace, server) = serving(&[]);
    let long = "x".repeat(200_000);
    for (request, wanted) in [
        (
            "NO REQUEST AT ALL\r\n\r\n".to_owned(),
            "400 request-invalid",
        ),
        ("GET /livez HTTP/1.1\r\n\r\n".into(), "400 request-invalid"),
        (
            format!("GET /livez HTTP/1.1\r\n{HOST}\r\n{HOST}\r\nConnection: close\r\n\r\n"),
            "400 request-invalid",
        ),
        (
            format!("GET /livez HTTP/1.1\r\n{HOST}\r\nX: {long}\r\n\r\n"),
            "431 head-too-large",
        ),
        (
            format!("POST /prediction HTTP/1.1\r\n{HOST}\r\nContent-Length: x\r\n\r\n"),
            "400 request-invalid",
        ),
    ] {
        let answer = server.exchange(&request);
        assert_eq!(problem(&answer), wanted, "{request:.80}");
        let kind = header_of(&answer, "content-type");
        assert_eq!(kind, Some("application/problem+json"));
        let id = header_of(&answer, "x-request-id").expect("an id");
        assert!(body_of(&answer).contains(id), "{answer}");
        let line = server.log_line(|line| line.contains(&format!("\"{id}\"")));
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            format!("{} {}", event["status"], event["problem"].as_str().unwrap()),
            wanted
        );
    }
    // After an answer on the same connection, too.
    let both = server.exchange(format!(
        "GET /livez HTTP/1.1\r\n{HOST}\r\n\r\nNO REQUEST\r\n\r\n"
    ));
    assert!(both.starts_with("HTTP/1.1 200"), "{both}");
    assert!(both.contains("request-invalid"), "{both}");
    let metrics = server.get("/metrics").body;
    let line = "http_problems_total{code=\"request-invalid\"} ";
    assert!(metrics.contains(line), "{metrics}");
}

#[test]
fn a_trace_is_passed_through_to_answer_and_log() {
    let (_workspace, server) = serving(&[]);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let header = format!("traceparent: {trace}");
    for what in ["GET /livez", "POST /prediction", "GET /nowhere"] {
        let answer = server.send(what, &[HOST, &header, "X-Request-Id: traced"], b"");
        assert_eq!(header_of(&answer, "traceparent"), Some(trace), "{what}");
        let line = server.log_line(|line| line.contains("\"traced\""));
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            event["trace_id"], "0af7651916cd43dd8448eb211c80319c",
            "{what}"
        );
    }
    let answer = server.send("GET /livez", &[HOST, "traceparent: 00-<b>-1-01"], b"");
    assert_eq!(header_of(&answer, "traceparent"), None);
}

#[test]
fn an_answer_is_compressed_on_request() {
    let (_workspace, server) = serving(&[]);
    let rows = ROWS.replacen(
        "Quiet Co,3,900,12\n",
        &"Quiet Co,3,900,12\n".repeat(100_000),
        1,
    );
    let unpacked = |answer: &[u8]| {
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a head")
            + 4;
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let mut body = answer[end..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunked_bytes(&body);
        }
        let mut text = String::new();
        match head.contains("content-encoding: gzip") {
            true => GzDecoder::new(&body[..])
                .read_to_string(&mut text)
                .expect("gzip"),
            false => (&body[..]).read_to_string(&mut text).expect("text"),
        };
        (head, text)
    };
    for (what, accept, body) in [
        ("GET /v1/model", "*/*", ""),
        ("GET /docs", "*/*", ""),
        ("POST /prediction?explain=true", "*/*", rows.as_str()),
        ("POST /prediction", "text/csv", &rows),
    ] {
        let send = |encoding: &str| {
            let length = body.len();
            let request = format!(
                "{what} HTTP/1.1\r\n{HOST}\r\nX-Request-Id: same\r\nAccept: {accept}\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            let mut stream = server.connect();
            stream.write_all(request.as_bytes()).expect("sent");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("an answer");
            unpacked(&answer)
        };
        let (plain_head, plain) = send("identity");
        let (head, text) = send("gzip, deflate, br");
        assert!(!plain_head.contains("content-encoding"), "{plain_head}");
        assert!(head.contains("content-encoding: gzip"), "{head}");
        assert!(head.contains("vary: accept-encoding"), "{head}");
        assert!(text == plain, "{what}");
        if let Some(tag) = header_of(&plain_head, "etag") {
            assert_eq!(header_of(&head, "etag"), Some(format!("w/{tag}").as_str()));
        }
    }
    let small = server.send("GET /livez", &[HOST, "Accept-Encoding: gzip"], b"");
    assert_eq!(header_of(&small, "content-encoding"), None);
}

/// A chunked body without its framing.
fn unchunked_bytes(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest
            .windows(2)
            .position(|two| two == b"\r\n")
            .expect("a length");
        let length = std::str::from_utf8(&rest[..end]).expect("text");
        let length = usize::from_str_radix(length, 16).expect("a number");
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + length + 4..];
    }
}

#[test]
fn the_documentation_loads_nothing_and_a_browser_may_use_only_its_style() {
    let (_workspace, server) = serving(&[]);
    let page = server.send("GET /docs", &[HOST], b"");
    assert_eq!(status_of(&page), 200);
    assert_eq!(header_of(&page, "x-content-type-options"), Some("nosniff"));
    let policy = header_of(&page, "content-security-policy").expect("a policy");
    let style = "default-src 'none'; style-src 'sha256-";
    assert!(policy.starts_with(style), "{policy}");
    let text = body_of(&page);
    for loading in ["<script", "<link", "src=", "url(", "@import"] {
        assert!(!text.contains(loading), "{loading}");
    }
    let start = server.get("/").body;
    assert!(start.contains("href=\"/docs\""), "{start}");
    server.get("/docs/style.css").problem(404, "not-found");
    // The type of a problem is a link to its description.
    let kind = server.get("/nowhere").json(404)["type"].clone();
    let anchor = kind.as_str().and_then(|kind| kind.strip_prefix("/docs#"));
    let docs = server.get("/docs").body;
    assert!(docs.contains(&format!("id=\"{}\"", anchor.expect("an anchor"))));
}

#[test]
fn metrics_count_what_was_asked_and_answered() {
    let (_workspace, server) = serving(&[]);
    still_answers(&server);
    still_answers(&server);
    server
        .post("/prediction", "text/csv", &ROWS.replace("900,12", "x,12"))
        .problem(422, "row-invalid");
    let nowhere = server.send("GET /nowhere/%3Cscript%3E", &[HOST], b"");
    assert_eq!(problem(&nowhere), "404 not-found");
    server.get("/scoring");
    let metrics = server.get("/metrics");
    assert!(
        metrics
            .content_type
            .starts_with("text/plain; version=0.0.4")
    );
    let value = |series: &str| -> f64 {
        let line = metrics
            .body
            .lines()
            .find_map(|line| line.strip_prefix(series));
        let value = line.and_then(|value| value.trim().parse().ok());
        value.unwrap_or_else(|| panic!("{series} is missing in:\n{}", metrics.body))
    };
    for (series, wanted) in [
        (
            r#"http_requests_total{method="POST",route="/prediction",status="200"}"#,
            2.0,
        ),
        (
            r#"http_requests_total{method="POST",route="/prediction",status="422"}"#,
            1.0,
        ),
        (
            r#"http_requests_total{method="GET",route="none",status="404"}"#,
            1.0,
        ),
        (
            r#"http_request_duration_seconds_count{method="POST",route="/prediction"}"#,
            3.0,
        ),
        ("http_requests_in_flight", 1.0),
        (r#"risk_model_info{version="000001"}"#, 1.0),
        (r#"risk_model_reloads_total{result="loaded"}"#, 1.0),
        (r#"risk_model_reloads_total{result="refused"}"#, 0.0),
        (r#"risk_predictions_total{label="0"}"#, 2.0),
        (r#"risk_predictions_total{label="1"}"#, 2.0),
        (r#"risk_rows_rejected_total{code="not-a-number"}"#, 1.0),
        (r#"risk_runs_total{outcome="cold_start"}"#, 1.0),
    ] {
        assert_eq!(value(series), wanted, "{series}");
    }
    assert!(value("risk_model_f1") > 0.5);
    assert!(value("risk_model_age_seconds") >= 0.0);
    assert!(value("risk_run_last_success_timestamp_seconds") > 1.7e9);
    assert!(value(r#"risk_run_last_duration_seconds{stage="training"}"#) > 0.0);
    assert!(metrics.body.contains(r#"risk_build_info{version=""#));
    assert!(!metrics.body.contains("script"), "{}", metrics.body);
}

#[test]
fn the_log_has_one_event_a_request_and_nothing_of_the_client_in_it() {
    let (_workspace, server) = serving(&[]);
    let secret = "Very Secret Co";
    let rows = ROWS.replace("Quiet Co", secret);
    let headers = [
        HOST,
        CSV,
        "X-Request-Id: r-1",
        "X-API-Key: hush",
        "User-Agent: spy",
    ];
    server.send(
        "POST /prediction?threshold=0.252525252",
        &headers,
        rows.as_bytes(),
    );
    server.send(
        "GET /a%0d%0a%7Blevel:ERROR%7D",
        &[HOST, "X-Request-Id: a b\tc"],
        b"",
    );
    server.send("BREW /scoring", &[HOST, "X-Request-Id: last"], b"");
    let mut requests = Vec::new();
    loop {
        let line = server.log_line(|line| line.contains("request_id"));
        for hidden in [
            secret,
            "hush",
            "spy",
            "0.252525252",
            "%7B",
            "{level",
            "BREW",
            "ERROR",
        ] {
            assert!(!line.contains(hidden), "{line}");
        }
        let event: Value = serde_json::from_str(&line).expect("JSON");
        let is_last = event["request_id"] == "last";
        requests.push(event);
        if is_last {
            break;
        }
    }
    assert_eq!(requests.len(), 3);
    let first = &requests[0];
    assert_eq!(first["message"], "request");
    assert_eq!(first["method"], "POST");
    assert_eq!(first["route"], "/prediction");
    assert_eq!(first["status"], 200);
    assert_eq!(first["request_id"], "r-1");
    assert!(first["seconds"].as_f64() > Some(0.0) && first["timestamp"].is_string());
    assert_eq!(
        (&requests[1]["route"], &requests[1]["status"]),
        (&json!("none"), &json!(404))
    );
    assert_eq!(
        (&requests[2]["method"], &requests[2]["status"]),
        (&json!("other"), &json!(405))
    );
}

#[test]
fn a_new_release_is_served_by_itself_and_at_once_when_asked_for() {
    let (mut workspace, server) = serving(&[]);
    workspace.set_input(&["sourcedata"]);
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    // Without any request, the server checks for a new release a few times per second.
    let loaded = server.log_line(|line| line.contains("model loaded"));
    assert!(loaded.contains("000002"), "{loaded}");
    let version = server.post("/prediction", "text/csv", ROWS).json(200)["model_version"].clone();
    assert_eq!(version, "000002");

    // A request to reload reads the same release again: it may have been damaged or repaired.
    let score = "production_deployment/releases/000002/latestscore.txt";
    let whole = workspace.text(score);
    workspace.write(score, "0.99\n");
    server.signal(Signal::HUP);
    let refused = server.log_line(|line| line.contains("cannot be used"));
    assert!(refused.contains("latestscore.txt"), "{refused}");
    still_answers(&server);
    workspace.write(score, whole);
    server.signal(Signal::HUP);
    server.log_line(|line| line.contains("model loaded"));
    let checks = server.get("/readyz").json(200)["checks"].clone();
    assert_eq!(checks[1]["ok"], true);
    let metrics = server.get("/metrics").body;
    assert!(
        metrics.contains("risk_model_reloads_total{result=\"refused\"} 1"),
        "{metrics}"
    );
}

#[test]
fn versions_and_runs_are_listed_strictly() {
    let (_workspace, server) = serving(&[]);
    let version = server.get("/version").json(200);
    assert_eq!(version["model_version"], "000001");
    let runs = server.get("/v1/runs?limit=1").json(200);
    assert_eq!(runs["runs"][0]["outcome"], "cold_start");
    assert_eq!(server.get("/v1/runs/1").json(200)["run_id"], 1);
    server.get("/v1/runs/2").problem(404, "no-data");
    server.get("/v1/runs/x").problem(404, "no-data");
    server
        .get("/v1/runs?limit=0")
        .problem(400, "invalid-parameter");
    server.get("/v1/runs?x=1").problem(400, "unknown-parameter");
    let model = server.get("/v1/model").json(200);
    assert_eq!(model["features"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        server.get("/v1/releases").json(200)["releases"][0]["is_live"],
        true
    );
}

#[test]
fn a_run_leaves_its_metrics_for_a_collector_of_files() {
    let mut workspace = Workspace::with_sample_data();
    // Entries that the history no longer has still count.
    workspace.set("history.keep_runs", json!(1));
    let file = workspace.path("risk.prom");
    let run = |workspace: &Workspace, arguments: &[&str]| {
        let mut command = workspace.command("fullprocess");
        command.args(["--quiet", "--metrics-file"]).arg(&file);
        workspace.finish(command.args(arguments))
    };
    for _ in 0..4 {
        assert_eq!(run(&workspace, &[]).code, 0);
    }
    let text = workspace.text("risk.prom");
    for line in [
        "risk_model_info{version=\"000001\"} 1",
        "risk_runs_total{outcome=\"cold_start\"} 1",
        "risk_runs_total{outcome=\"nothing_new\"} 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(
        text.contains("\nrisk_run_last_success_timestamp_seconds "),
        "{text}"
    );
    assert!(!text.contains("http_requests"), "{text}");

    // New rows are compared with the rows of the model.
    workspace.set_input(&["practicedata", "sourcedata"]);
    assert_eq!(run(&workspace, &[]).code, 0);
    let text = workspace.text("risk.prom");
    let index = "risk_feature_psi{feature=\"lastyear_activity\"} 0.";
    assert!(text.lines().any(|line| line.starts_with(index)), "{text}");

    // A failed run also leaves these figures, because that is when somebody looks at them.
    workspace.write("data/state/fingerprint.key", "short");
    workspace.write("data/practicedata/more.csv", ROWS);
    assert_eq!(run(&workspace, &[]).code, 74);
    let text = workspace.text("risk.prom");
    assert!(
        text.contains("risk_runs_total{outcome=\"failed\"} 1"),
        "{text}"
    );
    run(&workspace, &["--dry-run"]).failed(2, "--metrics-file");
}
