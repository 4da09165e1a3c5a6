//! The schemas of answers, made from the types that are serialised, and the schema of requests
//! (JSON Schema 2020-12).
//!
//! Descriptions are the doc comments of the types. The tests of the server check its answers
//! against these schemas.

use common::history::ChangeByHand;
use dataset::passes::Summary;
use deployment::ListedRelease;
use record::RunRecord;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use scoring::RankedClient;
use serde_json::{Map, Value, json};

use super::simplify::simplify;
use crate::predict::Predictions;
use crate::problem::Problem;
use crate::routes::{Diagnostics, EvaluatedRun, Health, ListedRun, Score, ServedModel, Version};

/// Address of the schemas within the document.
const PLACE: &str = "/components/schemas";

/// All schemas by name.
pub(super) fn all() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = PLACE.into();
            settings.meta_schema = None;
        });
    let mut generator = settings
        .with_transform(RecursiveTransform(simplify))
        .into_generator();
    let known = &mut generator;
    for add in [
        reference::<Predictions<'_>>,
        reference::<Score<'_>>,
        reference::<Summary>,
        reference::<Diagnostics>,
        reference::<Health>,
        reference::<Version>,
        reference::<RunRecord>,
        reference::<ServedModel<'_>>,
        reference::<Problem<'_>>,
    ] {
        add(known);
    }
    let mut runs = page("runs", &reference::<ListedRun<'_>>(known));
    add_changes(&mut runs, &reference::<ChangeByHand>(known));
    let pages = [
        ("Runs", runs),
        ("Drift", page("runs", &reference::<EvaluatedRun<'_>>(known))),
        (
            "Releases",
            page("releases", &reference::<ListedRelease>(known)),
        ),
        ("Risks", page("clients", &reference::<RankedClient>(known))),
    ];
    let mut schemas = generator.take_definitions(true);
    name_inner_objects(&mut schemas);
    schemas.extend(pages.map(|(name, schema)| (name.to_owned(), schema)));
    schemas.insert("Row".into(), row());
    schemas.insert("Rows".into(), rows());
    let document = json!({"type": "object", "description": "An OpenAPI document"});
    schemas.insert("Document".into(), document);
    schemas
}

/// A reference to the schema of a type. The generator keeps the schema by its name.
fn reference<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Gives the objects within alternatives schemas of their own: generators of clients make a type of
/// each, which has to have a name.
fn name_inner_objects(schemas: &mut Map<String, Value>) {
    let mut named = Map::new();
    for (name, schema) in schemas.iter_mut() {
        let alternatives = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        let properties = alternatives
            .into_iter()
            .flatten()
            .filter_map(|it| it.get_mut("properties")?.as_object_mut());
        for (property, inner) in properties.flatten() {
            if inner.get("properties").is_some() {
                let own_name = format!("{name}_{property}");
                let reference = json!({
                    "$ref": format!("#{PLACE}/{own_name}"),
                    "description": inner["description"],
                });
                named.insert(own_name, std::mem::replace(inner, reference));
            }
        }
    }
    schemas.extend(named);
}

/// A page of a list, as `Listing` writes it item by item.
fn page(items: &str, item: &Schema) -> Value {
    json!({
        "type": "object",
        "description": "A page of a list",
        "properties": {
            items: {"type": "array", "items": item, "description": "The items of the page"},
            "next": {
                "type": ["string", "null"],
                "description": "Address of the next page; null on the last page",
            },
        },
        "required": [items, "next"],
    })
}

/// Adds the changes by hand to the page of runs.
fn add_changes(runs: &mut Value, change: &Schema) {
    runs["properties"]["changes_by_hand"] = json!({
        "type": "array",
        "items": change,
        "description": "What people changed after the oldest of these runs began, newest first; on the last page also what they changed before the first run",
    });
    runs["required"] = json!(["runs", "changes_by_hand", "next"]);
}

/// A cell of a request.
fn cell() -> Value {
    json!({
        "type": ["string", "number", "boolean", "null"],
        "description": "A number, also as text; the level of a category; null or an empty text for a missing value",
    })
}

/// A row of a request. Its columns depend on the model.
fn row() -> Value {
    json!({
        "type": "object",
        "description": "A row: its cells by column name. Columns that the model does not have are ignored",
        "additionalProperties": cell(),
    })
}

/// The forms of the rows of a request.
fn rows() -> Value {
    let records = json!({
        "type": "array",
        "description": "Rows with the names of their columns",
        "items": {"$ref": format!("#{PLACE}/Row")},
        "minItems": 1,
    });
    let columns = json!({
        "type": "array",
        "description": "Names of the columns",
        "items": {"type": "string"},
    });
    let data = json!({
        "type": "array",
        "description": "Rows: a cell for each column, in the order of the columns",
        "items": {"type": "array", "items": cell()},
        "minItems": 1,
    });
    let path = json!({
        "type": "string",
        "description": "Path of a CSV file on the server. A relative path starts at the folder of config.json",
    });
    json!({
        "description": "Rows, or the path of a CSV file with rows",
        "oneOf": [
            records,
            {"type": "object", "title": "RowsRecords", "required": ["records"],
                "properties": {"records": records}},
            {"type": "object", "title": "RowsTable", "required": ["columns", "data"],
                "properties": {"columns": columns, "data": data}},
            {"type": "object", "title": "RowsFile", "required": ["path"],
                "properties": {"path": path}},
            path,
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints;

    /// Calls `check` with each object of the schemas, and where it is.
    fn visit(value: &Value, place: &str, check: &mut impl FnMut(&Map<String, Value>, &str)) {
        match value {
            Value::Object(members) => {
                check(members, place);
                for (name, member) in members {
                    visit(member, &format!("{place}/{name}"), check);
                }
            }
            Value::Array(elements) => {
                for (position, element) in elements.iter().enumerate() {
                    visit(element, &format!("{place}/{position}"), check);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_property_has_a_description_for_people() {
        let schemas = Value::from(all());
        let mut flaws = Vec::new();
        visit(&schemas, "", &mut |members, place| {
            if place.ends_with("/properties") {
                let bare = members
                    .iter()
                    .filter(|(_, it)| !it["description"].is_string());
                flaws.extend(bare.map(|(name, _)| format!("{place}/{name}: no description")));
            }
            if let Some(Value::String(description)) = members.get("description") {
                let is_code = ["[`", "](", "::", "`None`", "Some("];
                if is_code.iter().any(|code| description.contains(code)) {
                    flaws.push(format!("{place}: {description}"));
                }
            }
        });
        assert!(flaws.is_empty(), "{}", flaws.join("\n"));
    }

    #[test]
    fn every_endpoint_has_its_schema_and_no_two_types_share_a_name() {
        let schemas = all();
        for endpoint in endpoints::ALL {
            let is_json = endpoint.media.contains(&crate::accept::Media::Json);
            let is_known = schemas.contains_key(endpoint.schema);
            assert_eq!(is_known, is_json, "{}", endpoint.schema);
        }
        // The generator numbers types of the same name.
        let numbered = schemas.keys().find(|name| name.ends_with(char::is_numeric));
        assert_eq!(numbered, None);
    }
}
