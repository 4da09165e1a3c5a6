//! `fullprocess --try`: from any file to the text of a run, without a configuration. The files have the
//! shapes of well-known data sets, with invented rows.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::program;
use crate::workspace::{Workspace, outcome};

/// A file of 300 rows, with what a person would say about it.
struct Sample {
    name: &'static str,
    /// Text before the rows.
    beginning: &'static str,
    /// The cells of a row. `{n}` is its number, `{x}` and `{y}` are numbers, `{c}` is one of three
    /// letters, `{l}` is the label.
    row: &'static str,
    labels: [&'static str; 2],
    id: Option<&'static str>,
    target: Value,
    categories: &'static [&'static str],
    left_out: &'static [&'static str],
}

const SAMPLES: fn() -> [Sample; 8] = || {
    [
        Sample {
            name: "telecom",
            beginning: "customerID,gender,SeniorCitizen,tenure,Contract,MonthlyCharges,TotalCharges,Churn\n",
            row: "{n}-AB{c},Female {c},0,{x},Month {c},{y}, ,{l}\n",
            labels: ["No", "Yes"],
            id: Some("customerID"),
            target: json!({"name": "Churn", "positive": "Yes", "negative": "No"}),
            categories: &["gender", "Contract"],
            left_out: &["TotalCharges", "SeniorCitizen"],
        },
        Sample {
            name: "french telecom",
            beginning: "State;Account length;Area code;Voice mail plan;Total day minutes;Churn\n",
            row: "S{c};{x};41{c3};No {c};{y};{l}\n",
            labels: ["FAUX", "VRAI"],
            id: None,
            target: json!({"name": "Churn", "positive": "VRAI", "negative": "FAUX"}),
            categories: &["State", "Area code", "Voice mail plan"],
            left_out: &[],
        },
        Sample {
            name: "bank",
            beginning: "RowNumber,CustomerId,Surname,CreditScore,Geography,Balance,Exited\n",
            row: "{n},15{n}77,Smith {n},{x},{c}land,{y},{l}\n",
            labels: ["0", "1"],
            id: Some("CustomerId"),
            target: json!("Exited"),
            categories: &["Geography"],
            left_out: &["RowNumber", "Surname"],
        },
        Sample {
            name: "staff",
            beginning: "\u{feff}Age,Attrition,EmployeeCount,EmployeeNumber,JobRole,MonthlyIncome,Over18\r\n",
            row: "{x},{l},1,{n},Role {c},{y},Y\r\n",
            labels: ["No", "Yes"],
            id: Some("EmployeeNumber"),
            target: json!({"name": "Attrition", "positive": "Yes", "negative": "No"}),
            categories: &["JobRole"],
            left_out: &["EmployeeCount", "Over18"],
        },
        Sample {
            name: "credit",
            beginning: "account,duration,purpose,savings,creditability\n",
            row: "\"... < {c}, DM\",{x},\"none\",\"{c} \"\"or\"\" more\",{l}\n",
            labels: ["good", "bad"],
            id: None,
            target: json!({"name": "creditability", "positive": "bad", "negative": "good"}),
            categories: &["account", "savings"],
            left_out: &["purpose"],
        },
        Sample {
            name: "office",
            beginning: "Clients of May;;;;\nKundennummer;Umsatz;Quote;Kategorie;gekündigt\n",
            row: "K{n};{y,};{x} %;{c};{l}\n",
            labels: ["nein", "ja"],
            id: Some("Kundennummer"),
            target: json!({"name": "gekündigt", "positive": "ja", "negative": "nein"}),
            categories: &["Kategorie"],
            left_out: &[],
        },
        Sample {
            name: "card",
            beginning: "CLIENTNUM|Attrition_Flag|Customer_Age|Income_Category|Credit_Limit\n",
            row: "76{n}8|{l}|{x}|{c}|{y}\n",
            labels: ["Existing Customer", "Attrited Customer"],
            id: Some("CLIENTNUM"),
            target: json!({"name": "Attrition_Flag", "positive": "Attrited Customer", "negative": "Existing Customer"}),
            categories: &["Income_Category"],
            left_out: &[],
        },
        Sample {
            name: "marketing",
            beginning: "\"age\";\"job\";\"balance\";\"y\"\n",
            row: "{x};\"{c}\";{y};\"{l}\"\n",
            labels: ["no", "yes"],
            id: None,
            target: json!({"name": "y", "positive": "yes", "negative": "no"}),
            categories: &["job"],
            left_out: &[],
        },
    ]
};

