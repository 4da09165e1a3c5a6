//! Attacks by bodies that are larger than they seem, have no end, or contain no rows.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::predict;
use crate::api::{CSV, HEADER, HOST, ROWS, problem, serving, still_answers};
use crate::server::{rest_of, status_of};

#[test]
fn a_compressed_bomb_is_stopped_long_before_it_is_unpacked() {
    let (_workspace, server) = serving(&[]);
    still_answers(&server);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..512 {
        encoder.write_all(&zeros).expect("packed");
    }
    let bomb = encoder.finish().expect("packed");
    let before = server.peak_mib();
    for kind in [CSV, "Content-Type: application/json"] {
        let answer = predict(&server, &[kind, "Content-Encoding: gzip"], &bomb);
        assert_eq!(problem(&answer), "413 body-too-large");
    }
    let grown = server.peak_mib() - before;
    assert!(grown < 160, "{grown} MiB");
    still_answers(&server);
}

#[test]
fn a_body_without_end_is_cut_off_at_the_limit() {
    let (_workspace, server) = serving(&[("limits.body_bytes", json!(1 << 20))]);
    still_answers(&server);
    let before = server.peak_mib();
    let mut stream = server.connect();
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut sent = 0;
    while stream.write_all(chunk.as_bytes()).is_ok() {
        sent += chunk.len();
        assert!(sent < 1 << 28, "nobody stops it");
        if sent > 1 << 22 {
            break;
        }
    }
    let answer = rest_of(&mut stream);
    // The connection may have been reset before the answer was read.
    assert!(
        answer.is_empty() || problem(&answer) == "413 body-too-large",
        "{answer}"
    );
    let grown = server.peak_mib() - before;
    assert!(grown < 32, "{grown} MiB");
    for (length, wanted) in [
        ("1048577", "413 body-too-large"),
        ("99999999999999", "413 body-too-large"),
        ("18446744073709551615", "413 body-too-large"),
    ] {
        let request = format!(
            "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: {length}\r\n\r\n"
        );
        assert_eq!(problem(&server.exchange(request)), wanted, "{length}");
    }
    for length in ["99999999999999999999999999", "-1", "1x", "+5"] {
        let request =
            format!("POST /prediction HTTP/1.1\r\n{HOST}\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(status_of(&server.exchange(request)), 400, "{length}");
    }
    let smuggled = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    assert!(matches!(status_of(&server.exchange(smuggled)), 400 | 422));
    still_answers(&server);
}

#[test]
fn bodies_that_are_no_rows_are_refused_by_kind_and_at_once() {
    let (_workspace, server) = serving(&[]);
    still_answers(&server);
    let before = server.peak_mib();
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(ROWS.bytes().flat_map(|byte| [byte, 0]))
        .collect();
    let columns: String = (0..1_000_000).map(|column| format!("c{column},")).collect();
    for (body, wanted) in [
        (columns.as_bytes().to_vec(), "413 too-many-columns"),
        (b",".repeat(16 << 20), "413 too-many-columns"),
        (
            [HEADER.as_bytes(), &b",".repeat(8 << 20)].concat(),
            "413 too-many-columns",
        ),
        (
            [HEADER.as_bytes(), b"\"", &b"x\n".repeat(5_000_000)].concat(),
            "413 field-too-long",
        ),
        (
            [HEADER.as_bytes(), &b"y".repeat(10_000_000)].concat(),
            "413 field-too-long",
        ),
        (
            [b"\xEF\xBB\xBF\"".as_slice(), &b"y\n".repeat(5_000_000)].concat(),
            "413 field-too-long",
        ),
        (utf16, "400 not-utf8"),
        (
            [HEADER.as_bytes(), b"\xFF\xFE,1,2,3\n"].concat(),
            "400 not-utf8",
        ),
        (
            ROWS.replace("number_of_employees", "Corporation ")
                .into_bytes(),
            "422 duplicate-column",
        ),
        (vec![0; 1000], "422 csv-invalid"),
        (b"\n\n\n".to_vec(), "422 no-rows"),
        (HEADER.as_bytes().to_vec(), "422 no-rows"),
        (
            "a,1,2,3\n".repeat(2_000_000).into_bytes(),
            "422 missing-column",
        ),
        (
            [HEADER, &"a,1,2,3\n".repeat(1_000_001)]
                .concat()
                .into_bytes(),
            "413 too-many-rows",
        ),
    ] {
        let answer = predict(&server, &[CSV], &body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(problem(&answer), wanted, "{shown:?}");
        assert!(answer.len() < 4096, "{} bytes", answer.len());
    }
    for (body, wanted) in [
        ("[".repeat(1_000_000), "400 json-invalid"),
        ("{\"records\":".repeat(1_000_000), "400 json-invalid"),
        (
            "[{\"corporation\":\"a\",\"corporation\":\"b\"}]".into(),
            "422 duplicate-column",
        ),
        ("{\"records\":[],\"records\":[]}".into(), "400 json-invalid"),
        (
            "{\"columns\":[\"corporation\",\"Corporation\"],\"data\":[]}".into(),
            "422 duplicate-column",
        ),
        (
            format!(
                "{{\"columns\":[\"{}\"],\"data\":[]}}",
                vec!["c"; 2000].join("\",\"")
            ),
            "413 too-many-columns",
        ),
        (
            format!("[{{\"corporation\":\"{}\"}}]", "x".repeat(10_000_000)),
            "413 field-too-long",
        ),
        (
            "{\"path\":\"a.csv\",\"records\":[]}".into(),
            "400 ambiguous-input",
        ),
        ("\"\\ud800\"".into(), "400 json-invalid"),
        ("null".into(), "400 json-invalid"),
    ] {
        let answer = predict(
            &server,
            &["Content-Type: application/json"],
            body.as_bytes(),
        );
        assert_eq!(problem(&answer), wanted, "{:.60}", body);
        assert!(answer.len() < 4096, "{} bytes", answer.len());
    }
    let grown = server.peak_mib() - before;
    assert!(grown < 256, "{grown} MiB");
    // A byte order mark at the beginning is allowed.
    let marked = [b"\xEF\xBB\xBF", ROWS.as_bytes()].concat();
    assert_eq!(status_of(&predict(&server, &[CSV], &marked)), 200);
    still_answers(&server);
}

#[test]
fn memory_is_taken_by_what_comes_and_not_by_what_is_announced() {
    let (_workspace, server) = serving(&[]);
    still_answers(&server);
    // The client sends only a small part of the announced body.
    server.allow_memory(512);
    let head = format!(
        "POST /prediction HTTP/1.1\r\n{HOST}\r\n{CSV}\r\nContent-Length: {}\r\n\r\n",
        16 << 20
    );
    let mut announced: Vec<_> = (0..100).map(|_| server.connect()).collect();
    // The client sends the body in several pieces.
    for part in [&head, HEADER, "a,1,2,3\n"] {
        for stream in &mut announced {
            stream.write_all(part.as_bytes()).expect("sent");
        }
        still_answers(&server);
    }
    drop(announced);
    still_answers(&server);
}
