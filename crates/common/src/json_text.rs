//! JSON for people. The outermost object or list has a line for each entry. An entry that fits on one
//! line is written on one line.

use serde_json::Value;

/// Maximum length, in bytes, of a line without its comma. A longer text or number stays whole.
const WIDTH: usize = 100;

/// The text of a value, without a line break at the end.
pub fn readable(value: &Value) -> String {
    let mut text = String::new();
    push(&mut text, value, 0, 0);
    text
}

/// Appends a value to a line on which `used` bytes are filled. If the value needs further lines, the last
/// one has this indentation.
fn push(text: &mut String, value: &Value, indentation: usize, used: usize) {
    let short = one_line(value);
    if indentation > 0 && used + short.len() <= WIDTH {
        text.push_str(&short);
        return;
    }
    let inner = indentation + 2;
    let mut entries: Vec<(String, &Value)> = Vec::new();
    let (opens, closes) = match value {
        Value::Object(members) => {
            let keys = members
                .iter()
                .map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value));
            entries.extend(keys);
            ('{', '}')
        }
        Value::Array(values) => {
            entries.extend(values.iter().map(|value| (String::new(), value)));
            ('[', ']')
        }
        _ => return text.push_str(&short),
    };
    text.push(opens);
    for (position, (key, value)) in entries.iter().enumerate() {
        text.push_str(if position == 0 { "\n" } else { ",\n" });
        text.push_str(&" ".repeat(inner));
        text.push_str(key);
        push(text, value, inner, inner + key.len());
    }
    text.push('\n');
    text.push_str(&" ".repeat(indentation));
    text.push(closes);
}

/// The value on one line, with a space after each comma and colon.
fn one_line(value: &Value) -> String {
    let joined = |entries: Vec<String>| entries.join(", ");
    match value {
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), one_line(value))
            };
            format!("{{{}}}", joined(members.iter().map(member).collect()))
        }
        Value::Array(values) => format!("[{}]", joined(values.iter().map(one_line).collect())),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_values_stand_on_one_line_and_all_of_it_is_json() {
        let value = json!({"a": ["x", {"name": "y", "kind": "category"}], "b": {}, "c": "q\"\n",
            "long": vec!["0123456789"; 12], "deep": {"list": vec![json!({"name": "0123456789"}); 6]}});
        let text = readable(&value);
        assert!(
            text.contains("\n  \"a\": [\"x\", {\"kind\": \"category\", \"name\": \"y\"}],\n"),
            "{text}"
        );
        assert!(
            text.contains("\n      {\"name\": \"0123456789\"},\n"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() <= WIDTH + 1), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert_eq!(readable(&json!(3)), "3");
    }
}
