//! The part of JSON Schema that the API's description uses.
//!
//! It is stricter than the standard: a member that no schema describes is an error.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::server::Answer;

/// Longest answer that every test checks, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// The description of the API. A test of `app` says that it is the one of the server.
fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    let kept = include_str!("../../crates/app/openapi.json");
    DESCRIPTION.get_or_init(|| serde_json::from_str(kept).expect("JSON"))
}

/// Checks that an answer in JSON is as the API's description says. Errors that every address may
/// give, such as 404, have no entry of their own.
#[track_caller]
pub(crate) fn expect_described(method: &str, address: &str, answer: &Answer) {
    let is_json = answer.content_type.ends_with("json");
    if !is_json || answer.body.len() > MAX_BYTES {
        return;
    }
    let path = address.split('?').next().unwrap_or(address);
    let paths = description()["paths"].as_object().expect("paths");
    let Some((_, methods)) = paths.iter().find(|(pattern, _)| is_at(pattern, path)) else {
        return;
    };
    let content = &methods[method]["responses"][answer.status.to_string()]["content"];
    let Some(form) = content.get(&answer.content_type) else {
        return;
    };
    let value = serde_json::from_str(&answer.body).expect("JSON");
    let flaw = flaw(description(), &form["schema"], &value);
    assert_eq!(flaw, None, "{address}: {}", answer.body);
}

/// True if an address has this pattern.
fn is_at(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('/').zip(path.split('/'));
    let is_same = |(pattern, part): (&str, &str)| {
        pattern == part || (pattern.starts_with('{') && !part.is_empty())
    };
    pattern.split('/').count() == path.split('/').count() && parts.all(is_same)
}

/// Keywords that a schema may have. [`flaw`] does not check the form of a text.
const KNOWN: [&str; 22] = [
    "$ref",
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minimum",
    "maximum",
    "description",
    "title",
    "format",
    "pattern",
    "default",
    "deprecated",
];

/// The first error of a value under a schema of this document; `None` if there is none.
pub(crate) fn flaw(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let keywords = schema.as_object().into_iter().flat_map(Map::keys);
    for keyword in keywords {
        assert!(KNOWN.contains(&keyword.as_str()), "{keyword} is not known");
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("within the document");
        let schema = document.pointer(pointer).expect("a schema");
        return flaw(document, schema, value);
    }
    of_alternatives(document, schema, value)
        .or_else(|| of_value(schema, value))
        .or_else(|| match value {
            Value::Object(members) => of_members(document, schema, members),
            Value::Array(elements) => of_elements(document, schema, elements),
            _ => None,
        })
}

/// The error of a value that fits no alternative, or several of which only one may.
fn of_alternatives(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    for (keyword, most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
        let Some(alternatives) = schema[keyword].as_array() else {
            continue;
        };
        let flaws: Vec<Option<String>> = alternatives
            .iter()
            .map(|alternative| flaw(document, alternative, value))
            .collect();
        let fitting = flaws.iter().filter(|flaw| flaw.is_none()).count();
        if fitting == 0 {
            return Some(format!("{value} fits no alternative: {flaws:?}"));
        }
        if fitting > most {
            return Some(format!("{value} fits {fitting} alternatives"));
        }
    }
    None
}

fn of_value(schema: &Value, value: &Value) -> Option<String> {
    if !has_type(&schema["type"], value) {
        return Some(format!("{value} is not of the type {}", schema["type"]));
    }
    let allowed = schema["enum"].as_array();
    if allowed.is_some_and(|allowed| !allowed.contains(value)) {
        return Some(format!("{value} is none of {}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Some(format!("{value} is not {}", schema["const"]));
    }
    let number = value.as_f64();
    let bound = |name: &str| schema[name].as_f64();
    if number < bound("minimum") && number.is_some() {
        return Some(format!("{value} is too small"));
    }
    if number > bound("maximum") && bound("maximum").is_some() {
        return Some(format!("{value} is too large"));
    }
    None
}

fn of_members(document: &Value, schema: &Value, members: &Map<String, Value>) -> Option<String> {
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Some(format!("{name} is missing"));
        }
    }
    let is_described = ["properties", "additionalProperties"]
        .iter()
        .any(|keyword| schema.get(keyword).is_some());
    members.iter().find_map(|(name, member)| {
        let known = &schema["properties"][name];
        match (known.is_null(), &schema["additionalProperties"]) {
            (false, _) => flaw(document, known, member),
            (true, rest @ Value::Object(_)) => flaw(document, rest, member),
            _ => is_described.then(|| "it is not described".into()),
        }
        .map(|flaw| format!("{name}: {flaw}"))
    })
}

fn of_elements(document: &Value, schema: &Value, elements: &[Value]) -> Option<String> {
    let length = elements.len() as u64;
    if schema["minItems"]
        .as_u64()
        .is_some_and(|least| length < least)
        || schema["maxItems"]
            .as_u64()
            .is_some_and(|most| length > most)
    {
        return Some(format!("{length} elements"));
    }
    let first = schema["prefixItems"].as_array().into_iter().flatten();
    let of = first.chain(std::iter::repeat(&schema["items"]));
    let mut pairs = elements.iter().zip(of);
    pairs.find_map(|(element, schema)| flaw(document, schema, element))
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    let is_one = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known"),
    };
    match wanted {
        Value::String(name) => is_one(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is_one),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_that_is_not_described_is_an_error() {
        let schema = json!({"anyOf": [
            {"type": "null"},
            {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]},
            {"const": "x"},
        ]});
        for good in [
            json!(null),
            json!("x"),
            json!({"a": "b"}),
            json!({"a": null}),
        ] {
            assert_eq!(flaw(&json!({}), &schema, &good), None);
        }
        for bad in [
            json!({}),
            json!("y"),
            json!({"a": 1}),
            json!({"a": "b", "c": 1}),
        ] {
            assert!(flaw(&json!({}), &schema, &bad).is_some(), "{bad}");
        }
        let pair = json!({"type": "array", "items": {"type": "integer"}, "maxItems": 2});
        assert_eq!(flaw(&json!({}), &pair, &json!([1, 2])), None);
        for bad in [json!([1, 2, 3]), json!([1.5])] {
            assert!(flaw(&json!({}), &pair, &bad).is_some(), "{bad}");
        }
    }
}
