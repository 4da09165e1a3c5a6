//! One JSON object of the configuration, taken apart key by key.
//!
//! Each key that is asked for is known from then on; what is left at the end is unknown.

use std::cell::RefCell;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Names closer than this (Jaro-Winkler) are offered as what was meant.
const LIKELY: f64 = 0.8;

/// The problems found so far, one a line.
#[derive(Default)]
pub(super) struct Problems(RefCell<Vec<String>>);

impl Problems {
    pub(super) fn add(&self, key: &str, problem: &str) {
        self.0.borrow_mut().push(format!("  {key}: {problem}"));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0.borrow().join("\n"))
    }
}

/// What was expected, and of which kind is what was found: the value itself may be a secret that
/// stands one level too high.
fn wrong_value(error: &serde_json::Error, found: &str) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => {
            // Rust's names of numbers say nothing to a person.
            let expected = match expected {
                "f64" => "a number",
                "u16" | "u32" | "u64" | "usize" => "a whole number",
                other => other,
            };
            format!("expected {expected}, found {found}")
        }
        None => format!("{found} of the wrong form"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
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

    /// The object beneath `key`; empty when it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        Self {
            values: self.value(key, Map::new()),
            prefix: format!("{}{key}.", self.prefix),
            known: Vec::new(),
            problems: self.problems,
        }
    }

    /// The object at a position of the list beneath `key`.
    pub(super) fn element(&self, key: &str, position: usize, values: Map<String, Value>) -> Self {
        Self {
            values,
            prefix: format!("{}{key}[{position}].", self.prefix),
            known: Vec::new(),
            problems: self.problems,
        }
    }

    /// The value of an optional key.
    pub(super) fn value<T: DeserializeOwned>(&mut self, key: &'static str, default: T) -> T {
        self.take(key).unwrap_or(default)
    }

    /// The value of an optional key that may not be 0.
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

    /// The value of a required key; `None` is a problem already noted.
    pub(super) fn required<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        if !self.values.contains_key(key) {
            self.problem(key, "is missing");
        }
        self.take(key)
    }

    /// Notes what is wrong with a key.
    pub(super) fn problem(&self, key: &str, problem: &str) {
        self.problems.add(&format!("{}{key}", self.prefix), problem);
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.values.keys() {
            match self.likely(key) {
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
        let value = self.values.remove(key)?;
        let found = kind(&value);
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(key, &wrong_value(&error, found));
                None
            }
        }
    }

    fn likely(&self, key: &str) -> Option<&'static str> {
        self.known
            .iter()
            .map(|known| (strsim::jaro_winkler(key, known), *known))
            .filter(|(similarity, _)| *similarity >= LIKELY)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known)
    }
}
