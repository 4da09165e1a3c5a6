//! Simpler forms of generated schemas, with the same meaning. Generators of clients do not read all
//! forms of JSON Schema.

use schemars::Schema;
use serde_json::{Map, Value};

/// Simplifies a schema, but not the schemas within it. The generator calls this for each schema.
pub(super) fn simplify(schema: &mut Schema) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    merge_constants(members);
    describe_variants(members);
    describe_absence(members);
    distribute_properties(members);
    if let Some(Value::String(format)) = members.get_mut("format")
        && format.starts_with(['i', 'u'])
    {
        // The width of an integer is a detail of the server.
        *format = "int64".into();
    }
    if let Some(Value::String(description)) = members.get_mut("description") {
        *description = line(description);
    }
}

/// Alternatives of one text each become one enumeration. Its description says what each text means.
fn merge_constants(members: &mut Map<String, Value>) {
    for keyword in ["oneOf", "anyOf"] {
        let Some(Value::Array(alternatives)) = members.remove(keyword) else {
            continue;
        };
        let is_constant = |it: &Value| it["enum"].is_array() || it["const"].is_string();
        let (constants, others): (Vec<Value>, Vec<Value>) =
            alternatives.into_iter().partition(is_constant);
        if !constants.is_empty() && others.is_empty() {
            let whole = members.get("description").and_then(Value::as_str).map(line);
            members.extend(enumeration(whole, &constants));
            continue;
        }
        let first = (!constants.is_empty()).then(|| enumeration(None, &constants).into());
        members.insert(keyword.into(), first.into_iter().chain(others).collect());
    }
}

/// The enumeration of some constants; `meaning` is what all of them together mean.
fn enumeration(meaning: Option<String>, constants: &[Value]) -> Map<String, Value> {
    let mut values = Vec::new();
    let mut parts = Vec::from_iter(meaning);
    for constant in constants {
        values.extend(constant["enum"].as_array().into_iter().flatten().cloned());
        if let Some(value) = constant["const"].as_str() {
            values.push(value.into());
            let meaning = constant["description"].as_str();
            parts.extend(meaning.map(|meaning| format!("`{value}`: {}", line(meaning))));
        }
    }
    let mut schema = Map::new();
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), values.into());
    if !parts.is_empty() {
        schema.insert("description".into(), parts.join(". ").into());
    }
    schema
}

/// Describes the properties that stand for the variant of an enum: its name, and its value.
fn describe_variants(members: &mut Map<String, Value>) {
    let Some(Value::Array(alternatives)) = members.get_mut("oneOf") else {
        return;
    };
    for alternative in alternatives {
        let meaning = alternative.get("description").cloned();
        let properties = alternative.get_mut("properties");
        let Some(properties) = properties.and_then(Value::as_object_mut) else {
            continue;
        };
        for property in properties.values_mut().filter_map(Value::as_object_mut) {
            if !property.contains_key("description")
                && let Some(meaning) = &meaning
            {
                property.insert("description".into(), meaning.clone());
            }
        }
    }
}

/// Replaces `None` of doc comments: in JSON, a value is null, or the property is absent. A property
/// that can be absent is never null.
fn describe_absence(members: &mut Map<String, Value>) {
    let required = members.get("required").cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = members.get_mut("properties") else {
        return;
    };
    for (name, property) in properties {
        let mut required = required.as_array().into_iter().flatten();
        let is_required = required.any(|it| it.as_str() == Some(name));
        let word = if is_required { "null" } else { "absent" };
        if !is_required && let Some(property) = property.as_object_mut() {
            forbid_null(property);
        }
        if let Some(Value::String(description)) = property.get_mut("description") {
            *description = description
                .replace("`None`", word)
                .replace("`null`", "null");
        }
    }
}

