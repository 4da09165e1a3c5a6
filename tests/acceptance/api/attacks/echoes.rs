//! Attacks by text of a client that appears again: in an answer, in its headers or in the log.

use super::predict;
use crate::api::{CSV, HEADER, HOST, problem, serving, still_answers};
use crate::server::{body_of, header_of, status_of};

#[test]
fn names_that_are_formulas_or_markup_do_no_harm() {
    let (_workspace, server) = serving(&[]);
    let names = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")",
        "<script>alert(1)</script>",
    ];
    let mut csv = String::from(HEADER);
    for name in names {
        csv.push_str(&format!("\"{name}\",1,2,3\n"));
    }
    let answer = predict(&server, &[CSV, "Accept: text/csv"], csv.as_bytes());
    for line in body_of(&answer).lines().skip(1) {
        let cell = line.trim_start_matches('"');
        let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        assert!(!is_formula, "{line}");
    }
    assert!(body_of(&answer).contains("\n'=1+1,"), "{answer}");
    // A browser that shows a problem as a page shows it as plain text.
    let nowhere = server.send("GET /<img src=x onerror=alert(1)>", &[HOST], b"");
    assert!(matches!(status_of(&nowhere), 400 | 404), "{nowhere}");
    let encoded = server.get("/%3Cscript%3Ealert(1)%3C/script%3E");
    encoded.problem(404, "not-found");
    let column = predict(&server, &[CSV], b"x<b>,y\n1,2\n");
    assert_eq!(problem(&column), "422 missing-column");
    still_answers(&server);
}

#[test]
fn a_header_cannot_be_smuggled_into_an_answer_or_a_line_into_the_log() {
    let (_workspace, server) = serving(&[]);
    for id in [
        "a b",
        "a%0d%0aSet-Cookie: x=1",
        "é",
        &"x".repeat(65),
        "<script>",
        "a;b",
    ] {
        let answer = server.send("GET /livez", &[HOST, &format!("X-Request-Id: {id}")], b"");
        assert_eq!(status_of(&answer), 200);
        let given = header_of(&answer, "x-request-id").expect("an id");
        assert_ne!(given, id);
        assert!(header_of(&answer, "set-cookie").is_none(), "{answer}");
    }
    let answer = server.send("GET /livez", &[HOST, "X-Request-Id: A.b_c-9"], b"");
    assert_eq!(header_of(&answer, "x-request-id"), Some("A.b_c-9"));
    let long = "x".repeat(100_000);
    let answer = server.send(&format!("GET /{long}"), &[HOST], b"");
    assert!(
        answer.is_empty() || status_of(&answer) >= 400 && answer.len() < 2000,
        "{answer:.200}"
    );
    let many: Vec<String> = (0..10_000).map(|number| format!("X-{number}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let answer = server.send("GET /livez", &[&[HOST], many.as_slice()].concat(), b"");
    assert!(
        answer.is_empty() || status_of(&answer) >= 400,
        "{answer:.200}"
    );
    still_answers(&server);
}
