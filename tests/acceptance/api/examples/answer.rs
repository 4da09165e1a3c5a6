//! Answers in the form of the stored examples: shortened, and in the order of the server.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Mark of what is left out.
const MORE: &str = "…";
/// How deep objects within objects are shown.
const MAX_DEPTH: usize = 3;
/// Number of members of an object that are shown if it has more than [`MAX_MEMBERS`].
const FIRST_MEMBERS: usize = 3;
/// Largest number of members of an object that are all shown.
const MAX_MEMBERS: usize = 40;
/// Number of elements of a list that are shown, unless the elements are objects or lists.
const MAX_VALUES: usize = 3;
/// Longest list on one line, in characters.
const MAX_LINE: usize = 80;

/// A JSON value whose members keep their order.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
    Value(Value),
}

/// An answer of the server, shortened: JSON, or the text of metrics.
pub(super) fn shortened(answer: &str) -> String {
    match read(answer) {
        Some(json) => format!("{}\n", json.shortened(1).written(0)),
        None => first_samples(answer),
    }
}

/// The names in an answer: members of JSON with the types of their values, or metrics.
pub(super) fn shape(answer: &str) -> String {
    match read(answer) {
        Some(json) => json.shape().written(0),
        None => answer.lines().map(metric_shape).collect(),
    }
}

/// The sentences in an answer: its texts of at least three words, in their order.
pub(super) fn sentences(answer: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(json) = read(answer) {
        json.collect_sentences(&mut found);
    }
    found
}

fn read(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok()
}

impl Json {
    fn more() -> Self {
        Self::Value(MORE.into())
    }

    fn is_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    /// Keeps the first elements of lists, and the outer objects. `depth` counts objects.
    fn shortened(self, depth: usize) -> Self {
        match self {
            Self::Object(members) if depth > MAX_DEPTH && !members.is_empty() => Self::more(),
            Self::Object(mut members) => {
                let has_more = members.len() > MAX_MEMBERS;
                if has_more {
                    members.truncate(FIRST_MEMBERS);
                }
                let members = members.into_iter();
                let shown = members.map(|(name, member)| (name, member.shortened(depth + 1)));
                let more = has_more.then(|| (MORE.to_owned(), Self::more()));
                Self::Object(shown.chain(more).collect())
            }
            Self::List(elements) => {
                let is_plain = elements.iter().all(Self::is_value);
                let kept = if is_plain { MAX_VALUES } else { 1 };
                let more = (elements.len() > kept).then(Self::more);
                let first = elements.into_iter().take(kept);
                let shown = first.map(|element| element.shortened(depth)).chain(more);
                Self::List(shown.collect())
            }
            Self::Value(Value::String(text)) if text.contains('\n') => {
                let first = text.lines().next().unwrap_or_default();
                Self::Value(format!("{first} {MORE}").into())
            }
            value @ Self::Value(_) => value,
        }
    }

    fn collect_sentences(self, found: &mut Vec<String>) {
        match self {
            Self::Object(members) => {
                for (_, member) in members {
                    member.collect_sentences(found);
                }
            }
            Self::List(elements) => {
                for element in elements {
                    element.collect_sentences(found);
                }
            }
            Self::Value(Value::String(text)) if text.split_whitespace().count() > 2 => {
                found.push(text);
            }
            Self::Value(_) => {}
        }
    }

    /// The same members, with the type of each value in its place.
    fn shape(self) -> Self {
        match self {
            Self::Object(members) => {
                let members = members.into_iter();
                Self::Object(
                    members
                        .map(|(name, member)| (name, member.shape()))
                        .collect(),
                )
            }
            Self::List(elements) => Self::List(elements.into_iter().map(Self::shape).collect()),
            Self::Value(value) if value == MORE => Self::more(),
            Self::Value(value) => Self::Value(kind(&value).into()),
        }
    }

