//! The dashboard: true values, hostile names as text, keys as passwords, and pages that say what to do.

use std::fmt::Write;
use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use acceptance::sample_data::{World, clients, to_csv};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::hostile::{HOSTILE, hostile_rows};
use crate::server::{Server, body_of, header_of, status_of};
use crate::workspace::{Workspace, outcome};

const HOST: &str = "Host: localhost";

/// Pages that need no run, release or feature.
const PAGES: [&str; 8] = [
    "/",
    "/dashboard/score",
    "/dashboard/drift",
    "/dashboard/calls",
    "/dashboard/runs",
    "/dashboard/releases",
    "/dashboard/alerts",
    "/dashboard/reports",
];

/// A page, which must be whole, permit only its own style, and load nothing.
#[track_caller]
fn page(server: &Server, path: &str) -> String {
    let answer = server.send(&format!("GET {path}"), &[HOST], b"");
    assert_eq!(status_of(&answer), 200, "{path}: {answer}");
    assert_is_page(path, &answer);
    body_of(&answer).to_owned()
}

#[track_caller]
fn assert_is_page(path: &str, answer: &str) {
    let header = |name| header_of(answer, name).unwrap_or_else(|| panic!("{path}: {name}"));
    assert_eq!(header("content-type"), "text/html; charset=utf-8", "{path}");
    assert_eq!(header("cache-control"), "no-store");
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'; img-src data:; style-src 'sha256-",
        "form-action 'self'; frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    let lower = body_of(answer).to_lowercase();
    assert!(
        !lower.contains("url(") && !lower.contains("@import"),
        "{path}"
    );
    for tag in lower.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("the end of a tag");
        for element in ["script", "img", "iframe", "object", "embed"] {
            assert!(!tag.starts_with(element), "{path}: {tag}");
        }
        for attribute in [
            " src=",
            " style=",
            " onload=",
            " onerror=",
            "=\"javascript:",
        ] {
            assert!(!tag.contains(attribute), "{path}: {tag}");
        }
    }
}

