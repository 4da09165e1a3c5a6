//! Names that are markup or that nobody can see, on every page.

use std::fmt::Write;

use crate::hostile::{HOSTILE, INVISIBLE, rows_of};

use super::*;

/// A pipeline whose features, ids, levels and file have these names: a first model, other clients, and clients
/// without a label.
fn pipeline_of(names: [&str; 4], file: &str) -> Workspace {
    let mut workspace = Workspace::empty();
    let features = json!([names[0], {"name": names[1], "kind": "category"}]);
    workspace.set(
        "schema",
        json!({"id": "id", "target": "left", "features": features}),
    );
    workspace.write(&format!("data/practicedata/{file}"), rows_of(names, 400, 0));
    workspace.write("data/testdata/test.csv", rows_of(names, 200, 10_000));
    assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
    let moved = rows_of(names, 300, 20_000)
        .replace(",9", ",99")
        .replace(",8", ",98");
    workspace.write("data/practicedata/moved.csv", moved);
    workspace.fullprocess();
    let waiting = rows_of(names, 50, 30_000);
    let waiting = waiting.lines().filter_map(|line| line.rsplit_once(','));
    let waiting: String = waiting.map(|(row, _)| format!("{row}\n")).collect();
    workspace.write("data/practicedata/waiting.csv", waiting);
    workspace.fullprocess();
    workspace
}

/// The addresses of all pages of such a pipeline.
fn addresses(names: [&str; 4]) -> Vec<String> {
    let mut addresses: Vec<String> = PAGES.map(str::to_owned).to_vec();
    for run in 1..=3 {
        addresses.push(format!("/dashboard/runs/{run}"));
    }
    addresses.push("/dashboard/releases/1".into());
    for name in &names[..2] {
        let mut address = "/dashboard/drift?feature=".to_owned();
        for byte in name.bytes() {
            write!(address, "%{byte:02x}").expect("text");
        }
        addresses.push(address);
    }
    addresses
}

#[test]
fn hostile_names_stay_text_on_every_page() {
    let mut workspace = pipeline_of(HOSTILE, "<svg onload=alert(3)>.csv");
    let server = Server::start(&mut workspace);
    let addresses = addresses(HOSTILE);
    let pages: Vec<String> = addresses.iter().map(|path| page(&server, path)).collect();
    for (name, one) in HOSTILE[..2].iter().zip(&pages[pages.len() - 2..]) {
        let escaped = name
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        assert!(
            one.contains(&format!("<h1>Feature {escaped}</h1>")),
            "{one}"
        );
    }
    let all = pages.concat();
    for shown in [
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;svg onload=alert(3)&gt;.csv",
        "&quot;&gt;&lt;img src=x onerror=alert(2)&gt; 3",
    ] {
        assert!(all.contains(shown), "{shown}");
    }
    assert!(!all.contains("<svg onload") && !all.contains(['\u{202e}', '\u{0}']));
    // An address that names markup has a page of its own.
    let nowhere = server.send(
        "GET /dashboard/%3Cscript%3Ealert(1)%3C/script%3E",
        &[HOST],
        b"",
    );
    assert_eq!(status_of(&nowhere), 404);
    assert_is_page("nowhere", &nowhere);
}

#[test]
fn a_character_that_nobody_can_see_is_written_out_on_every_page() {
    let names = INVISIBLE.map(|(name, _)| name);
    let mut workspace = pipeline_of(names, "file\u{200b}\u{202e}name.csv");
    let server = Server::start(&mut workspace);
    let mut all = String::new();
    for path in addresses(names) {
        let page = page(&server, &path);
        let unseen = |character: char| {
            (character.is_control() && character != '\n')
                || matches!(character, '\u{ad}' | '\u{200b}' | '\u{202e}' | '\u{2066}')
        };
        assert!(!page.contains(unseen), "{path}: {page}");
        all += &page;
    }
    for (_, shown) in INVISIBLE {
        // Each name is a part of the ids of clients.
        assert!(all.contains(&format!("<td>{shown} 3")), "{shown}");
    }
    // The first two are also names of features, which have pages of their own.
    for (_, shown) in &INVISIBLE[..2] {
        assert!(
            all.contains(&format!("<h1>Feature {shown}</h1>")),
            "{shown}"
        );
    }
    assert!(all.contains(r"file\u{200b}\u{202e}name.csv"));
    // The filter finds the client by the name that a page shows.
    let found = page(&server, r"/dashboard/calls?client=zero%5Cu%7b200b%7dwidth");
    assert!(found.contains(r"<td>zero\u{200b}width 3"), "{found}");
    let unknown = server.send("GET /dashboard/drift?feature=%E2%80%AE", &[HOST], b"");
    assert_eq!(status_of(&unknown), 404);
    assert!(!body_of(&unknown).contains('\u{202e}'));
}
