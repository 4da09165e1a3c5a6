//! The server as its clients see it: real connections to a real release in a temporary folder.

mod client;

use std::fs;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use actix_web::App;
use actix_web::dev::Service as _;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Data;
use common::history::{StoredVerdict, documents};
use common::layout::names;
use common::ledger::DataPosition;
use common::{Config, History, Schema, exit, files};
use dataset::Table;
use dataset::passes::profile;
use deployment::{Candidate, Release, publish, stage};
use jiff::Timestamp;
use serde_json::{Value, json};
use training::Model;

use self::client::{Answer, send};
use crate::access::Gate;
use crate::snapshot::ModelStore;
use crate::state::AppState;
use crate::{Application, RunningServer, routes, serve_in_background};

const CSV: &str = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\n\
                   a,1,20,3\nb,39,,4\n";

/// A pipeline's folder and the server of it.
pub(crate) struct Service {
    _folder: tempfile::TempDir,
    config: Config,
    table: Table,
    server: RunningServer,
}

impl Service {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out",
            "test_data_path":"test","output_model_path":"models",
            "prod_deployment_path":"prod","state_folder_path":"state"}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).unwrap();
        let mut table = Table::new(&Schema::default());
        let mut test = format!("{},exited\n", CSV.lines().next().unwrap());
        for row in 0..40 {
            let (x, y, left) = (f64::from(row), f64::from(row % 7), row % 4 == 0 || row > 30);
            table.push(row.to_string().as_bytes(), &[x, 20.0, y], Some(left));
            test.push_str(&format!("{row},{x},20,{y},{}\n", u8::from(left)));
        }
        files::create_folder(&folder.path().join("test")).unwrap();
        files::replace(&folder.path().join("test/clients.csv"), test.as_bytes()).unwrap();
        let server = serve_in_background(&config).unwrap();
        Self {
            _folder: folder,
            config,
            table,
            server,
        }
    }

    /// With a release.
    pub(crate) fn deployed() -> Self {
        let service = Self::new();
        service.deploy();
        service
    }

    /// What another server of the same folder would share among its requests.
    pub(crate) fn state(&self) -> Data<AppState> {
        let gate = Gate::of(&self.config.api).unwrap();
        Data::new(AppState::new(self.config.clone(), gate))
    }

    fn deploy(&self) -> (Release, Model) {
        let config = &self.config;
        let history = History::open(&config.layout).unwrap();
        let model = training::train(config, &self.table, DataPosition::default()).unwrap();
        let metrics = scoring::score(&model, &self.table, &self.table.all()).unwrap();
        let candidate = Candidate {
            model: &model,
            metrics: &metrics,
            score: metrics.f1.unwrap(),
            run: None,
        };
        let staged = stage(&config.layout, &history, &candidate, Timestamp::UNIX_EPOCH).unwrap();
        let published = publish(&config.layout, &history, staged).unwrap();
        // Asked whether it is ready, the server looks for itself.
        self.get("/readyz");
        (published, model)
    }

    fn send(&self, what: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        send(&self.server, what, headers, body.as_ref())
    }

    fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &[], "")
    }

    /// Predicts without saying of what type the body is.
    fn predict(&self, body: impl AsRef<[u8]>) -> Answer {
        self.send("POST /prediction", &[], body)
    }

    /// A good answer's predictions.
    fn predictions(&self, body: impl AsRef<[u8]>) -> Value {
        let answer = self.predict(body);
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }
}

