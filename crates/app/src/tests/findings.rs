//! What the pipeline found of the model and the data, as it is shown.

use std::fs;

use common::history::{StoredVerdict, documents};
use common::{History, files};
use dataset::passes::profile;
use deployment::Release;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::service::{CSV, Service};

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

/// The numbers of all items of a list, read page by page; `between` is done after each page.
fn paged(service: &Service, first: &str, list: &str, number: &str, between: impl Fn()) -> Vec<i64> {
    let mut numbers = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(path) = next {
        let page = service.get(&path);
        assert_eq!(page.status, 200, "{path}");
        let page = page.json();
        let items = page[list].as_array().unwrap().iter();
        numbers.extend(items.map(|item| match &item[number] {
            Value::String(name) => name.parse().unwrap(),
            number => number.as_i64().unwrap(),
        }));
        next = page["next"].as_str().map(str::to_owned);
        between();
    }
    numbers
}

#[test]
fn a_list_is_read_page_by_page_and_has_each_item_once_while_it_grows() {
    let service = Service::new();
    for _ in 0..3 {
        service.deploy();
    }
    let releases = paged(
        &service,
        "/v1/releases?limit=2",
        "releases",
        "release",
        || (),
    );
    assert_eq!(releases, [3, 2, 1]);
    assert_eq!(
        service.get("/v1/releases?before=000003").json()["releases"][0]["release"],
        "000002"
    );

    let history = History::open(&service.config.layout).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let end = |record: Value| {
        let run = history.begin_run(now, &record).unwrap();
        history.finish_run(run, now, "steady", &record).unwrap();
    };
    for run in 1..=7 {
        end(match run % 2 {
            0 => json!({"evidence": {"rows": run}}),
            _ => json!({}),
        });
    }
    let newer = || end(json!({"evidence": {}}));
    let runs = paged(&service, "/v1/runs?limit=3", "runs", "run_id", newer);
    assert_eq!(runs, [7, 6, 5, 4, 3, 2, 1]);
    let judged = paged(
        &service,
        "/v1/drift?limit=1&before=8",
        "runs",
        "run_id",
        newer,
    );
    assert_eq!(judged, [6, 4, 2]);
    for refused in [
        "limit=201",
        "limit=1000",
        "before=0",
        "before=x",
        "before=1&before=1",
    ] {
        for list in ["/v1/runs", "/v1/drift", "/v1/releases"] {
            let answer = service.get(&format!("{list}?{refused}"));
            assert_eq!(
                answer.problem(),
                "400 invalid-parameter",
                "{list}?{refused}"
            );
        }
    }
}
