//! Tests that compare pairs of generated files.

mod clients;
mod columns;
mod false_alarms;
mod joint;
mod kinds;
mod parts;
mod performance;
#[expect(clippy::print_stdout, reason = "measurements are printed")]
mod power;

use std::io::Write;

use tempfile::NamedTempFile;

use super::*;

/// The cell of a row, as a function of the row number.
type Cell<'a> = &'a dyn Fn(usize) -> String;

/// Writes a file with these columns.
fn file(rows: usize, columns: &[(&str, Cell<'_>)]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    writeln!(file, "{}", names.join(",")).unwrap();
    for row in 0..rows {
        let cells: Vec<String> = columns.iter().map(|(_, cell)| cell(row)).collect();
        writeln!(file, "{}", cells.join(",")).unwrap();
    }
    file
}

fn schema() -> Schema {
    Schema {
        id: Some("client".into()),
        features: Vec::new(),
        target: "left".into(),
        ..Schema::default()
    }
}

fn request<'a>(
    reference: &'a NamedTempFile,
    current: &'a NamedTempFile,
    predictions: Option<PredictionColumns<'a>>,
) -> ComparisonRequest<'a> {
    ComparisonRequest {
        reference: reference.path(),
        current: current.path(),
        predictions,
        text: TextSettings::default(),
    }
}

fn comparison(reference: &NamedTempFile, current: &NamedTempFile) -> ComparisonReport {
    compare(&request(reference, current, None), &schema()).unwrap()
}

/// A deterministic number between −1 and 1 that looks random.
fn wave(row: usize, phase: f64) -> f64 {
    (row as f64 * (12.9898 + phase)).sin()
}

/// Name of each column, with the verdicts on its distribution and on its missing values.
fn verdicts(report: &ComparisonReport) -> Vec<(&str, Verdict, Verdict)> {
    let columns = report.columns.iter();
    columns
        .map(|column| {
            (
                column.name.as_str(),
                column.distribution.verdict,
                column.missing.verdict,
            )
        })
        .collect()
}