#[test]
fn every_form_of_the_same_rows_gets_the_same_answer() {
    let service = Service::new();
    let (release, model) = service.deploy();
    let rows = [[1.0, 20.0, 3.0], [39.0, f64::NAN, 4.0]];
    let probabilities = rows.map(|row| model.probability(&row));
    let wanted = json!({
        "predictions": probabilities.map(|probability| u8::from(probability > 0.5)),
        "probabilities": probabilities,
        "ids": ["a", "b"],
        "rows": 2,
        "imputed": 1,
        "unknown_levels": 0,
        "threshold": 0.5,
        "model_version": release.name(),
        "request_id": "r-1",
    });
    let file = service.config.test_folder.path.join("two.csv");
    files::replace(&file, CSV.as_bytes()).unwrap();
    let absolute = json!({ "path": file }).to_string();
    let records = r#"[{"corporation":"a","lastmonth_activity":1,"lastyear_activity":20,"number_of_employees":3},
        {"corporation":"b","lastmonth_activity":39,"number_of_employees":4}]"#;
    let columns = r#"{"data":[["a",1,20,3],["b",39,null,4]],
        "columns":["corporation","lastmonth_activity","lastyear_activity","number_of_employees"]}"#;
    for (kind, body) in [
        ("text/csv; charset=utf-8", CSV),
        ("application/x-www-form-urlencoded", CSV),
        ("application/json", records),
        ("application/x-www-form-urlencoded", columns),
        ("application/json", &format!("{{\"records\":{records}}}")),
        ("application/x-www-form-urlencoded", "\"test/two.csv\""),
        ("application/json", &absolute),
    ] {
        let header = format!("Content-Type: {kind}");
        let answer = service.send("POST /prediction", &[&header, "X-Request-Id: r-1"], body);
        assert_eq!(answer.json(), wanted, "{body}");
        assert_eq!(answer.header("x-request-id"), Some("r-1"));
        assert_eq!(answer.header("x-model-version"), Some(release.name()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_large_body_is_answered_like_a_small_one() {
    let service = Service::deployed();
    let (header, rows) = CSV.split_once('\n').unwrap();
    let many = service.predictions(format!("{header}\n{}", rows.repeat(10_000)));
    assert_eq!(many["rows"], 20_000);
    assert_eq!(many["imputed"], 10_000);
    let few = service.predictions(CSV);
    let last = |answer: &Value| answer["probabilities"].as_array().unwrap().last().cloned();
    assert_eq!(last(&many), last(&few));
}

#[test]
fn threshold_and_explanations_follow_the_query() {
    let service = Service::new();
    let (_, model) = service.deploy();
    let body = format!("{CSV}c,1e308,-1e308,1e308\n");
    let asked = "POST /prediction?threshold=0&explain=true";
    let answer = service.send(asked, &[], body).json();
    assert_eq!(answer["threshold"], 0.0);
    let explained = answer["explanations"].as_array().unwrap();
    assert_eq!(explained.len(), 3);
    for (row, values) in [(0, [1.0, 20.0, 3.0]), (1, [39.0, f64::NAN, 4.0])] {
        let contributions = explained[row]["contributions"].as_object().unwrap();
        assert_eq!(contributions.len(), 3);
        let parts = contributions.values().map(|part| part.as_f64().unwrap());
        let sum = explained[row]["base"].as_f64().unwrap() + parts.sum::<f64>();
        assert!((sum - model.log_odds(&values)).abs() < 1e-9, "{sum}");
        assert_eq!(answer["predictions"][row], 1);
    }
    assert_eq!(explained[1]["contributions"]["lastyear_activity"], 0.0);
    // Beyond measure, and still numbers.
    for part in explained[2]["contributions"].as_object().unwrap().values() {
        assert!(part.as_f64().is_some_and(f64::is_finite), "{part}");
    }
}

#[test]
fn what_cannot_be_predicted_is_a_problem_of_its_kind() {
    let service = Service::deployed();
    for (body, wanted) in [
        (String::new(), "422 no-rows"),
        ("[]".into(), "422 no-rows"),
        ("a,b\n1,2\n".into(), "422 missing-column"),
        (
            CSV.replace("number_of_employees", "Corporation"),
            "422 duplicate-column",
        ),
        (CSV.replace("39", "many"), "422 row-invalid"),
        ("{\"records\":[".into(), "400 json-invalid"),
        (
            "{\"records\":[],\"path\":\"x.csv\"}".into(),
            "400 ambiguous-input",
        ),
        ("\"/etc/passwd\"".into(), "403 path-not-allowed"),
        ("\"prod/current/x.csv\"".into(), "403 path-not-allowed"),
        ("\"test/../prod/x.csv\"".into(), "403 path-not-allowed"),
        ("\"test/none.csv\"".into(), "404 file-not-found"),
    ] {
        let answer = service.predict(&body);
        assert_eq!(answer.problem(), wanted, "{body}");
        let text = String::from_utf8(answer.body).unwrap();
        let base = service.config.base.to_str().unwrap();
        assert!(!text.contains(base), "{text}");
    }
    assert_eq!(service.predict(b"a,b\n\xff,1\n").problem(), "400 not-utf8");
    let rows = service.predict(CSV.replace("39", "many")).json();
    assert_eq!(
        rows["errors"],
        json!([{"row": 2, "line": 3, "column": "lastmonth_activity",
            "code": "not-a-number", "value": "many"}])
    );
    assert_eq!(rows["errors_total"], 1);
    for (header, wanted) in [
        ("Content-Type: image/png", "415 content-type"),
        ("Content-Encoding: br", "415 content-encoding"),
        ("Content-Encoding: gzip, gzip", "415 content-encoding"),
        ("Content-Encoding: gzip", "400 gzip-invalid"),
        ("Accept: image/png", "406 not-acceptable"),
        ("Accept: application/json;q=0", "406 not-acceptable"),
    ] {
        let answer = service.send("POST /prediction", &[header], CSV);
        assert_eq!(answer.problem(), wanted);
    }
    let asked = |what: &str| service.send(what, &[], CSV).problem();
    assert_eq!(
        asked("POST /prediction?Threshold=1"),
        "400 unknown-parameter"
    );
    assert_eq!(
        asked("POST /prediction?threshold=x"),
        "400 invalid-parameter"
    );
    assert_eq!(service.predictions(CSV)["rows"], 2, "it still answers");
}

#[test]
fn a_body_too_large_is_refused_announced_or_not() {
    let service = Service::deployed();
    let body = vec![b'x'; 16 * 1024 * 1024 + 1];
    assert_eq!(service.predict(&body).problem(), "413 body-too-large");
    let mut chunked = format!("{:x}\r\n", body.len()).into_bytes();
    chunked.extend(&body);
    chunked.extend(b"\r\n0\r\n\r\n");
    let answer = client::send_chunked(&service.server, "POST /prediction", &chunked);
    assert_eq!(answer.problem(), "413 body-too-large");
    assert_eq!(service.predictions(CSV)["rows"], 2, "it still answers");
}

#[test]
fn addresses_and_methods_are_kept_apart() {
    let service = Service::deployed();
    let unknown = service.send("GET /no%3Cb%3E%0d%0aX", &["X-Request-Id: a b"], "");
    assert_eq!(unknown.problem(), "404 not-found");
    assert_eq!(unknown.json()["instance"], "/no%3Cb%3E%0d%0aX");
    assert_ne!(unknown.header("x-request-id"), Some("a b"));
    for (what, allowed) in [
        ("GET /prediction", "POST, OPTIONS"),
        ("POST /scoring", "GET, HEAD, OPTIONS"),
        ("DELETE /livez", "GET, HEAD, OPTIONS"),
    ] {
        let answer = service.send(what, &[], "");
        assert_eq!(answer.problem(), "405 method-not-allowed", "{what}");
        assert_eq!(answer.header("allow"), Some(allowed), "{what}");
    }
    let options = service.send("OPTIONS /prediction", &[], "");
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some("POST, OPTIONS"))
    );
    let head = service.send("HEAD /scoring", &[], "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(
        service.get("/scoring?x=1").problem(),
        "400 unknown-parameter"
    );
}

#[test]
fn without_a_model_it_lives_and_is_not_ready_until_one_is_deployed() {
    let service = Service::new();
    assert_eq!(service.get("/livez").status, 200);
    let ready = service.get("/readyz");
    assert_eq!(
        (ready.status, &ready.json()["status"]),
        (503, &json!("no-model"))
    );
    assert_eq!(service.predict(CSV).problem(), "503 no-model");
    assert_eq!(service.get("/scoring").problem(), "503 no-model");
    service.deploy();
    let ready = service.get("/readyz");
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["checks"][0]["ok"], true);
    assert_eq!(service.predictions(CSV)["model_version"], "000001");
}