impl Sample {
    fn text(&self) -> String {
        let row = |row: usize| {
            let (x, y) = ((row * 37 % 60) as f64, (row * 53 % 97) as f64 * 12.75);
            let letter = ["a", "b", "c"][row % 3];
            // A noisy line through both numbers.
            let is_positive = x + (row * 29 % 20) as f64 > 45.0 + y / 80.0;
            let cells = [
                ("{n}", format!("{:04}", 1000 + row * 7 % 300)),
                ("{x}", x.to_string()),
                ("{y}", y.to_string()),
                ("{y,}", y.to_string().replace('.', ",")),
                ("{c}", letter.to_owned()),
                ("{c3}", (5 + row % 3).to_string()),
                ("{l}", self.labels[usize::from(is_positive)].to_owned()),
            ];
            let fill = |text: String, (name, cell): (&str, String)| text.replace(name, &cell);
            cells.into_iter().fold(self.row.to_owned(), fill)
        };
        self.beginning.to_owned() + &(0..300).map(row).collect::<String>()
    }
}

/// The report on a file that was tried, and where its files are.
fn tried(workspace: &Workspace, file: &str, arguments: &[&str]) -> Value {
    fs::create_dir_all(workspace.path("scratch")).expect("a folder");
    let path = workspace.path(file);
    let path = path.to_str().expect("a path in UTF-8");
    let mut command = workspace.command("fullprocess");
    command.args(["--json", "--try", path]).args(arguments);
    command.env("TMPDIR", workspace.path("scratch"));
    command.current_dir(workspace.path(""));
    workspace.finish(&mut command).json()
}

#[test]
fn any_file_gets_the_columns_that_a_person_would_choose_and_a_score() {
    for sample in SAMPLES() {
        let workspace = Workspace::empty();
        workspace.write("file.csv", sample.text());
        let report = tried(&workspace, "file.csv", &[]);
        let name = sample.name;
        let schema = &report["config"]["schema"];
        assert_eq!(schema["id"], json!(sample.id), "{name}: {schema:#}");
        assert_eq!(schema["target"], sample.target, "{name}: {schema:#}");
        let features = schema["features"].as_array().expect("a list");
        let is = |feature: &Value, wanted: &str| feature == wanted || feature["name"] == wanted;
        for wanted in sample.categories {
            let category = features.iter().find(|feature| is(feature, wanted));
            let kind = category.map(|feature| feature["kind"].clone());
            assert_eq!(
                kind,
                Some("category".into()),
                "{name}: {wanted} in {schema:#}"
            );
        }
        for left_out in sample.left_out {
            assert!(
                !features.iter().any(|feature| is(feature, left_out)),
                "{name}: {left_out}"
            );
            let remarks = report["remarks"].as_array().expect("a list").iter();
            let mut remarks = remarks.filter_map(Value::as_str);
            let beginning = format!("{left_out} is left out");
            assert!(
                remarks.any(|remark| remark.starts_with(&beginning)),
                "{name}: {report:#}"
            );
        }
        assert_eq!(outcome(&report["run"]), "cold_start", "{name}: {report:#}");
        assert!(
            report["run"]["candidate_score"].as_f64() > Some(0.3),
            "{name}: {report:#}"
        );
        let rows = report["training_rows"]
            .as_u64()
            .zip(report["test_rows"].as_u64());
        let (training, test) = rows.expect("numbers");
        assert_eq!(training + test, 300, "{name}");
        assert!((45..=105).contains(&test), "{name}: {test} test rows");
        let rows = &report["run"]["ingestion"]["rows"];
        assert_eq!(rows["rejected"], 0, "{name}: {report:#}");
    }
}