/// Removes null from the values of a property that is absent instead.
fn forbid_null(property: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            property.insert("type".into(), only);
        }
    }
    let Some(Value::Array(alternatives)) = property.get_mut("anyOf") else {
        return;
    };
    alternatives.retain(|alternative| alternative["type"] != "null");
    if let [Value::Object(only)] = alternatives.as_slice() {
        let mut only = only.clone();
        property.remove("anyOf");
        only.append(property);
        *property = only;
    }
}

/// Moves the properties of an object into each of its alternatives. Some generators read either
/// properties or alternatives.
fn distribute_properties(members: &mut Map<String, Value>) {
    let has = |name: &&str| members.contains_key(*name);
    let Some(name) = ["anyOf", "oneOf"].into_iter().find(has) else {
        return;
    };
    let Some(Value::Object(properties)) = members.remove("properties") else {
        return;
    };
    members.remove("type");
    let required = members.remove("required").unwrap_or_default();
    let Some(Value::Array(alternatives)) = members.get_mut(name) else {
        return;
    };
    for alternative in alternatives.iter_mut().filter_map(Value::as_object_mut) {
        let own = alternative.entry("properties").or_insert_with(empty);
        if let Some(own) = own.as_object_mut() {
            own.extend(properties.clone());
        }
        let own = alternative.remove("required").unwrap_or_default();
        let both = [&required, &own].into_iter().filter_map(Value::as_array);
        let required: Vec<Value> = both.flatten().cloned().collect();
        alternative.insert("required".into(), required.into());
        alternative.insert("type".into(), "object".into());
        // The properties of the object are allowed, too.
        alternative.remove("additionalProperties");
    }
}

fn empty() -> Value {
    Map::new().into()
}

/// A doc comment as one line without a stop at its end.
fn line(comment: &str) -> String {
    let words: Vec<&str> = comment.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn simplified(schema: Value) -> Value {
        let mut schema = Schema::try_from(schema).unwrap();
        simplify(&mut schema);
        schema.to_value()
    }

    #[test]
    fn constants_become_an_enumeration_that_says_what_each_means() {
        let constants = [
            json!({"type": "string", "const": "ok", "description": "No\ndrift."}),
            json!({"type": "string", "const": "drift"}),
        ];
        let merged = json!({
            "type": "string", "enum": ["ok", "drift"], "description": "A verdict. `ok`: No drift",
        });
        let alone = json!({"description": "A verdict.", "oneOf": constants});
        assert_eq!(simplified(alone), merged);
        let [ok, drift] = constants;
        let with_others = simplified(json!({"anyOf": [{"type": "string"}, ok, drift]}));
        let values = json!(["ok", "drift"]);
        assert_eq!(with_others["anyOf"][0]["enum"], values);
        assert_eq!(with_others["anyOf"][1], json!({"type": "string"}));
    }

    #[test]
    fn a_property_is_null_or_absent_and_its_description_says_which() {
        let text = json!({"type": ["string", "null"], "description": "`None` before."});
        let link = json!({"anyOf": [{"$ref": "#/x"}, {"type": "null"}], "description": "`None`"});
        let schema = simplified(json!({
            "properties": {"null": text, "absent": text, "link": link},
            "required": ["null"],
        }));
        let properties = &schema["properties"];
        assert_eq!(properties["null"]["type"], json!(["string", "null"]));
        assert_eq!(properties["null"]["description"], "null before.");
        assert_eq!(properties["absent"]["type"], "string");
        assert_eq!(properties["absent"]["description"], "absent before.");
        assert_eq!(
            properties["link"],
            json!({"$ref": "#/x", "description": "absent"})
        );
    }

    #[test]
    fn properties_move_into_the_alternatives() {
        let name = json!({"type": "string"});
        let own = json!({"properties": {"own": name}, "required": ["own"], "type": "object"});
        let schema = simplified(json!({
            "type": "object", "properties": {"name": name}, "required": ["name"], "oneOf": [own],
        }));
        let both = json!({
            "type": "object",
            "properties": {"name": name, "own": name},
            "required": ["name", "own"],
        });
        assert_eq!(schema, json!({"oneOf": [both]}));
    }
}