/// Makes a release live as no program of ours would: without a look at it.
fn point_current_at(config: &Config, release: &Release) {
    let name = format!("releases/{}", release.name());
    files::replace_link(&config.layout.current(), name.as_ref()).unwrap();
}

#[test]
fn a_new_release_is_taken_up_and_a_broken_one_is_not() {
    let service = Service::deployed();
    let version = || service.predictions(CSV)["model_version"].clone();
    assert_eq!(version(), "000001");
    service.deploy();
    assert_eq!(version(), "000002");

    let (third, _) = service.deploy();
    let path = third.folder.join(names::MODEL);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    files::replace(&path, &bytes).unwrap();
    deployment::roll_back(&service.config.layout, Some("1")).unwrap();
    assert_eq!(service.get("/readyz").status, 200);
    assert_eq!(version(), "000001");
    point_current_at(&service.config, &third);
    let ready = service.get("/readyz");
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["checks"][1]["ok"], false);
    assert_eq!(version(), "000001", "the model before it stays");
    let score = service.get("/scoring");
    assert_eq!(score.status, 200);
    assert_eq!(score.json()["model_version"], "000001");
    let metrics = String::from_utf8(service.get("/metrics").body).unwrap();
    for line in [
        "risk_model_info{version=\"000001\"} 1",
        "risk_model_reloads_total{result=\"loaded\"} 4",
        "risk_model_reloads_total{result=\"refused\"} 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
}

