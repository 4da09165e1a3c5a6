//! A schema that was proposed from data.

use std::fmt;

use common::Schema;
use common::cli::Report;
use serde::ser::Error;
use serde::{Serialize, Serializer};

/// Proposed section `schema` of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedSchema {
    /// The columns and the rules for their values.
    pub schema: Schema,
    /// Remarks for a person: guesses and columns that were left out.
    pub remarks: Vec<String>,
}

/// As a configuration has it: texts of labels stand with the name of the target.
impl Serialize for ProposedSchema {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut schema = serde_json::to_value(&self.schema).map_err(S::Error::custom)?;
        if let Some(mut target) = schema["labels"].as_object().cloned() {
            target.insert("name".into(), schema["target"].take());
            schema["target"] = target.into();
            schema.as_object_mut().map(|schema| schema.remove("labels"));
        }
        schema.serialize(to)
    }
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
