//! JSON for people: one member per line, lists of plain values on one line, long lists shortened.

use std::fmt;

use common::is_invisible;
use serde_json::Value;

/// Maximum number of elements shown of a list.
const MAX_SHOWN_ELEMENTS: usize = 20;
const INDENT: usize = 2;

/// A JSON value to show.
pub(crate) struct Pretty<'a>(pub(crate) &'a Value);

impl fmt::Display for Pretty<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(to, self.0, 0)
    }
}

fn write_value(to: &mut fmt::Formatter<'_>, value: &Value, depth: usize) -> fmt::Result {
    match value {
        Value::Object(members) if !members.is_empty() => {
            to.write_str("{")?;
            for (position, (name, member)) in members.iter().enumerate() {
                begin_line(to, position == 0, depth + 1)?;
                write!(to, "{}: ", json_text(&Value::from(name.as_str())))?;
                write_value(to, member, depth + 1)?;
            }
            end_lines(to, depth, "}")
        }
        Value::Array(elements) if elements.iter().any(is_nested) => {
            to.write_str("[")?;
            for (position, element) in elements.iter().take(MAX_SHOWN_ELEMENTS).enumerate() {
                begin_line(to, position == 0, depth + 1)?;
                write_value(to, element, depth + 1)?;
            }
            if let Some(rest) = rest(elements) {
                begin_line(to, false, depth + 1)?;
                to.write_str(&rest)?;
            }
            end_lines(to, depth, "]")
        }
        Value::Array(elements) => {
            let shown = elements.iter().take(MAX_SHOWN_ELEMENTS).map(json_text);
            let shown: Vec<String> = shown.chain(rest(elements)).collect();
            write!(to, "[{}]", shown.join(", "))
        }
        plain => to.write_str(&json_text(plain)),
    }
}

/// A value as JSON on one line. Escapes all control characters and all characters that are invisible or change
/// the direction of text; JSON itself escapes only some.
pub(crate) fn json_text(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        if character.is_control() || is_invisible(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(character);
        }
    }
    text
}

fn is_nested(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

/// Note on the number of hidden elements. `None` if all are shown.
fn rest(elements: &[Value]) -> Option<String> {
    let hidden = elements.len().checked_sub(MAX_SHOWN_ELEMENTS)?;
    (hidden > 0).then(|| format!("… {hidden} more of {}", elements.len()))
}

fn begin_line(to: &mut fmt::Formatter<'_>, is_first: bool, depth: usize) -> fmt::Result {
    let separator = if is_first { "" } else { "," };
    write!(to, "{separator}\n{:width$}", "", width = depth * INDENT)
}

fn end_lines(to: &mut fmt::Formatter<'_>, depth: usize, bracket: &str) -> fmt::Result {
    write!(to, "\n{:width$}{bracket}", "", width = depth * INDENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_on_own_lines_and_long_lists_are_shortened() {
        let many: Vec<usize> = (0..1000).collect();
        let text = Pretty(&json!({
            "a": [1, "x\ny", null],
            "b": {"c": {}, "d": []},
            "e": [{"f": 1.5}],
            "g": many,
        }))
        .to_string();
        let wanted = r#"{
  "a": [1, "x\ny", null],
  "b": {
    "c": {},
    "d": []
  },
  "e": [
    {
      "f": 1.5
    }
  ],
  "g": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, … 980 more of 1000]
}"#;
        assert_eq!(text, wanted);
    }

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        let value = json!({"a\u{9b}": ["\u{7f}", "\u{85}é", "\u{202e}", "\u{e0001}"]});
        let text = Pretty(&value).to_string();
        let elements = r#""\u007f", "\u0085é", "\u202e", "\udb40\udc01""#;
        assert_eq!(text, format!("{{\n  \"a\\u009b\": [{elements}]\n}}"));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_long_list_of_objects_is_shortened_too() {
        let text = Pretty(&json!(vec![json!({"a": 1}); 21])).to_string();
        assert!(text.ends_with("  },\n  … 1 more of 21\n]"), "{text}");
        let whole = Pretty(&json!(vec![json!({"a": 1}); 20])).to_string();
        assert!(!whole.contains('…'), "{whole}");
    }
}
