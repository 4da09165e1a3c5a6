//! The schemas of requests and answers (JSON Schema 2020-12).
//!
//! The tests of the server check its answers against these schemas.

mod data;
mod model;
mod monitoring;
mod prediction;
mod problem;
mod risk;
mod run;
mod types;

use serde_json::{Value, json};

use self::types::{page, reference};

/// All schemas by name.
pub(super) fn all() -> Value {
    json!({
        "Rows": prediction::rows(),
        "Predictions": prediction::predictions(),
        "Score": model::score(),
        "Summary": data::summary(),
        "Diagnostics": monitoring::diagnostics(),
        "Health": monitoring::health(),
        "Version": monitoring::version(),
        "Runs": run::page(),
        "ChangeByHand": run::change_by_hand(),
        "ListedRun": run::listed(),
        "Run": run::full(),
        "Drift": page("runs", &reference("EvaluatedRun")),
        "EvaluatedRun": run::evaluated(),
        "Model": model::model(),
        "Releases": page("releases", &reference("Release")),
        "Release": model::release(),
        "Risks": page("clients", &reference("Risk")),
        "Risk": risk::risk(),
        "Object": {"type": "object"},
        "Text": {"type": "string"},
        "Problem": problem::problem(),
    })
}
