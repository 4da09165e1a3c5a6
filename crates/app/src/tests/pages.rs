//! Tests of pages and of the headers of answers.

use std::fs;

use common::{files, layout::names};

use super::client::send_as_stranger;
use super::service::Service;

#[test]
fn head_and_not_modified_have_the_headers_of_the_compressed_answer() {
    let service = Service::deployed();
    let gzip = "Accept-Encoding: gzip";
    let ask = |request: &str, headers: &[&str]| service.send(request, headers, "");
    // The text of the overview changes with the time, and so may its length and tag.
    let head = ask("HEAD /", &[gzip]);
    let bytes = |length: Option<&str>| length.map(|length| length.parse::<u64>().unwrap());
    let compressed = bytes(head.header("content-length")).unwrap();
    let plain = bytes(ask("HEAD /", &[]).header("content-length")).unwrap();
    assert_eq!(head.header("content-encoding"), Some("gzip"));
    assert!(compressed < plain / 2, "{compressed} {plain}");
    assert!(head.body.is_empty());

    // This answer is so large that it is compressed piece by piece while it is sent.
    let get = ask("GET /openapi.json", &[gzip]);
    let head = ask("HEAD /openapi.json", &[gzip]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-encoding", "content-length", "etag", "vary"] {
        assert_eq!(head.headers(name), get.headers(name), "{name}");
    }
    assert_eq!(head.header("content-encoding"), Some("gzip"));
    let tag = get.header("etag").unwrap();
    assert!(tag.starts_with("W/"), "{tag}");
    let known = format!("If-None-Match: {tag}");
    for (headers, wanted) in [
        (&[gzip, known.as_str()][..], tag),
        (&[known.as_str()], &tag[2..]),
    ] {
        let same = ask("GET /openapi.json", headers);
        assert_eq!((same.status, same.header("etag")), (304, Some(wanted)));
        assert_eq!(same.headers("vary"), get.headers("vary"));
        assert_eq!(same.header("content-encoding"), None);
    }
}

#[test]
fn a_page_that_failed_has_no_tag_and_counts_as_a_problem() {
    let service = Service::deployed();
    let history = service.config.layout.state().join("history.db");
    files::replace(
        &history,
        b"this is no database, and long enough to be read as one",
    )
    .unwrap();
    for header in ["Accept: text/html", "If-None-Match: *"] {
        let failed = service.send("GET /dashboard/runs", &[header], "");
        assert_eq!((failed.status, failed.header("etag")), (500, None));
    }
    let metrics = String::from_utf8(service.get("/metrics").body).unwrap();
    let counted = metrics
        .lines()
        .find(|line| line.starts_with("http_problems_total") && line.contains("\"internal\""));
    assert!(
        counted.is_some_and(|line| line.ends_with(" 2")),
        "{metrics}"
    );
}

#[test]
fn releases_are_shown_although_the_link_to_the_live_one_cannot_be_read() {
    let service = Service::deployed();
    let current = service.config.layout.current();
    fs::remove_file(&current).unwrap();
    let assert_listed = || {
        for path in ["/dashboard/releases", "/dashboard/releases/1"] {
            assert_eq!(service.get(path).status, 200, "{path}");
        }
        let listed = service.get("/v1/releases").json();
        assert_eq!(listed["releases"][0]["release"], "000001", "{listed}");
        assert_eq!(listed["releases"][0]["is_live"], false);
    };
    files::create_folder(&current).unwrap();
    assert_listed();
    fs::remove_dir(&current).unwrap();
    files::replace(&current, b"releases/000001").unwrap();
    assert_listed();
}

#[test]
fn a_release_is_shown_although_the_one_before_it_is_too_large() {
    let service = Service::deployed();
    let (second, _) = service.deploy();
    let model = second.folder.with_file_name("000001").join(names::MODEL);
    fs::remove_file(&model).unwrap();
    let huge = fs::File::create_new(&model).unwrap();
    huge.set_len(1 << 40).unwrap();
    let page = service.get("/dashboard/releases/2");
    let text = String::from_utf8(page.body).unwrap();
    assert_eq!(page.status, 200);
    assert!(text.contains("cannot be compared"), "{text}");
    assert!(text.contains("<code>deployment --list</code>"), "{text}");
}

#[test]
fn numbers_in_addresses_have_digits_only() {
    let service = Service::deployed();
    let folder = service.config.layout.run_folder(2);
    files::create_folder(&folder).unwrap();
    files::replace(&folder.join(names::REPORT), b"<p>report</p>").unwrap();
    assert_eq!(service.get("/v1/reports/2").status, 200);
    for path in ["/dashboard/runs", "/v1/runs", "/v1/reports"] {
        for number in ["+2", "-1", "%201", "1e0", "99999999999999999999"] {
            assert_eq!(service.get(&format!("{path}/{number}")).status, 404);
        }
    }
}

#[test]
fn the_folder_of_the_pages_is_the_overview() {
    let service = Service::deployed();
    for path in ["/dashboard", "/dashboard/"] {
        let page = service.get(path);
        assert_eq!(
            page.header("content-type"),
            service.get("/").header("content-type")
        );
        assert_eq!(page.status, 200, "{path}");
    }
}

#[test]
fn an_address_that_is_too_long_is_named_as_the_cause() {
    let service = Service::new();
    let long = format!("GET /version?{}", "x".repeat(70_000));
    let refused = send_as_stranger(service.server.url(), &long, &[]);
    assert_eq!(refused.problem(), "400 request-invalid");
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("longer than 65534 bytes"), "{detail}");
}