/// The text of a page, without its elements.
fn text_of(page: &str) -> String {
    let (_, body) = page.split_once("<main").expect("the content");
    let mut text = String::new();
    for part in body.split('<').skip(1) {
        let (_, words) = part.split_once('>').expect("the end of a tag");
        text += words;
        text += " ";
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// A story: a first model, drift and a new model, clients without a label.
/// Returns also the first model.
fn story() -> (Workspace, Value) {
    let mut workspace = Workspace::after_cold_start();
    let server = Server::start(&mut workspace);
    let first = server.get("/v1/model").json(200);
    assert_eq!(server.stop(), 0);
    workspace.set(
        "alerts.command",
        json!(["/bin/sh", "-c", "cat > alert.json"]),
    );
    workspace.set_input(&["practicedata", "exports"]);
    workspace.write(
        "data/exports/may.csv",
        to_csv(&clients(World::After, 22, 600)),
    );
    assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
    let rows = String::from_utf8(to_csv(&clients(World::After, 23, 120))).expect("UTF-8");
    let waiting = rows.lines().filter_map(|line| line.rsplit_once(','));
    let waiting: String = waiting.map(|(row, _)| format!("{row}\n")).collect();
    workspace.write("data/exports/june.csv", waiting);
    workspace.fullprocess();
    (workspace, first)
}

#[test]
fn the_pages_show_the_true_values_of_a_pipeline() {
    let (mut workspace, old) = story();
    let before = workspace.snapshot(&["data", "production_deployment"]);
    let server = Server::start(&mut workspace);
    let runs = server.get("/v1/runs").json(200);
    let releases = server.get("/v1/releases").json(200);
    let risks = server.get("/v1/risks?limit=50").json(200);

    let overview = text_of(&page(&server, "/"));
    let f1 = runs["runs"][1]["new_score"].as_f64().expect("a score");
    for part in [
        "Release 000002",
        "last run 3",
        "What needs attention",
        "120",
    ] {
        assert!(overview.contains(part), "{part}: {overview}");
    }
    let score = text_of(&page(&server, "/dashboard/score"));
    assert!(score.contains(&format!("{f1:.2}")), "{score}");

    let list = page(&server, "/dashboard/runs");
    for run in runs["runs"].as_array().expect("runs") {
        let number = run["run_id"].as_i64().expect("a number");
        let (_, rest) = list
            .split_once(&format!("href=\"/dashboard/runs/{number}\""))
            .expect("a row");
        let (row, _) = rest.split_once("</tr>").expect("its end");
        let words = run["outcome"]
            .as_str()
            .expect("an outcome")
            .replace('_', " ");
        assert!(row.contains(&format!("<td>{words}</td>")), "{row}");
        assert!(row.contains(&format!("/v1/reports/{number}")), "{row}");
        let one = text_of(&page(&server, &format!("/dashboard/runs/{number}")));
        assert!(one.contains(&format!("Run {number}")) && one.contains("What was done"));
    }
    let second = text_of(&page(&server, "/dashboard/runs/2"));
    for part in [
        "The reasons for leaving changed",
        "Candidate and previous model",
        "model_drift in run 2",
    ] {
        assert!(second.contains(part), "{part}: {second}");
    }

    let list = text_of(&page(&server, "/dashboard/releases"));
    for release in releases["releases"].as_array().expect("releases") {
        let name = release["release"].as_str().expect("a name");
        let score = release["score"].as_f64().expect("a score");
        assert!(
            list.contains(name) && list.contains(&format!("{score:.2}")),
            "{list}"
        );
    }
    let compared = text_of(&page(&server, "/dashboard/releases/2"));
    let new = server.get("/v1/model").json(200);
    let threshold =
        |model: &Value| format!("{:.3}", model["threshold"].as_f64().expect("a threshold"));
    for part in [
        "deployment --rollback 000001".to_owned(),
        "Release 000002 compared with release 000001".to_owned(),
        threshold(&old),
        threshold(&new),
        "Only in the data of release 000002: data/exports/may.csv".to_owned(),
        "rows since the drift was found".to_owned(),
        "number_of_employees".to_owned(),
    ] {
        assert!(compared.contains(&part), "{part}: {compared}");
    }
    let other_way = text_of(&page(&server, "/dashboard/releases/1?with=000002"));
    assert!(
        other_way.contains("deployment --rollback 000001"),
        "{other_way}"
    );
    assert!(other_way.contains("Release 000001 compared with release 000002"));

    let calls = page(&server, "/dashboard/calls");
    for client in risks["clients"].as_array().expect("clients") {
        let id = client["id"].as_str().expect("an id").replace('&', "&amp;");
        assert!(calls.contains(&format!("<td>{id}</td>")), "{id}");
    }
    let alerts = page(&server, "/dashboard/alerts");
    assert!(
        alerts.contains("<a href=\"/dashboard/runs/2\">2</a>"),
        "{alerts}"
    );
    assert!(alerts.contains("command: 20"), "{alerts}");
    let reports = page(&server, "/dashboard/reports");
    for run in 1..=3 {
        assert!(reports.contains(&format!("href=\"/v1/reports/{run}\"")));
        assert_eq!(server.get(&format!("/v1/reports/{run}")).status, 200);
    }
    let feature = text_of(&page(&server, "/dashboard/drift?feature=lastyear_activity"));
    for part in [
        "Feature lastyear_activity",
        "New and training rows in",
        "Effect on the risk",
    ] {
        assert!(feature.contains(part), "{part}: {feature}");
    }
    assert_eq!(server.stop(), 0);
    assert_eq!(
        workspace.snapshot(&["data", "production_deployment"]),
        before
    );
}

#[test]
fn a_filter_selects_clients_on_the_page_and_in_the_file() {
    let (mut workspace, _) = story();
    let server = Server::start(&mut workspace);
    let all = server.get("/v1/risks?limit=200").json(200);
    let all = all["clients"].as_array().expect("clients");
    let file = server.get("/dashboard/calls.csv");
    assert_eq!(file.status, 200);
    assert_eq!(file.body.lines().count(), all.len() + 1);
    assert_eq!(file.body, workspace.text("data/models/riskranking.csv"));
    let high = all.iter().filter(|client| client["band"] == "high").count();
    assert!((1..all.len()).contains(&high), "{high}");
    let file = server.get("/dashboard/calls.csv?band=high&client=&call=");
    assert_eq!(file.body.lines().count(), high + 1);

    let id = all[5]["id"].as_str().expect("an id");
    let text = id.to_uppercase().replace(' ', "+").replace('&', "%26");
    let found = page(&server, &format!("/dashboard/calls?client={text}"));
    assert!(found.contains(&id.replace('&', "&amp;")), "{found}");
    assert!(found.contains("Show all"));
    let none = page(&server, "/dashboard/calls?client=nobody+has+this");
    assert!(none.contains("No further client matches the filter."));
    // The second page begins behind the first, and the file is a file.
    let second = page(&server, "/dashboard/calls?before=50");
    assert!(second.contains("<td class=\"number\">51</td>"), "{second}");
    assert!(!second.contains("<td class=\"number\">50</td>"));
    let head = server.send("HEAD /dashboard/calls.csv", &[HOST], b"");
    assert_eq!(
        header_of(&head, "content-disposition"),
        Some("attachment; filename=\"riskranking.csv\"")
    );
    assert_eq!(body_of(&head), "");
    for wrong in [
        "band=x",
        "call=maybe",
        "before=0",
        "x=1",
        "band=high&band=low",
    ] {
        let answer = server.send(&format!("GET /dashboard/calls?{wrong}"), &[HOST], b"");
        assert_eq!(status_of(&answer), 400, "{wrong}");
        assert_is_page(wrong, &answer);
    }
}

#[test]
fn hostile_names_stay_text_on_every_page() {
    let mut workspace = Workspace::empty();
    let features = json!([HOSTILE[0], {"name": HOSTILE[1], "kind": "category"}]);
    workspace.set(
        "schema",
        json!({"id": "id", "target": "left", "features": features}),
    );
    workspace.write(
        "data/practicedata/<svg onload=alert(3)>.csv",
        hostile_rows(400, 0),
    );
    workspace.write("data/testdata/test.csv", hostile_rows(200, 10_000));
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    let moved = hostile_rows(300, 20_000)
        .replace(",9", ",99")
        .replace(",8", ",98");
    workspace.write("data/practicedata/moved.csv", moved);
    workspace.fullprocess();
    let waiting = hostile_rows(50, 30_000);
    let waiting = waiting.lines().filter_map(|line| line.rsplit_once(','));
    let waiting: String = waiting.map(|(row, _)| format!("{row}\n")).collect();
    workspace.write("data/practicedata/waiting.csv", waiting);
    workspace.fullprocess();
    let server = Server::start(&mut workspace);
    let mut pages: Vec<String> = PAGES.iter().map(|path| page(&server, path)).collect();
    for path in [
        "/dashboard/runs/1",
        "/dashboard/runs/2",
        "/dashboard/runs/3",
        "/dashboard/releases/1",
    ] {
        pages.push(page(&server, path));
    }
    for name in &HOSTILE[..2] {
        let mut address = "/dashboard/drift?feature=".to_owned();
        for byte in name.bytes() {
            write!(address, "%{byte:02x}").expect("text");
        }
        let one = page(&server, &address);
        let escaped = name
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        assert!(
            one.contains(&format!("<h1>Feature {escaped}</h1>")),
            "{one}"
        );
        pages.push(one);
    }
    let all = pages.concat();
    for shown in [
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;svg onload=alert(3)&gt;.csv",
        "&quot;&gt;&lt;img src=x onerror=alert(2)&gt; 3",
    ] {
        assert!(all.contains(shown), "{shown}");
    }
    assert!(!all.contains("<svg onload") && !all.contains(['\u{202e}', '\u{0}']));
    // An address that names markup has a page of its own.
    let nowhere = server.send(
        "GET /dashboard/%3Cscript%3Ealert(1)%3C/script%3E",
        &[HOST],
        b"",
    );
    assert_eq!(status_of(&nowhere), 404);
    assert_is_page("nowhere", &nowhere);
}

#[test]
fn with_keys_a_browser_is_asked_for_a_password() {
    let mut workspace = Workspace::after_cold_start();
    let mut keys = String::new();
    let mut key = |id: &str, scope: &str| {
        let made = workspace
            .run("app", &["--new-key", id, "--scope", scope, "--json"])
            .json();
        writeln!(keys, "{}", made["line"].as_str().expect("a line")).expect("text");
        made["key"].as_str().expect("a key").to_owned()
    };
    let (reader, predictor) = (key("people", "read"), key("scorer", "predict"));
    workspace.write("keys", &keys);
    set_permissions(workspace.path("keys"), Permissions::from_mode(0o600)).expect("closed");
    workspace.set("api.keys_file", json!("keys"));
    let server = Server::start(&mut workspace);
    let ask = |path: &str, header: &str| server.send(&format!("GET {path}"), &[HOST, header], b"");
    let basic = |user: &str, key: &str| {
        format!(
            "Authorization: Basic {}",
            base64(format!("{user}:{key}").as_bytes())
        )
    };
    let with_reports = PAGES
        .iter()
        .chain(&["/dashboard/runs/1", "/dashboard/nowhere"]);
    for path in with_reports {
        for header in [
            "Accept: */*".to_owned(),
            basic("me", "wrong"),
            basic(&reader, ""),
        ] {
            let answer = ask(path, &header);
            assert_eq!(status_of(&answer), 401, "{path}");
            let asked = header_of(&answer, "www-authenticate").expect("a question");
            assert_eq!(
                asked,
                "Basic realm=\"Dynamic Risk Assessment\", charset=\"UTF-8\""
            );
            assert_is_page(path, &answer);
            assert!(body_of(&answer).contains("the scope read"));
        }
        let is_there = *path != "/dashboard/nowhere";
        for header in [
            basic("me", &reader),
            basic("", &reader),
            format!("Authorization: Bearer {reader}"),
        ] {
            assert_eq!(
                status_of(&ask(path, &header)),
                if is_there { 200 } else { 404 },
                "{path}"
            );
        }
        // The browser asks for another password; a program learns what its key lacks.
        let answer = ask(path, &basic("me", &predictor));
        assert_eq!(status_of(&answer), 401, "{path}");
        let asked = header_of(&answer, "www-authenticate");
        assert!(asked.is_some_and(|asked| asked.starts_with("Basic ")));
        assert!(body_of(&answer).contains("the scope predict"), "{path}");
        let bearer = format!("Authorization: Bearer {predictor}");
        assert_eq!(status_of(&ask(path, &bearer)), 403, "{path}");
    }
    // The report of a run is a page, too.
    let asked = ask("/v1/reports/1", "Accept: text/html");
    assert!(header_of(&asked, "www-authenticate").is_some_and(|it| it.starts_with("Basic ")));
    assert_eq!(status_of(&ask("/v1/reports/1", &basic("me", &reader))), 200);
    // Programs are asked for a key, and a password is none.
    for path in ["/v1/runs", "/scoring", "/metrics", "/nowhere"] {
        let answer = ask(path, &basic("me", &reader));
        assert_eq!(status_of(&answer), 401, "{path}");
        assert_eq!(header_of(&answer, "www-authenticate"), Some("Bearer"));
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            bits << 8 | usize::from(three.get(at).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * place) & 63]);
            text.push(if place > three.len() { '=' } else { digit });
        }
    }
    text
}