#[test]
fn only_a_scratch_folder_is_written_unless_one_is_named() {
    let workspace = Workspace::empty();
    let sample = &SAMPLES()[0];
    workspace.write("file.csv", sample.text());
    let entries = || -> BTreeSet<OsString> {
        let entries = fs::read_dir(workspace.path("")).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect()
    };
    let before = (entries(), workspace.snapshot(&["data"]));
    let report = tried(&workspace, "file.csv", &[]);
    let folder = report["folder"].as_str().expect("a folder");
    assert!(
        folder.starts_with(workspace.path("scratch").to_str().expect("UTF-8")),
        "{folder}"
    );
    let mut after = entries();
    after.remove(OsStr::new("scratch"));
    assert!(before == (after, workspace.snapshot(&["data"])));

    let kept = workspace.path("kept");
    let kept_name = kept.to_str().expect("UTF-8");
    let report = tried(&workspace, "file.csv", &["--keep", kept_name]);
    assert_eq!(report["folder"], kept_name);
    let config = kept.join("config.json");
    let mut command = Command::new(program::path("fullprocess"));
    command.args(["--json", "--config"]).arg(config);
    let again = workspace.finish(&mut command);
    assert_eq!(outcome(&again.json()), "nothing_new");
    let path = workspace.path("file.csv");
    let arguments = ["--try", path.to_str().expect("UTF-8"), "--keep", kept_name];
    let refused = workspace.run("fullprocess", &arguments);
    refused.failed(78, "is not empty: name a folder that does not exist yet");
    tried(&workspace, "file.csv", &["--keep", "by_name"]);
    assert!(workspace.path("by_name").join("config.json").is_file());
}

#[test]
fn a_file_that_is_not_unicode_is_read_and_kept_with_its_setting() {
    let workspace = Workspace::empty();
    let office = SAMPLES().into_iter().find(|sample| sample.name == "office");
    let text = office.expect("a sample").text();
    let latin: Vec<u8> = text.chars().map(|character| character as u8).collect();
    workspace.write("file.csv", latin);
    let report = tried(&workspace, "file.csv", &[]);
    assert_eq!(outcome(&report["run"]), "cold_start", "{report:#}");
    assert_eq!(report["config"]["ingestion"]["encoding"], "windows-1252");
    assert_eq!(report["config"]["schema"]["target"]["name"], "gekündigt");
    assert_eq!(report["run"]["ingestion"]["rows"]["rejected"], 0);
}

#[test]
fn newer_rows_are_tested_on_where_a_column_has_dates() {
    let workspace = Workspace::empty();
    let rows = (0..400).map(|row| {
        let day = format!("2024-{:02}-{:02}", 1 + row * 7 % 12, 1 + row * 11 % 28);
        let x = row * 37 % 60;
        format!("c{row},{day},{x},{}\n", u8::from(x + row * 29 % 40 > 60))
    });
    let text = "id,seen,x,left\n".to_owned() + &rows.collect::<String>();
    workspace.write("file.csv", text);
    let report = tried(&workspace, "file.csv", &[]);
    assert_eq!(report["split_by"], "seen", "{report:#}");
    let folder = std::path::PathBuf::from(report["folder"].as_str().expect("a folder"));
    let dates = |part: &str| -> Vec<String> {
        let text = fs::read_to_string(folder.join(part).join("file.csv")).expect("a file");
        let rows = text.lines().skip(1);
        rows.filter_map(|row| row.split(',').nth(1).map(str::to_owned))
            .collect()
    };
    assert!(dates("input").iter().max() < dates("test").iter().min());
    assert_eq!(outcome(&report["run"]), "cold_start");
}

