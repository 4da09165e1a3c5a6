//! Tests of predictions: the formats of a request, and invalid requests.

use common::files;
use serde_json::{Value, json};

use super::client::send_chunked;
use super::service::{CSV, Service};

#[test]
fn every_form_of_the_same_rows_gets_the_same_answer() {
    let service = Service::new();
    let (release, model) = service.deploy();
    let rows = [[1.0, 20.0, 3.0], [39.0, f64::NAN, 4.0]];
    let scorer = model.scorer();
    let probabilities = rows.map(|row| scorer.probability(&row));
    let wanted = json!({
        "predictions": probabilities.map(|probability| u8::from(probability > 0.5)),
        "probabilities": probabilities,
        "ids": ["a", "b"],
        "rows": 2,
        "imputed": 1,
        "unknown_levels": 0,
        "extrapolated": 0,
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
    assert_eq!(answer["extrapolated"], 3, "the huge values");
    let explained = answer["explanations"].as_array().unwrap();
    assert_eq!(explained.len(), 3);
    for (row, values) in [(0, [1.0, 20.0, 3.0]), (1, [39.0, f64::NAN, 4.0])] {
        let contributions = explained[row]["contributions"].as_object().unwrap();
        assert_eq!(contributions.len(), 3);
        let parts = contributions.values().map(|part| part.as_f64().unwrap());
        let sum = explained[row]["base"].as_f64().unwrap() + parts.sum::<f64>();
        assert!(
            (sum - model.scorer().log_odds(&values)).abs() < 1e-9,
            "{sum}"
        );
        assert_eq!(answer["predictions"][row], 1);
        assert_eq!(explained[row]["unit"], "log-odds");
        let changes = explained[row]["probability_changes"].as_object().unwrap();
        assert!(changes.keys().eq(contributions.keys()));
        for (name, change) in changes {
            let part = contributions[name].as_f64().unwrap();
            let without = 1.0 / (1.0 + (part - sum).exp());
            let wanted = answer["probabilities"][row].as_f64().unwrap() - without;
            let change = change.as_f64().unwrap();
            assert!((change - wanted).abs() < 1e-9, "{name}: {change} {wanted}");
        }
    }
    assert_eq!(explained[1]["contributions"]["lastyear_activity"], 0.0);
    // Huge values still give numbers.
    for part in explained[2]["contributions"].as_object().unwrap().values() {
        assert!(part.as_f64().is_some_and(f64::is_finite), "{part}");
    }
}

#[test]
fn explanations_in_csv_are_those_in_json() {
    let service = Service::deployed();
    let ask = |media: &str| {
        let accept = format!("Accept: {media}");
        service.send("POST /prediction?explain=true", &[&accept], CSV)
    };
    let json = ask("application/json").json();
    let csv = String::from_utf8(ask("text/csv").body).unwrap();
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    assert_eq!(
        header[..5],
        [
            "id",
            "probability",
            "prediction",
            "base",
            "lastmonth_activity_log_odds"
        ]
    );
    assert_eq!(
        *header.last().unwrap(),
        "number_of_employees_probability_change"
    );
    for (row, line) in lines.enumerate() {
        let explained = &json["explanations"][row];
        assert_eq!(line.len(), header.len());
        for (name, cell) in header.iter().zip(line).skip(3) {
            let wanted = match *name {
                "base" => &explained["base"],
                "base_probability" => &explained["base_probability"],
                name => match name.strip_suffix("_log_odds") {
                    Some(name) => &explained["contributions"][name],
                    None => {
                        let name = name.strip_suffix("_probability_change").unwrap();
                        &explained["probability_changes"][name]
                    }
                },
            };
            assert_eq!(cell.parse().ok(), wanted.as_f64(), "{name}");
        }
    }
    assert_eq!(ask("text/plain").problem(), "400 invalid-parameter");
}

#[test]
fn bounds_of_the_schema_are_named_where_a_value_exceeds_them() {
    let mut service = Service::new();
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","state_folder_path":"state",
        "schema":{"id":"corporation","target":"exited","features":["lastmonth_activity",
        "lastyear_activity",{"name":"number_of_employees","min":1,"max":9}]}}"#;
    service.restart_with(text);
    service.deploy();
    for (number, bound) in [
        ("0", "below 1, the smallest"),
        ("10", "above 9, the largest"),
    ] {
        let csv = format!("{}\na,1,20,{number}\n", CSV.lines().next().unwrap());
        let json = format!(
            r#"[{{"corporation":"a","lastmonth_activity":1,"lastyear_activity":20,"number_of_employees":{number}}}]"#
        );
        for body in [csv, json] {
            let problem = service.predict(body).json();
            let detail = problem["errors"][0]["detail"].as_str().unwrap();
            assert!(detail.contains(bound), "{detail}");
            assert!(detail.starts_with("number_of_employees: "), "{detail}");
        }
    }
}

#[test]
fn an_invalid_request_gets_the_matching_problem() {
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
            "code": "not-a-number", "value": "many",
            "detail": "lastmonth_activity: \"many\" is not a number"}])
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
    let asked = |request: &str| service.send(request, &[], CSV).problem();
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
fn a_body_that_is_too_large_is_rejected_with_or_without_announced_length() {
    let service = Service::deployed();
    let body = vec![b'x'; 16 * 1024 * 1024 + 1];
    assert_eq!(service.predict(&body).problem(), "413 body-too-large");
    let mut chunked = format!("{:x}\r\n", body.len()).into_bytes();
    chunked.extend(&body);
    chunked.extend(b"\r\n0\r\n\r\n");
    let answer = send_chunked(&service.server, "POST /prediction", &chunked);
    assert_eq!(answer.problem(), "413 body-too-large");
    assert_eq!(service.predictions(CSV)["rows"], 2, "it still answers");
}