#[test]
fn pages_are_read_with_head_and_asked_again_with_a_tag() {
    let mut workspace = Workspace::after_cold_start();
    let server = Server::start(&mut workspace);
    for path in PAGES {
        let head = server.send(&format!("HEAD {path}"), &[HOST], b"");
        assert_eq!((status_of(&head), body_of(&head)), (200, ""), "{path}");
        assert!(header_of(&head, "etag").is_some() && header_of(&head, "content-length").is_some());
        let post = server.send(&format!("POST {path}"), &[HOST], b"");
        assert_eq!(status_of(&post), 405, "{path}");
        assert_eq!(header_of(&post, "allow"), Some("GET, HEAD, OPTIONS"));
        let json = server.send(
            &format!("GET {path}"),
            &[HOST, "Accept: application/json"],
            b"",
        );
        assert_eq!(status_of(&json), 406, "{path}");
    }
    for (path, status) in [
        ("/dashboard/runs/2", 404),
        ("/dashboard/runs/x", 404),
        ("/dashboard/releases/7", 404),
        ("/dashboard/releases/1?with=9", 404),
        ("/dashboard/drift?feature=nobody", 404),
        ("/dashboard/nothing", 404),
        ("/?x=1", 400),
    ] {
        let answer = server.send(&format!("GET {path}"), &[HOST], b"");
        assert_eq!(status_of(&answer), status, "{path}");
        assert_is_page(path, &answer);
    }
}

