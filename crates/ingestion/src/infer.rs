//! Proposes a schema from existing data. Changes and locks nothing.

mod columns;
mod proposal;
mod proposed_schema;
mod rules;
mod test_data;
mod words;

use std::path::PathBuf;

use anyhow::Context;
use common::{Config, Failure};
use dataset::{FileSurvey, list, survey_columns};

use self::columns::pooled;
use self::proposal::propose;
use self::rules::Rules;
use self::test_data::flaws_of_test_data;

pub use self::proposed_schema::ProposedSchema;

/// Reads the named files, or all files of the input folders if none is named, and proposes a
/// schema. Features that the current schema does not have get no rules.
///
/// Returns an error for a named file that cannot be read. A file of the input folders is left out
/// with a warning instead, because ingestion would reject only that file.
pub fn infer(config: &Config, files: &[PathBuf]) -> anyhow::Result<ProposedSchema> {
    infer_by(config, files, Rules::Configured)
}

/// Proposes a schema as [`infer`] does, with the bounds, levels and shares of missing values that
/// the data has. New data may break such rules.
pub fn infer_strictly(config: &Config, files: &[PathBuf]) -> anyhow::Result<ProposedSchema> {
    infer_by(config, files, Rules::Observed)
}

fn infer_by(config: &Config, files: &[PathBuf], rules: Rules) -> anyhow::Result<ProposedSchema> {
    let surveys = if files.is_empty() {
        of_input_folders(config)?
    } else {
        files
            .iter()
            .map(|file| survey_columns(file, &config.ingestion.text))
            .collect::<anyhow::Result<Vec<FileSurvey>>>()?
    };
    if surveys.iter().all(|survey| survey.rows == 0) {
        return Err(Failure::data(
            "there is no row to propose a schema from: put a CSV file into an input folder, or name one behind --infer-schema",
        )
        .into());
    }
    let mut proposed = propose(&pooled(&surveys), &config.schema, rules)?;
    let warnings = surveys.into_iter().flat_map(|survey| survey.warnings);
    proposed.remarks.splice(0..0, warnings);
    let remarks = flaws_of_test_data(config, &proposed.schema);
    proposed.remarks.extend(remarks);
    for remark in &proposed.remarks {
        tracing::warn!("{remark}");
    }
    Ok(proposed)
}

fn of_input_folders(config: &Config) -> anyhow::Result<Vec<FileSurvey>> {
    let listing = list(&config.input_folders)?;
    for entry in &listing.unreadable {
        tracing::warn!("left out: {entry}");
    }
    let mut surveys = Vec::new();
    for file in &listing.files {
        match survey_columns(&file.path, &config.ingestion.text).context("left out") {
            Ok(survey) => surveys.push(survey),
            Err(error) => tracing::warn!("{error:#}"),
        }
    }
    Ok(surveys)
}
