//! The call list: its filter, on the page and as a file.

use super::*;

#[test]
fn a_filter_selects_clients_on_the_page_and_in_the_file() {
    let (mut workspace, _) = story();
    let server = Server::start(&mut workspace);
    let all = server.get("/v1/risks?limit=200").json(200);
    let all = all["clients"].as_array().expect("clients");
    let file = server.get("/dashboard/calls.csv");
    assert_eq!(file.status, 200);
    assert_eq!(file.body.lines().count(), all.len() + 1);
    assert_eq!(file.body, workspace.text("data/models/riskranking.csv"));
    let high = all.iter().filter(|client| client["band"] == "high").count();
    assert!((1..all.len()).contains(&high), "{high}");
    let file = server.get("/dashboard/calls.csv?band=high&client=&call=");
    assert_eq!(file.body.lines().count(), high + 1);

    let id = all[5]["id"].as_str().expect("an id");
    let text = id.to_uppercase().replace(' ', "+").replace('&', "%26");
    let found = page(&server, &format!("/dashboard/calls?client={text}"));
    assert!(found.contains(&id.replace('&', "&amp;")), "{found}");
    assert!(found.contains("Show all"));
    let none = page(&server, "/dashboard/calls?client=nobody+has+this");
    assert!(none.contains("No client matches the filter."));
    // The second page begins where the first ends. Browsers save the file instead of showing it.
    let second = page(&server, "/dashboard/calls?before=50");
    assert!(second.contains("<td class=\"number\">51</td>"), "{second}");
    assert!(!second.contains("<td class=\"number\">50</td>"));
    let head = server.send("HEAD /dashboard/calls.csv", &[HOST], b"");
    assert_eq!(
        header_of(&head, "content-disposition"),
        Some("attachment; filename=\"riskranking.csv\"")
    );
    assert_eq!(body_of(&head), "");
    for wrong in [
        "band=x",
        "call=maybe",
        "before=0",
        "x=1",
        "band=high&band=low",
    ] {
        let answer = server.send(&format!("GET /dashboard/calls?{wrong}"), &[HOST], b"");
        assert_eq!(status_of(&answer), 400, "{wrong}");
        assert_is_page(wrong, &answer);
    }
}
