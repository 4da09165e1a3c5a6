//! Proposes a schema from existing data. Changes and locks nothing.

mod columns;
mod proposal;
mod proposed_schema;
mod rules;
mod test_data;
mod words;

use std::path::{Path, PathBuf};

use anyhow::Context;
use common::config::{DecimalMark, TextSettings};
use common::schema::Labels;
use common::{Config, Failure, Schema};
use dataset::{FileSurvey, list, survey_columns};

use self::columns::pooled;
use self::proposal::propose;
use self::rules::Rules;
use self::test_data::flaws_of_test_data;

pub use self::proposed_schema::ProposedSchema;

/// What to set for files whose quoted numbers have decimal commas.
const NEEDS_DECIMAL_COMMA: &str = "numbers have decimal commas in quotes: set \"decimal\": \",\" in the section ingestion, or they are rejected";

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
    let surveyed = surveyed(text, |text| Ok(vec![survey_columns(file, text)?]))?;
    let mut warnings = surveyed.files.iter().map(|survey| &survey.header_as_data);
    if let Some(Some(warning)) = warnings.next() {
        return Err(Failure::data(format!(
            "{warning}; put a line with the names of the columns before it"
        ))
        .into());
    }
    of_surveys(surveyed, &nothing, Rules::Configured)
}

/// Proposes a schema as [`infer`] does, with the bounds, levels and shares of missing values that
/// the data has. New data may break such rules.
pub fn infer_strictly(config: &Config, files: &[PathBuf]) -> anyhow::Result<ProposedSchema> {
    infer_by(config, files, Rules::Observed)
}

fn infer_by(config: &Config, files: &[PathBuf], rules: Rules) -> anyhow::Result<ProposedSchema> {
    let surveyed = surveyed(&config.ingestion.text, |text| {
        if files.is_empty() {
            return of_input_folders(config, text);
        }
        files
            .iter()
            .map(|file| survey_columns(file, text))
            .collect()
    })?;
    let mut proposed = of_surveys(surveyed, &config.schema, rules)?;
    let remarks = flaws_of_test_data(config, &proposed.schema);
    proposed.remarks.extend(remarks);
    for remark in &proposed.remarks {
        tracing::warn!("{remark}");
    }
    Ok(proposed)
}

/// Files, and whether their numbers need a decimal comma that the configuration does not set.
struct Surveyed {
    files: Vec<FileSurvey>,
    needs_decimal_comma: bool,
}

/// Surveys files with the decimal mark that their numbers need, where the configuration sets none.
fn surveyed(
    text: &TextSettings,
    survey: impl Fn(&TextSettings) -> anyhow::Result<Vec<FileSurvey>>,
) -> anyhow::Result<Surveyed> {
    let mut files = survey(text)?;
    let columns = || files.iter().flat_map(|file| &file.columns);
    let needs_decimal_comma = text.decimal.is_none()
        && columns().any(|column| column.forms.needs_decimal_comma())
        && columns().all(|column| column.fractions == 0);
    if needs_decimal_comma {
        let with_comma = TextSettings {
            decimal: Some(DecimalMark::Comma),
            ..*text
        };
        files = survey(&with_comma)?;
    }
    Ok(Surveyed {
        files,
        needs_decimal_comma,
    })
}

fn of_surveys(
    surveyed: Surveyed,
    current: &Schema,
    rules: Rules,
) -> anyhow::Result<ProposedSchema> {
    let Surveyed {
        files: surveys,
        needs_decimal_comma,
    } = surveyed;
    if surveys.iter().all(|survey| survey.rows == 0) {
        return Err(Failure::data(
            "there is no row to propose a schema from: the file has none with as many fields as its header, or no file was found",
        )
        .into());
    }
    let warnings = surveys.iter().flat_map(|survey| &survey.warnings);
    let mut warnings: Vec<String> = warnings.cloned().collect();
    let mut proposed = propose(&pooled(&surveys), current, rules).map_err(|error| {
        let reasons = warnings.iter().map(String::as_str);
        Failure::data(
            reasons
                .chain([&*error.to_string()])
                .collect::<Vec<_>>()
                .join("; "),
        )
    })?;
    if needs_decimal_comma {
        warnings.push(NEEDS_DECIMAL_COMMA.into());
    }
    proposed.needs_decimal_comma = needs_decimal_comma;
    proposed.remarks.splice(0..0, warnings);
    Ok(proposed)
}

fn of_input_folders(config: &Config, text: &TextSettings) -> anyhow::Result<Vec<FileSurvey>> {
    let listing = list(&config.input_folders)?;
    for entry in &listing.unreadable {
        tracing::warn!("left out: {entry}");
    }
    let mut surveys = Vec::new();
    for file in &listing.files {
        match survey_columns(&file.path, text).context("left out") {
            Ok(survey) => surveys.push(survey),
            Err(error) => tracing::warn!("{error:#}"),
        }
    }
    Ok(surveys)
}