#[test]
fn an_empty_a_stale_and_a_damaged_pipeline_say_what_to_do() {
    let mut empty = Workspace::with_sample_data();
    let server = Server::start(&mut empty);
    for path in PAGES {
        let text = text_of(&page(&server, path));
        let says = match path {
            "/dashboard/alerts" => "No condition is open.",
            _ => "What to do: ",
        };
        assert!(text.contains(says), "{path}: {text}");
    }
    assert!(text_of(&page(&server, "/")).contains("fullprocess --try FILE"));
    assert_eq!(server.stop(), 0);

    let mut workspace = Workspace::after_cold_start();
    workspace.set("diagnostics.stale_after_hours", json!(1));
    let long_ago = common::clock::now() - SignedDuration::from_hours(3);
    workspace.add_run(long_ago, Some("nothing_new"), &workspace.last_record());
    let server = Server::start(&mut workspace);
    let text = text_of(&page(&server, "/"));
    assert!(
        text.contains("This state is old: the last run ended 3 hours ago"),
        "{text}"
    );
    assert!(text.contains("crontab -l"), "{text}");
    assert_eq!(server.stop(), 0);

    // The live release loses its model: nothing can be predicted, and the page says so.
    let model = "production_deployment/releases/000001/trainedmodel.msgpack";
    let bytes = fs::read(workspace.path(model)).expect("the model");
    workspace.write(model, &bytes[..bytes.len() / 2]);
    let server = Server::start(&mut workspace);
    let text = text_of(&page(&server, "/"));
    assert!(text.contains("deployment --rollback ID"), "{text}");
    let text = text_of(&page(&server, "/dashboard/releases/1"));
    assert!(text.contains("This release is damaged"), "{text}");
    workspace.write("production_deployment/releases/000001/manifest.json", "{");
    let text = text_of(&page(&server, "/dashboard/releases"));
    assert!(text.contains("live, and damaged"), "{text}");
    assert_eq!(server.stop(), 0);

    workspace.write("data/state/history.db", "this is no history");
    let server = Server::start(&mut workspace);
    let text = text_of(&page(&server, "/"));
    assert!(
        text.contains("The history of the runs cannot be read."),
        "{text}"
    );
    assert!(text.contains("fullprocess --doctor"), "{text}");
    for path in [
        "/dashboard/score",
        "/dashboard/drift",
        "/dashboard/runs",
        "/dashboard/alerts",
        "/dashboard/reports",
    ] {
        let answer = server.send(&format!("GET {path}"), &[HOST], b"");
        assert_eq!(status_of(&answer), 500, "{path}");
        assert_is_page(path, &answer);
        let text = text_of(body_of(&answer));
        assert!(text.contains("fullprocess --doctor"), "{path}: {text}");
        assert!(
            !text.contains(workspace.path("data").to_str().expect("UTF-8")),
            "{text}"
        );
    }
}

#[test]
fn the_list_of_runs_goes_page_by_page() {
    let mut workspace = Workspace::after_cold_start();
    for _ in 0..24 {
        assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    }
    let server = Server::start(&mut workspace);
    let runs_of = |page: &str| -> Vec<i64> {
        let links = page
            .split("<td class=\"number\"><a href=\"/dashboard/runs/")
            .skip(1);
        links
            .map(|rest| {
                rest.split('"')
                    .next()
                    .expect("a number")
                    .parse()
                    .expect("a number")
            })
            .collect()
    };
    let first = page(&server, "/dashboard/runs");
    assert_eq!(runs_of(&first), (6..=25).rev().collect::<Vec<i64>>());
    let next = "/dashboard/runs?before=6";
    assert!(first.contains(&format!("<a href=\"{next}\" rel=\"next\">Older runs</a>")));
    let second = page(&server, next);
    assert_eq!(runs_of(&second), (1..=5).rev().collect::<Vec<i64>>());
    assert!(!second.contains("Older runs") && second.contains("Newest runs"));
    // The score is that of runs with new rows, whatever came after them.
    assert_eq!(runs_of(&page(&server, "/dashboard/score")), [1]);
}