#[test]
fn a_file_without_a_header_is_refused() {
    let workspace = Workspace::empty();
    let rows: String = (0..60)
        .map(|row| format!("c{row},{}.5,3,{}\n", row * 7 % 13, row % 2))
        .collect();
    workspace.write("file.csv", rows);
    let path = workspace.path("file.csv");
    let refused = workspace.run("fullprocess", &["--try", path.to_str().expect("UTF-8")]);
    refused.failed(65, "the first row looks like data");
}

/// Each month has a row for each client.
#[test]
fn clients_with_several_rows_stay_together() {
    let workspace = Workspace::empty();
    let rows: String = (0..360)
        .map(|row| {
            format!(
                "K{},{},{},{}\n",
                1000 + row % 90,
                row / 90,
                row * 37 % 60,
                u8::from(row * 37 % 60 + row % 17 > 40)
            )
        })
        .collect();
    workspace.write("file.csv", format!("customer_id,month,usage,churn\n{rows}"));
    let report = tried(&workspace, "file.csv", &[]);
    assert_eq!(
        report["config"]["schema"]["id"], "customer_id",
        "{report:#}"
    );
    assert_eq!(
        report["test_rows"].as_u64().map(|rows| rows % 4),
        Some(0),
        "{report:#}"
    );
}

#[test]
fn few_different_rows_are_split_too() {
    let workspace = Workspace::empty();
    let rows: String = (0..300)
        .map(|row| {
            format!(
                "d{},{}\n",
                row % 3,
                ["No", "Yes"][usize::from(row % 3 == row % 2)]
            )
        })
        .collect();
    workspace.write("file.csv", format!("Department,churn\n{rows}"));
    let report = tried(&workspace, "file.csv", &[]);
    let test = report["test_rows"].as_u64().expect("a number");
    assert!((45..=105).contains(&test), "{report:#}");
}

#[test]
fn a_file_without_a_target_is_refused_with_the_reason() {
    let workspace = Workspace::empty();
    workspace.write("file.csv", "id,x\na,1\nb,2\nc,3\n");
    let path = workspace.path("file.csv");
    let refused = workspace.run("fullprocess", &["--try", path.to_str().expect("UTF-8")]);
    refused.failed(65, "no column has exactly two different values");
}

/// Rows of a client, a number as written by `number`, and a label that depends on it.
fn of_numbers(header: &str, number: impl Fn(usize) -> String, separator: &str) -> String {
    let row = |row: usize| {
        let label = usize::from(row * 37 % 60 + row * 29 % 20 > 40);
        let cells = [format!("c{row}"), number(row * 37 % 60), label.to_string()];
        cells.join(separator) + "\n"
    };
    format!("{header}\n") + &(0..300).map(row).collect::<String>()
}

#[test]
fn the_marks_of_numbers_are_found_out_and_kept() {
    let workspace = Workspace::empty();
    let quoted = of_numbers("client,spend,left", |x| format!("\"{x},{}\"", x % 10), ",");
    workspace.write("quoted.csv", quoted);
    let report = tried(&workspace, "quoted.csv", &[]);
    assert_eq!(outcome(&report["run"]), "cold_start", "{report:#}");
    assert_eq!(report["config"]["ingestion"]["decimal"], ",");
    assert_eq!(report["config"]["schema"]["features"], json!(["spend"]));

    let grouped = of_numbers("client;income;left", |x| format!("{}.{x:03}", 1 + x), ";");
    workspace.write("grouped.csv", grouped);
    let report = tried(&workspace, "grouped.csv", &[]);
    assert_eq!(outcome(&report["run"]), "cold_start", "{report:#}");
    assert_eq!(
        report["config"]["schema"]["features"],
        json!([{"name": "income", "format": "thousands"}])
    );
}

#[test]
fn columns_of_one_name_are_the_reason_where_no_feature_is_left() {
    let workspace = Workspace::empty();
    let text = of_numbers("client,spend,spend,left", |x| format!("{x},{x}"), ",");
    workspace.write("file.csv", text);
    let path = workspace.path("file.csv");
    let refused = workspace.run("fullprocess", &["--try", path.to_str().expect("UTF-8")]);
    refused.failed(65, "columns of one name are left out: spend");
}
