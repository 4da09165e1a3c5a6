//! Keys as passwords.

use std::fmt::Write;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

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
