//! A schema that was proposed from data.

use std::fmt;

use common::cli::Report;
use common::{Schema, json_text};
use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// Proposed section `schema` of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedSchema {
    /// The columns and the rules for their values.
    pub schema: Schema,
    /// True if numbers are read only with the setting `ingestion.decimal: ","`.
    pub needs_decimal_comma: bool,
    /// Remarks for a person: guesses and columns that were left out.
    pub remarks: Vec<String>,
}

/// Serialised as in a configuration: the texts of the labels are written with the name of the
/// target. A rule that a feature does not have is left out.
impl Serialize for ProposedSchema {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut schema = serde_json::to_value(&self.schema).map_err(S::Error::custom)?;
        let labels = schema["labels"].as_object().cloned();
        if let Some(labels) = labels {
            let texts = labels
                .into_iter()
                .map(|(which, texts)| (which, alone_or_all(texts)));
            let mut target: Map<String, Value> = texts.collect();
            target.insert("name".into(), schema["target"].take());
            schema["target"] = target.into();
            schema.as_object_mut().map(|schema| schema.remove("labels"));
        }
        let features = schema["features"].as_array_mut().into_iter().flatten();
        features
            .filter_map(Value::as_object_mut)
            .for_each(|rules| rules.retain(|_, rule| !rule.is_null()));
        schema.serialize(to)
    }
}

/// The text of a list of one, otherwise the list.
fn alone_or_all(texts: Value) -> Value {
    match texts.as_array().map(Vec::as_slice) {
        Some([text]) => text.clone(),
        _ => texts,
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
        let value = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        writeln!(to, "{}", json_text::readable(&value))
    }
}
