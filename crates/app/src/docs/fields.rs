//! Tables of the members of an object, made from its schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::escaped;

/// Start of a reference to a schema.
const REFERENCE: &str = "#/components/schemas/";

/// Table of a schema's members, including the members of nested objects. Empty if the schema describes no
/// members.
pub(super) fn table(schema: &Value) -> String {
    let rows = rows(schema, "");
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"table\" tabindex=\"0\">\n<table>\n\
         <thead><tr><th>field</th><th>type</th><th>meaning</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )
}

/// The names of the schemas that other schemas refer to.
pub(super) fn linked(schemas: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect_names(schemas, &mut names);
    names
}

fn collect_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            names.extend(reference(value).map(str::to_owned));
            members
                .values()
                .for_each(|member| collect_names(member, names));
        }
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| collect_names(element, names)),
        _ => {}
    }
}

/// Section about a schema that other schemas refer to: its description, and its members or values.
pub(super) fn section(name: &str, schema: &Value) -> String {
    let description = schema["description"].as_str();
    let meaning = description.map(|text| format!("<p>{}.</p>\n", with_code(text)));
    let mut members = table(schema);
    if members.is_empty() {
        members = format!("<p>{}.</p>\n", kind(schema));
    }
    let meaning = meaning.unwrap_or_default();
    format!("<h3 id=\"{name}\">{name}</h3>\n{meaning}{members}")
}

/// The rows of an object's members. `before` is the path of the object.
fn rows(schema: &Value, before: &str) -> String {
    members(schema)
        .into_iter()
        .map(|(name, member, is_required)| {
            let path = format!("{before}{name}");
            let optional = if is_required { "" } else { ", optional" };
            let meaning = member["description"].as_str().unwrap_or_default();
            format!(
                "<tr><td><code>{}</code></td><td>{}{optional}</td><td>{}</td></tr>\n{}",
                escaped(&path),
                kind(member),
                with_code(meaning),
                inner_rows(member, &path),
            )
        })
        .collect()
}

/// The members of an object. For an object with alternatives: the members of all alternatives. A member
/// that one alternative lacks is optional.
fn members(schema: &Value) -> Vec<(&str, &Value, bool)> {
    if let Some(own) = schema["properties"].as_object() {
        return in_order(schema, own);
    }
    let mut found: Vec<(&str, &Value, bool)> = Vec::new();
    let each: Vec<_> = alternatives(schema).map(members).collect();
    for (name, member, is_required) in each.iter().flatten().copied() {
        if found.iter().all(|(known, ..)| *known != name) {
            let has = |own: &Vec<(&str, &Value, bool)>| own.iter().any(|it| it.0 == name && it.2);
            found.push((name, member, is_required && each.iter().all(has)));
        }
    }
    found
}

/// The alternatives of a schema.
fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["anyOf", "oneOf"].map(|name| schema[name].as_array());
    lists.into_iter().flatten().flatten()
}

/// The members: the required ones in the order of the answer, then the others.
fn in_order<'a>(
    schema: &'a Value,
    members: &'a Map<String, Value>,
) -> Vec<(&'a str, &'a Value, bool)> {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let optional = members
        .keys()
        .map(String::as_str)
        .filter(|name| !required.contains(name));
    let first = required.iter().map(|name| (*name, true));
    first
        .chain(optional.map(|name| (name, false)))
        .filter_map(|(name, is_required)| Some((name, members.get(name)?, is_required)))
        .collect()
}

/// The rows of the objects within a member.
fn inner_rows(member: &Value, path: &str) -> String {
    match &member["items"] {
        Value::Null => rows(member, &format!("{path}.")),
        items => rows(items, &format!("{path}[].")),
    }
}

/// The type of a value as HTML.
fn kind(schema: &Value) -> String {
    let is_nullable = |schema: &Value| has_type(schema, "null");
    let or_null = if is_nullable(schema) || alternatives(schema).any(is_nullable) {
        " or null"
    } else {
        ""
    };
    format!("{}{or_null}", noun(schema, Number::Singular))
}

/// Grammatical number of the name of a type.
#[derive(Clone, Copy, PartialEq)]
enum Number {
    Singular,
    Plural,
}

