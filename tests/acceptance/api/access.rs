//! Access to the API: keys and addresses.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{CSV, HOST, ROWS, problem, serving, still_answers};
use crate::server::{Server, header_of, status_of};
use crate::workspace::Workspace;

/// Makes a key with the program, and adds its line to the file `keys`.
fn add_key(workspace: &Workspace, id: &str, scope: &str) -> String {
    let made = workspace
        .run("app", &["--new-key", id, "--scope", scope, "--json"])
        .json();
    let before = std::fs::read_to_string(workspace.path("keys")).unwrap_or_default();
    let line = made["line"].as_str().expect("a line");
    let key = made["key"].as_str().expect("a key");
    assert!(!line.contains(key), "{line}");
    workspace.write("keys", format!("{before}{line}\n"));
    set_permissions(workspace.path("keys"), Permissions::from_mode(0o600)).expect("closed");
    key.to_owned()
}

fn get(server: &Server, path: &str, header: &str) -> String {
    server.send(&format!("GET {path}"), &[HOST, header], b"")
}

#[test]
fn a_server_with_keys_answers_to_them_by_their_scope_and_to_nobody_else() {
    let mut workspace = Workspace::after_cold_start();
    let reader = add_key(&workspace, "dashboard", "read");
    let predictor = add_key(&workspace, "scorer", "predict");
    let of_files = add_key(&workspace, "nightly", "files");
    let both = add_key(&workspace, "both", "all");
    workspace.set("api.keys_file", json!("keys"));
    let server = Server::start(&mut workspace);

    for open in ["/livez", "/readyz", "/docs", "/openapi.json"] {
        assert_eq!(server.get(open).status, 200, "{open}");
    }
    for closed in [
        "/scoring",
        "/metrics",
        "/version",
        "/v1/runs",
        "/docs/style.css",
        "/nowhere",
    ] {
        let refused = get(&server, closed, "Accept: */*");
        assert_eq!(problem(&refused), "401 key-missing", "{closed}");
        assert_eq!(header_of(&refused, "www-authenticate"), Some("Bearer"));
    }
    let bearer = |key: &str| format!("Authorization: Bearer {key}");
    let predict =
        |header: &str| server.send("POST /prediction", &[HOST, CSV, header], ROWS.as_bytes());
    let names_a_file = |headers: &[&str], body: &str| {
        let headers = [&[HOST], headers].concat();
        status_of(&server.send("POST /prediction", &headers, body.as_bytes()))
    };
    let file = "data/ingesteddata/finaldata.csv";
    let far_in = format!("{}{{\"path\": \"{file}\"}}", " ".repeat(100_000));
    for (key, reads, predicts, files) in [
        (&reader, true, false, false),
        (&predictor, false, true, false),
        (&of_files, false, true, true),
        (&both, true, true, true),
    ] {
        let header = bearer(key);
        for body in [
            &format!("\"{file}\""),
            &format!("{{\"path\": \"{file}\"}}"),
            &far_in,
            // Nobody may learn whether a file exists.
            "\"data/ingesteddata/no.csv\"",
            "\"/etc/passwd\"",
        ] {
            for accept in ["*/*", "text/csv", "text/plain"] {
                let accept = format!("Accept: {accept}");
                let wanted = match body {
                    _ if !files => 403,
                    "\"data/ingesteddata/no.csv\"" => 404,
                    "\"/etc/passwd\"" => 403,
                    _ => 200,
                };
                assert_eq!(
                    names_a_file(&[&header, &accept], body),
                    wanted,
                    "{body:.60}"
                );
            }
        }

        for header in [bearer(key), format!("X-API-Key: {key}")] {
            let scoring = get(&server, "/scoring", &header);
            assert_eq!(status_of(&scoring), if reads { 200 } else { 403 });
            let predicted = predict(&header);
            assert_eq!(status_of(&predicted), if predicts { 200 } else { 403 });
            if !predicts {
                assert_eq!(problem(&predicted), "403 scope-missing");
            }
        }
    }
    // Two spellings of one address are the same address.
    for (spelling, key, status) in [
        ("POST /%70rediction", &reader, 403),
        ("POST /predictio%6E", &predictor, 200),
        ("GET /%73coring", &predictor, 403),
        ("GET /v1%2Fruns", &predictor, 403),
        ("GET /scorin%67", &reader, 200),
    ] {
        let answer = server.send(spelling, &[HOST, CSV, &bearer(key)], ROWS.as_bytes());
        assert_eq!(status_of(&answer), status, "{spelling}");
    }
    for wrong in [bearer("x"), bearer(&both[..60]), "X-API-Key: ".into()] {
        assert_eq!(
            problem(&get(&server, "/scoring", &wrong)),
            "401 key-unknown",
            "{wrong}"
        );
    }
    assert_eq!(
        problem(&get(
            &server,
            "/scoring",
            &format!("Authorization: Basic {both}")
        )),
        "401 key-missing"
    );

    // The log names the key, and shows nothing of it.
    server.send(
        "GET /scoring",
        &[HOST, &bearer(&reader), "X-Request-Id: named"],
        b"",
    );
    let line = server.log_line(|line| line.contains("\"named\""));
    let event: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(event["key"], "dashboard");
    assert!(!line.contains(&reader), "{line}");
    server.send(
        "GET /scoring",
        &[HOST, &bearer(&predictor), "X-Request-Id: no"],
        b"",
    );
    let line = server.log_line(|line| line.contains("\"no\""));
    let event: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&event["key"], &event["problem"]),
        (&json!("scorer"), &json!("scope-missing"))
    );

    // Removing a key takes effect without a restart.
    workspace.write("keys", "");
    add_key(&workspace, "other", "all");
    server.signal(Signal::HUP);
    server.log_line(|line| line.contains("model loaded"));
    let is_refused = || status_of(&get(&server, "/scoring", &bearer(&both))) == 401;
    // The keys are read right after the model.
    assert!((0..1000).any(|_| is_refused()));
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn guessed_keys_are_refused_and_a_right_key_is_still_accepted() {
    let mut workspace = Workspace::after_cold_start();
    let key = add_key(&workspace, "client", "all");
    workspace.set("api.keys_file", json!("keys"));
    let server = Server::start(&mut workspace);
    let guess = |number: u32| {
        let header = format!("X-API-Key: {number:064x}");
        problem(&get(&server, "/scoring", &header))
    };
    let answers: Vec<String> = (0..100).map(guess).collect();
    assert_eq!(answers[0], "401 key-unknown");
    assert_eq!(answers[99], "429 too-many-wrong-keys");
    let right = get(&server, "/scoring", &format!("X-API-Key: {key}"));
    assert_eq!(status_of(&right), 200);
    let limited = get(&server, "/scoring", "X-API-Key: x");
    assert_eq!(header_of(&limited, "retry-after"), Some("60"));
}

