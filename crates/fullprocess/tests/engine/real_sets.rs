//! The runs of four public data sets, whose files are not part of the repository.
//! `RISK_REAL_DATA=FOLDER scripts/check-cluster.sh --real` runs these tests.

use std::path::PathBuf;

use common::numbers::counted;
use serde_json::{Value, json};

use crate::pipeline::{Pipeline, compare_runs, engine_url};

/// A data set as it is downloaded. Its file is `NAME/NAME.csv` in the folder of all sets.
struct RealSet {
    name: &'static str,
    /// The column of the client.
    id: &'static str,
    /// The column of the label, with the text of the positive label and that of the negative one.
    target: [&'static str; 3],
    numbers: &'static [&'static str],
    categories: &'static [&'static str],
    /// The number to which the second run adds something, and how much.
    drift: (&'static str, f64),
}

/// Churn of a bank's clients: 10,000 rows.
const BANK: RealSet = RealSet {
    name: "bank",
    id: "CustomerId",
    target: ["Exited", "1", "0"],
    numbers: &[
        "CreditScore",
        "Age",
        "Tenure",
        "Balance",
        "NumOfProducts",
        "HasCrCard",
        "IsActiveMember",
        "EstimatedSalary",
    ],
    categories: &["Geography", "Gender"],
    drift: ("Age", 15.0),
};

/// Attrition of IBM's sample of employees: 1,473 rows, some of them of the same employee.
const HR: RealSet = RealSet {
    name: "hr",
    id: "EmployeeNumber",
    target: ["Attrition", "Yes", "No"],
    numbers: &[
        "Age",
        "DailyRate",
        "DistanceFromHome",
        "Education",
        "EnvironmentSatisfaction",
        "HourlyRate",
        "JobInvolvement",
        "JobLevel",
        "JobSatisfaction",
        "MonthlyIncome",
        "MonthlyRate",
        "NumCompaniesWorked",
        "PercentSalaryHike",
        "PerformanceRating",
        "RelationshipSatisfaction",
        "StockOptionLevel",
        "TotalWorkingYears",
        "TrainingTimesLastYear",
        "WorkLifeBalance",
        "YearsAtCompany",
        "YearsInCurrentRole",
        "YearsSinceLastPromotion",
        "YearsWithCurrManager",
    ],
    categories: &[
        "BusinessTravel",
        "Department",
        "EducationField",
        "Gender",
        "JobRole",
        "MaritalStatus",
        "OverTime",
    ],
    drift: ("Age", -20.0),
};

/// Churn of a telephone company: 7,043 rows, eleven of them without `TotalCharges`.
const TELCO: RealSet = RealSet {
    name: "telco",
    id: "customerID",
    target: ["Churn", "Yes", "No"],
    numbers: &["SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges"],
    categories: &[
        "gender",
        "Partner",
        "Dependents",
        "PhoneService",
        "MultipleLines",
        "InternetService",
        "OnlineSecurity",
        "OnlineBackup",
        "DeviceProtection",
        "TechSupport",
        "StreamingTV",
        "StreamingMovies",
        "Contract",
        "PaperlessBilling",
        "PaymentMethod",
    ],
    drift: ("tenure", 30.0),
};

/// Credits of the R package modeldata: 4,454 rows with many missing values.
const CREDIT_DATA: RealSet = RealSet {
    name: "credit_data",
    id: "rownames",
    target: ["Status", "bad", "good"],
    numbers: &[
        "Seniority",
        "Time",
        "Age",
        "Expenses",
        "Income",
        "Assets",
        "Debt",
        "Amount",
        "Price",
    ],
    categories: &["Home", "Marital", "Records", "Job"],
    drift: ("Seniority", 15.0),
};

