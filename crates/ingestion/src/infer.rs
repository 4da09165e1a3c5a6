//! Proposes a schema from existing data. Changes and locks nothing.

mod columns;
mod proposal;
mod proposed_schema;
mod rules;
mod test_data;
mod words;

use std::path::{Path, PathBuf};

use anyhow::Context;
use common::config::TextSettings;
use common::schema::Labels;
use common::{Config, Failure, Schema};
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

/// Proposes a schema for one file that no schema was made for. Every role is a guess, and nothing is
/// logged: the remarks are for the caller.
pub fn guess_schema(file: &Path, text: &TextSettings) -> anyhow::Result<ProposedSchema> {
    let nothing = Schema {
        id: Some(String::new()),
        features: Vec::new(),
        target: String::new(),
        labels: Labels::default(),
    };
    let survey = survey_columns(file, text)?;
    if let Some(warning) = &survey.header_as_data {
        return Err(Failure::data(format!(
            "{warning}; put a line with the names of the columns before it"
        ))
        .into());
    }
    of_surveys(vec![survey], &nothing, Rules::Configured)
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
    let mut proposed = of_surveys(surveys, &config.schema, rules)?;
    let remarks = flaws_of_test_data(config, &proposed.schema);
    proposed.remarks.extend(remarks);
    for remark in &proposed.remarks {
        tracing::warn!("{remark}");
    }
    Ok(proposed)
}

fn of_surveys(
    surveys: Vec<FileSurvey>,
    today: &Schema,
    rules: Rules,
) -> anyhow::Result<ProposedSchema> {
    if surveys.iter().all(|survey| survey.rows == 0) {
        return Err(Failure::data(
            "there is no row to propose a schema from: the file has none with as many fields as its header, or no file was found",
        )
        .into());
    }
    let mut proposed = propose(&pooled(&surveys), today, rules)?;
    let warnings = surveys.into_iter().flat_map(|survey| survey.warnings);
    proposed.remarks.splice(0..0, warnings);
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
