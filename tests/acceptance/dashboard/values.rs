//! The pages show the values of the API.

use super::*;

#[test]
fn the_pages_show_the_true_values_of_a_pipeline() {
    let (mut workspace, old) = story();
    let before = workspace.snapshot(&["data", "production_deployment"]);
    let server = Server::start(&mut workspace);
    let runs = server.get("/v1/runs").json(200);
    let releases = server.get("/v1/releases").json(200);
    let risks = server.get("/v1/risks?limit=50").json(200);

    let overview = text_of(&page(&server, "/"));
    let f1 = runs["runs"][1]["new_score"].as_f64().expect("a score");
    for part in [
        "Release 000002",
        "last run 3",
        "What needs attention",
        "120",
    ] {
        assert!(overview.contains(part), "{part}: {overview}");
    }
    let score = text_of(&page(&server, "/dashboard/score"));
    assert!(score.contains(&format!("{f1:.2}")), "{score}");

    let list = page(&server, "/dashboard/runs");
    for run in runs["runs"].as_array().expect("runs") {
        let number = run["run_id"].as_i64().expect("a number");
        let (_, rest) = list
            .split_once(&format!("href=\"/dashboard/runs/{number}\""))
            .expect("a row");
        let (row, _) = rest.split_once("</tr>").expect("its end");
        let words = run["outcome"]
            .as_str()
            .expect("an outcome")
            .replace('_', " ");
        assert!(row.contains(&format!("<td>{words}</td>")), "{row}");
        assert!(row.contains(&format!("/v1/reports/{number}")), "{row}");
        let one = text_of(&page(&server, &format!("/dashboard/runs/{number}")));
        assert!(one.contains(&format!("Run {number}")) && one.contains("What was done"));
    }
    let second = text_of(&page(&server, "/dashboard/runs/2"));
    for part in [
        "The reasons for leaving changed",
        "Candidate and previous model",
        "Model drift in run 2",
    ] {
        assert!(second.contains(part), "{part}: {second}");
    }

    let list = text_of(&page(&server, "/dashboard/releases"));
    for release in releases["releases"].as_array().expect("releases") {
        let name = release["release"].as_str().expect("a name");
        let score = release["score"].as_f64().expect("a score");
        assert!(
            list.contains(name) && list.contains(&format!("{score:.2}")),
            "{list}"
        );
    }
    let compared = text_of(&page(&server, "/dashboard/releases/2"));
    let new = server.get("/v1/model").json(200);
    let threshold =
        |model: &Value| format!("{:.3}", model["threshold"].as_f64().expect("a threshold"));
    for part in [
        "deployment --rollback 000001".to_owned(),
        "Release 000002 compared with release 000001".to_owned(),
        threshold(&old),
        threshold(&new),
        "Only in the data of release 000002: data/exports/may.csv".to_owned(),
        "rows since the drift was found".to_owned(),
        "number_of_employees".to_owned(),
    ] {
        assert!(compared.contains(&part), "{part}: {compared}");
    }
    let other_way = text_of(&page(&server, "/dashboard/releases/1?with=000002"));
    assert!(
        other_way.contains("deployment --rollback 000001"),
        "{other_way}"
    );
    assert!(other_way.contains("Release 000001 compared with release 000002"));

    let calls = page(&server, "/dashboard/calls");
    for client in risks["clients"].as_array().expect("clients") {
        let id = client["id"].as_str().expect("an id").replace('&', "&amp;");
        assert!(calls.contains(&format!("<td>{id}</td>")), "{id}");
    }
    let alerts = page(&server, "/dashboard/alerts");
    assert!(
        alerts.contains("<a href=\"/dashboard/runs/2\">2</a>"),
        "{alerts}"
    );
    assert!(alerts.contains("command: 20"), "{alerts}");
    let reports = page(&server, "/dashboard/reports");
    for run in 1..=3 {
        assert!(reports.contains(&format!("href=\"/v1/reports/{run}\"")));
        assert_eq!(server.get(&format!("/v1/reports/{run}")).status, 200);
    }
    let feature = text_of(&page(&server, "/dashboard/drift?feature=lastyear_activity"));
    for part in [
        "Feature lastyear_activity",
        "New and training rows in",
        "Effect on the risk",
    ] {
        assert!(feature.contains(part), "{part}: {feature}");
    }
    // No identifier of the program, and no fraction of a second.
    for path in PAGES {
        let text = text_of(&page(&server, path));
        for identifier in [
            "model_drift",
            "feature_drift",
            "segment_drift",
            "run_failed",
            "input_rejected",
            "cold_start",
            "nothing_new",
            "candidate_refused",
        ] {
            assert!(!text.contains(identifier), "{path}: {identifier}: {text}");
        }
        let has_fraction =
            |word: &str| word.starts_with("20") && word.contains("T") && word.contains('.');
        assert!(!text.split(' ').any(has_fraction), "{path}: {text}");
    }
    assert_eq!(server.stop(), 0);
    assert_eq!(
        workspace.snapshot(&["data", "production_deployment"]),
        before
    );
}

#[test]
fn changes_by_hand_stand_among_the_runs_and_the_scores() {
    let (mut workspace, _) = story();
    assert_eq!(
        workspace.run("deployment", &["--rollback", "000001"]).code,
        0
    );
    let listed = workspace.run("fullprocess", &["--history"]).stdout;
    assert!(
        listed.contains("rolled back to release 000001 by hand"),
        "{listed}"
    );
    let server = Server::start(&mut workspace);
    for path in ["/dashboard/runs", "/dashboard/score"] {
        let text = text_of(&page(&server, path));
        assert!(text.contains("by hand"), "{path}: {text}");
        assert!(
            text.contains("Rolled back to release 000001 by hand, by "),
            "{path}: {text}"
        );
    }
    // A change belongs to the page of the runs that it came between.
    let older = text_of(&page(&server, "/dashboard/runs?before=3"));
    assert!(!older.contains("Rolled back"), "{older}");
}
