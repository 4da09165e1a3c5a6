//! The formats of an answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{CSV, HEADER, HOST, ROWS, problem, serving};
use crate::server::{Server, body_of, header_of, rest_of, status_of};

fn predict(server: &Server, what: &str, headers: &[&str], body: &[u8]) -> String {
    let headers = [&[HOST, CSV], headers].concat();
    server.send(&format!("POST /prediction{what}"), &headers, body)
}

/// The body of a chunked answer, and true if its last chunk arrived.
fn unchunked(answer: &str) -> (String, bool) {
    let mut rest = body_of(answer);
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            return (body, true);
        }
        let Some(chunk) = after.get(..length) else {
            return (body, false);
        };
        body.push_str(chunk);
        rest = after.get(length + 2..).unwrap_or_default();
    }
    (body, false)
}

#[test]
fn predictions_come_as_json_csv_or_bare_values() {
    let (_workspace, server) = serving(&[]);
    let json: Value =
        serde_json::from_str(body_of(&predict(&server, "", &[], ROWS.as_bytes()))).expect("JSON");
    let csv = predict(&server, "", &["Accept: text/csv"], ROWS.as_bytes());
    assert_eq!(status_of(&csv), 200, "{csv}");
    assert!(
        header_of(&csv, "content-type")
            .expect("a type")
            .starts_with("text/csv")
    );
    let wanted = format!(
        "id,probability,prediction\nCalm Co,{},0\nQuiet Co,{},1\n",
        json["probabilities"][0], json["probabilities"][1]
    );
    assert_eq!(body_of(&csv), wanted);
    let text = predict(&server, "", &["Accept: text/plain"], ROWS.as_bytes());
    assert_eq!(body_of(&text), "0\n1\n");
    let none = predict(
        &server,
        "?threshold=1",
        &["Accept: text/plain"],
        ROWS.as_bytes(),
    );
    assert_eq!(body_of(&none), "0\n0\n");
    let explained = predict(
        &server,
        "?explain=true",
        &["Accept: text/csv"],
        ROWS.as_bytes(),
    );
    let header = "id,probability,prediction,base,lastmonth_activity_log_odds,";
    assert!(body_of(&explained).starts_with(header), "{explained}");
    let bare = predict(
        &server,
        "?explain=true",
        &["Accept: text/plain"],
        ROWS.as_bytes(),
    );
    assert_eq!(problem(&bare), "400 invalid-parameter");
    let picture = predict(&server, "", &["Accept: image/png"], ROWS.as_bytes());
    assert_eq!(problem(&picture), "406 not-acceptable");
    let bare = server.send("GET /scoring", &[HOST, "Accept: text/plain"], b"");
    let whole = server.get("/scoring").json(200);
    assert_eq!(body_of(&bare).trim().parse().ok(), whole["f1"].as_f64());
}

