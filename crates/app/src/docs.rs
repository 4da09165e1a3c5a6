//! The API documentation for people: one page without scripts, made from the same tables as the
//! OpenAPI description.

use std::fmt::Write;
use std::sync::OnceLock;

use crate::endpoints::{self, Access, Endpoint, Verb};
use crate::kind;
use crate::openapi;

/// Style sheet of the page.
pub(crate) const STYLE: &str = include_str!("../assets/docs.css");

/// The page.
pub(crate) fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let mut page = String::from(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>Dynamic Risk Assessment: the API</title>\n\
             <link rel=\"stylesheet\" href=\"/docs/style.css\">\n\
             <h1>The API</h1>\n\
             <p>For programs: <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI 3.1).</p>\n\
             <h2>Addresses</h2>\n",
        );
        for endpoint in endpoints::ALL {
            push_endpoint(&mut page, endpoint);
        }
        push_problems(&mut page);
        page
    })
}

fn push_endpoint(page: &mut String, endpoint: &Endpoint) {
    let method = match endpoint.verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
    };
    let media: Vec<&str> = endpoint.media.iter().map(|media| media.essence()).collect();
    let key = match endpoint.access {
        Access::Open => "no key is asked for",
        Access::Read => "a key of the scope read or all, where keys are asked for",
        Access::Predict => "a key of the scope predict or all, where keys are asked for",
    };
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<h3><code>{method} {}</code></h3>\n<p>{}.</p>\n<ul>\n<li>answers as {}</li>\n<li>{key}</li>\n",
        escaped(endpoint.path),
        escaped(endpoint.summary),
        media.join(", "),
    );
    for parameter in endpoint.parameters {
        let _ = writeln!(
            page,
            "<li><code>?{}=</code> {}</li>",
            escaped(parameter.name),
            escaped(parameter.summary)
        );
    }
    let problems: Vec<String> = openapi::problems(endpoint)
        .iter()
        .map(|kind| format!("<a href=\"#{0}\">{0}</a>", kind.code))
        .collect();
    let _ = write!(page, "<li>problems: {}</li>\n</ul>\n", problems.join(", "));
}

fn push_problems(page: &mut String) {
    page.push_str(
        "<h2>Problems</h2>\n\
         <p>Errors are <code>application/problem+json</code> (RFC 9457); the end of their \
         <code>type</code> is one of these codes.</p>\n\
         <table>\n<tr><th>code<th>status<th>what it means<th>what to do</tr>\n",
    );
    for kind in kind::ALL {
        let _ = writeln!(
            page,
            "<tr id=\"{0}\"><td><code>{0}</code><td>{1}<td>{2}<td>{3}</tr>",
            kind.code,
            kind.status,
            escaped(kind.title),
            escaped(kind.remedy)
        );
    }
    page.push_str("</table>\n</html>\n");
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
    use super::*;

    #[test]
    fn the_page_names_every_address_and_anchors_every_problem() {
        let page = page();
        for endpoint in endpoints::ALL {
            assert!(page.contains(&format!(" {}</code>", endpoint.path)));
        }
        for kind in kind::ALL {
            assert!(page.contains(&format!("id=\"{}\"", kind.code)));
        }
        assert!(
            !page.contains("<script") && !page.contains("http://"),
            "{page}"
        );
        assert_eq!(
            escaped("<a href=\"x\">&"),
            "&lt;a href=&quot;x&quot;&gt;&amp;"
        );
    }
}
