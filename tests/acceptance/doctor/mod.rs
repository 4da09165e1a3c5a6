//! `fullprocess --doctor`: what is wrong is found, and the command it names mends it.

mod healthy;
mod input;
mod releases;
mod runs;
mod state;

use serde_json::Value;

use crate::workspace::Workspace;

const EVERYTHING: [&str; 1] = [""];

const FINAL_DATA: &str = "data/ingesteddata/finaldata.csv";

/// What the doctor found.
struct Visit {
    code: i32,
    findings: Vec<Value>,
}

impl Visit {
    /// Lets the doctor look, and holds him to changing nothing.
    #[track_caller]
    fn to(workspace: &Workspace) -> Self {
        let before = workspace.snapshot(&EVERYTHING);
        let visit = Self::unwatched(workspace);
        assert_eq!(workspace.snapshot(&EVERYTHING), before);
        visit
    }

    /// Lets the doctor look where a file is too large to be read by this test.
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

    /// The remedy of the finding of this examination that says this.
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

/// The doctor finds it, its remedy runs, and then the doctor finds nothing.
#[track_caller]
fn is_mended(workspace: &Workspace, check: &str, severity: &str, says: &str) {
    let visit = Visit::to(workspace);
    let expected = if severity == "problem" { 74 } else { 0 };
    assert_eq!(visit.code, expected, "{:#?}", visit.findings);
    mend(workspace, visit.remedy(check, severity, says));
    Visit::to(workspace).is_healthy();
}

#[track_caller]
fn mend(workspace: &Workspace, remedy: &str) {
    let mended = workspace.shell(remedy);
    assert_eq!(
        mended.code, 0,
        "{remedy}: {}{}",
        mended.stdout, mended.stderr
    );
}