impl RealSet {
    /// The text of the set; `None` if no folder is named.
    #[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
    fn text(&self) -> Option<String> {
        let Ok(folder) = std::env::var("RISK_REAL_DATA") else {
            eprintln!("skipped: RISK_REAL_DATA names no folder of data sets");
            return None;
        };
        let file = PathBuf::from(folder).join(format!("{0}/{0}.csv", self.name));
        let text = std::fs::read_to_string(&file);
        Some(text.unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    }

    fn config(&self) -> Value {
        let categories = self.categories.iter();
        let categories = categories.map(|name| json!({"name": name, "kind": "category"}));
        let numbers = self.numbers.iter().map(|name| json!(name));
        let [name, positive, negative] = self.target;
        json!({
            "input_folder_path": ["data/first"],
            "output_folder_path": "data/ingested",
            "test_data_path": "data/test",
            "output_model_path": "data/models",
            "prod_deployment_path": "production",
            "schema": {
                "id": self.id,
                "target": {"name": name, "positive": positive, "negative": negative},
                "features": numbers.chain(categories).collect::<Vec<_>>(),
            },
            "ingestion": {"separator": ","},
        })
    }

    /// A pipeline whose first run gets half of the rows, in their order; whose second run gets three tenths,
    /// with drift; and whose test data is the rest.
    fn pipeline(&self, text: &str) -> Pipeline {
        let pipeline = Pipeline::of(self.config());
        let (header, rows) = text.split_once('\n').unwrap();
        let rows: Vec<&str> = rows.lines().collect();
        let [first, second] = [5, 8].map(|tenths| rows.len() * tenths / 10);
        let file = |rows: &[String]| format!("{header}\n{}\n", rows.join("\n"));
        let plain = |rows: &[&str]| rows.iter().map(|&row| row.to_owned()).collect::<Vec<_>>();
        let names = header.trim_start_matches('\u{feff}').trim_end();
        let place = names.split(',').position(|name| name == self.drift.0);
        let drifted = rows[first..second].iter();
        let drifted = drifted.map(|row| shifted(row, place.unwrap(), self.drift.1));
        pipeline.write("first/rows.csv", &file(&plain(&rows[..first])));
        pipeline.write("second/rows.csv", &file(&drifted.collect::<Vec<_>>()));
        pipeline.write("test/rows.csv", &file(&plain(&rows[second..])));
        pipeline
    }

    /// Compares a first run and one with drift. The numbers that both runs had are printed.
    #[expect(
        clippy::print_stdout,
        reason = "a person who asks for real data wants to see"
    )]
    fn compare(&self) {
        let Some((url, text)) = engine_url().zip(self.text()) else {
            return;
        };
        let mut memory = self.pipeline(&text);
        let mut engine = self.pipeline(&text);
        engine.reach(&url);
        for inputs in [&["first"][..], &["first", "second"]] {
            let record = compare_runs(&mut memory, &mut engine, inputs);
            println!(
                "{}: {:?} after {}, release {}, form {}",
                self.name,
                record.outcome,
                counted(record.rows.new, "new row"),
                memory.live().name(),
                memory.live().model().unwrap().predictor.form(),
            );
        }
    }
}

/// A row in which a number is larger. A missing one stays missing.
fn shifted(row: &str, place: usize, more: f64) -> String {
    let cells = row.split(',').enumerate().map(|(column, cell)| {
        let number = cell.parse::<f64>().ok().filter(|_| column == place);
        number.map_or(cell.to_owned(), |number| (number + more).to_string())
    });
    cells.collect::<Vec<_>>().join(",")
}

#[test]
fn runs_of_the_bank_on_an_engine_are_those_in_memory() {
    BANK.compare();
}

#[test]
fn runs_of_hr_on_an_engine_are_those_in_memory() {
    HR.compare();
}

#[test]
fn runs_of_telco_on_an_engine_are_those_in_memory() {
    TELCO.compare();
}

#[test]
fn runs_of_credit_data_on_an_engine_are_those_in_memory() {
    CREDIT_DATA.compare();
}
