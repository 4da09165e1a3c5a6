//! The OpenAPI 3.1 description of the API, made from the endpoints, the kinds of problem
//! and the schemas of the answers.

mod body;
mod responses;
mod schemas;
mod simplify;

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::endpoints::{self, Access, Endpoint, Parameter, ParameterKind, Verb};
use crate::kind::{self, Kind};

/// Problem codes of every endpoint.
const OF_EVERY_ENDPOINT: [&str; 7] = [
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

/// Rules that apply to all requests and answers.
const ABOUT: &str = "\
No request changes the pipeline.

- **Members**: newer versions of the server may add members to answers. Clients ignore members that they do not know.
- **Numbers** are finite. Shares, probabilities and F1 are from 0 to 1. Times are UTC (RFC 3339).
- **Request id**: every answer has the header `X-Request-Id`. The server takes the id of the request's header `X-Request-Id` if the id is 1 to 64 letters, digits, `.`, `_` or `-`. Otherwise the server makes a new one. `traceparent` (W3C) is passed through.
- **Compression**: an answer of more than 1 KiB is compressed if the request has `Accept-Encoding: gzip`. A body may be sent with `Content-Encoding: gzip`. No other encoding is accepted.
- **Conditional requests**: to receive an answer again only if it has changed, send its `ETag` as `If-None-Match`. Status 304 means that it has not changed.
- **Errors** are `application/problem+json` (RFC 9457); errors of the dashboard are pages. The end of `type` is a code that does not change between versions. Retry after 429 and 503, no sooner than `Retry-After` says.
- **Methods**: each GET also answers HEAD; each address answers OPTIONS.";

/// The description as JSON text.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    // Encoding cannot fail, because the document consists of texts and numbers.
    TEXT.get_or_init(|| serde_json::to_string_pretty(&document()).unwrap_or_default())
}

/// The schemas by name.
pub(crate) fn schemas() -> &'static Value {
    static SCHEMAS: OnceLock<Value> = OnceLock::new();
    SCHEMAS.get_or_init(|| schemas::all().into())
}

/// The problems of an endpoint, in the order of their status.
pub(crate) fn problems(endpoint: &Endpoint) -> Vec<&'static Kind> {
    let is_own = |code: &str| {
        endpoint.problems.contains(&code)
            || OF_EVERY_ENDPOINT.contains(&code)
            || (endpoint.access != Access::Open && WITH_KEY.contains(&code))
            || (code == "invalid-parameter" && !endpoint.parameters.is_empty())
            || (code == "foreign-origin" && endpoint.verb == Verb::Post)
            || (code == "not-acceptable" && !endpoint.is_health_check())
    };
    kind::ALL
        .iter()
        .copied()
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
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "headers": responses::headers(),
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
        "responses": responses::all(endpoint),
    });
    if endpoint.access != Access::Open {
        // The empty requirement is one of the choices, because no key is needed on a loopback
        // address.
        operation["security"] = match endpoint.is_for_browsers() {
            true => json!([{}, {"bearer": []}, {"key": []}, {"password": []}]),
            false => json!([{}, {"bearer": []}, {"key": []}]),
        };
    }
    if endpoint.verb == Verb::Post {
        operation["requestBody"] = body::rows();
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
        ParameterKind::Count(max) => json!({"type": "integer", "minimum": 1, "maximum": max}),
        ParameterKind::Number => json!({"type": "integer", "minimum": 1, "maximum": i64::MAX}),
        ParameterKind::Text => json!({"type": "string"}),
        ParameterKind::Word(words) => json!({"type": "string", "enum": words}),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_openapi_description_matches_the_golden_file() {
        let kept = include_str!("../openapi.json");
        assert!(
            kept.trim_end() == text(),
            "the API has changed; if the change is intended, start the server and store its new description: curl -s http://127.0.0.1:8000/openapi.json > crates/app/openapi.json"
        );
    }

    #[test]
    fn every_reference_leads_to_a_schema_and_every_code_to_a_kind() {
        let document = document();
        let mut references = BTreeSet::new();
        collect_references(&document, &mut references);
        for reference in references {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{reference}");
        }
        for endpoint in endpoints::ALL {
            for code in endpoint.problems {
                assert!(kind::ALL.iter().any(|kind| kind.code == *code), "{code}");
            }
        }
        let codes: BTreeSet<&str> = kind::ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), kind::ALL.len());
    }

    #[test]
    fn examples_have_no_marks_of_omitted_parts() {
        let text = text();
        assert!(!text.contains("\"…\""));
        let predictions = &document()["paths"]["/prediction"]["post"]["responses"]["200"];
        let example = &predictions["content"]["application/json"]["example"];
        assert_eq!(example["predictions"], json!([0, 1]));
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
