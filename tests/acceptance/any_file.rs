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
    let says = "a.csv: 1 of 2 rows; line 3, exited: \"Maybe\" is not a label; positive: \"Yes\"; negative: \"No\"";
    assert!(text.contains(says), "{text}");
}

/// Forty rows of two numbers and a label, with these texts of the numbers and labels.
fn rows(id: impl Fn(usize) -> String, number: impl Fn(f64) -> String, separator: &str) -> String {
    let row = |row: usize| {
        let x = (row * 7 % 40) as f64 + 0.5;
        let y = (row * 11 % 23) as f64 * 61.25;
        let label = u8::from((row * 7 % 40) + (row % 5) * 6 > 26);
        let fields = [id(row), number(x), number(y), label.to_string()];
        let fields: Vec<String> = fields.into_iter().filter(|it| !it.is_empty()).collect();
        fields.join(separator) + "\n"
    };
    (0..40).map(row).collect()
}

/// What `ingestion --explain` prints about a file.
fn explained(workspace: &Workspace, file: &str) -> String {
    let path = workspace.path(file);
    let path = path.to_str().expect("a path in UTF-8");
    workspace.run("ingestion", &["--explain", path]).stdout
}

fn client(row: usize) -> String {
    format!("k{row}")
}

/// A pipeline with the features x and y, whose files have this content.
fn two_numbers(content: impl AsRef<[u8]>) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.set(
        "schema",
        json!({"id": "client", "features": ["x", "y"], "target": "left"}),
    );
    workspace.write(INPUT, content.as_ref());
    workspace.write(TEST, content.as_ref());
    workspace
}

/// The pipeline of plain numbers, separated by commas.
fn plain() -> Workspace {
    let rows = rows(client, |number| number.to_string(), ",");
    two_numbers(format!("client,x,y,left\n{rows}"))
}