    /// The value as indented text; short lists stand on one line.
    fn written(&self, indent: usize) -> String {
        let line = |text: String| format!("{:1$}{text}", "", indent + 2);
        match self {
            Self::Object(members) if !members.is_empty() => {
                let lines = members.iter().map(|(name, member)| {
                    line(format!(
                        "{}: {}",
                        Value::from(name.as_str()),
                        member.written(indent + 2)
                    ))
                });
                format!(
                    "{{\n{}\n{:2$}}}",
                    lines.collect::<Vec<_>>().join(",\n"),
                    "",
                    indent
                )
            }
            Self::List(elements) if !elements.iter().all(Self::is_value) || self.is_wide() => {
                let lines = elements
                    .iter()
                    .map(|element| line(element.written(indent + 2)));
                format!(
                    "[\n{}\n{:2$}]",
                    lines.collect::<Vec<_>>().join(",\n"),
                    "",
                    indent
                )
            }
            Self::Object(_) => "{}".into(),
            Self::List(_) => self.on_one_line(),
            Self::Value(value) => value.to_string(),
        }
    }

    fn is_wide(&self) -> bool {
        self.on_one_line().chars().count() > MAX_LINE
    }

    /// A list of plain values on one line.
    fn on_one_line(&self) -> String {
        match self {
            Self::List(elements) => {
                let texts: Vec<String> = elements.iter().map(Self::on_one_line).collect();
                format!("[{}]", texts.join(", "))
            }
            other => other.written(0),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) | Value::Object(_) => "other",
    }
}

/// The first sample of each metric.
fn first_samples(text: &str) -> String {
    let mut shown = String::new();
    let mut samples = 0;
    for line in text.lines() {
        samples = if line.starts_with('#') {
            0
        } else {
            samples + 1
        };
        match samples {
            0 | 1 => shown.push_str(&format!("{line}\n")),
            2 => shown.push_str(&format!("{MORE}\n")),
            _ => {}
        }
    }
    shown
}

/// A line of metrics without labels and value.
fn metric_shape(line: &str) -> String {
    let is_comment = line.starts_with('#');
    let end = line.find(['{', ' ']).filter(|_| !is_comment);
    format!("{}\n", &line[..end.unwrap_or(line.len())])
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Json::List(elements))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Value(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Value(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Value(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Value(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Value(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Value(value.into()))
    }
}

#[test]
fn an_answer_is_shortened_in_its_order() {
    let answer =
        r#"{"z":[1,2,3,4],"a":[{"b":null},{"b":1}],"c":{"d":{"e":{"f":1}}},"g":{},"h":[]}"#;
    let wanted = r#"{
  "z": [1, 2, 3, "…"],
  "a": [
    {
      "b": null
    },
    "…"
  ],
  "c": {
    "d": {
      "e": "…"
    }
  },
  "g": {},
  "h": []
}
"#;
    assert_eq!(shortened(answer), wanted);
    assert_eq!(shape(&shortened(answer)), shape(wanted));
    for other in [
        wanted.replace("null", "1"),
        wanted.replace("\"b\"", "\"x\""),
        wanted.replace(", \"…\"", ""),
    ] {
        assert_ne!(shape(&other), shape(wanted), "{other}");
    }
    assert_eq!(shape(&wanted.replace("[1, 2", "[7, 8")), shape(wanted));
}

#[test]
fn the_sentences_of_an_answer_are_its_texts_of_several_words() {
    let answer = r#"{"a":"one two","b":[{"c":"one two three"},"x"],"d":"in d of e"}"#;
    assert_eq!(sentences(answer), ["one two three", "in d of e"]);
    assert_eq!(sentences("a 1"), Vec::<String>::new());
}

#[test]
fn metrics_are_shortened_to_a_sample_of_each() {
    let text = "# TYPE a gauge\na{b=\"1\"} 1\na{b=\"2\"} 2\na{b=\"3\"} 3\n# TYPE c gauge\nc 4\n";
    let wanted = "# TYPE a gauge\na{b=\"1\"} 1\n…\n# TYPE c gauge\nc 4\n";
    assert_eq!(shortened(text), wanted);
    assert_eq!(shape(wanted), "# TYPE a gauge\na\n…\n# TYPE c gauge\nc\n");
}
