//! The comparison of two files as text.

use std::fmt;

use super::check::{Check, Method, Test, Unit, Verdict};
use super::column::{ColumnComparison, Kind};
use super::joint::JointCheck;
use super::performance::Performance;
use super::report::ComparisonReport;
use super::sentence::p_text;
use crate::statistics::{JointKind, StabilityIndex};

impl fmt::Display for Verdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Self::Ok => "ok",
            Self::Drift => "drift",
            Self::InsufficientData => "insufficient data",
        })
    }
}

impl fmt::Display for Test {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Self::KolmogorovSmirnov => "kolmogorov_smirnov",
            Self::ChiSquare => "chi_square",
            Self::Fisher => "fisher",
            Self::Range => "range",
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Self::StandardDeviations => "standard deviations",
            Self::TotalVariation => "percentage points of all levels",
            Self::MissingShare => "percentage points missing",
            Self::ValueShare => "percentage points of one part",
        })
    }
}

impl fmt::Display for JointKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Self::Location => "location",
            Self::Spread => "spread",
            Self::Relation => "relation",
            Self::Shares => "shares",
        })
    }
}

impl fmt::Display for ComparisonReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "{}", self.verdict)?;
        for (what, file) in [("reference", &self.reference), ("current", &self.current)] {
            write!(to, "{what:10} {}, {} rows", file.path.display(), file.rows)?;
            if let Some(clients) = file.clients {
                write!(to, " of {clients} clients: one row of each is compared")?;
            }
            match file.skipped {
                0 => writeln!(to)?,
                skipped => writeln!(
                    to,
                    ", {skipped} left out (not as many fields as the header)"
                )?,
            }
            for warning in &file.warnings {
                writeln!(to, "{:10} {warning}", "warning")?;
            }
        }
        if let Some(joint) = &self.joint {
            write_joint(to, joint, &self.columns)?;
        }
        let untested = self.columns.iter().filter(|it| it.untested.is_some());
        let names: Vec<&str> = untested.map(|column| column.name.as_str()).collect();
        if !names.is_empty() {
            writeln!(to, "{:10} {}", "not tested", names.join(", "))?;
        }
        let names = self
            .columns
            .iter()
            .map(|column| column.name.chars().count());
        let width = names.max().unwrap_or(0).max("column".len());
        writeln!(
            to,
            "\n{:width$} {:18} {:10} {:>17} {:>9} {:>9} {:>9} {:>9} {:>9}  effect",
            "column", "test", "method", "rows", "statistic", "p", "p (Holm)", "PSI", "cut-off"
        )?;
        for column in &self.columns {
            write_column(to, column, self.joint.as_ref(), width)?;
        }
        for (what, names) in [
            ("reference", &self.only_in_reference),
            ("current", &self.only_in_current),
        ] {
            if !names.is_empty() {
                writeln!(to, "only in the {what} file: {}", names.join(", "))?;
            }
        }
        self.performance
            .iter()
            .try_for_each(|performance| write_performance(to, performance))
    }
}

/// Writes the joint test. What the sentence of a column says is left to it.
fn write_joint(
    to: &mut fmt::Formatter<'_>,
    joint: &JointCheck,
    columns: &[ColumnComparison],
) -> fmt::Result {
    write!(
        to,
        "{:10} {} columns together: {}, {} / {} rows, p {}",
        "joint",
        joint.columns.len(),
        joint.verdict,
        joint.rows[0],
        joint.rows[1],
        p_text(Some(joint.p_value))
    )?;
    let parts = joint.parts.iter();
    let parts = parts.map(|part| format!("{} {}", part.kind, p_text(Some(part.p_value))));
    write!(to, " ({})", parts.collect::<Vec<_>>().join(", "))?;
    if joint.is_significant_but_small() {
        write!(to, "; the change is significant, but too small to matter")?;
    }
    match joint.left_out.join(", ") {
        names if names.is_empty() => writeln!(to)?,
        names => writeln!(
            to,
            "; without {names} (no values, almost constant, or a combination of other columns)"
        )?,
    }
    let changes = joint.changes_beyond_columns(columns, true);
    if changes.is_empty() && joint.verdict == Verdict::Drift {
        return writeln!(to, "{:10} the columns below say what has changed", "");
    }
    let mut changes = changes.into_iter();
    changes.try_for_each(|change| writeln!(to, "{:10} {change}", ""))
}

