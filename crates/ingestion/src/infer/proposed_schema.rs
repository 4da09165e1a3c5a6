//! A schema that was proposed from data.

use std::fmt;

use common::Schema;
use common::cli::Report;
use serde::Serialize;

/// Proposed section `schema` of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ProposedSchema {
    /// The columns and the rules for their values.
    pub schema: Schema,
    /// Remarks for a person: guesses and columns that were left out.
    #[serde(skip)]
    pub remarks: Vec<String>,
}

impl Report for ProposedSchema {
    fn needs_attention(&self) -> bool {
        true
    }
}

/// The same JSON as with `--json`, ready to be copied.
impl fmt::Display for ProposedSchema {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        writeln!(to, "{text}")
    }
}