#[test]
fn a_release_that_could_not_be_read_is_tried_again_and_told_of_once() {
    let service = Service::new();
    let (release, _) = service.deploy();
    let path = release.folder.join(names::MODEL);
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let models = ModelStore::new(&service.config);
    for _ in 0..3 {
        models.look_again();
        assert!(models.current().is_err());
    }
    assert_eq!(models.figures().refused, 1);
    files::replace(&path, &whole[1..]).unwrap();
    models.look_again();
    assert_eq!(models.figures().refused, 2, "for another reason");
    files::replace(&path, &whole).unwrap();
    models.look_again();
    assert_eq!(models.current().unwrap().release, "000001");
    assert_eq!((models.figures().loaded, models.figures().refused), (1, 2));
    models.look_again();
    assert_eq!(models.figures().loaded, 1, "nothing has changed");
}

#[test]
fn a_release_made_anew_under_its_name_is_noticed() {
    let service = Service::new();
    let (release, _) = service.deploy();
    let models = ModelStore::new(&service.config);
    models.look();
    let before = models.current().unwrap().manifest.created_at;
    fs::remove_dir_all(service.config.layout.production()).unwrap();
    fs::remove_dir_all(service.config.layout.state()).unwrap();
    let history = History::open(&service.config.layout).unwrap();
    let model = training::train(&service.config, &service.table, DataPosition::default()).unwrap();
    let metrics = scoring::score(&model, &service.table, &service.table.all()).unwrap();
    let candidate = Candidate {
        model: &model,
        metrics: &metrics,
        score: metrics.f1.unwrap(),
        run: None,
    };
    let layout = &service.config.layout;
    let staged = stage(layout, &history, &candidate, Timestamp::MAX).unwrap();
    let anew = publish(layout, &history, staged).unwrap();
    assert_eq!(anew.name(), release.name());
    models.look();
    assert_ne!(models.current().unwrap().manifest.created_at, before);
}

#[test]
fn the_score_follows_the_release_and_the_test_data() {
    let service = Service::deployed();
    let first = service.get("/scoring").json();
    let release = Release::live(&service.config.layout).unwrap().unwrap();
    assert_eq!(first["n"], 40);
    assert_eq!(first["f1"], release.manifest.score);
    assert_eq!(first["deployed_score"], release.manifest.score);
    assert_eq!(first["model_version"], "000001");
    let matrix = first["confusion_matrix"].as_object().unwrap();
    let counts = matrix.values().map(|count| count.as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 40);
    for metric in ["precision", "recall", "roc_auc"] {
        assert!(first[metric].is_number(), "{metric}");
    }
    assert_eq!(service.get("/scoring").json(), first);
    service.deploy();
    assert_eq!(service.get("/scoring").json()["model_version"], "000002");
    let more = format!("{},exited\nz,1,2,3,1\n", CSV.lines().next().unwrap());
    let folder = &service.config.test_folder.path;
    files::replace(&folder.join("more.csv"), more.as_bytes()).unwrap();
    assert_eq!(service.get("/scoring").json()["n"], 41);
    fs::remove_file(folder.join("more.csv")).unwrap();
    fs::remove_file(folder.join("clients.csv")).unwrap();
    assert_eq!(service.get("/scoring").problem(), "404 no-data");
}

#[test]
fn stored_statistics_are_shown_and_reading_writes_nothing() {
    let service = Service::new();
    assert_eq!(service.get("/summarystats").problem(), "404 no-data");
    let diagnostics = service.get("/diagnostics");
    assert_eq!(diagnostics.status, 200);
    assert_eq!(diagnostics.json()["last_run_is_stale"], true);
    assert!(!service.config.layout.state().exists());

    let profile = profile(&service.config.schema, &service.table, &service.table.all());
    let history = History::open(&service.config.layout).unwrap();
    let summary = profile.summary();
    history.save_document(documents::SUMMARY, &summary).unwrap();
    let shown = service.get("/summarystats").json();
    assert_eq!(shown, serde_json::to_value(&summary).unwrap());
    assert_eq!(shown["columns"][3]["name"], "exited");
    assert_eq!(
        service.get("/diagnostics").json()["missing"][0]["missing"],
        0
    );
}