#[test]
fn a_compressed_body_is_read_like_a_plain_one() {
    let (_workspace, server) = serving(&[]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(ROWS.as_bytes()).expect("written");
    let packed = encoder.finish().expect("packed");
    for encoding in ["gzip", "x-gzip", "GZIP"] {
        let header = format!("Content-Encoding: {encoding}");
        let answer = predict(&server, "", &[&header, "Accept: text/plain"], &packed);
        assert_eq!(body_of(&answer), "0\n1\n", "{encoding}");
    }
    let mut twice = packed.clone();
    twice.extend_from_slice(&packed);
    for (body, wanted) in [
        (&packed[..packed.len() - 1], "400 gzip-invalid"),
        (&packed[..10], "400 gzip-invalid"),
        (ROWS.as_bytes(), "400 gzip-invalid"),
        (&twice[..], "422 row-invalid"),
    ] {
        let answer = predict(&server, "", &["Content-Encoding: gzip"], body);
        assert_eq!(problem(&answer), wanted);
    }
    for other in ["br", "deflate", "zstd", "gzip, gzip", "unknown"] {
        let header = format!("Content-Encoding: {other}");
        let answer = predict(&server, "", &[&header], &packed);
        assert_eq!(problem(&answer), "415 content-encoding", "{other}");
        assert_eq!(header_of(&answer, "accept-encoding"), Some("gzip"));
    }
}

#[test]
fn what_clients_send_by_default_is_read_or_the_answer_names_what_to_change() {
    let (_workspace, server) = serving(&[]);
    let records = serde_json::to_string(&json!([{
        "corporation": "Quiet Co", "lastmonth_activity": 3, "lastyear_activity": 900,
        "number_of_employees": 12
    }]))
    .expect("JSON");
    let marked = format!("\u{feff}{records}");
    let post = |path: &str, kind: &str, body: &str| {
        let kind = format!("Content-Type: {kind}");
        server.send(&format!("POST {path}"), &[HOST, &kind], body.as_bytes())
    };
    // `fetch` and aiohttp declare a text as plain text, aiohttp declares bytes as bytes.
    for kind in [
        "text/plain;charset=UTF-8",
        "text/plain; charset=utf-8",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ] {
        for (body, rows) in [(ROWS, 2), (&records, 1), (&marked, 1)] {
            let answer = post("/prediction", kind, body);
            assert_eq!(status_of(&answer), 200, "{kind} {answer}");
            let answer: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
            assert_eq!(answer["rows"], rows);
        }
    }
    let json = "application/json; charset=utf-8";
    assert_eq!(status_of(&post("/prediction", json, &marked)), 200);
    for path in [
        "/prediction?explain=True",
        "/prediction/",
        "/v1/prediction",
        "/v1/prediction/?threshold=0.5",
        "/%76%31/prediction",
    ] {
        assert_eq!(status_of(&post(path, "text/csv", ROWS)), 200, "{path}");
    }
    for path in [
        "/healthz",
        "/scoring/",
        "/v1/scoring",
        "/v1/runs/",
        "/docs/",
    ] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in ["/scoring//", "//scoring", "/v1/v1/runs", "/v2/scoring"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    for kind in ["text/csv; charset=iso-8859-1", "application/xml"] {
        let answer = post("/prediction", kind, ROWS);
        assert_eq!(problem(&answer), "415 content-type", "{kind}");
        let accepted = header_of(&answer, "accept-post");
        assert_eq!(accepted, Some("text/csv, application/json"));
    }
    let upload = post("/prediction", "multipart/form-data; boundary=x", ROWS);
    assert!(upload.contains("--data-binary @FILE"), "{upload}");
    // `curl -d @FILE` removes the line ends.
    let joined = ROWS.replace('\n', "");
    for kind in ["application/x-www-form-urlencoded", "text/csv"] {
        let answer = post("/prediction", kind, &joined);
        assert_eq!(problem(&answer), "422 missing-column", "{kind}");
        assert!(answer.contains("--data-binary"), "{answer}");
        assert!(!post("/prediction", kind, "a\n1\n").contains("--data-binary"));
    }
    let zero = post("/prediction?threshold=-0", "text/csv", ROWS);
    assert!(body_of(&zero).contains("\"threshold\":0.0,"), "{zero}");
}

#[test]
fn an_answer_that_the_client_has_is_not_sent_again() {
    let (workspace, server) = serving(&[]);
    workspace.rank_new_clients();
    for path in [
        "/scoring",
        "/summarystats",
        "/diagnostics",
        "/version",
        "/v1/runs",
        "/v1/model",
        "/v1/releases",
        "/v1/risks",
        "/openapi.json",
        "/docs",
    ] {
        let get = |headers: &[&str]| server.send(&format!("GET {path}"), headers, b"");
        let first = get(&[HOST]);
        assert_eq!(status_of(&first), 200, "{path}");
        let tag = header_of(&first, "etag").expect("a tag").to_owned();
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".into(),
        ] {
            let again = get(&[HOST, &format!("If-None-Match: {known}")]);
            assert_eq!(
                (status_of(&again), body_of(&again)),
                (304, ""),
                "{path} {known}"
            );
            assert_eq!(header_of(&again, "etag"), Some(tag.as_str()));
        }
        let other = get(&[HOST, "If-None-Match: \"other\""]);
        assert_eq!(status_of(&other), 200, "{path}");
        let head = server.send(&format!("HEAD {path}"), &[HOST], b"");
        assert_eq!((status_of(&head), body_of(&head)), (200, ""), "{path}");
        let length = body_of(&first).len().to_string();
        assert_eq!(header_of(&head, "content-length"), Some(length.as_str()));
        let options = server.send(&format!("OPTIONS {path}"), &[HOST], b"");
        assert_eq!(status_of(&options), 204);
        assert_eq!(header_of(&options, "allow"), Some("GET, HEAD, OPTIONS"));
        let posted = server.send(&format!("POST {path}"), &[HOST], b"");
        assert_eq!(problem(&posted), "405 method-not-allowed", "{path}");
        assert_eq!(header_of(&posted, "allow"), Some("GET, HEAD, OPTIONS"));
        for answer in [&first, &head, &posted] {
            assert_eq!(
                header_of(answer, "cache-control"),
                Some("no-store"),
                "{path}"
            );
            assert!(header_of(answer, "x-request-id").is_some(), "{path}");
        }
    }
}

/// The given number of rows, 32 bytes each.
fn many_rows(rows: usize) -> String {
    let mut text = String::from(HEADER);
    for row in 0..rows {
        text.push_str(&format!("client-{row:09},{}.25,4567.5,37\n", row % 900));
    }
    text
}

#[test]
fn many_rows_stream_in_and_out_and_are_those_of_a_whole_answer() {
    let (workspace, server) = serving(&[
        ("limits.body_bytes", json!(1 << 30)),
        ("limits.rows", json!(10_000_000)),
    ]);
    // 19 MiB: more than is checked whole.
    let rows = many_rows(600_000);
    let answer = predict(&server, "", &["Accept: text/csv"], rows.as_bytes());
    assert_eq!(status_of(&answer), 200);
    let (streamed, is_whole) = unchunked(&answer);
    assert!(is_whole);
    assert_eq!(streamed.lines().count(), 600_001);
    let few = predict(
        &server,
        "",
        &["Accept: text/csv"],
        many_rows(1000).as_bytes(),
    );
    let few = body_of(&few);
    assert!(streamed.starts_with(few), "{few}");

    workspace.write("data/testdata/large.csv", &rows);
    let named = server.send(
        "POST /prediction",
        &[HOST, "Accept: text/csv"],
        b"\"data/testdata/large.csv\"",
    );
    assert_eq!(unchunked(&named), (streamed.clone(), true));
    // HTTP/1.0 has no chunks.
    let old = server.exchange(format!(
        "POST /prediction HTTP/1.0\r\n{HOST}\r\n{CSV}\r\nAccept: text/csv\r\nAccept-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{rows}",
        rows.len()
    ));
    assert_eq!(header_of(&old, "transfer-encoding"), None);
    assert!(body_of(&old) == streamed, "{old:.200}");
}

#[test]
fn a_bad_row_ends_a_streamed_answer_before_its_last_chunk() {
    let (_workspace, server) = serving(&[("limits.body_bytes", json!(1 << 30))]);
    let rows = format!("{}x,many,1,1\n{HEADER}", many_rows(600_000));
    let answer = predict(&server, "", &["Accept: text/csv"], rows.as_bytes());
    assert_eq!(status_of(&answer), 200);
    let (streamed, is_whole) = unchunked(&answer);
    assert!(!is_whole && streamed.lines().count() > 1000);
    let line = server.log_line(|line| line.contains("a streamed answer was ended"));
    assert!(line.contains("row-invalid"), "{line}");
    let metrics = server.get("/metrics").body;
    assert!(
        metrics.contains("risk_rows_rejected_total{code=\"not-a-number\"} 1"),
        "{metrics}"
    );

    // An error at the beginning of the body is answered as an ordinary problem.
    let rows = format!("{HEADER}x,many,1,1\n{}", many_rows(600_000));
    let answer = predict(&server, "", &["Accept: text/csv"], rows.as_bytes());
    assert_eq!(problem(&answer), "422 row-invalid");
    let rows = format!("a,b\n{}", many_rows(600_000));
    let answer = predict(&server, "", &["Accept: text/csv"], rows.as_bytes());
    assert_eq!(problem(&answer), "422 missing-column");
    // A body of up to 16 MiB is checked completely before the first byte of the answer.
    let rows = format!("{}x,many,1,1\n", many_rows(100_000));
    let answer = predict(&server, "", &["Accept: text/csv"], rows.as_bytes());
    assert_eq!(problem(&answer), "422 row-invalid");
}

#[test]
fn the_memory_of_a_streamed_answer_does_not_grow_with_its_rows() {
    let (_workspace, server) = serving(&[
        ("limits.body_bytes", json!(1 << 30)),
        ("limits.rows", json!(100_000_000)),
    ]);
    let mut sender = server.connect();
    let mut receiver = sender.try_clone().expect("the same connection");
    let rows = many_rows(100_000);
    let (header, rows) = rows.split_at(HEADER.len());
    let blocks = 60;
    let length = header.len() + blocks * rows.len();
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\nAccept: text/csv\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{header}"
    );
    let before = server.peak_mib();
    let answer = std::thread::scope(|scope| {
        let reading = scope.spawn(move || rest_of(&mut receiver));
        sender.write_all(head.as_bytes()).expect("sent");
        for _ in 0..blocks {
            sender.write_all(rows.as_bytes()).expect("sent");
        }
        reading.join().expect("an answer")
    });
    let (streamed, is_whole) = unchunked(&answer);
    assert!(is_whole);
    assert_eq!(streamed.lines().count(), blocks * 100_000 + 1);
    let grown = server.peak_mib() - before;
    assert!(grown < 64, "{grown} MiB for {} MiB", length >> 20);
}

