//! `fullprocess --doctor` finds each problem, and the command that it names fixes the problem.

mod healthy;
mod input;
mod releases;
mod runs;
mod state;

use serde_json::Value;

use crate::workspace::Workspace;

const EVERYTHING: [&str; 1] = [""];

const FINAL_DATA: &str = "data/ingesteddata/finaldata.csv";

/// The findings of one examination.
struct Visit {
    code: i32,
    findings: Vec<Value>,
}

impl Visit {
    /// Runs the doctor, and checks that it changes nothing.
    #[track_caller]
    fn to(workspace: &Workspace) -> Self {
        let before = workspace.snapshot(&EVERYTHING);
        let visit = Self::unwatched(workspace);
        assert_eq!(workspace.snapshot(&EVERYTHING), before);
        visit
    }

    /// Runs the doctor on a pipeline with a file that is too large for this test to read.
    #[track_caller]
    fn unwatched(workspace: &Workspace) -> Self {
        let looked = workspace.run("fullprocess", &["--doctor", "--json"]);
        assert_eq!(looked.stderr, "");
        let report: Value = serde_json::from_str(&looked.stdout).expect("JSON");
        let examinations = report["examinations"].as_array().expect("examinations");
        assert_eq!(
            examinations.len(),
            11,
            "each is made whatever the others find"
        );
        Self {
            code: looked.code,
            findings: report["findings"].as_array().expect("findings").clone(),
        }
    }

    /// The remedy of the finding with this check, severity and text.
    #[track_caller]
    fn remedy(&self, check: &str, severity: &str, says: &str) -> &str {
        let found = self.findings.iter().find(|finding| {
            let what = finding["what"].as_str().expect("a text");
            finding["check"] == check && what.contains(says)
        });
        let found = found.unwrap_or_else(|| panic!("{says:?} is not in {:#?}", self.findings));
        assert_eq!(found["severity"], severity, "{found:#}");
        found["remedy"].as_str().expect("a remedy")
    }

    #[track_caller]
    fn is_healthy(&self) {
        assert_eq!((self.code, &self.findings), (0, &Vec::new()));
    }
}

/// Checks that the doctor finds the problem, and finds nothing after its remedy has run.
#[track_caller]
fn is_fixed(workspace: &Workspace, check: &str, severity: &str, says: &str) {
    let visit = Visit::to(workspace);
    let expected = if severity == "problem" { 74 } else { 0 };
    assert_eq!(visit.code, expected, "{:#?}", visit.findings);
    fix(workspace, visit.remedy(check, severity, says));
    Visit::to(workspace).is_healthy();
}

#[track_caller]
fn fix(workspace: &Workspace, remedy: &str) {
    let fixed = workspace.shell(remedy);
    assert_eq!(fixed.code, 0, "{remedy}: {}{}", fixed.stdout, fixed.stderr);
}
