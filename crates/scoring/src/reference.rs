//! The fixed cases of `testdata/monitoring.json`, for tests.

use serde_json::Value;

/// The reference cases of one kind, such as `estimates`. Fails if there are none.
pub(crate) fn cases(kind: &str) -> Vec<Value> {
    let text = include_str!("../testdata/monitoring.json");
    let all: Value = serde_json::from_str(text).expect("JSON");
    let cases = all[kind].as_array().expect("cases").clone();
    assert!(!cases.is_empty(), "{kind}");
    cases
}

/// The numbers of a JSON array.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().expect("a list");
    list.iter()
        .map(|number| number.as_f64().expect("a number"))
        .collect()
}
