//! The answers of an endpoint: bodies, headers and examples by status.

use serde_json::{Map, Value, json};

use super::problems;
use crate::accept::Media;
use crate::endpoints::{self, Endpoint, PROBLEM_EXAMPLE, Verb};

/// Mark for the parts that an example leaves out.
const LEFT_OUT: &str = "…";

/// The headers of answers, by name.
pub(super) fn headers() -> Value {
    let text = |description: &str| {
        json!({
            "description": description,
            "schema": {"type": "string"},
        })
    };
    json!({
        "X-Request-Id": text("Identifies the request in the log of the server"),
        "X-Model-Version": text("Number of the release that made the predictions"),
        "ETag": text("Entity tag of the answer, for If-None-Match"),
        "WWW-Authenticate": text("How to send a key"),
        "Retry-After": {
            "description": "Seconds to wait before the request is sent again",
            "schema": {"type": "integer", "minimum": 1},
        },
    })
}

/// The answers of an endpoint by status.
pub(super) fn all(endpoint: &Endpoint) -> Value {
    let mut responses = Map::new();
    let body = content(endpoint);
    if endpoint.path == endpoints::READYZ.path {
        responses.insert(
            "503".into(),
            json!({
                "description": "Predictions cannot be made",
                "headers": references(&["X-Request-Id"]),
                "content": body,
            }),
        );
    }
    let mut names = vec!["X-Request-Id"];
    names.extend((endpoint.verb == Verb::Post).then_some("X-Model-Version"));
    names.extend(is_tagged(endpoint).then_some("ETag"));
    responses.insert(
        "200".into(),
        json!({
            "description": endpoint.summary,
            "headers": references(&names),
            "content": body,
        }),
    );
    if is_tagged(endpoint) {
        responses.insert(
            "304".into(),
            json!({
                "description": "The client has the answer already (If-None-Match)",
                "headers": references(&names),
            }),
        );
    }
    add_problems(endpoint, &mut responses);
    responses.into()
}

/// The body of a good answer in each media type, with an example of the first one.
fn content(endpoint: &Endpoint) -> Map<String, Value> {
    let mut content = Map::new();
    for (place, media) in endpoint.media.iter().enumerate() {
        let is_json = *media == Media::Json;
        let mut form = json!({"schema": match is_json {
            true => json!({"$ref": format!("#/components/schemas/{}", endpoint.schema)}),
            false => json!({"type": "string"}),
        }});
        // The OpenAPI document has no example of itself, because such an example would never end.
        let may_have_example = place == 0 && endpoint.path != endpoints::OPENAPI.path;
        let example = endpoint.example.as_ref().filter(|_| may_have_example);
        if let Some(shown) = example.and_then(|example| shown(example.answer, is_json)) {
            form["example"] = shown;
        }
        content.insert(media.essence().into(), form);
    }
    content
}

/// Example of an answer. `None` if the example leaves out members of an object, because it then breaks its
/// schema.
fn shown(answer: &str, is_json: bool) -> Option<Value> {
    if !is_json {
        return Some(answer.into());
    }
    let mut value = serde_json::from_str(answer).ok()?;
    drop_marks(&mut value).then_some(value)
}

/// Removes the marks of elements that are left out of lists. Returns false if a member of an object is left
/// out.
fn drop_marks(value: &mut Value) -> bool {
    match value {
        Value::Array(elements) => {
            elements.retain(|element| element != LEFT_OUT);
            elements.iter_mut().all(drop_marks)
        }
        Value::Object(members) => members.values_mut().all(drop_marks),
        other => other != LEFT_OUT,
    }
}

/// Adds the errors of an endpoint, grouped by status.
fn add_problems(endpoint: &Endpoint, responses: &mut Map<String, Value>) {
    for kind in problems(endpoint) {
        let response = responses
            .entry(kind.status.to_string())
            .or_insert_with(|| json!({"description": "", "content": {}}));
        let so_far = response["description"].as_str().unwrap_or_default();
        let separator = if so_far.is_empty() { "" } else { ", " };
        response["description"] = format!("{so_far}{separator}{}", kind.code).into();
        response["headers"] = references(match kind.status {
            401 => &["X-Request-Id", "WWW-Authenticate"],
            429 | 503 => &["X-Request-Id", "Retry-After"],
            _ => &["X-Request-Id"],
        });
        if endpoints::is_of_dashboard(endpoint.path) {
            response["content"]["text/html"] = json!({"schema": {"type": "string"}});
            continue;
        }
        let mut form = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        let example = (kind.status == 422).then_some(PROBLEM_EXAMPLE.answer);
        if let Some(shown) = example.and_then(|answer| shown(answer, true)) {
            form["example"] = shown;
        }
        response["content"]["application/problem+json"] = form;
    }
}

fn references(headers: &[&str]) -> Value {
    let of = |name: &&str| json!({"$ref": format!("#/components/headers/{name}")});
    headers
        .iter()
        .map(|name| ((*name).to_owned(), of(name)))
        .collect()
}

/// True if the answers of an endpoint have an entity tag. Answers that change with every request
/// have none.
fn is_tagged(endpoint: &Endpoint) -> bool {
    let changes_with_every_request =
        endpoint.media.contains(&Media::Metrics) || endpoint.is_health_check();
    endpoint.verb == Verb::Get && !changes_with_every_request
}
