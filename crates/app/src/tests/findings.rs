//! Tests of findings: how the API shows the pipeline's results about model and data.

use std::fs;

use common::history::documents;
use common::{History, files, regular};
use dataset::passes::profile;
use deployment::Release;
use diagnostics::{
    JointCheck, ModelVerdict, Segment, SegmentCheck, SegmentPart, Verdict, Verdicts,
};
use jiff::Timestamp;
use record::{Evidence, Outcome, RunRecord};
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
    fs::remove_dir(folder).unwrap();
    let missing = service.get("/scoring");
    assert_eq!(missing.problem(), "404 no-data");
    let detail = missing.json()["detail"].to_string();
    assert!(detail.contains("test_data_path"), "{detail}");
}

#[test]
fn stored_statistics_are_shown_and_reading_writes_nothing() {
    let service = Service::new();
    assert_eq!(service.get("/summarystats").problem(), "404 no-data");
    let diagnostics = service.get("/diagnostics");
    assert_eq!(diagnostics.status, 200);
    assert_eq!(diagnostics.json()["last_run_is_stale"], true);
    let runs = service.get("/v1/runs").json();
    assert_eq!(
        runs,
        json!({"runs": [], "changes_by_hand": [], "next": null})
    );
    assert!(!service.config.layout.state().exists());

    let profile = profile(&service.config.schema, &service.table, &service.table.all()).unwrap();
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

/// Ends a run with this record; returns its number.
fn end(history: &History, record: &RunRecord) -> i64 {
    let run = history.begin_run(record.started_at, record).unwrap();
    let outcome = record.outcome.as_ref().unwrap().name();
    let ended = record.finished_at.unwrap();
    history.finish_run(run, ended, outcome, record).unwrap();
    run
}

/// The record of a steady run of 1970.
fn steady(evidence: Option<Evidence>) -> RunRecord {
    RunRecord {
        outcome: Some(Outcome::Steady),
        finished_at: Some(Timestamp::UNIX_EPOCH),
        evidence,
        ..RunRecord::begin(Timestamp::UNIX_EPOCH)
    }
}

/// Evidence of three new rows.
fn of_three_rows() -> Evidence {
    Evidence {
        rows: 3,
        new_rows: 3,
        ..Evidence::default()
    }
}

/// The verdicts on a batch of three rows, which are too few for any test.
fn no_verdict() -> Verdicts {
    let verdict = Verdict::InsufficientData;
    Verdicts {
        verdict,
        rows: 3,
        model: ModelVerdict {
            verdict,
            rows: 2,
            sample_of: None,
            positives: 1,
            expected: None,
            single: None,
            recent: None,
            cumulative: None,
            untested: Vec::new(),
            untested_levels: Vec::new(),
            undecided: None,
            moved: None,
        },
        joint: Some(JointCheck {
            columns: vec!["x".into()],
            rows: [100, 3],
            min_p_value: None,
            left_out: Vec::new(),
            statistic: 1.5,
            degrees: 1,
            p_value: 0.25,
            effect: Some(0.5),
            verdict: Verdict::Ok,
            parts: Vec::new(),
        }),
        features: Vec::new(),
        segments: Some(SegmentCheck {
            verdict,
            rows: 2,
            tested: 1,
            differing: 0,
            level: 0.005,
            segments: vec![Segment {
                feature: None,
                part: SegmentPart::All,
                rows: 2,
                positives: 1,
                expected: 0.5,
                statistic: 0.75,
                p_value: 0.25,
                corrected_p_value: 0.5,
                odds_ratio: Some(3.0),
                verdict: Verdict::Ok,
            }],
        }),
        terms: None,
    }
}

#[test]
fn an_evaluation_is_shown_however_many_quiet_runs_came_after_it() {
    let service = Service::new();
    let history = History::open(&service.config.layout).unwrap();
    let evidence = Evidence {
        verdicts: Some(no_verdict()),
        ..of_three_rows()
    };
    let evaluated = end(&history, &steady(Some(evidence.clone())));
    for _ in 0..60 {
        end(&history, &steady(None));
    }
    let of_model = |test: &str| {
        json!({
            "subject": "model",
            "test": test,
            "verdict": "insufficient_data",
            "rows": 2,
            "statistic": null,
            "p_value": null,
            "level": null,
            "effect": null,
        })
    };
    for (path, list) in [
        ("/v1/drift", "runs"),
        ("/v1/drift?limit=1", "runs"),
        ("/diagnostics", "drift"),
    ] {
        let shown = service.get(path).json()[list].clone();
        assert_eq!(
            shown,
            json!([{
                "run_id": evaluated,
                "outcome": "steady",
                "reason": "",
                "finished_at": "1970-01-01T00:00:00Z",
                "release": null,
                "new_score": null,
                "new_score_interval": null,
                "deployed_score": null,
                "deployed_score_interval": null,
                "evidence": serde_json::to_value(&evidence).unwrap(),
                "decision": null,
                "verdicts": [
                    of_model("both"),
                    of_model("score_test_of_batch"),
                    of_model("score_test_since_live"),
                    {
                        "subject": "features",
                        "test": "joint",
                        "verdict": "ok",
                        "rows": 3,
                        "statistic": 1.5,
                        "p_value": 0.25,
                        "level": 0.005,
                        "effect": 0.5,
                    },
                    {
                        "subject": "segments",
                        "test": "residuals",
                        "verdict": "insufficient_data",
                        "rows": 2,
                        "statistic": 0.75,
                        "p_value": 0.5,
                        "level": 0.005,
                        "effect": 3.0,
                    },
                ],
            }]),
            "{path}"
        );
    }
}

#[test]
fn a_run_whose_record_cannot_be_read_is_named_among_the_others() {
    let service = Service::new();
    let history = History::open(&service.config.layout).unwrap();
    end(&history, &steady(Some(of_three_rows())));
    let mut newer = serde_json::to_value(steady(Some(of_three_rows()))).unwrap();
    newer["decision"] = json!({"action": "ask_somebody", "reason": "the gate asks"});
    let now = Timestamp::UNIX_EPOCH;
    let run = history.begin_run(now, &newer).unwrap();
    let outcome = "candidate_waiting";
    history.finish_run(run, now, outcome, &newer).unwrap();
    end(&history, &steady(Some(of_three_rows())));
    for (path, list) in [
        ("/v1/runs", "runs"),
        ("/v1/drift", "runs"),
        ("/diagnostics", "drift"),
    ] {
        let shown = service.get(path).json()[list].clone();
        let numbers: Vec<_> = (0..3).map(|place| shown[place]["run_id"].clone()).collect();
        assert_eq!(numbers, [3, 2, 1], "{path}");
        assert_eq!(shown[1]["outcome"], outcome, "{path}");
        let reason = shown[1]["reason"].as_str().unwrap();
        assert!(reason.contains("record of run 2"), "{path}: {reason}");
    }
    let one = service.get("/v1/runs/2");
    assert_eq!(one.status, 200);
    assert_eq!(one.json()["outcome"], outcome);
    assert_eq!(one.json()["evidence"], Value::Null);
    let metrics = service.get("/metrics");
    assert_eq!(metrics.status, 200);
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
fn paging_returns_each_item_once_while_the_list_grows() {
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
    for run in 1..=7 {
        let is_evaluated = run % 2 == 0;
        end(&history, &steady(is_evaluated.then(of_three_rows)));
    }
    let newer = || {
        end(&history, &steady(Some(of_three_rows())));
    };
    let runs = paged(&service, "/v1/runs?limit=3", "runs", "run_id", newer);
    assert_eq!(runs, [7, 6, 5, 4, 3, 2, 1]);
    let evaluated = paged(
        &service,
        "/v1/drift?limit=1&before=8",
        "runs",
        "run_id",
        newer,
    );
    assert_eq!(evaluated, [6, 4, 2]);
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

/// Ranks clients of a file without labels, whose rows are an id and a month's activity.
fn rank(service: &Service, clients: &[(&str, u32)]) {
    let mut text = CSV.lines().next().unwrap().to_owned() + "\n";
    for (id, activity) in clients {
        text.push_str(&format!("{id},{activity},20,3\n"));
    }
    let file = service.config.base.join("new.csv");
    files::replace(&file, text.as_bytes()).unwrap();
    scoring::rank(&service.config, Some(&file)).unwrap();
}

#[test]
fn the_call_list_is_served_page_by_page_by_band_and_as_csv() {
    let service = Service::deployed();
    assert_eq!(service.get("/v1/risks").problem(), "404 no-data");
    rank(
        &service,
        &[("a", 39), ("=b", 38), ("c", 37), ("d", 1), ("e", 0)],
    );
    let all = service.get("/v1/risks").json();
    let clients = all["clients"].as_array().unwrap();
    assert_eq!((clients.len(), &all["next"]), (5, &Value::Null));
    assert_eq!(clients[1]["id"], "=b", "JSON has the id as it is");
    assert_eq!(clients[0]["expected_value"], Value::Null);
    assert_eq!(clients[0]["model_version"], "000001");
    let asked = service.predictions(format!("{}\nx,39,20,3\n", CSV.lines().next().unwrap()));
    assert_eq!(clients[0]["probability"], asked["probabilities"][0]);

    let first = service.get("/v1/risks?limit=2").json();
    assert_eq!(first["next"], "/v1/risks?limit=2&before=2");
    let second = service.get(first["next"].as_str().unwrap()).json();
    assert_eq!(second["clients"][0]["rank"], 3);
    let band = clients[0]["band"].as_str().unwrap();
    let of_band = service
        .get(&format!("/v1/risks?band={band}&limit=1"))
        .json();
    let next = of_band["next"].as_str().unwrap();
    assert_eq!(next, format!("/v1/risks?band={band}&limit=1&before=1"));
    let none = service.get("/v1/risks?band=decile_3").json();
    assert_eq!(none, json!({"clients": [], "next": null}));

    let csv = service.send("GET /v1/risks?limit=2", &["Accept: text/csv"], "");
    let text = String::from_utf8(csv.body).unwrap();
    let file = regular::read_to_string(&service.config.layout.risk_ranking()).unwrap();
    let lines: Vec<&str> = file.lines().take(3).collect();
    assert_eq!(text.lines().collect::<Vec<&str>>(), lines);
    assert!(text.contains("'=b"), "{text}");
    let refused = service.send("GET /v1/risks", &["Accept: image/png"], "");
    assert_eq!(refused.problem(), "406 not-acceptable");
    for (query, problem) in [
        ("band=highest", "400 invalid-parameter"),
        ("limit=201", "400 invalid-parameter"),
        ("after=1", "400 unknown-parameter"),
    ] {
        assert_eq!(
            service.get(&format!("/v1/risks?{query}")).problem(),
            problem
        );
    }
}

#[test]
fn a_new_call_list_is_served_at_once_and_a_damaged_one_is_not_served() {
    let service = Service::deployed();
    rank(&service, &[("a", 39), ("b", 1)]);
    let ids = || service.get("/v1/risks").json()["clients"][0]["id"].clone();
    assert_eq!(ids(), "a");
    assert_eq!(ids(), "a", "now from memory");
    rank(&service, &[("c", 39)]);
    assert_eq!(ids(), "c");
    let path = service.config.layout.risk_ranking();
    let whole = regular::read_to_string(&path).unwrap();
    for (text, says) in [
        (
            "rank,id\n1,a\n".to_owned(),
            "the call list is damaged: riskranking.csv, line 1: the column probability is missing",
        ),
        (
            format!("{whole}garbage\n"),
            "the call list is damaged: riskranking.csv, line 3: this is no line of a call list",
        ),
    ] {
        files::replace(&path, text.as_bytes()).unwrap();
        for address in ["/v1/risks", "/v1/risks?limit=200&band=low"] {
            let answer = service.get(address);
            assert_eq!(answer.problem(), "500 call-list-damaged", "{address}");
            assert_eq!(answer.json()["detail"], says);
        }
        let file = service.get("/dashboard/calls.csv");
        let page = String::from_utf8(file.body).unwrap();
        assert_eq!(file.status, 500, "{page}");
        assert!(page.contains("<code>scoring --rank</code>"), "{page}");
        let page = String::from_utf8(service.get("/dashboard/calls").body).unwrap();
        assert!(page.contains(&says[1..]), "{page}");
        assert!(page.contains("<code>scoring --rank</code>"), "{page}");
    }
}
