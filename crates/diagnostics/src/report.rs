//! The report of `diagnostics` and its text.

use std::fmt;

use common::Config;
use common::numbers::{self, count, counted};
use dataset::escaped;
use dataset::passes::{ColumnSummary, LevelSummary, Summary};
use serde::Serialize;

use crate::measure::MeasuredDurations;
use crate::stored::StoredDiagnostics;

/// The report of `diagnostics`.
#[derive(Clone, Debug, Serialize)]
pub struct DiagnosticsReport {
    /// The deployed model on the test data. `None` when nothing is deployed, or the model cannot be
    /// scored.
    pub deployed: Option<DeployedState>,
    /// Parts of the report that failed, one sentence each.
    pub problems: Vec<String>,
    /// Summary statistics of the ingested data; `None` before the first ingestion.
    pub summary: Option<Summary>,
    /// Diagnostics that the history stores.
    #[serde(flatten)]
    pub stored: StoredDiagnostics,
    /// Durations measured now; `None` without `--measure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<MeasuredDurations>,
}

/// The deployed model, scored on the current test data.
#[derive(Clone, Debug, Serialize)]
pub struct DeployedState {
    /// Number of the deployed release.
    pub release: String,
    /// F1 at deployment.
    pub deployed_score: f64,
    /// 95 % interval of the F1 at deployment. `None` in releases of older programs.
    pub deployed_score_interval: Option<[f64; 2]>,
    /// F1 now. It differs from the F1 at deployment when the test data has changed. `None` when
    /// undefined.
    pub current_score: Option<f64>,
    /// 95 % interval of the current F1; `None` when undefined.
    pub current_score_interval: Option<[f64; 2]>,
    /// Predicted label for each row of the test data, 0 or 1.
    pub predictions: Vec<u8>,
}

pub(crate) fn deployed_state(config: &Config) -> anyhow::Result<Option<DeployedState>> {
    let Some(scored) = scoring::score_deployed(config)? else {
        return Ok(None);
    };
    Ok(Some(DeployedState {
        release: scored.release,
        deployed_score: scored.deployed_score,
        deployed_score_interval: scored.deployed_score_interval,
        current_score: scored.metrics.f1,
        current_score_interval: scored.metrics.f1_interval,
        predictions: scored.predictions,
    }))
}

impl fmt::Display for DiagnosticsReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deployed {
            Some(deployed) => write_deployed(to, deployed)?,
            None if self.problems.is_empty() => writeln!(to, "nothing is deployed")?,
            None => {}
        }
        for problem in &self.problems {
            writeln!(to, "problem: {problem}")?;
        }
        match &self.summary {
            Some(summary) => write_summary(to, summary)?,
            None => writeln!(to, "nothing was ingested")?,
        }
        write_stored(to, &self.stored)?;
        if let Some(measured) = &self.measured {
            writeln!(
                to,
                "\nmeasured now: ingestion {:.3} s, training {:.3} s",
                measured.ingestion_seconds, measured.training_seconds
            )?;
        }
        Ok(())
    }
}

fn write_deployed(to: &mut fmt::Formatter<'_>, deployed: &DeployedState) -> fmt::Result {
    let positives = deployed
        .predictions
        .iter()
        .filter(|label| **label == 1)
        .count();
    let current = numbers::score(deployed.current_score, deployed.current_score_interval);
    writeln!(
        to,
        "release {}: F1 on the test data {current} now, {} when deployed",
        deployed.release,
        numbers::score(
            Some(deployed.deployed_score),
            deployed.deployed_score_interval
        )
    )?;
    writeln!(
        to,
        "predictions on the test data: {}, {} predicted 1, {} predicted 0",
        counted(deployed.predictions.len(), "row"),
        count(positives),
        count(deployed.predictions.len() - positives)
    )
}

fn write_summary(to: &mut fmt::Formatter<'_>, summary: &Summary) -> fmt::Result {
    let approximate = if summary.medians_are_exact {
        ""
    } else {
        " (medians of a sample of 50,000 rows)"
    };
    let left_out = match summary.superseded {
        0 => String::new(),
        left_out => format!(", without {left_out} unlabelled rows whose label came in a later row"),
    };
    let rows = summary.rows;
    writeln!(to, "\ningested data: {rows} rows{left_out}{approximate}")?;
    let width = summary
        .columns
        .iter()
        .map(|column| column.name.chars().count())
        .max()
        .unwrap_or(0)
        .max("column".len());
    writeln!(
        to,
        "{:width$} {:>9} {:>8} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "column", "missing", "share", "mean", "median", "std", "min", "max"
    )?;
    for column in &summary.columns {
        write_column(to, column, summary.rows, width)?;
    }
    Ok(())
}

