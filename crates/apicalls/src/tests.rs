//! Calls to a small test server whose answers each test defines.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use acceptance::fuzzing::fuzz;
use common::cli::Report;
use common::exit::Exit;

use super::*;

/// A workspace with small files of test data and a configuration with this address of the API.
fn workspace(url: &str) -> (tempfile::TempDir, Config) {
    let base = tempfile::tempdir().unwrap();
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"data/test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "state_folder_path":"state","api":{{"url":"{url}"}}}}"#
    );
    let config = Config::parse(&base.path().join("config.json"), &text).unwrap();
    files::create_folder(&config.test_folder.path).unwrap();
    let rows = |name: &str| format!("{HEADER}{name},1,2,3,0\n");
    for (name, content) in [
        ("b.csv", rows("b")),
        ("A.CSV", rows("a")),
        (".hidden.csv", rows("hidden")),
        ("empty.csv", String::new()),
        ("notes.txt", "x".into()),
    ] {
        files::replace(&config.test_folder.path.join(name), content.as_bytes()).unwrap();
    }
    (base, config)
}

const HEADER: &str =
    "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n";

/// Answer of a working server.
fn working_answer(request: &str, body: &str) -> String {
    let answer = match request {
        "post /prediction" => {
            let ids: Vec<&str> = body
                .lines()
                .skip(1)
                .filter_map(|row| row.split(',').next())
                .collect();
            let n = ids.len();
            serde_json::json!({"ids": ids, "predictions": vec![1; n],
                "probabilities": vec![0.75; n], "model_version": "000003"})
        }
        "get /scoring" => serde_json::json!({"f1": 0.5, "n": 1, "deployed_score": 0.5,
            "model_version": "000003", "confusion_matrix": {"true_positive": 1,
            "false_positive": 0, "false_negative": 0, "true_negative": 0}}),
        "get /summarystats" => {
            serde_json::json!({"rows": 1, "columns": [{"name": "x", "count": 1}]})
        }
        _ => serde_json::json!({"timings": [], "missing": [], "dependencies": {"direct": []}}),
    };
    json("200 OK", &answer.to_string())
}

/// Starts a server and returns its URL. `answer` gets the request line in lower case without its version, such
/// as `get /scoring`, and the body. It returns the text after `HTTP/1.1 `.
fn serve(answer: impl Fn(&str, &str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer_one(stream.unwrap(), &answer);
        }
    });
    url
}

