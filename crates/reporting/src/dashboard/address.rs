//! Addresses of the pages.

use std::fmt::Write;

/// Paths of the pages.
pub mod paths {
    /// State now, and what needs attention.
    pub const OVERVIEW: &str = "/";
    /// Score over time.
    pub const SCORE: &str = "/dashboard/score";
    /// Drift by feature; with `?feature=` one feature.
    pub const DRIFT: &str = "/dashboard/drift";
    /// The call list.
    pub const CALLS: &str = "/dashboard/calls";
    /// The call list as a file.
    pub const CALLS_CSV: &str = "/dashboard/calls.csv";
    /// The runs.
    pub const RUNS: &str = "/dashboard/runs";
    /// One run.
    pub const RUN: &str = "/dashboard/runs/{id}";
    /// The releases.
    pub const RELEASES: &str = "/dashboard/releases";
    /// One release, compared with another.
    pub const RELEASE: &str = "/dashboard/releases/{id}";
    /// The alerts.
    pub const ALERTS: &str = "/dashboard/alerts";
    /// The reports of runs.
    pub const REPORTS: &str = "/dashboard/reports";
}

/// Address of the page of a run.
pub(super) fn run(run: i64) -> String {
    format!("{}/{run}", paths::RUNS)
}

/// Address of the page of a release.
pub(super) fn release(name: &str) -> String {
    format!("{}/{}", paths::RELEASES, encoded(name))
}

/// Address of the report of a run.
pub(super) fn report(run: i64) -> String {
    format!("/v1/reports/{run}")
}

/// Address of the page of a feature.
pub(super) fn feature(name: &str) -> String {
    format!("{}?feature={}", paths::DRIFT, encoded(name))
}

/// A path with the parameters that have a value.
pub(super) fn with_query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))));
    let query: Vec<String> = given.collect();
    match query.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", query.join("&")),
    }
}

/// A text as a part of an address: all bytes except letters, digits and `-._~` are encoded.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_an_address_cannot_end_its_parameter() {
        assert_eq!(
            feature("a&b=\"c\" é/#"),
            "/dashboard/drift?feature=a%26b%3D%22c%22%20%C3%A9%2F%23"
        );
        let given = [
            ("a", None),
            ("b", Some("x y".into())),
            ("c", Some("".into())),
        ];
        assert_eq!(with_query("/p", &given), "/p?b=x%20y&c=");
        assert_eq!(with_query("/p", &given[..1]), "/p");
    }
}