fn is_that_of_plain_numbers(workspace: &Workspace) {
    let expected = plain();
    let of_plain = expected.fullprocess();
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start", "{record:#}");
    assert_eq!(record["candidate_score"], of_plain["candidate_score"]);
    assert_eq!(workspace.final_rows(), expected.final_rows());
    let calls = record["calls"].as_array().map_or(0, Vec::len);
    assert_eq!(calls, of_plain["calls"].as_array().map_or(0, Vec::len));
}

fn with_comma(number: f64) -> String {
    number.to_string().replace('.', ",")
}

#[test]
fn decimal_commas_give_the_model_of_points() {
    let text = rows(client, with_comma, ";");
    is_that_of_plain_numbers(&two_numbers(format!("client;x;y;left\n{text}")));
    // Between commas they are quoted, and a setting reads them.
    let quoted = |number| format!("\"{}\"", with_comma(number));
    let text = rows(client, quoted, ",");
    let mut workspace = two_numbers(format!("client,x,y,left\n{text}"));
    let advice = explained(&workspace, INPUT);
    assert!(advice.contains("see ingestion.decimal"), "{advice}");
    workspace.set("ingestion.decimal", ",".into());
    is_that_of_plain_numbers(&workspace);
}

#[test]
fn commas_that_may_separate_thousands_are_not_guessed() {
    let thousands = |number: f64| format!("1,{:03}", number as i64 % 1000);
    let text = rows(client, thousands, ";");
    let mut workspace = two_numbers(format!("client;x;y;left\n{text}"));
    let text = workspace.run("ingestion", &[]).stdout;
    for words in [
        "x: each comma stands before three digits",
        "set ingestion.decimal",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    workspace.set("ingestion.decimal", ",".into());
    workspace.run("ingestion", &["--json"]).json();
    assert_eq!(workspace.final_rows()[0], "k0,1,1,0");
    let formats = ["x", "y"].map(|name| json!({"name": name, "format": "thousands"}));
    workspace.set("schema.features", json!(formats));
    workspace.set("ingestion.decimal", "auto".into());
    workspace.run("ingestion", &["--json"]).json();
    assert_eq!(workspace.final_rows()[0], "k0,1000,1000,0");
}

#[test]
fn texts_of_other_encodings_are_read() {
    let name = |row| format!("Müller {row}");
    let text = format!(
        "client,x,y,left\n{}",
        rows(name, |number| number.to_string(), ",")
    );
    let expected = two_numbers(&text);
    expected.run("ingestion", &["--json"]).json();
    let marked = std::iter::once('\u{feff}').chain(text.chars());
    let marked: String = marked.collect();
    let utf_16 =
        |swap: fn(u16) -> [u8; 2]| -> Vec<u8> { marked.encode_utf16().flat_map(swap).collect() };
    for content in [utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes)] {
        let workspace = two_numbers(content);
        workspace.run("ingestion", &["--json"]).json();
        assert_eq!(workspace.final_rows(), expected.final_rows());
    }
    let latin: Vec<u8> = text.chars().map(|character| character as u8).collect();
    let mut workspace = two_numbers(latin);
    let rejected = explained(&workspace, INPUT);
    assert!(rejected.contains("ingestion.encoding"), "{rejected}");
    workspace.set("ingestion.encoding", "windows-1252".into());
    workspace.run("ingestion", &["--json"]).json();
    assert_eq!(workspace.final_rows(), expected.final_rows());
}

#[test]
fn lines_before_the_header_and_separators_after_each_row_are_accepted_and_reported() {
    let text = rows(client, with_comma, ";").replace('\n', ";\n");
    let workspace = two_numbers(format!("Clients of May\n\nclient;x;y;left\n{text}"));
    let text = explained(&workspace, INPUT);
    for note in [
        "a line before the header is skipped",
        "each row ends with a separator",
    ] {
        assert!(text.contains(note), "{note} is missing in {text}");
    }
    is_that_of_plain_numbers(&workspace);
}

#[test]
fn a_separator_after_the_header_alone_is_no_column() {
    let text = rows(client, |number| number.to_string(), ",");
    is_that_of_plain_numbers(&two_numbers(format!("client,x,y,left,\n{text}")));
}

/// A wrong guess would be off by a factor of a thousand, so there is none.
#[test]
fn marks_that_contradict_each_other_or_decide_nothing_reject_the_file() {
    let said = |features: Value, cells: &[&str]| {
        let rows = cells.iter().enumerate();
        let rows: String = rows
            .map(|(row, cell)| format!("c{row};{cell};1;0\n"))
            .collect();
        let mut workspace = two_numbers(format!("client;x;y;left\n{rows}"));
        workspace.set("schema.features", features);
        workspace.run("ingestion", &[]).stdout
    };
    let money = || json!([{"name": "x", "format": "money"}, "y"]);
    let contradiction = "x: the same mark is a decimal mark in some cells";
    for cells in [
        ["1.239 €", "1.45 €"],
        ["1,234 €", "0,5 €"],
        ["1,234", "12,345.50"],
    ] {
        let text = said(money(), &[cells[0], cells[1], "1,5"]);
        assert!(text.contains(contradiction), "{cells:?}: {text}");
    }
    let text = said(json!(["x", "y"]), &["120", "1.456", "997"]);
    assert!(
        text.contains("x: each point stands before three digits"),
        "{text}"
    );
    let text = said(json!(["x", "y"]), &["12.5", "1.456", "997"]);
    assert!(text.contains("finaldata.csv holds 3 rows"), "{text}");
    let text = said(money(), &["0,275 €", "0,5 €", "12,25 €"]);
    assert!(text.contains("finaldata.csv holds 3 rows"), "{text}");
}

#[test]
fn a_file_without_a_header_is_reported() {
    let text = rows(client, |number| number.to_string(), ",");
    let workspace = two_numbers(text);
    let said = workspace.run("ingestion", &[]).stdout;
    assert!(
        said.contains("the first line is no header: it looks like data"),
        "{said}"
    );
}

#[test]
fn words_for_missing_values_are_those_of_the_schema() {
    let mut workspace =
        two_numbers("client,x,y,left\na,-999,n.a.,0\nb,1,2,1\nc,?,NA,1\nd,-999.0,3,0\n");
    workspace.set("ingestion.missing", json!(["n.a.", "NA"]));
    workspace.set(
        "schema.features",
        json!([{"name": "x", "missing": ["-999", "?"]}, "y"]),
    );
    workspace.run("ingestion", &["--json"]).json();
    assert_eq!(
        workspace.final_rows(),
        ["a,,,0", "b,1,2,1", "c,?,NA,1", "d,,3,0"]
    );
    workspace.set(
        "schema.features",
        json!(["x", {"name": "y", "kind": "category", "missing": ["NA"]}]),
    );
    workspace.set("ingestion.missing", json!(["?"]));
    workspace.run("ingestion", &["--json"]).json();
    let rows = ["a,-999,n.a.,0", "b,1,2,1", "c,?,,1", "d,-999.0,3,0"];
    assert_eq!(workspace.final_rows(), rows);
}

#[test]
fn percent_money_and_thousands_are_numbers() {
    let text = |number: f64| format!("\"${:.2}\"", number);
    let amounts = rows(client, text, ",");
    let mut workspace = two_numbers(format!("client,x,y,left\n{amounts}"));
    let features = json!([{"name": "x", "format": "money"}, {"name": "y", "format": "money"}]);
    workspace.set("schema.features", features);
    is_that_of_plain_numbers(&workspace);
    let percent = rows(client, |number| format!("{number} %"), ",");
    let mut workspace = two_numbers(format!("client,x,y,left\n{percent}"));
    let features = json!(["x", "y"].map(|name| json!({"name": name, "format": "percent"})));
    workspace.set("schema.features", features);
    is_that_of_plain_numbers(&workspace);
}

/// A pipeline without an id column.
fn without_id() -> Workspace {
    let rows = rows(|_| String::new(), |number| number.to_string(), ",");
    let mut workspace = two_numbers(format!("x,y,left\n{rows}"));
    workspace.set("schema.id", Value::Null);
    workspace
}

#[test]
fn rows_without_an_id_are_known_by_their_values() {
    let mut workspace = without_id();
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start", "{record:#}");
    assert!(record["candidate_score"].is_f64());
    assert_eq!(workspace.final_rows().len(), 40);
    // An export that overlaps: one known row, one row twice, one of them without a label.
    let later = "x,y,left\n0.5,0,0\n900,1,1\n900,1,1\n900,1,\n";
    workspace.write("data/practicedata/b.csv", later);
    let text = explained(&workspace, "data/practicedata/b.csv");
    let counts = "rows: 4 read = 3 kept + 1 duplicate + 0 rejected";
    assert!(text.contains(counts), "{text}");
    let said = "1 rows have no label, and without an id a label that comes later is not matched";
    assert!(text.contains(said), "{text}");
    workspace.fullprocess();
    let rows = workspace.final_rows();
    assert_eq!(rows.len(), 43, "{rows:?}");
    let new: Vec<(&str, &str)> = rows[40..]
        .iter()
        .filter_map(|row| row.split_once(','))
        .collect();
    assert_eq!(
        new.iter().map(|(_, cells)| *cells).collect::<Vec<_>>(),
        ["900,1,1", "900,1,1", "900,1,"]
    );
    let content = new[0].0.strip_suffix("-1").expect("the first of its kind");
    assert_eq!(new[1].0, format!("{content}-2"));

    let server = Server::start(&mut workspace);
    let body = r#"[{"x":1,"y":2},{"y":5,"x":4}]"#;
    let of_json = server
        .post("/prediction", "application/json", body)
        .json(200);
    let of_csv = server
        .post("/prediction", "text/csv", "x,y\n1,2\n4,5\n")
        .json(200);
    assert_eq!(of_json["predictions"], of_csv["predictions"]);
    assert_eq!(of_json["ids"], json!(["1", "2"]), "{of_json:#}");
    assert_eq!(server.get("/v1/model").json(200)["id"], Value::Null);
}

#[test]
fn a_column_named_like_the_row_id_is_read_as_any_other_file() {
    let workspace = without_id();
    let rows = rows(client, |number| number.to_string(), ",");
    workspace.write(INPUT, format!("row_id,x,y,left\n{rows}"));
    let record = workspace.fullprocess();
    assert_eq!(outcome(&record), "cold_start", "{record:#}");
    let final_rows = workspace.final_rows();
    assert_eq!(final_rows.len(), 40);
    let fields = final_rows.iter().map(|row| row.split(',').count());
    assert_eq!(fields.max(), Some(4), "{final_rows:?}");
}

#[test]
fn every_row_of_every_file_counts_if_asked_for() {
    let mut workspace = without_id();
    let overlapping = workspace.text(INPUT) + "900,1,1\n";
    workspace.write("data/practicedata/b.csv", overlapping);
    workspace.run("ingestion", &["--json"]).json();
    assert_eq!(workspace.final_rows().len(), 41);
    workspace.set("ingestion.deduplicate", false.into());
    workspace.run("ingestion", &["--json"]).json();
    assert_eq!(workspace.final_rows().len(), 81);
    let text = explained(&workspace, INPUT);
    assert!(text.contains("40 read = 0 kept + 40 duplicate"), "{text}");
    workspace.write("data/practicedata/c.csv", "x,y,left\n0.5,0,0\n77,1,1\n");
    let report = workspace.run("ingestion", &["--json"]).json();
    let warned = &report["files"][0]["warnings"];
    let overlap = "1 of its 2 rows are in earlier files, too";
    assert!(warned.to_string().contains(overlap), "{report:#}");
    workspace.set("schema.id", "x".into());
    workspace.set("schema.features", json!(["y"]));
    workspace.run("ingestion", &[]).failed(
        78,
        "ingestion.deduplicate: may be false only if schema.id is null",
    );
}