fn answer_one(stream: TcpStream, answer: &impl Fn(&str, &str) -> String) {
    let mut reader = BufReader::new(&stream);
    let mut head = Vec::new();
    let mut length = 0;
    for line in reader.by_ref().lines() {
        let line = line.unwrap().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request = head[0].trim_end_matches(" http/1.1");
    let answer = answer(request, &String::from_utf8(body).unwrap());
    write!(&stream, "HTTP/1.1 {answer}").unwrap();
}

fn json(status: &str, body: &str) -> String {
    format!(
        "{status}\r\nContent-Type: application/json\r\nX-Model-Version: 000003\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn answers_are_saved_for_people_and_programs() {
    let url = serve(working_answer);
    let (_base, config) = workspace(&url);
    let returns = run(&config).unwrap();
    assert!(returns.has_succeeded(), "{returns}");
    assert_eq!(returns.exit(), Exit::Done);
    assert!(!returns.needs_attention());
    let made = |call: &ApiCall| format!("{} {}", call.method, call.endpoint);
    let calls: Vec<String> = returns.calls.iter().map(made).collect();
    assert_eq!(
        calls,
        [
            "POST /prediction",
            "POST /prediction",
            "GET /scoring",
            "GET /summarystats",
            "GET /diagnostics"
        ]
    );
    let answer = returns.calls[1].answer.as_ref().unwrap();
    assert_eq!(answer["ids"], serde_json::json!(["b"]));
    assert_eq!(returns.calls[1].model_version.as_deref(), Some("000003"));

    let text = fs::read_to_string(config.layout.api_returns()).unwrap();
    assert_eq!(text, returns.to_string());
    assert!(
        text.starts_with(&format!("{url}: 5 calls, 0 failed\n")),
        "{text}"
    );
    assert!(
        text.contains("POST /prediction  \"data/test/A.CSV\"\nstatus 200, "),
        "{text}"
    );
    assert!(text.contains("s, model 000003\n{\n  \"ids\": "), "{text}");
    let encoded = fs::read(config.layout.api_returns_json()).unwrap();
    let decoded: serde_json::Value = serde_json::from_slice(&encoded).unwrap();
    assert_eq!(decoded["url"], url);
    let call = serde_json::json!({"method": "POST", "endpoint": "/prediction",
        "input": "data/test/b.csv", "status": 200, "seconds": returns.calls[1].seconds,
        "model_version": "000003", "answer": answer, "error": null});
    assert_eq!(decoded["calls"][1], call);
}

#[test]
fn the_rows_sent_are_the_rows_of_the_score() {
    let url = serve(working_answer);
    let (base, mut config) = workspace(&url);
    config.api.data_roots.clear();
    config.api.limits.rows = 2;
    let folder = &config.test_folder.path;
    std::fs::remove_dir_all(folder).unwrap();
    let put = |path: &std::path::Path, rows: &str| {
        files::create_folder(path.parent().unwrap()).unwrap();
        files::replace(path, format!("{HEADER}{rows}").as_bytes()).unwrap();
    };
    put(
        &folder.join("deep/er/c.csv"),
        "c,1,2,3,0\nd,x,2,3,0\ne,1,2,3,1\n",
    );
    put(&folder.join("deep/.hidden/d.csv"), "hidden,1,2,3,0\n");
    put(
        &base.path().join("elsewhere/f.csv"),
        "f,1,2,3,0\nc,1,2,3,0\ng,1,2,3,0\nh,1,2,3,0\n",
    );
    put(&folder.join("unclosed.csv"), "i,1,2,3,0\n\"j,1,2,3,0\n");
    let odd = std::ffi::OsString::from_vec(b"odd \xff.csv".to_vec());
    put(&folder.join(odd), "k,1,2,3,0\n");
    std::os::unix::fs::symlink(".", folder.join("deep/loop")).unwrap();
    std::os::unix::fs::symlink(base.path().join("elsewhere"), folder.join("linked")).unwrap();
    let returns = call(&url, Key::Configured, &config);
    assert!(returns.has_succeeded(), "{returns}");
    let predicted: Vec<(String, Option<&str>, String)> = returns
        .calls
        .iter()
        .filter_map(|call| {
            let ids = call.answer.as_ref()?["ids"].to_string();
            Some((call.input.clone()?, call.row_range.as_deref(), ids))
        })
        .collect();
    let expected = [
        ("data/test/deep/er/c.csv", None, r#"["c","e"]"#),
        (
            "data/test/linked/f.csv",
            Some("rows 1 to 2"),
            r#"["f","g"]"#,
        ),
        ("data/test/linked/f.csv", Some("rows 3 to 3"), r#"["h"]"#),
        (r"data/test/odd \xFF.csv", None, r#"["k"]"#),
    ]
    .map(|(file, rows, ids)| (file.to_owned(), rows, ids.to_owned()));
    assert_eq!(predicted, expected);
    assert!(
        returns
            .to_string()
            .contains("f.csv\", rows 3 to 3\nstatus 200"),
        "{returns}"
    );
}

#[test]
fn rows_too_long_for_any_request_are_counted_in_the_report() {
    let url = serve(working_answer);
    let (_base, mut config) = workspace(&url);
    config.api.limits.field_bytes = 100;
    let long = "x".repeat(200);
    for (name, rows) in [
        ("b.csv", format!("b,1,2,3,0\n{long},1,2,3,0\n")),
        ("c.csv", format!("{long}y,1,2,3,0\n")),
    ] {
        let path = config.test_folder.path.join(name);
        files::replace(&path, format!("{HEADER}{rows}").as_bytes()).unwrap();
    }
    let returns = call(&url, Key::Configured, &config);
    assert!(returns.has_succeeded() && returns.needs_attention());
    let warning = "warning: 2 rows of the test data were not sent to the API";
    assert!(returns.to_string().contains(warning), "{returns}");
}

#[test]
fn an_answer_of_another_shape_is_an_error() {
    for body in ["{}", "null", "[]", "\"ok\""] {
        let url = serve(move |_, _| json("200 OK", body));
        let (_base, config) = workspace(&url);
        let returns = run(&config).unwrap();
        assert_eq!(returns.exit(), Exit::ApiFailed);
        assert_eq!(returns.failed().count(), 5, "{returns}");
        let failures = returns.failures();
        assert!(
            failures[2].contains("the answer is not a valid answer of /scoring"),
            "{failures:?}"
        );
    }
}

#[test]
fn a_configured_key_is_sent() {
    let url = serve(working_answer);
    let (_base, mut config) = workspace(&url);
    config.api.key_file = Some(config.base.join("key"));
    let without = call(&url, Key::Configured, &config);
    assert_eq!(without.exit(), Exit::ApiFailed);
    let error = without.calls[0].error.as_deref().unwrap();
    assert!(error.contains("(api.key_file)"), "{error}");
    files::replace_private(&config.base.join("key"), b"secret\n").unwrap();
    assert_eq!(configured_key(&config).unwrap().as_deref(), Some("secret"));
    assert!(call(&url, Key::Configured, &config).has_succeeded());
}

#[test]
fn an_error_is_never_shown_as_an_answer() {
    let url = serve(|request, _| match request {
        "get /scoring" => json(
            "500 Internal Server Error",
            r#"{"title":"The server failed","detail":"see\n\"the\" server's log","f1":0.99}"#,
        ),
        "get /summarystats" => json("200 OK", "<html>0.98</html>"),
        "get /diagnostics" => "302 Found\r\nLocation: /scoring\r\nContent-Length: 0\r\n\r\n".into(),
        _ => "200 OK\r\nContent-Length: 100\r\n\r\n{\"f1\":0.97".into(),
    });
    let (_base, config) = workspace(&url);
    let returns = run(&config).unwrap();
    assert_eq!(returns.exit(), Exit::ApiFailed);
    assert!(returns.needs_attention());
    assert_eq!(
        returns.failures()[2],
        "GET /scoring: the server answered with status 500: The server failed: see\\x0A\"the\" server's log"
    );
    assert_eq!(returns.failed().count(), 5);
    assert!(returns.calls.iter().all(|call| call.answer.is_none()));
    let text = fs::read_to_string(config.layout.api_returns()).unwrap();
    assert_eq!(text.matches("\nERROR: ").count(), 5, "{text}");
    for number in ["0.99", "0.98", "0.97"] {
        assert!(!text.contains(number), "{text}");
    }
    let wanted = "status 500: The server failed: see\\x0A\"the\" server's log\n";
    assert!(text.contains(wanted), "{text}");
    assert!(text.contains("ERROR: the answer is not JSON"), "{text}");
    assert!(
        text.contains("ERROR: the server answered with status 302\n"),
        "{text}"
    );
}

#[test]
fn an_unreachable_server_is_recorded() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let (_base, config) = workspace(&url);
    let returns = run(&config).unwrap();
    assert_eq!(returns.exit(), Exit::ApiFailed);
    let text = fs::read_to_string(config.layout.api_returns()).unwrap();
    assert_eq!(text.matches("\nno answer, ").count(), 5, "{text}");
    assert_eq!(text.matches("\nERROR: ").count(), 5, "{text}");
}

#[test]
fn a_server_that_does_not_answer_gets_only_a_few_requests() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let (_base, mut config) = workspace(&url);
    config.api.limits.rows = 1;
    let rows: String = (0..50).map(|row| format!("c{row},1,2,3,0\n")).collect();
    let path = config.test_folder.path.join("c.csv");
    files::replace(&path, format!("{HEADER}{rows}").as_bytes()).unwrap();
    let returns = call(&url, Key::Configured, &config);
    assert_eq!(
        returns.failed().count(),
        MAX_SILENT_CALLS + 1 + 3,
        "{returns}"
    );
    let text = returns.to_string();
    assert!(text.contains("did not answer the last 3 calls"), "{text}");
}

#[test]
fn missing_test_data_is_recorded_and_other_endpoints_are_called() {
    let url = serve(working_answer);
    let (_base, config) = workspace(&url);
    std::fs::remove_dir_all(&config.test_folder.path).unwrap();
    let returns = call(&url, Key::Configured, &config);
    assert_eq!(returns.failed().count(), 1);
    let error = returns.calls[0].error.as_deref().unwrap();
    assert!(error.contains("failed to send the test data"), "{error}");
}

#[test]
fn any_bytes_are_an_answer_or_an_error() {
    let answer = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = Arc::clone(&answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let answer = served
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            // One read takes the short request. The client may have disconnected.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        }
    });
    fuzz("answers", 150, |bytes| {
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
        let call = Caller::new(&url, None, 30).get(Endpoint::Scoring);
        assert_ne!(call.answer.is_some(), call.error.is_some(), "{call:?}");
        assert!(
            call.answer.is_none() || call.status == Some(200),
            "{call:?}"
        );
        let is_error = call.error.is_some();
        let text = call.to_string();
        assert_eq!(text.contains("\nERROR: "), is_error, "{text}");
        let is_safe = |character: char| character == '\n' || !character.is_control();
        assert!(text.chars().all(is_safe), "{text:?}");
    });
}
