//! The report of the doctor: what was examined, and each finding with its remedy.

use std::fmt;
use std::path::Path;

use common::cli::Report;
use common::exit::Exit;
pub(super) use common::numbers::counted;
use serde::Serialize;

/// An examination of the doctor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Access rights of this user.
    Permissions,
    /// Free space.
    Space,
    /// The clock, checked against recorded times.
    Clock,
    /// The run lock: tells whether a run is working.
    Lock,
    /// The history, and the data checked against its ledger.
    History,
    /// The content of the input folders.
    Input,
    /// The distributed engine and its storage, if the configuration names one.
    Engine,
    /// The releases, checked against their checksums.
    Releases,
    /// The deployed model on the test data.
    Model,
    /// Leftovers of killed runs.
    Orphans,
    /// The newest runs: interrupted, failed or overdue.
    Runs,
    /// Delivery of alerts.
    Alerts,
}

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody should act.
    Problem,
    /// Worth knowing; it resolves itself or can wait.
    Note,
}

/// A finding: something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The examination that found it.
    pub check: Check,
    /// Severity of the finding.
    pub severity: Severity,
    /// Description of the finding.
    pub what: String,
    /// Command that fixes the finding, or that shows what a person must decide.
    pub remedy: String,
}

/// Summary of one examination, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// The examination.
    pub check: Check,
    /// Short summary of its result.
    pub seen: String,
}

/// The report of the doctor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DoctorReport {
    /// Summaries of all examinations.
    pub examinations: Vec<Examination>,
    /// Findings, in the order of the examinations.
    pub findings: Vec<Finding>,
    /// Conditions that alerts have reported and that are not resolved. They are about the data and
    /// the model, not about the installation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_alerts: Vec<String>,
}

/// The findings of one examination.
pub(super) struct Findings {
    check: Check,
    list: Vec<Finding>,
}

impl Check {
    /// Name in the report and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permissions => "permissions",
            Self::Space => "space",
            Self::Clock => "clock",
            Self::Lock => "lock",
            Self::History => "history",
            Self::Input => "input",
            Self::Engine => "engine",
            Self::Releases => "releases",
            Self::Model => "model",
            Self::Orphans => "orphans",
            Self::Runs => "runs",
            Self::Alerts => "alerts",
        }
    }
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Note => "note",
        }
    }
}

impl Findings {
    pub(super) fn of(check: Check) -> Self {
        Self {
            check,
            list: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Problem, what, remedy);
    }

    pub(super) fn note(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Note, what, remedy);
    }

    pub(super) fn add(
        &mut self,
        severity: Severity,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.list.push(Finding {
            check: self.check,
            severity,
            what: what.into(),
            remedy: remedy.into(),
        });
    }
}

impl DoctorReport {
    /// Adds an examination or, if it failed, a finding that says why.
    ///
    /// `place` is the path where a person would look in that case.
    pub(super) fn add(
        &mut self,
        seen: anyhow::Result<String>,
        mut findings: Findings,
        place: &Path,
    ) {
        let check = findings.check;
        let seen = seen.unwrap_or_else(|error| {
            findings.problem(
                format!("could not be examined: {error:#}"),
                format!("ls -ld {}", quoted(place)),
            );
            "not examined".into()
        });
        self.examinations.push(Examination { check, seen });
        self.findings.append(&mut findings.list);
    }

    /// The verdict if no problem was found.
    fn soundness(&self) -> String {
        let alerts = &self.open_alerts;
        match alerts.len() {
            0 => "nothing is wrong".into(),
            open => format!(
                "the installation is sound; {} open: {}",
                match open {
                    1 => "1 alert is".into(),
                    open => format!("{open} alerts are"),
                },
                alerts.join(", ")
            ),
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

impl Report for DoctorReport {
    fn exit(&self) -> Exit {
        if self.needs_attention() {
            Exit::InputOutput
        } else {
            Exit::Done
        }
    }

    fn needs_attention(&self) -> bool {
        self.count(Severity::Problem) > 0
    }
}

impl fmt::Display for DoctorReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Examination { check, seen } in &self.examinations {
            writeln!(to, "{:12} {seen}", check.name())?;
            for finding in self
                .findings
                .iter()
                .filter(|finding| finding.check == *check)
            {
                writeln!(to, "  {:10} {}", finding.severity.name(), finding.what)?;
                writeln!(to, "  {:10} {}", "remedy", finding.remedy)?;
            }
        }
        match (self.count(Severity::Problem), self.count(Severity::Note)) {
            (0, notes) => {
                let notes = (notes > 0).then(|| counted(notes, "note"));
                let parts = [Some(self.soundness()), notes];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                writeln!(to, "{}", parts.join("; "))
            }
            (problems, 0) => writeln!(to, "{}", counted(problems, "problem")),
            (problems, notes) => writeln!(
                to,
                "{}, {}",
                counted(problems, "problem"),
                counted(notes, "note")
            ),
        }
    }
}

/// A path, quoted for a shell where needed.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,=@%:".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_paths_survive_a_shell() {
        assert_eq!(quoted(Path::new("/a/b-1.csv")), "/a/b-1.csv");
        assert_eq!(quoted(Path::new("/a b")), "'/a b'");
        assert_eq!(quoted(Path::new("/it's;x")), r"'/it'\''s;x'");
    }

    #[test]
    fn an_examination_that_fails_is_a_finding_and_hides_no_other() {
        let mut report = DoctorReport::default();
        let mut findings = Findings::of(Check::Orphans);
        findings.note("something lies about", "fullprocess");
        let failed = Err(anyhow::anyhow!("no such folder"));
        report.add(failed, findings, Path::new("/a b"));
        report.add(
            Ok("none".into()),
            Findings::of(Check::Clock),
            Path::new("/"),
        );
        assert_eq!(
            report.to_string(),
            "orphans      not examined\n\
             \x20 note       something lies about\n\
             \x20 remedy     fullprocess\n\
             \x20 problem    could not be examined: no such folder\n\
             \x20 remedy     ls -ld '/a b'\n\
             clock        none\n\
             1 problem, 1 note\n"
        );
        assert_eq!(report.exit(), Exit::InputOutput);
    }

    #[test]
    fn open_alerts_are_named_where_nothing_else_is_wrong() {
        let report = DoctorReport {
            open_alerts: vec!["feature_drift".into(), "model_drift".into()],
            ..DoctorReport::default()
        };
        assert_eq!(
            report.to_string(),
            "the installation is sound; 2 alerts are open: feature_drift, model_drift\n"
        );
        assert_eq!(DoctorReport::default().to_string(), "nothing is wrong\n");
    }

    #[test]
    fn notes_alone_do_not_fail_the_doctor() {
        let mut report = DoctorReport::default();
        let mut findings = Findings::of(Check::Space);
        findings.note("it is getting tight", "df -h /");
        report.add(Ok("tight".into()), findings, Path::new("/"));
        assert_eq!(report.exit(), Exit::Done);
        assert!(!report.needs_attention());
    }
}