#[test]
fn what_was_judged_is_shown_however_many_quiet_runs_came_after_it() {
    let service = Service::new();
    let history = History::open(&service.config.layout).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let end = |record: Value| {
        let run = history.begin_run(now, &record).unwrap();
        history.finish_run(run, now, "steady", &record).unwrap();
        run
    };
    let judged = end(json!({"evidence": {"rows": 3}}));
    let verdict = StoredVerdict {
        subject: "model".into(),
        test: "both".into(),
        verdict: "ok".into(),
        rows: 3,
        statistic: Some(1.5),
        p_value: None,
        level: None,
        effect: None,
    };
    history.save_verdicts(judged, &[verdict]).unwrap();
    for _ in 0..30 {
        end(json!({"evidence": null}));
        end(json!({}));
    }
    for (path, list) in [
        ("/v1/drift", "runs"),
        ("/v1/drift?limit=1", "runs"),
        ("/diagnostics", "drift"),
    ] {
        let shown = service.get(path).json()[list].clone();
        assert_eq!(
            shown,
            json!([{
                "run_id": judged,
                "evidence": {"rows": 3},
                "verdicts": [{
                    "subject": "model",
                    "test": "both",
                    "verdict": "ok",
                    "rows": 3,
                    "statistic": 1.5,
                    "p_value": null,
                    "level": null,
                    "effect": null,
                }],
            }]),
            "{path}"
        );
    }
}

#[test]
fn a_taken_port_and_a_public_address_are_refused() {
    let service = Service::new();
    let taken: SocketAddr = service.server.url()["http://".len()..].parse().unwrap();
    let error = Application::build(service.config.clone(), taken)
        .err()
        .unwrap();
    assert_eq!(exit::classify(&error), exit::Exit::InputOutput);
    assert!(error.to_string().contains(&taken.to_string()), "{error:#}");
    let public = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = Application::build(service.config.clone(), public)
        .err()
        .unwrap();
    assert_eq!(exit::classify(&error), exit::Exit::Configuration);
}

#[test]
fn a_request_that_was_given_up_counts_until_its_job_is_over() {
    let service = Service::deployed();
    let state = service.state();
    let has_room = || {
        let limit = service.config.api.limits.in_flight_bytes;
        let mut all = state.in_flight.permit();
        all.grow(usize::try_from(limit).unwrap()).is_ok()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let app = App::new().app_data(state.clone());
        let app = init_service(app.configure(routes::configure)).await;
        // Keeps the only thread for jobs until this test lets it go.
        let (go_on, held_up) = std::sync::mpsc::channel::<()>();
        let before = tokio::task::spawn_blocking(move || held_up.recv().is_err());
        let body = format!("{CSV}{}", "c,1,2,3\n".repeat(20_000));
        let request = TestRequest::post().uri("/prediction").set_payload(body);
        {
            let mut call = pin!(app.call(request.to_request()));
            poll_fn(|context| {
                assert!(call.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            assert!(!has_room());
        }
        assert!(!has_room(), "its job still waits");
        drop(go_on);
        assert!(before.await.unwrap());
        tokio::task::spawn_blocking(|| {}).await.unwrap();
        assert!(has_room());
    });
}

#[test]
fn whether_the_server_is_ready_is_answered_while_all_threads_are_busy() {
    let service = Service::deployed();
    let state = service.state();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let app = App::new().app_data(state.clone());
        let app = init_service(app.configure(routes::configure)).await;
        let (go_on, held_up) = std::sync::mpsc::channel::<()>();
        let before = tokio::task::spawn_blocking(move || held_up.recv().is_err());
        for _ in 0..2 {
            let ready = app
                .call(TestRequest::get().uri("/readyz").to_request())
                .await;
            assert_eq!(ready.unwrap().status(), 200);
            let may_queue = state.models.may_queue_look();
            assert!(!may_queue, "one look waits, and no other");
        }
        drop(go_on);
        assert!(before.await.unwrap());
        tokio::task::spawn_blocking(|| {}).await.unwrap();
        assert!(state.models.may_queue_look());
    });
}

#[test]
fn the_server_of_a_run_answers_to_whoever_started_it_and_to_nobody_else() {
    let (service, other) = (Service::deployed(), Service::new());
    assert_ne!(service.server.key(), other.server.key());
    for (key, status) in [
        ("", 401),
        (other.server.key(), 401),
        (service.server.key(), 200),
    ] {
        let header = format!("Authorization: Bearer {key}");
        let answer = client::send_as_stranger(service.server.url(), "GET /version", &[&header]);
        assert_eq!(answer.status, status, "{key:?}");
    }
}

#[test]
fn a_stopped_server_has_freed_its_port() {
    let service = Service::new();
    let address: SocketAddr = service.server.url()["http://".len()..].parse().unwrap();
    assert_eq!(service.get("/livez").status, 200);
    service.server.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}
