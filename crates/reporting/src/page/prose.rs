//! Texts of the program as markup: commands and names in backticks become code.

use maud::{Markup, html};

use super::tables::sentence;
use common::visible;

/// A sentence with a capital letter at its beginning and a point at its end. Parts in backticks are code.
pub(crate) fn prose(text: &str) -> Markup {
    with_code(&sentence(text))
}

/// A text with a point at its end. Parts in backticks are code.
pub(crate) fn with_code(text: &str) -> Markup {
    let end = match text.ends_with(['.', '?', '!', '…']) {
        true => "",
        false => ".",
    };
    html! { (code_in(text)) (end) }
}

/// A text without invisible characters. Parts in backticks are code.
pub(crate) fn code_in(text: &str) -> Markup {
    let text = visible(text);
    html! {
        @for part in parts(&text) {
            @match part {
                Part::Text(text) => (text),
                Part::Code(code) => code { (code) },
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum Part<'t> {
    Text(&'t str),
    Code(&'t str),
}

/// The parts of a text. Names of columns and files may contain backticks, too. So a backtick inside a word, or
/// without a second one, stays text.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut begun, mut place) = (0, 0);
    while let Some(found) = text[place..].find('`') {
        let open = place + found;
        match code_at(text, open) {
            Some(code) => {
                parts.push(Part::Text(&text[begun..open]));
                parts.push(Part::Code(code));
                place = open + code.len() + 2;
                begun = place;
            }
            None => place = open + 1,
        }
    }
    parts.push(Part::Text(&text[begun..]));
    parts.retain(|part| *part != Part::Text(""));
    parts
}

/// What the backtick at a place and the next one enclose, if they stand around whole words.
fn code_at(text: &str, open: usize) -> Option<&str> {
    let is_in_word = |character: char| character.is_alphanumeric() || character == '`';
    let rest = &text[open + 1..];
    let (code, behind) = rest.split_once('`')?;
    let is_whole = !text[..open].ends_with(is_in_word) && !behind.starts_with(is_in_word);
    let is_tight = !code.is_empty() && code.trim() == code;
    (is_whole && is_tight).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_code_and_other_backticks_stay() {
        let of = |text: &str| code_in(text).into_string();
        for (text, shown) in [
            ("run `a b`: it", "run <code>a b</code>: it"),
            ("`a`", "<code>a</code>"),
            ("(`a`), `b`", "(<code>a</code>), <code>b</code>"),
            ("column x`y`z", "column x`y`z"),
            ("one ` or ` two", "one ` or ` two"),
            ("a ` alone, then `b`", "a ` alone, then <code>b</code>"),
            ("`` and ```", "`` and ```"),
            ("`<b>`", "<code>&lt;b&gt;</code>"),
            ("`ä\u{202e}`", "<code>ä\\u{202e}</code>"),
        ] {
            assert_eq!(of(text), shown);
        }
        assert_eq!(prose("run `a`").into_string(), "Run <code>a</code>.");
        assert_eq!(with_code("a?").into_string(), "a?");
    }
}
