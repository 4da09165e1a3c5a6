//! The dialects of SQL, and how each writes names, texts and numbers.

use std::fmt::Write;

/// A dialect of SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Spark SQL, which Sail speaks too.
    #[default]
    Spark,
    /// SQL of Apache DataFusion, which Ballista speaks.
    DataFusion,
}

impl Dialect {
    /// A name in quotes. Any text can be a name.
    pub fn name(self, name: &str) -> String {
        let quote = match self {
            Self::Spark => '`',
            Self::DataFusion => '"',
        };
        let doubled = name.replace(quote, &format!("{quote}{quote}"));
        format!("{quote}{doubled}{quote}")
    }

    /// A text in quotes.
    ///
    /// Spark reads a backslash as the beginning of an escape, and two quotes as the end of one text and
    /// the beginning of another. DataFusion knows no escapes.
    pub fn text(self, text: &str) -> String {
        if self == Self::DataFusion {
            return format!("'{}'", text.replace('\'', "''"));
        }
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push('\'');
        for letter in text.chars() {
            match letter {
                '\'' | '\\' => quoted.extend(['\\', letter]),
                // Some parsers convert line breaks, and some stop at a zero byte.
                control if control.is_control() && u32::from(control) < 0x80 => {
                    let _ = write!(quoted, "\\u{:04X}", u32::from(control));
                }
                other => quoted.push(other),
            }
        }
        quoted.push('\'');
        quoted
    }

    /// The function that returns the population variance of a column.
    pub(crate) fn variance(self) -> &'static str {
        "var_pop"
    }

    /// The type of a text.
    pub(crate) fn text_type(self) -> &'static str {
        match self {
            Self::Spark => "STRING",
            Self::DataFusion => "VARCHAR",
        }
    }

    /// An expression for the number of a client: the first 8 hexadecimal digits of the MD5 of its id.
    pub fn client_number(self, id: &str) -> String {
        match self {
            Self::Spark => format!("CAST(conv(substr(md5({id}), 1, 8), 16, 10) AS BIGINT)"),
            // There is no function that reads hexadecimal digits.
            Self::DataFusion => {
                let digit = |place: u32| {
                    let weight = 16_u64.pow(8 - place);
                    format!(
                        "(strpos('0123456789abcdef', substr(md5({id}), {place}, 1)) - 1) * {weight}"
                    )
                };
                let digits: Vec<String> = (1..=8).map(digit).collect();
                format!("CAST({} AS BIGINT)", digits.join(" + "))
            }
        }
    }
}

/// SQL text of a number that reads back as exactly the same float. With an exponent it is a float in every
/// dialect; without one it would be a decimal in some. The number must be finite.
pub(crate) fn number(number: f64) -> String {
    debug_assert!(number.is_finite(), "{number}");
    let text = format!("{number:e}");
    match text.starts_with('-') {
        true => format!("({text})"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        let hostile = "x`; DROP TABLE \"t\" -- '\\";
        assert_eq!(
            Dialect::Spark.name(hostile),
            "`x``; DROP TABLE \"t\" -- '\\`"
        );
        assert_eq!(
            Dialect::DataFusion.name(hostile),
            "\"x`; DROP TABLE \"\"t\"\" -- '\\\""
        );
        assert_eq!(Dialect::Spark.text("it's \\ a\n"), r"'it\'s \\ a\u000A'");
        assert_eq!(Dialect::DataFusion.text("it's \\"), r"'it''s \'");
    }

    #[test]
    fn numbers_are_floats_that_read_back_exactly() {
        let written = |value: f64| number(value).trim_matches(['(', ')']).to_owned();
        for value in [0.0, 1.0, -2.5, 0.1, 1e22, f64::MAX, f64::MIN_POSITIVE] {
            assert!(written(value).contains('e'), "{value}");
            assert_eq!(written(value).parse(), Ok(value));
        }
        assert_eq!(number(-2.5), "(-2.5e0)");
    }
}
