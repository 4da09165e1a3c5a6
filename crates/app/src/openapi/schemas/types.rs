//! The types that schemas are made of.

use serde_json::{Map, Value, json};

/// An object with exactly these members.
pub(super) fn closed(members: &[(&str, Value)]) -> Value {
    object(members, &[])
}

/// An object with these members, some of which may be absent.
pub(super) fn object(members: &[(&str, Value)], absent: &[&str]) -> Value {
    let properties: Map<String, Value> = members
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    let required: Vec<&str> = members
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !absent.contains(name))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A schema with a description.
pub(super) fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

/// The schema of this name.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A list of values of a schema.
pub(super) fn list(of: &Value) -> Value {
    json!({"type": "array", "items": of})
}

/// A page of a list; its items are under this name.
pub(super) fn page(items: &str, item: &Value) -> Value {
    let next = described(
        or_null("string"),
        "Address of the page of older ones; null where there are none",
    );
    closed(&[(items, list(item)), ("next", next)])
}

/// The texts of the labels, where they are not 0 and 1.
pub(super) fn labels() -> Value {
    described(
        closed(&[("positive", list(&text())), ("negative", list(&text()))]),
        "The texts of the labels, where they are not 0 and 1",
    )
}

/// The training windows that were tried for a model.
pub(super) fn windows() -> Value {
    let names = ["all_rows", "since_drift", "last_batches"];
    let window = object(
        &[
            ("window", json!({"type": "string", "enum": names})),
            (
                "batches",
                described(count(), "Number of batches of last_batches"),
            ),
            (
                "first_row",
                described(count(), "The first row of the window"),
            ),
            (
                "labelled_rows",
                described(count(), "Labelled rows of the window"),
            ),
            ("log_loss", or_null("number")),
            ("p_value", share_or_null()),
            (
                "left_out",
                described(text(), "Why the window was not tried"),
            ),
            ("is_chosen", flag()),
        ],
        &["batches", "left_out"],
    );
    list(&window)
}

/// Name of a form.
pub(super) fn form() -> Value {
    json!({"type": "string", "enum": ["linear", "curves", "pairs"]})
}

/// The forms that were tried.
pub(super) fn forms() -> Value {
    list(&closed(&[
        ("form", form()),
        ("c", number()),
        ("log_loss", number()),
        ("standard_error", number()),
        ("is_chosen", flag()),
    ]))
}

/// A text.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// A time.
pub(super) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// A time, or null.
pub(super) fn time_or_null() -> Value {
    json!({"type": ["string", "null"], "format": "date-time"})
}

/// A number.
pub(super) fn number() -> Value {
    json!({"type": "number"})
}

/// A whole number from 0.
pub(super) fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// True or false.
pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

/// A number from 0 to 1.
pub(super) fn share() -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 1})
}

/// A number from 0 to 1, or null.
pub(super) fn share_or_null() -> Value {
    json!({"type": ["number", "null"], "minimum": 0, "maximum": 1})
}

/// The ends of an interval of shares, or null.
pub(super) fn interval_or_null() -> Value {
    json!({"type": ["array", "null"], "items": share(), "minItems": 2, "maxItems": 2})
}

/// A value of a JSON type, or null.
pub(super) fn or_null(kind: &str) -> Value {
    json!({"type": [kind, "null"]})
}
