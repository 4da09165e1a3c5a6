//! One cell as JSON.

use std::borrow::Cow;
use std::fmt;

use common::schema::{CategoryRules, NumberRules};
use dataset::cell::{self, CellProblem, DecimalMarks};
use dataset::level_code;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::problem;

/// JSON value of a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `null`.
    Missing,
    /// A number.
    Number(serde_json::Number),
    /// A string.
    Text(String),
    /// A value that no cell can have; the name describes it.
    Other(&'static str),
    /// A string that exceeds the length limit; its text is not kept.
    TooLong,
}

/// Parser of a cell; strings are kept up to `max_bytes`.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) max_bytes: u64,
}

impl Value {
    /// The value as a client's name; `None` if it is not usable.
    pub(super) fn as_id(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.into()),
            Self::Number(number) => Some(number.to_string().into()),
            _ => None,
        }
    }

    /// The value as a number feature; NaN when it is missing.
    pub(super) fn as_number(&self, rules: &NumberRules) -> Result<f64, CellProblem> {
        match self {
            Self::Missing => Ok(f64::NAN),
            Self::Number(number) => {
                let number = number.as_f64().ok_or(CellProblem::NotANumber);
                number.map(|number| cell::present(number, rules))
            }
            Self::Text(text) => cell::parse_number(text.as_bytes(), rules, DecimalMarks::Point),
            Self::Other(_) | Self::TooLong => Err(CellProblem::NotANumber),
        }
    }

    /// The value as the code of a category's level; NaN when it is missing. An error if the rules
    /// forbid it.
    ///
    /// A number is rejected: `5` and `5.0` are one number but two texts.
    pub(super) fn as_level(&self, rules: &CategoryRules) -> Result<f64, CellProblem> {
        let text = match self {
            Self::Missing => "",
            Self::Text(text) => text,
            Self::Number(_) | Self::Other(_) | Self::TooLong => {
                return Err(CellProblem::NotAText);
            }
        };
        let level = cell::parse_level(text.as_bytes(), rules)?;
        Ok(level.map_or(f64::NAN, level_code))
    }

    /// The value as shown in an answer.
    pub(super) fn excerpt(&self) -> String {
        match self {
            Self::Missing => "null".into(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => problem::excerpt(text.as_bytes()),
            Self::Other(name) => (*name).into(),
            Self::TooLong => "a string that is too long".into(),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Cell {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell {
    type Value = Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a cell")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Missing)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Other(if value { "true" } else { "false" }))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // The parser yields finite numbers only.
        Ok(serde_json::Number::from_f64(value).map_or(Value::Missing, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(if value.len() as u64 > self.max_bytes {
            Value::TooLong
        } else {
            Value::Text(value.to_owned())
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an object"))
    }
}
