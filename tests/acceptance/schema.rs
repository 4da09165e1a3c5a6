//! The part of JSON Schema that the API's description uses.

use serde_json::Value;

/// The first error of a value under a schema of this document; `None` if there is none.
pub(crate) fn flaw(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("within the document");
        let schema = document.pointer(pointer).expect("a schema");
        return flaw(document, schema, value);
    }
    if !has_type(&schema["type"], value) {
        return Some(format!("{value} is not of the type {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Some(format!("{value} is none of {allowed:?}"));
    }
    let number = value.as_f64();
    let bound = |name: &str| schema[name].as_f64();
    if number < bound("minimum") && number.is_some() {
        return Some(format!("{value} is too small"));
    }
    if number > bound("maximum") && bound("maximum").is_some() {
        return Some(format!("{value} is too large"));
    }
    match value {
        Value::Object(members) => {
            let required = schema["required"].as_array().into_iter().flatten();
            for name in required.filter_map(Value::as_str) {
                if !members.contains_key(name) {
                    return Some(format!("{name} is missing"));
                }
            }
            members.iter().find_map(|(name, member)| {
                let known = &schema["properties"][name];
                let rest = &schema["additionalProperties"];
                match (known.is_object(), rest) {
                    (true, _) => flaw(document, known, member),
                    (false, Value::Bool(false)) => Some("it is not described".into()),
                    (false, Value::Object(_)) => flaw(document, rest, member),
                    _ => None,
                }
                .map(|flaw| format!("{name}: {flaw}"))
            })
        }
        Value::Array(elements) if schema["items"].is_object() => elements
            .iter()
            .find_map(|element| flaw(document, &schema["items"], element)),
        _ => None,
    }
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