fn write_column(
    to: &mut fmt::Formatter<'_>,
    column: &ColumnSummary,
    rows: u64,
    width: usize,
) -> fmt::Result {
    let share = match rows {
        0 => "-".to_owned(),
        _ => format!("{:.2} %", 100.0 * column.missing as f64 / rows as f64),
    };
    write!(
        to,
        "{:width$} {:>9} {share:>8}",
        column.name, column.missing
    )?;
    if let Some(levels) = &column.levels {
        return writeln!(to, " {}", levels_in_words(levels));
    }
    for number in [
        column.mean,
        column.median,
        column.std,
        column.min,
        column.max,
    ] {
        write!(to, " {:>12}", short(number))?;
    }
    writeln!(to)
}

/// Maximum number of levels that one line lists.
const LISTED_LEVELS: usize = 5;

fn levels_in_words(levels: &LevelSummary) -> String {
    let listed = levels.top.iter().take(LISTED_LEVELS);
    let words = listed.map(|it| format!("{} {}", escaped(it.level.as_bytes()), it.rows));
    let words: Vec<String> = words.collect();
    let at_least = if levels.distinct_is_exact {
        ""
    } else {
        "at least "
    };
    let more = match (levels.distinct as usize).saturating_sub(LISTED_LEVELS) {
        0 => String::new(),
        more => format!(" and {at_least}{more} more"),
    };
    let noun = if levels.distinct == 1 {
        "level"
    } else {
        "levels"
    };
    match words.join(", ") {
        none if none.is_empty() => "no level".into(),
        words => format!("{at_least}{} {noun}: {words}{more}", levels.distinct),
    }
}

/// Formats a number with four decimals, or as a power of ten where it is too long.
fn short(number: Option<f64>) -> String {
    match number {
        None => "-".into(),
        Some(number) if number.abs() >= 1e7 => format!("{number:.4e}"),
        Some(number) => format!("{number:.4}"),
    }
}

fn write_stored(to: &mut fmt::Formatter<'_>, stored: &StoredDiagnostics) -> fmt::Result {
    if !stored.timings.is_empty() {
        writeln!(
            to,
            "\n{:12} {:>10} {:>10} {:>10} {:>9}",
            "stage", "last", "p50", "p95", "recorded"
        )?;
    }
    for timing in &stored.timings {
        writeln!(
            to,
            "{:12} {:>8.3} s {:>8.3} s {:>8.3} s {:>9}",
            timing.stage,
            timing.last_seconds,
            timing.p50_seconds,
            timing.p95_seconds,
            timing.recorded
        )?;
    }
    write!(to, "\n{}", stored.dependencies)?;
    match &stored.last_run {
        None => writeln!(to, "\nthe history has no run that ended"),
        Some(run) => writeln!(
            to,
            "\nlast run: {} ({}), ended {}{}",
            run.run_id,
            run.outcome,
            run.finished_at.strftime("%Y-%m-%d %H:%M:%SZ"),
            if stored.last_run_is_stale {
                ", which is long ago"
            } else {
                ""
            }
        ),
    }
}

#[cfg(test)]
mod tests {
    use dataset::passes::LevelCount;

    use super::*;

    #[test]
    fn superseded_rows_are_reported() {
        let text = |superseded| {
            let report = DiagnosticsReport {
                deployed: None,
                problems: Vec::new(),
                summary: Some(Summary {
                    rows: 5,
                    superseded,
                    columns: Vec::new(),
                    medians_are_exact: true,
                }),
                stored: StoredDiagnostics::default(),
                measured: None,
            };
            report.to_string()
        };
        assert!(text(0).contains("\ningested data: 5 rows\n"));
        assert!(text(2).contains(
            "\ningested data: 5 rows, without 2 unlabelled rows whose label came in a later row\n"
        ));
    }

    #[test]
    fn an_inexact_count_of_levels_says_at_least() {
        let level = |level: u64| LevelCount {
            level: format!("level {level}"),
            rows: 9 - level,
        };
        let mut levels = LevelSummary {
            distinct: 10_000,
            distinct_is_exact: false,
            top: (0..6).map(level).collect(),
            others: 7,
        };
        let listed = "level 0 9, level 1 8, level 2 7, level 3 6, level 4 5";
        assert_eq!(
            levels_in_words(&levels),
            format!("at least 10000 levels: {listed} and at least 9995 more")
        );
        levels.distinct_is_exact = true;
        assert_eq!(
            levels_in_words(&levels),
            format!("10000 levels: {listed} and 9995 more")
        );
    }
}
