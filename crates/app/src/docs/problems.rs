//! The section of the page about problems: an example, and a table of all kinds.

use serde_json::Value;

use super::{escaped, example, fields, title};
use crate::endpoints::{self, Endpoint, PROBLEM_EXAMPLE};
use crate::kind::{self, Kind};
use crate::openapi;

/// The whole section.
pub(super) fn section(schemas: &Value) -> String {
    let rows: String = kind::ALL.iter().map(|kind| row(kind)).collect();
    format!(
        "<h2 id=\"problems\">Problems</h2>\n\
         <p>Errors are <code>application/problem+json</code> (RFC 9457). The end of their \
         <code>type</code> is one of the codes below.</p>\n\
         <h3 id=\"problem\">Example of a problem</h3>\n{}{}\
         <h3 id=\"codes\">Codes</h3>\n\
         <div class=\"table\" tabindex=\"0\">\n<table>\n\
         <thead><tr><th>code</th><th>status</th><th>meaning</th><th>what to do</th>\
         <th>endpoints</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n",
        example::blocks(&PROBLEM_EXAMPLE),
        fields::table(&schemas["Problem"]),
    )
}

fn row(kind: &Kind) -> String {
    format!(
        "<tr id=\"{0}\"><td><code>{0}</code></td><td>{1}</td><td>{2}</td><td>{3}</td><td>{4}</td></tr>\n",
        kind.code,
        kind.status,
        escaped(kind.title),
        fields::with_code(kind.remedy),
        places(kind),
    )
}

/// The endpoints that can answer with a problem, in a short form.
fn places(kind: &Kind) -> String {
    let (with, without): (Vec<&Endpoint>, Vec<&Endpoint>) = endpoints::ALL
        .into_iter()
        .partition(|endpoint| openapi::problems(endpoint).contains(&kind));
    if without.is_empty() {
        "all".into()
    } else if with.len() > without.len() {
        format!("all except {}", links(&without))
    } else {
        links(&with)
    }
}

fn links(endpoints: &[&Endpoint]) -> String {
    let links: Vec<String> = endpoints
        .iter()
        .map(|endpoint| {
            let path = escaped(endpoint.path);
            let title = title(endpoint);
            format!(
                "<a href=\"#{}\" title=\"{title}\">{path}</a>",
                endpoint.id()
            )
        })
        .collect();
    links.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_advice_are_set_as_code() {
        let row = row(&kind::ROW_INVALID);
        assert!(
            row.contains("the member <code>errors</code> lists"),
            "{row}"
        );
    }

    #[test]
    fn the_shorter_list_of_endpoints_is_shown() {
        assert_eq!(places(&kind::INTERNAL), "all");
        assert_eq!(places(&kind::NOT_FOUND), "");
        assert!(places(&kind::NO_ROWS).ends_with(">/prediction</a>"));
        let not_acceptable = places(&kind::NOT_ACCEPTABLE);
        assert!(not_acceptable.starts_with("all except <a href=\"#livez\""));
        assert!(not_acceptable.ends_with(">/readyz</a>"), "{not_acceptable}");
    }
}