#[test]
fn an_address_that_others_reach_needs_keys_that_others_cannot_read() {
    let mut workspace = Workspace::with_sample_data();
    workspace.set("api.bind", json!("0.0.0.0:0"));
    workspace.run("app", &[]).failed(78, "api.keys_file");
    workspace.set("api.keys_file", json!("keys"));
    workspace
        .run("app", &[])
        .failed(74, "keys (api.keys_file): No such file");
    add_key(&workspace, "client", "all");
    set_permissions(workspace.path("keys"), Permissions::from_mode(0o644)).expect("opened");
    workspace.run("app", &[]).failed(78, "chmod 600");
    set_permissions(workspace.path("keys"), Permissions::from_mode(0o600)).expect("closed");
    workspace.write("keys", "client:all:secret\n");
    let refused = workspace.run("app", &[]);
    refused.failed(78, ":1: the last part is not a SHA-256");
    assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
    workspace
        .run("app", &["--new-key", "a b"])
        .failed(2, "letters");
    workspace
        .run("app", &["--new-key", "--scope", "write"])
        .failed(2, "predict, files, read and all");
}

#[test]
fn a_run_calls_its_own_server_whatever_keys_and_names_are_configured() {
    let mut workspace = Workspace::with_sample_data();
    add_key(&workspace, "client", "all");
    workspace.set("api.keys_file", json!("keys"));
    workspace.set("api.allowed_hosts", json!(["risk.example"]));
    let record = workspace.fullprocess();
    assert_eq!(record["api"]["failures"], json!([]), "{record:#}");
}

#[test]
fn apicalls_shows_the_key_that_it_is_given() {
    let mut workspace = Workspace::after_cold_start();
    let key = add_key(&workspace, "calls", "all");
    workspace.set("api.keys_file", json!("keys"));
    let server = Server::start(&mut workspace);
    workspace.set("api.url", json!(server.url()));
    assert_eq!(workspace.run("apicalls", &[]).code, 69);
    workspace.write("key", format!("{key}\n"));
    workspace.set("api.key_file", json!("key"));
    let readable = workspace.run("apicalls", &[]);
    assert!(readable.stdout.contains("chmod 600"), "{}", readable.stdout);
    set_permissions(workspace.path("key"), Permissions::from_mode(0o600)).expect("closed");
    let called = workspace.run("apicalls", &[]);
    assert_eq!(called.code, 0, "{}", called.stdout);
    let returns: Value =
        serde_json::from_str(&workspace.text("data/models/apireturns.json")).expect("JSON");
    assert_eq!(returns["calls"].as_array().map(Vec::len), Some(4));
    assert!(!returns.to_string().contains(&key));
}