fn noun(schema: &Value, number: Number) -> String {
    if let Some(name) = reference(schema) {
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    if let Some(values) = schema["enum"].as_array() {
        return choices(values);
    }
    if !schema["const"].is_null() {
        return choices(std::slice::from_ref(&schema["const"]));
    }
    let mut kinds: Vec<String> = alternatives(schema)
        .filter(|alternative| alternative["type"] != "null")
        .map(|alternative| noun(alternative, number))
        .collect();
    kinds.dedup();
    if !kinds.is_empty() {
        return kinds.join(" or ");
    }
    let plural = if number == Number::Plural { "s" } else { "" };
    if has_type(schema, "array") {
        let items = match &schema["items"] {
            Value::Null | Value::Bool(_) => "values".into(),
            items => noun(items, Number::Plural),
        };
        return format!("list{plural} of {items}");
    }
    if has_type(schema, "object") {
        return match &schema["additionalProperties"] {
            rest @ Value::Object(_) => format!("object{plural} of {}", noun(rest, Number::Plural)),
            _ => format!("object{plural}"),
        };
    }
    let is_share = schema["minimum"] == 0 && schema["maximum"] == 1;
    let range = if is_share { " from 0 to 1" } else { "" };
    format!("{}{plural}{range}", scalar(schema))
}

/// A description as HTML: what is between backticks is code.
pub(super) fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let html = parts.map(|(position, part)| match position % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    html.collect()
}

/// The allowed values.
fn choices(values: &[Value]) -> String {
    let texts: Vec<String> = values
        .iter()
        .map(|value| match value {
            Value::String(text) => format!("<code>{}</code>", escaped(text)),
            other => other.to_string(),
        })
        .collect();
    texts.join(" or ")
}

fn scalar(schema: &Value) -> &'static str {
    if schema["format"] == "date-time" {
        return "time";
    }
    ["string", "integer", "number", "boolean"]
        .into_iter()
        .find(|name| has_type(schema, name))
        .unwrap_or("value")
}

/// The name of the schema that is referred to.
fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix(REFERENCE)
}

/// True if the schema allows values of a JSON type.
fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(only) => only == name,
        Value::Array(names) => names.iter().any(|one| one == name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_is_written_in_words() {
        for (schema, words) in [
            (json!({"type": "string"}), "string"),
            (
                json!({"type": ["string", "null"], "format": "date-time"}),
                "time or null",
            ),
            (
                json!({"type": "number", "minimum": 0, "maximum": 1}),
                "number from 0 to 1",
            ),
            (json!({"type": "integer", "enum": [0, 1]}), "0 or 1"),
            (
                json!({"type": "array", "items": {"type": "array"}}),
                "list of lists of values",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "number"}}),
                "object of numbers",
            ),
            (
                json!({"type": "array", "items": {"$ref": "#/components/schemas/Run"}}),
                "list of <a href=\"#Run\">Run</a>",
            ),
            (
                json!({"anyOf": [{"$ref": "#/components/schemas/Run"}, {"type": "null"}]}),
                "<a href=\"#Run\">Run</a> or null",
            ),
            (json!({"type": "string", "const": "x"}), "<code>x</code>"),
        ] {
            assert_eq!(kind(&schema), words);
        }
    }

    #[test]
    fn members_of_inner_objects_follow_their_object_in_the_order_of_the_answer() {
        let schema = json!({
            "required": ["z", "a"],
            "properties": {
                "a": {"type": "array", "items": {"properties": {"x": {"type": "string"}}}},
                "z": {"type": "boolean", "description": "A < B"},
            },
        });
        let table = table(&schema);
        let places = [
            "<code>z</code>",
            "A &lt; B",
            "<code>a</code>",
            "<code>a[].x</code></td><td>string, optional",
        ];
        let found: Vec<Option<usize>> = places.iter().map(|text| table.find(text)).collect();
        assert!(
            found.iter().all(Option::is_some) && found.is_sorted(),
            "{table}"
        );
        assert_eq!(super::table(&json!({"type": "object"})), "");
    }

    #[test]
    fn members_of_alternatives_are_optional_unless_all_have_them() {
        let text = json!({"type": "string", "description": "a `b` < c"});
        let schema = json!({"anyOf": [
            {"properties": {"x": text, "y": text}, "required": ["x", "y"]},
            {"properties": {"x": text}, "required": ["x"]},
        ]});
        let table = table(&schema);
        assert_eq!(
            table.matches("<code>x</code></td><td>string</td>").count(),
            1
        );
        assert!(table.contains("<code>y</code></td><td>string, optional</td>"));
        assert!(table.contains("a <code>b</code> &lt; c"), "{table}");
    }
}