/// The next answer on a connection that stays open.
fn next_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        answer.extend(byte);
    }
    let head = String::from_utf8(answer).expect("text");
    let length = header_of(&head, "content-length").expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).expect("a body");
    head + &String::from_utf8(body).expect("text")
}

#[test]
fn what_is_wrong_with_a_body_that_was_read_does_not_end_the_connection() {
    let (_workspace, server) = serving(&[]);
    let mut kept = server.connect();
    let bad_row = ROWS.replace("900,12", "x,12");
    let mut ask = |what: &str, framing: &str, body: &str| {
        let request = format!("POST {what} HTTP/1.1\r\n{HOST}\r\n{framing}\r\n\r\n{body}");
        kept.write_all(request.as_bytes()).expect("sent");
        next_answer(&mut kept)
    };
    let length = |body: &str| format!("Content-Length: {}", body.len());
    for (body, wanted) in [
        (bad_row.as_str(), "422 row-invalid"),
        ("[{]", "400 json-invalid"),
        ("", "422 no-rows"),
        ("\"/etc/passwd\"", "403 path-not-allowed"),
    ] {
        let answer = ask("/prediction", &length(body), body);
        assert_eq!(problem(&answer), wanted);
        assert_eq!(header_of(&answer, "connection"), None, "{answer}");
    }
    let chunked = format!("{:x}\r\n{bad_row}\r\n0\r\n\r\n", bad_row.len());
    let answer = ask("/prediction", "Transfer-Encoding: chunked", &chunked);
    assert_eq!(problem(&answer), "422 row-invalid");
    assert_eq!(status_of(&ask("/prediction", &length(ROWS), ROWS)), 200);
    // The answer to this request is never read.
    let answer = ask("/scoring", &length(ROWS), ROWS);
    assert_eq!(problem(&answer), "405 method-not-allowed");
    assert_eq!(header_of(&answer, "connection"), Some("close"));
    assert_eq!(rest_of(&mut kept), "");
}