#[test]
fn a_name_that_is_not_the_servers_gets_no_answer_from_it() {
    let (_workspace, server) = serving(&[("allowed_hosts", json!(["localhost", "Risk.example"]))]);
    let ask = |headers: &[&str]| server.send("GET /scoring", headers, b"");
    for known in [
        "localhost",
        "localhost:8000",
        "RISK.example:80",
        "risk.example.",
    ] {
        assert_eq!(
            status_of(&ask(&[&format!("Host: {known}")])),
            200,
            "{known}"
        );
    }
    for foreign in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1",
        "169.254.169.254",
        "localhost@evil.example",
    ] {
        let refused = ask(&[&format!("Host: {foreign}")]);
        assert_eq!(status_of(&refused), 421, "{refused}");
    }
    assert_eq!(problem(&ask(&["Host: evil.example"])), "421 host");
    let twice = ask(&[HOST, "Host: evil.example"]);
    assert!(matches!(status_of(&twice), 400 | 421), "{twice}");
    let none = ask(&["X-Other: 1"]);
    assert!(matches!(status_of(&none), 400 | 421), "{none}");
    let in_target = server.send("GET http://evil.example/scoring", &[HOST], b"");
    assert_eq!(status_of(&in_target), 421, "{in_target}");
    let open_too = server.send("GET /livez", &["Host: evil.example"], b"");
    assert_eq!(status_of(&open_too), 421);
}

#[test]
fn a_form_of_another_page_is_refused_where_no_key_is_needed() {
    let mut workspace = Workspace::after_cold_start();
    workspace.set("api.allowed_origins", json!(["https://risk.example"]));
    let server = Server::start(&mut workspace);
    let own = format!("Host: {}", &server.url()["http://".len()..]);
    let post = |server: &Server, origin: &str, kind: &str, key: &str| {
        let (origin, kind) = (format!("Origin: {origin}"), format!("Content-Type: {kind}"));
        server.send(
            "POST /prediction",
            &[&own, &origin, &kind, key],
            ROWS.as_bytes(),
        )
    };
    let other = "X-Other: 1";
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "text/csv",
    ] {
        for foreign in ["https://evil.example", "null", "http://localhost:1"] {
            let refused = post(&server, foreign, kind, other);
            assert_eq!(problem(&refused), "403 foreign-origin", "{foreign} {kind}");
        }
        for known in [server.url(), "https://risk.example"] {
            assert_eq!(
                status_of(&post(&server, known, kind, other)),
                200,
                "{known}"
            );
        }
    }
    still_answers(&server);

    // A page cannot add a key without the permission of the server.
    let key = add_key(&workspace, "client", "predict");
    workspace.set("api.keys_file", json!("keys"));
    let server = Server::start(&mut workspace);
    let own = format!("Host: {}", &server.url()["http://".len()..]);
    let send = |key: &str| {
        let headers = [&own, "Origin: https://evil.example", CSV, key];
        status_of(&server.send("POST /prediction", &headers, ROWS.as_bytes()))
    };
    assert_eq!(send(&format!("X-API-Key: {key}")), 200);
    assert_eq!(send(other), 401);
}

#[test]
fn a_name_with_a_star_admits_all_names_with_its_end() {
    let (_workspace, server) = serving(&[("allowed_hosts", json!(["*.risk.example"]))]);
    let ask = |host: &str| status_of(&server.send("GET /livez", &[&format!("Host: {host}")], b""));
    assert_eq!(ask("a.Risk.example:8000"), 200);
    for foreign in ["risk.example", "a.risk.example.evil.example", "localhost"] {
        assert_eq!(ask(foreign), 421, "{foreign}");
    }
    let refused = server.send("GET /scoring", &["Host: localhost"], b"");
    assert!(refused.contains("api.allowed_hosts"), "{refused}");
}

#[test]
fn pages_of_other_origins_read_answers_only_where_they_are_listed() {
    let (_workspace, server) = serving(&[("allowed_origins", json!(["https://risk.example"]))]);
    let allowed = |what: &str, origin: &str| {
        let answer = server.send(what, &[HOST, &format!("Origin: {origin}")], b"");
        header_of(&answer, "access-control-allow-origin").map(str::to_owned)
    };
    let listed = Some("https://risk.example".to_owned());
    assert_eq!(allowed("GET /scoring", "https://risk.example"), listed);
    assert_eq!(
        allowed("OPTIONS /prediction", "https://risk.example"),
        listed
    );
    for other in [
        "https://evil.example",
        "null",
        "https://risk.example.evil.example",
    ] {
        assert_eq!(allowed("GET /scoring", other), None, "{other}");
        assert_eq!(allowed("OPTIONS /prediction", other), None, "{other}");
    }
    still_answers(&server);
}