fn write_column(
    to: &mut fmt::Formatter<'_>,
    column: &ColumnComparison,
    joint: Option<&JointCheck>,
    width: usize,
) -> fmt::Result {
    let stability = column.stability.as_ref();
    let distribution = &column.distribution;
    let effect = match column.was_constant {
        Some(_) => format!("was constant: {}", distribution.verdict),
        None => effect(distribution),
    };
    write_check(to, &column.name, distribution, (stability, &effect), width)?;
    let effect = self::effect(&column.missing);
    write_check(to, "", &column.missing, (None, &effect), width)?;
    let part = column.part.iter().map(|part| &part.check);
    for check in part.filter(|it| it.verdict == Verdict::Drift || it.is_significant_but_small()) {
        let effect = self::effect(check);
        write_check(to, "", check, (None, &effect), width)?;
    }
    if column.unreadable != [0, 0] {
        let [reference, current] = column.unreadable;
        writeln!(
            to,
            "{:width$} {reference} and {current} cells are not numbers and count as missing",
            ""
        )?;
    }
    let part = column.part.as_ref().map(|part| &part.check);
    for check in column.checks() {
        let is_distribution = std::ptr::eq(check, distribution);
        // No sentence for a part that cannot be tested: the line of the distribution already says it.
        let is_untested = check.verdict == Verdict::InsufficientData && part != Some(check);
        let is_reported = is_distribution && column.is_reported_by_part();
        let is_wanted =
            check.verdict == Verdict::Drift || is_untested || check.is_significant_but_small();
        if is_wanted && !is_reported {
            write!(to, "{:width$} {}", "", check.sentence)?;
            let spread = joint.and_then(|joint| joint.spread_in_words(&column.name));
            match spread.filter(|_| is_distribution && check.verdict == Verdict::Drift) {
                Some(spread) => writeln!(to, "; {spread}")?,
                None => writeln!(to)?,
            }
        }
    }
    let is_reported =
        part.is_some_and(|it| it.verdict == Verdict::Drift || it.is_significant_but_small());
    if let Some(spelling) = column.respelled.in_words().filter(|_| !is_reported) {
        writeln!(to, "{:width$} {spelling}", "")?;
    }
    if column.kind == Kind::Mixed {
        writeln!(
            to,
            "{:width$} one file has numbers, the other does not: compared by how many cells are numbers",
            ""
        )?;
    }
    Ok(())
}

fn write_check(
    to: &mut fmt::Formatter<'_>,
    name: &str,
    check: &Check,
    (stability, effect): (Option<&StabilityIndex>, &str),
    width: usize,
) -> fmt::Result {
    writeln!(
        to,
        "{name:width$} {:18} {:10} {:>17} {:>9} {:>9} {:>9} {:>9} {:>9}  {effect}",
        check.test,
        by(check),
        format!("{} / {}", check.rows[0], check.rows[1]),
        short(check.statistic),
        p_text(check.p_value),
        p_text(check.corrected_p_value),
        short(stability.map(|found| found.index)),
        short(stability.and_then(|found| found.cut_off))
    )
}

/// Effect size and verdict of a check.
fn effect(check: &Check) -> String {
    match check.effect {
        Some(effect) => match check.unit {
            Unit::StandardDeviations => {
                format!(
                    "{:.3} {}: {}",
                    rounded(effect, 1e3),
                    check.unit,
                    check.verdict
                )
            }
            Unit::TotalVariation | Unit::MissingShare | Unit::ValueShare => {
                let points = rounded(effect * 100.0, 10.0);
                format!("{points:.1} {}: {}", check.unit, check.verdict)
            }
        },
        None => check.verdict.to_string(),
    }
}

/// A number rounded to a part of one, such as a thousandth. Adding 0 turns −0 into 0, so that "-0.000" is never
/// printed.
fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts + 0.0
}

/// The method of the p-value, as a cell of the table.
fn by(check: &Check) -> String {
    match (check.method, check.degrees) {
        (None, _) => "-".into(),
        (Some(Method::Exact), _) => "exact".into(),
        (Some(Method::Simulated), _) => "simulated".into(),
        (Some(Method::Asymptotic), None) => "asymptotic".into(),
        (Some(Method::Asymptotic), Some(degrees)) => format!("{degrees} df"),
    }
}

fn write_performance(to: &mut fmt::Formatter<'_>, performance: &Performance) -> fmt::Result {
    writeln!(to)?;
    match &performance.estimated {
        Some(found) => writeln!(
            to,
            "estimated  F1 {}, ROC-AUC {}, accuracy {:.4} on {} rows; blind to concept drift",
            short(found.f1),
            short(found.roc_auc),
            found.accuracy,
            found.rows
        )?,
        None => writeln!(to, "estimated  no row has both probability and prediction")?,
    }
    match &performance.realised {
        Some(found) => {
            let interval = found
                .f1_interval
                .map_or_else(String::new, |[lower, upper]| {
                    format!(" (95 % interval {lower:.4} to {upper:.4})")
                });
            writeln!(
                to,
                "realised   F1 {}{interval}, ROC-AUC {}, log-loss {:.4}, Brier {:.4} on {} rows",
                short(found.f1),
                short(found.roc_auc),
                found.log_loss,
                found.brier,
                found.rows
            )?;
        }
        None => writeln!(to, "realised   no row with a prediction has a known label")?,
    }
    for note in &performance.notes {
        writeln!(to, "note       {note}")?;
    }
    match performance.unanswered {
        0 => Ok(()),
        rows => writeln!(
            to,
            "{rows} rows without probability or prediction were left out"
        ),
    }
}

fn short(number: Option<f64>) -> String {
    match number {
        None => "-".into(),
        Some(number) if number.abs() >= 1e5 => format!("{number:.2e}"),
        Some(number) => format!("{number:.4}"),
    }
}
