//! Files as other teams write them: labels that are texts, and separators other than commas.

use serde_json::{Value, json};

use crate::server::Server;
use crate::workspace::{Workspace, outcome};

const INPUT: &str = "data/practicedata/a.csv";
const TEST: &str = "data/testdata/a.csv";

/// The sample data with these texts instead of the labels 0 and 1.
fn with_texts(texts: [&str; 2]) -> Workspace {
    let workspace = Workspace::with_sample_data();
    for path in paths(&workspace) {
        let text = workspace.text(&path);
        let lines = text.lines().map(|line| {
            let (before, label) = line.rsplit_once(',').expect("fields");
            let label = match label {
                "0" => texts[0],
                "1" => texts[1],
                other => other,
            };
            format!("{before},{label}\n")
        });
        workspace.write(&path, lines.collect::<String>());
    }
    workspace
}

#[test]
fn labels_that_are_texts_give_the_model_of_0_and_1() {
    let numbers = with_texts(["0", "1"]);
    let expected = numbers.fullprocess();
    let mut texts = with_texts(["stayed", "left"]);
    texts.set(
        "schema.target",
        json!({"name": "exited", "positive": ["left", "gone"], "negative": "stayed"}),
    );
    let record = texts.fullprocess();
    assert_eq!(outcome(&record), "cold_start", "{record:#}");
    assert_eq!(record["candidate_score"], expected["candidate_score"]);
    assert!(expected["candidate_score"].is_f64());
    // The next stages read the data back.
    let trained = texts.run("training", &["--json"]).json();
    assert_eq!(
        trained["rows"],
        numbers.run("training", &["--json"]).json()["rows"]
    );
    let rows = texts.final_rows();
    assert!(
        rows.iter()
            .all(|row| row.ends_with(",0") || row.ends_with(",1"))
    );

    let server = Server::start(&mut texts);
    let labels = json!({"positive": ["left", "gone"], "negative": ["stayed"]});
    let body = one_client().to_string();
    let answer = server
        .post("/prediction", "application/json", &body)
        .json(200);
    assert_eq!(answer["labels"], labels, "{answer:#}");
    assert_eq!(server.get("/v1/model").json(200)["labels"], labels);
}

fn one_client() -> Value {
    json!([{"corporation": "a", "lastmonth_activity": 1, "lastyear_activity": 2,
        "number_of_employees": 3}])
}

#[test]
fn semicolons_give_the_model_of_commas() {
    let commas = Workspace::with_sample_data();
    let expected = commas.fullprocess();
    let workspace = Workspace::with_sample_data();
    for path in paths(&workspace) {
        workspace.write(&path, with_semicolons(&workspace.text(&path)));
    }
    let text = workspace.copy().run("ingestion", &[]).stdout;
    assert!(
        text.contains("fields are separated by semicolons"),
        "{text}"
    );
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start", "{record:#}");
    assert_eq!(record["candidate_score"], expected["candidate_score"]);
    assert_eq!(workspace.final_rows(), commas.final_rows());
}

/// The text with other separators. Commas within quotes are text.
fn with_semicolons(text: &str) -> String {
    let mut is_quoted = false;
    let characters = text.chars().map(|character| {
        is_quoted ^= character == '"';
        match character {
            ',' if !is_quoted => ';',
            other => other,
        }
    });
    characters.collect()
}

/// The sample's input and test files.
fn paths(workspace: &Workspace) -> Vec<String> {
    let in_folder = |folder: &'static str| {
        let entries = std::fs::read_dir(workspace.path(folder)).expect("a folder");
        entries.map(move |entry| {
            let name = entry.expect("an entry").file_name();
            format!("{folder}/{}", name.to_str().expect("a name"))
        })
    };
    let mut paths: Vec<String> = in_folder("data/practicedata")
        .chain(in_folder("data/testdata"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_text_that_is_no_label_is_rejected_with_the_texts_that_are() {
    let mut workspace = Workspace::empty();
    workspace.set(
        "schema.target",
        json!({"name": "exited", "positive": "Yes", "negative": "No"}),
    );
    let header = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited";
    workspace.write(INPUT, format!("{header}\na,1,2,3,Yes\nb,1,2,3,Maybe\n"));
    workspace.write(TEST, format!("{header}\nc,1,2,3,No\n"));
    let text = workspace.run("ingestion", &[]).stdout;
    let says = "a.csv:3:5: exited: \"Maybe\" is not a label; positive: \"Yes\"; negative: \"No\"";
    assert!(text.contains(says), "{text}");
}
