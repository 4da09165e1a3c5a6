//! One JSON object of the configuration, read key by key.
//!
//! A key is known once it was requested; the keys left at the end are unknown.

use std::cell::RefCell;
#[cfg(test)]
use std::collections::BTreeSet;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Jaro-Winkler similarity from which a known key is suggested for an unknown one.
const MIN_SIMILARITY: f64 = 0.8;

/// The problems found so far, one per line.
#[derive(Default)]
pub(super) struct Problems {
    lines: RefCell<Vec<String>>,
    /// The keys that were asked for, with the sections that they are in.
    #[cfg(test)]
    pub(super) known: RefCell<BTreeSet<String>>,
}

impl Problems {
    pub(super) fn add(&self, key: &str, problem: &str) {
        self.lines.borrow_mut().push(format!("  {key}: {problem}"));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.borrow().is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.lines.borrow().join("\n"))
    }
}

/// Message for a value of the wrong type: what was expected, and what was found. The value itself
/// is shown only if it is a number or a truth value: a text may be a secret in the wrong place.
fn type_error(error: &serde_json::Error, found: &str) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => {
            // Rust's type names mean nothing to most readers.
            let expected = match expected {
                "f64" => "a number",
                "u16" => "a whole number from 0 to 65535",
                "u32" => "a whole number from 0 to 4294967295",
                "u64" | "usize" => "a whole number from 0",
                other => other,
            };
            format!("expected {expected}, found {found}")
        }
        None => format!("{found} of the wrong form"),
    }
}

/// A value as messages may show it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "a text".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// An object whose keys are being read.
pub(super) struct Section<'p> {
    prefix: String,
    values: Map<String, Value>,
    known: Vec<&'static str>,
    problems: &'p Problems,
}

impl<'p> Section<'p> {
    pub(super) fn root(values: Map<String, Value>, problems: &'p Problems) -> Self {
        Self {
            prefix: String::new(),
            values,
            known: Vec::new(),
            problems,
        }
    }

    /// The object under `key`; empty when it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        Self {
            values: self.value(key, Map::new()),
            prefix: format!("{}{key}.", self.prefix),
            known: Vec::new(),
            problems: self.problems,
        }
    }

    /// An object that was read as the value of `key`.
    pub(super) fn object(&self, key: &str, values: Map<String, Value>) -> Self {
        Self {
            values,
            prefix: format!("{}{key}.", self.prefix),
            known: Vec::new(),
            problems: self.problems,
        }
    }

    /// The value of an optional key.
    pub(super) fn value<T: DeserializeOwned>(&mut self, key: &'static str, default: T) -> T {
        self.take(key).unwrap_or(default)
    }

    /// The value of an optional key, which must not be 0.
    pub(super) fn at_least_one<T>(&mut self, key: &'static str, default: T) -> T
    where
        T: DeserializeOwned + PartialEq + From<u8>,
    {
        let value = self.value(key, default);
        if value == T::from(0) {
            self.problem(key, "must be at least 1");
        }
        value
    }

    /// The value of a required key; `None` if a problem was noted.
    pub(super) fn required<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.required_as(key, "is missing")
    }

    /// The value of a required key; `missing` tells the user what to do if the key is missing.
    pub(super) fn required_as<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        missing: &str,
    ) -> Option<T> {
        if !self.values.contains_key(key) {
            self.problem(key, missing);
        }
        self.take(key)
    }

    /// Notes a problem with a key.
    pub(super) fn problem(&self, key: &str, problem: &str) {
        self.problems.add(&format!("{}{key}", self.prefix), problem);
    }

    /// Notes every unknown key.
    pub(super) fn finish(self) {
        for key in self.values.keys() {
            match self.similar_key(key) {
                Some(meant) => {
                    let meant = format!("unknown key, did you mean {}{meant}?", self.prefix);
                    self.problem(key, &meant);
                }
                None => {
                    let known = format!("unknown key; known here: {}", self.known.join(", "));
                    self.problem(key, &known);
                }
            }
        }
    }

    fn take<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.known.push(key);
        #[cfg(test)]
        self.problems
            .known
            .borrow_mut()
            .insert(format!("{}{key}", self.prefix));
        let value = self.values.remove(key)?;
        let found = shown(&value);
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                // Only a text makes serde name the words that are allowed.
                let of_words = || serde_json::from_value::<T>(Value::String(String::new())).err();
                let is_of_words = error.to_string().ends_with("string or map");
                let error = is_of_words.then(of_words).flatten().unwrap_or(error);
                self.problem(key, &type_error(&error, &found));
                None
            }
        }
    }

    fn similar_key(&self, key: &str) -> Option<&'static str> {
        self.known
            .iter()
            .map(|known| (strsim::jaro_winkler(key, known), *known))
            .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known)
    }
}
