//! An example on the page: the command that a person can type, and the answer.

use super::escaped;
use crate::endpoints::Example;

/// Default address of the server.
const ADDRESS: &str = "http://127.0.0.1:8000";

/// The request and the answer of an example. Long blocks scroll, so they can get the focus.
pub(super) fn blocks(example: &Example) -> String {
    format!(
        "<pre class=\"request\" tabindex=\"0\">{}</pre>\n\
         <pre class=\"answer\" tabindex=\"0\">{}</pre>\n",
        escaped(&command(example)),
        escaped(example.answer.trim_end()),
    )
}

/// The command that sends the request.
fn command(example: &Example) -> String {
    let url = format!("{ADDRESS}{}", example.address);
    let quote = if url.contains('?') { "'" } else { "" };
    let body = example
        .body
        .map(|body| format!(" -H 'Content-Type: text/csv' --data-binary \\\n'{body}'"));
    format!("curl -s {quote}{url}{quote}{}", body.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_quotes_what_a_shell_would_change() {
        let mut example = Example {
            address: "/version",
            body: None,
            answer: "",
        };
        assert_eq!(command(&example), "curl -s http://127.0.0.1:8000/version");
        example.address = "/prediction?explain=true";
        example.body = Some("a,b\n1,2\n");
        assert_eq!(
            command(&example),
            "curl -s 'http://127.0.0.1:8000/prediction?explain=true' \
             -H 'Content-Type: text/csv' --data-binary \\\n'a,b\n1,2\n'"
        );
    }
}
