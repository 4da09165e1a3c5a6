//! The API documentation for people: one page without scripts, made from the same tables as the
//! OpenAPI description. The page contains its style, so that a browser requests nothing else.

mod example;
mod fields;
mod problems;
mod style;

use std::sync::OnceLock;

use serde_json::Value;

pub(crate) use self::style::policy;
use crate::accept::Media;
use crate::endpoints::{self, Access, Endpoint, Verb};
use crate::openapi;

/// Forms of the rows of a request.
const ROWS: &str = "<p>The rows are CSV with a header, or JSON: a list of objects, \
    <code>{\"records\": […]}</code>, <code>{\"columns\": […], \"data\": [[…]]}</code>, or the path \
    of a CSV file on the server. Columns are found by name. The target is not needed.</p>\n";

/// Text before the first endpoint.
const INTRODUCTION: &str = "<p>This server predicts with the deployed model, and tells what the runs \
    of the pipeline found. No request changes the pipeline.</p>\n\
    <p>The examples are real answers on the sample data. They use the default address \
    <code>http://127.0.0.1:8000</code>. Lists are shortened; … marks what is left out. Where the \
    server asks for keys, add <code>-H 'Authorization: Bearer KEY'</code>.</p>\n\
    <p>For programs: <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI 3.1).</p>\n";

/// The documentation page.
pub(crate) fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let schemas = openapi::schemas();
        let content = [
            "<h1>The API</h1>\n".to_owned(),
            INTRODUCTION.to_owned(),
            contents(),
            "<h2 id=\"endpoints\">Endpoints</h2>\n".to_owned(),
            endpoints::ALL
                .iter()
                .map(|endpoint| section(endpoint, schemas))
                .collect(),
            types(schemas),
            problems::section(schemas),
        ];
        document("Dynamic Risk Assessment: the API", &content.concat())
    })
}

fn document(title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{}</style>\n</head>\n<body>\n{content}</body>\n</html>\n",
        style::STYLE
    )
}

/// The list of contents.
fn contents() -> String {
    let endpoints: String = endpoints::ALL
        .iter()
        .map(|endpoint| {
            let title = title(endpoint);
            format!(
                "<li><a href=\"#{}\"><code>{title}</code></a></li>\n",
                endpoint.id()
            )
        })
        .collect();
    format!(
        "<nav aria-label=\"Contents\">\n<ul>\n{endpoints}\
         <li><a href=\"#types\">Types</a></li>\n\
         <li><a href=\"#problems\">Problems</a></li>\n</ul>\n</nav>\n"
    )
}

/// Method and path of an endpoint.
fn title(endpoint: &Endpoint) -> String {
    let method = match endpoint.verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
    };
    format!("{method} {}", escaped(endpoint.path))
}

/// The section of an endpoint.
fn section(endpoint: &Endpoint, schemas: &Value) -> String {
    let rows = match endpoint.verb {
        Verb::Post => ROWS,
        Verb::Get => "",
    };
    let example = endpoint.example.as_ref().map(example::blocks);
    let is_json = endpoint.media.contains(&Media::Json);
    let fields = is_json.then(|| fields::table(&schemas[endpoint.schema]));
    format!(
        "<h3 id=\"{}\"><code>{}</code></h3>\n<p>{}.</p>\n{rows}{}{}{}{}",
        endpoint.id(),
        title(endpoint),
        escaped(endpoint.summary),
        properties(endpoint),
        parameters(endpoint),
        example.unwrap_or_default(),
        fields.unwrap_or_default(),
    )
}

/// Media types and access of an endpoint.
fn properties(endpoint: &Endpoint) -> String {
    let media: Vec<&str> = endpoint.media.iter().map(|media| media.essence()).collect();
    let key = match endpoint.access {
        Access::Open => "no key is needed",
        Access::Read => "the scope of a key is <code>read</code> or <code>all</code>",
        Access::Predict => {
            "the scope of a key is <code>predict</code>, <code>files</code> or <code>all</code>"
        }
    };
    let password = match endpoint.is_for_browsers() {
        true => ", also as the password of HTTP Basic",
        false => "",
    };
    format!("<p>Answers as {}; {key}{password}.</p>\n", media.join(", "))
}

fn parameters(endpoint: &Endpoint) -> String {
    if endpoint.parameters.is_empty() {
        return String::new();
    }
    let items: String = endpoint
        .parameters
        .iter()
        .map(|parameter| {
            let (name, summary) = (escaped(parameter.name), escaped(parameter.summary));
            format!("<li><code>?{name}=</code> {summary}</li>\n")
        })
        .collect();
    format!("<ul>\n{items}</ul>\n")
}

/// The schemas that the tables of fields link to.
fn types(schemas: &Value) -> String {
    let sections: String = fields::linked(schemas)
        .iter()
        .map(|name| fields::section(name, &schemas[name]))
        .collect();
    format!("<h2 id=\"types\">Types</h2>\n{sections}")
}

/// Escapes a text for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kind;

    /// The texts between two marks.
    fn between<'a>(page: &'a str, start: &str, end: &str) -> Vec<&'a str> {
        let rests = page.split(start).skip(1);
        rests.filter_map(|rest| rest.split(end).next()).collect()
    }

    #[test]
    fn the_page_has_every_endpoint_every_problem_and_a_target_for_every_link() {
        let page = page();
        let anchors = between(page, " id=\"", "\"");
        let different: BTreeSet<&str> = anchors.iter().copied().collect();
        assert_eq!(anchors.len(), different.len(), "{anchors:?}");
        for endpoint in endpoints::ALL {
            assert!(different.contains(endpoint.id().as_str()));
            assert!(page.contains(&format!(" {}</code></h3>", endpoint.path)));
        }
        for kind in kind::ALL {
            assert!(different.contains(kind.code), "{}", kind.code);
        }
        for link in between(page, "href=\"", "\"") {
            let is_known = match link.strip_prefix('#') {
                Some(anchor) => different.contains(anchor),
                None => endpoints::endpoint_index(link).is_some(),
            };
            assert!(is_known, "{link}");
        }
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = page();
        assert!(page.contains(&format!("<style>{}</style>", style::STYLE)));
        for loading in ["<script", "<link", "src=", "url(", "@import", "style="] {
            assert!(!page.contains(loading), "{loading}");
        }
    }

    #[test]
    fn only_pages_have_no_example() {
        for endpoint in endpoints::ALL {
            let is_page = endpoint.is_for_browsers() || endpoint.media == [Media::Html];
            assert_eq!(endpoint.example.is_none(), is_page, "{}", endpoint.path);
        }
    }

    #[test]
    fn markup_in_a_text_is_shown_as_it_is() {
        assert_eq!(
            escaped("<a href=\"x\">&"),
            "&lt;a href=&quot;x&quot;&gt;&amp;"
        );
    }
}
