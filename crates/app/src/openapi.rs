//! The OpenAPI 3.1 description of the API, made from the endpoints, the kinds of problem
//! and the schemas of the answers.

mod schemas;

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::accept::Media;
use crate::endpoints::{self, Access, Endpoint, Parameter, ParameterKind, Verb};
use crate::kind::{self, Kind};

/// Problem codes of every endpoint.
const ANYWHERE: [&str; 7] = [
    "request-invalid",
    "unknown-parameter",
    "head-timeout",
    "host",
    "head-too-large",
    "internal",
    "overloaded",
];
/// Problem codes of endpoints that require a key.
const WITH_KEY: [&str; 4] = [
    "key-missing",
    "key-unknown",
    "scope-missing",
    "too-many-wrong-keys",
];

/// The description as JSON text.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    // A tree of texts and numbers always encodes.
    TEXT.get_or_init(|| serde_json::to_string_pretty(&document()).unwrap_or_default())
}

/// The schemas by name.
pub(crate) fn schemas() -> Value {
    schemas::all()
}

/// The problems of an endpoint, in the order of their status.
pub(crate) fn problems(endpoint: &Endpoint) -> Vec<&'static Kind> {
    let is_own = |code: &str| {
        endpoint.problems.contains(&code)
            || ANYWHERE.contains(&code)
            || (endpoint.access != Access::Open && WITH_KEY.contains(&code))
            || (code == "invalid-parameter" && !endpoint.parameters.is_empty())
            || (code == "foreign-origin" && endpoint.verb == Verb::Post)
            || (code == "not-acceptable" && !endpoint.is_health_check())
    };
    kind::ALL
        .into_iter()
        .filter(|kind| is_own(kind.code))
        .collect()
}

fn document() -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints::ALL {
        let method = match endpoint.verb {
            Verb::Get => "get",
            Verb::Post => "post",
        };
        paths.insert(endpoint.path.into(), json!({ method: operation(endpoint) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Dynamic Risk Assessment",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Predictions, score, statistics and diagnostics of the deployed model",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "password": {"type": "http", "scheme": "basic"},
            },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = json!({
        "summary": endpoint.summary,
        "operationId": endpoint.id(),
        "parameters": parameters(endpoint),
        "responses": responses(endpoint),
    });
    if endpoint.access != Access::Open {
        // The empty requirement: on a loopback address no key is needed.
        operation["security"] = match endpoint.is_for_browsers() {
            true => json!([{}, {"bearer": []}, {"key": []}, {"password": []}]),
            false => json!([{}, {"bearer": []}, {"key": []}]),
        };
    }
    if endpoint.verb == Verb::Post {
        operation["requestBody"] = json!({
            "required": true,
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/json": {"schema": {"$ref": "#/components/schemas/Rows"}},
            },
        });
    }
    operation
}

fn parameters(endpoint: &Endpoint) -> Value {
    let query = endpoint.parameters.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": false,
            "description": parameter.summary,
            "schema": parameter_schema(parameter),
        })
    });
    let in_braces = endpoint.path.split_once('{');
    let name = in_braces.and_then(|(_, rest)| rest.split('}').next());
    let in_path = name.map(|name| {
        json!({
            "name": name,
            "in": "path",
            "description": match endpoint.path.contains("/releases/") {
                true => "Number of the release",
                false => "Number of the run",
            },
            "required": true,
            "schema": {"type": "integer", "minimum": 1},
        })
    });
    query.chain(in_path).collect()
}

fn parameter_schema(parameter: &Parameter) -> Value {
    match parameter.kind {
        ParameterKind::Bool => json!({"type": "boolean"}),
        ParameterKind::Share => json!({"type": "number", "minimum": 0, "maximum": 1}),
        ParameterKind::Count(most) => json!({"type": "integer", "minimum": 1, "maximum": most}),
        ParameterKind::Number => json!({"type": "integer", "minimum": 1, "maximum": i64::MAX}),
        ParameterKind::Text => json!({"type": "string"}),
        ParameterKind::Word(words) => json!({"type": "string", "enum": words}),
    }
}

fn responses(endpoint: &Endpoint) -> Value {
    let mut content = Map::new();
    for media in endpoint.media {
        let schema = match media {
            Media::Json => json!({"$ref": format!("#/components/schemas/{}", endpoint.schema)}),
            _ => json!({"type": "string"}),
        };
        content.insert(media.essence().into(), json!({ "schema": schema }));
    }
    let mut responses = Map::new();
    if endpoint.path == "/readyz" {
        responses.insert(
            "503".into(),
            json!({"description": "Predictions cannot be made", "content": content.clone()}),
        );
    }
    responses.insert(
        "200".into(),
        json!({"description": endpoint.summary, "content": content}),
    );
    if is_tagged(endpoint) {
        responses.insert(
            "304".into(),
            json!({"description": "The client has the answer already (If-None-Match)"}),
        );
    }
    for kind in problems(endpoint) {
        let response = responses
            .entry(kind.status.to_string())
            .or_insert_with(|| json!({"description": "", "content": {}}));
        let so_far = response["description"].as_str().unwrap_or_default();
        let separator = if so_far.is_empty() { "" } else { ", " };
        response["description"] = format!("{so_far}{separator}{}", kind.code).into();
        match endpoints::is_of_dashboard(endpoint.path) {
            true => {
                response["content"]["text/html"] = json!({"schema": {"type": "string"}});
            }
            false => {
                response["content"]["application/problem+json"] =
                    json!({"schema": {"$ref": "#/components/schemas/Problem"}});
            }
        }
    }
    responses.into()
}

/// True if the answers of an endpoint have an entity tag. Answers that change with every request
/// have none.
fn is_tagged(endpoint: &Endpoint) -> bool {
    let is_live = endpoint.media.contains(&Media::Metrics) || endpoint.is_health_check();
    endpoint.verb == Verb::Get && !is_live
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_description_is_the_one_that_is_kept() {
        let kept = include_str!("../openapi.json");
        assert!(
            kept.trim_end() == text(),
            "the API has changed; where that is meant, start the server and keep what it says: curl -s http://127.0.0.1:8000/openapi.json > crates/app/openapi.json"
        );
    }

    #[test]
    fn every_reference_leads_to_a_schema_and_every_code_to_a_kind() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut references = BTreeSet::new();
        collect_references(&document, &mut references);
        for reference in references {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(schemas.contains_key(name), "{reference}");
        }
        for endpoint in endpoints::ALL {
            for code in endpoint.problems {
                assert!(kind::ALL.iter().any(|kind| kind.code == *code), "{code}");
            }
        }
        let codes: BTreeSet<&str> = kind::ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), kind::ALL.len());
    }

    fn collect_references(value: &Value, to: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member.as_str() {
                        Some(reference) if name == "$ref" => drop(to.insert(reference.into())),
                        _ => collect_references(member, to),
                    }
                }
            }
            Value::Array(elements) => elements
                .iter()
                .for_each(|element| collect_references(element, to)),
            _ => {}
        }
    }
}
