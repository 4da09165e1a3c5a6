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
