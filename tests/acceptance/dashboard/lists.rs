//! Addresses, methods, and lists page by page.

use super::*;

#[test]
fn pages_are_read_with_head_and_asked_again_with_a_tag() {
    let mut workspace = Workspace::after_cold_start();
    let server = Server::start(&mut workspace);
    for path in PAGES {
        let head = server.send(&format!("HEAD {path}"), &[HOST], b"");
        assert_eq!((status_of(&head), body_of(&head)), (200, ""), "{path}");
        assert!(header_of(&head, "etag").is_some() && header_of(&head, "content-length").is_some());
        let post = server.send(&format!("POST {path}"), &[HOST], b"");
        assert_eq!(status_of(&post), 405, "{path}");
        assert_eq!(header_of(&post, "allow"), Some("GET, HEAD, OPTIONS"));
        let json = server.send(
            &format!("GET {path}"),
            &[HOST, "Accept: application/json"],
            b"",
        );
        assert_eq!(status_of(&json), 406, "{path}");
    }
    for (path, status) in [
        ("/dashboard/runs/2", 404),
        ("/dashboard/runs/x", 404),
        ("/dashboard/releases/7", 404),
        ("/dashboard/releases/1?with=9", 404),
        ("/dashboard/drift?feature=nobody", 404),
        ("/dashboard/nothing", 404),
        ("/?x=1", 400),
    ] {
        let answer = server.send(&format!("GET {path}"), &[HOST], b"");
        assert_eq!(status_of(&answer), status, "{path}");
        assert_is_page(path, &answer);
    }
}

#[test]
fn the_list_of_runs_goes_page_by_page() {
    let mut workspace = Workspace::after_cold_start();
    for _ in 0..24 {
        assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    }
    let server = Server::start(&mut workspace);
    let runs_of = |page: &str| -> Vec<i64> {
        let links = page
            .split("<td class=\"number\"><a href=\"/dashboard/runs/")
            .skip(1);
        links
            .map(|rest| {
                rest.split('"')
                    .next()
                    .expect("a number")
                    .parse()
                    .expect("a number")
            })
            .collect()
    };
    let first = page(&server, "/dashboard/runs");
    assert_eq!(runs_of(&first), (6..=25).rev().collect::<Vec<i64>>());
    let next = "/dashboard/runs?before=6";
    assert!(first.contains(&format!("<a href=\"{next}\" rel=\"next\">Older runs</a>")));
    let second = page(&server, next);
    assert_eq!(runs_of(&second), (1..=5).rev().collect::<Vec<i64>>());
    assert!(!second.contains("Older runs") && second.contains("Newest runs"));
    // The page of scores lists only runs with new rows, also after later runs without new rows.
    assert_eq!(runs_of(&page(&server, "/dashboard/score")), [1]);
}

#[test]
fn the_answer_to_a_mistyped_address_names_what_is_there_and_links_to_the_list() {
    let (mut workspace, _) = story();
    let server = Server::start(&mut workspace);
    for (path, says, list) in [
        (
            "/dashboard/runs/99",
            "choose one of the runs 1 to 3",
            "/dashboard/runs",
        ),
        (
            "/dashboard/runs/x",
            "choose one of the runs 1 to 3",
            "/dashboard/runs",
        ),
        (
            "/dashboard/releases/7",
            "choose one of the releases that are kept: 000002, 000001",
            "/dashboard/releases",
        ),
        (
            "/dashboard/releases/1?with=abc",
            "choose one of the releases that are kept: 000002, 000001",
            "/dashboard/releases",
        ),
        // A release differs in nothing from itself.
        (
            "/dashboard/releases/1?with=000001",
            "choose one of the releases that are kept: 000002, 000001",
            "/dashboard/releases",
        ),
        (
            "/dashboard/drift?feature=lastyear",
            "choose one of the features: lastmonth_activity, lastyear_activity",
            "/dashboard/drift",
        ),
    ] {
        let answer = server.send(&format!("GET {path}"), &[HOST], b"");
        assert_eq!(status_of(&answer), 404, "{path}");
        assert_is_page(path, &answer);
        let text = text_of(body_of(&answer));
        assert!(text.contains(says), "{path}: {text}");
        assert!(!text.contains("Run the pipeline first"), "{path}: {text}");
        let content = body_of(&answer).split("<main").nth(1).expect("the content");
        assert!(
            content.contains(&format!("href=\"{list}\"")),
            "{path}: {content}"
        );
    }
}
