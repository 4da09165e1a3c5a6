//! Statements that read an input file: they cut its lines into cells, check them by the rules of the schema,
//! and number the rows that pass.

use common::Schema;
use common::schema::{CategoryRules, Kind, MAX_LEVEL_BYTES, NumberRules, Presence};

use super::row::with;
use crate::dialect::{Dialect, number};
use crate::source::{Relation, feature_column};

/// The only dialect in which input files are read.
const DIALECT: Dialect = Dialect::Spark;

/// Flaw of the lines with the text of the header.
pub(crate) const HEADER: i64 = -1;
/// Flaw of an accepted row.
pub(crate) const ACCEPTED: i64 = 0;
/// Flaw of a line whose quotes or number of fields are wrong.
const FORM: i64 = 1;
/// Flaw of a row without an id.
const NO_CLIENT: i64 = 2;
/// Flaw of a row whose label is no label.
const LABEL: i64 = 3;
/// Distance between the flaws of two features. Each feature has a flaw for each kind of rule.
const FLAWS_OF_FEATURE: i64 = 10;

/// A decimal number.
const DECIMAL: &str = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$";
/// The space around a cell.
const SPACE: &str = " \t\n\u{c}\r";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
/// Words for a missing value, unless the schema has others.
const MISSING_WORDS: [&str; 8] = ["nan", "na", "n/a", "#n/a", "null", "none", "<na>", "?"];

/// An input file, and where its columns are.
pub(crate) struct InputText<'a> {
    /// Path, whose signs need no escaping.
    pub(crate) path: &'a str,
    /// Text of the header line.
    pub(crate) header: &'a str,
    pub(crate) separator: char,
    /// Number of columns.
    pub(crate) fields: usize,
    /// Place of the id.
    pub(crate) id: usize,
    /// Places of the features, in the order of the schema.
    pub(crate) features: &'a [usize],
    /// Place of the label.
    pub(crate) target: usize,
    pub(crate) schema: &'a Schema,
}

impl InputText<'_> {
    /// Columns: flaw, number of lines, number of accepted rows without a label.
    pub(crate) fn counts(&self) -> String {
        format!(
            "SELECT flaw, COUNT(*), SUM(CASE WHEN flaw = {ACCEPTED} AND y IS NULL THEN 1 ELSE 0 END) \
             FROM ({}) AS q GROUP BY flaw",
            self.checked()
        )
    }

    /// The first lines of each flaw in alphabetical order. Columns: flaw, line.
    pub(crate) fn rejected(&self, max_lines: usize) -> String {
        format!(
            "SELECT flaw, line FROM (SELECT flaw, line, ROW_NUMBER() OVER (PARTITION BY flaw ORDER BY line) AS n \
             FROM ({}) AS q WHERE flaw > {ACCEPTED}) AS r WHERE n <= {max_lines} ORDER BY flaw, line",
            self.checked()
        )
    }

    /// Writes the accepted rows that are not in `known` as Parquet to a new folder. They have the numbers from
    /// `first` on, in an order that depends on the rows alone. With `wanted`, only rows that are among the first
    /// rows of a relation.
    pub(crate) fn make_parquet(
        &self,
        folder: &str,
        first: u64,
        known: Option<&Relation>,
        wanted: Option<&(Relation, u64)>,
    ) -> String {
        let values: Vec<String> = (0..self.features.len()).map(feature_column).collect();
        let values: String = values.iter().map(|x| format!("{x}, ")).collect();
        let known = known.map_or(String::new(), |known| {
            format!(
                " LEFT ANTI JOIN {} AS k ON q.fingerprint = k.fingerprint",
                known.text(DIALECT)
            )
        });
        let wanted = wanted.map_or(String::new(), |(relation, rows)| {
            format!(
                " LEFT SEMI JOIN (SELECT fingerprint FROM {} WHERE place < {rows}) AS e ON q.fingerprint = e.fingerprint",
                relation.text(DIALECT)
            )
        });
        let client = format!(
            "({} - 2147483648) * 4294967296 + {}",
            hexadecimal("of_id", 1),
            hexadecimal("of_id", 9)
        );
        format!(
            "INSERT OVERWRITE DIRECTORY '{folder}' USING parquet \
             WITH a AS (SELECT DISTINCT {client} AS client, {number} AS number, {draw} AS draw, y, {values}fingerprint, \
             substr(fingerprint, 1, 3) AS bucket FROM ({rows}) AS q{wanted}{known}), \
             s AS (SELECT bucket, SUM(n) OVER (ORDER BY bucket) - n AS start \
             FROM (SELECT bucket, COUNT(*) AS n FROM a GROUP BY bucket) AS c) \
             SELECT CAST({first} + s.start + ROW_NUMBER() OVER (PARTITION BY a.bucket ORDER BY a.fingerprint) - 1 AS BIGINT) AS place, \
             client, number, draw, y, {values}fingerprint FROM a JOIN s ON a.bucket = s.bucket",
            number = hexadecimal("of_id", 1),
            draw = hexadecimal("fingerprint", 1),
            rows = self.identified(),
        )
    }

    /// The accepted rows, with the MD5 `of_id`, and with their `fingerprint`: 32 hexadecimal digits that equal
    /// rows share.
    fn identified(&self) -> String {
        let cells = self
            .schema
            .features
            .iter()
            .enumerate()
            .map(|(at, feature)| {
                let x = feature_column(at);
                let text = match feature.kind {
                    Kind::Number(_) => format!("CAST({x} AS STRING)"),
                    Kind::Category(_) => format!("hex({x})"),
                };
                format!("COALESCE({text}, '')")
            });
        // No cell contains the sign between two cells. The id is the last one.
        let cells: Vec<String> = cells.collect();
        let label = "COALESCE(CAST(y AS STRING), '')";
        let text = format!("concat_ws('|', {}, {label}, id)", cells.join(", "));
        let accepted = format!(
            "SELECT * FROM ({}) AS q WHERE flaw = {ACCEPTED}",
            self.checked()
        );
        let columns = [
            ("md5(id)".to_owned(), "of_id".to_owned()),
            (
                format!("substr(sha2({text}, 256), 1, 32)"),
                "fingerprint".to_owned(),
            ),
        ];
        with(&accepted, &columns)
    }

    /// Every line with its `flaw`, its `id`, its label `y` and the features `x0`, `x1`, ….
    fn checked(&self) -> String {
        let features = self.schema.features.iter().enumerate();
        let values = features.clone().map(|(at, feature)| {
            let value = match &feature.kind {
                Kind::Number(rules) => value_of_number(at, rules),
                Kind::Category(_) => {
                    format!("CASE WHEN NOT ({}) THEN c{at} END", is_missing(at, feature))
                }
            };
            (value, feature_column(at))
        });
        let mut columns: Vec<_> = values.collect();
        columns.push((self.label(), "y".to_owned()));
        let parsed = with(&self.parsed(), &columns);
        let mut flaws = vec![
            (format!("line = {}", DIALECT.text(self.header)), HEADER),
            (format!("n <> {}", self.fields), FORM),
            ("id = ''".to_owned(), NO_CLIENT),
        ];
        for (at, feature) in features {
            let first = (at as i64 + 1) * FLAWS_OF_FEATURE;
            let of_feature = match &feature.kind {
                Kind::Number(rules) => flaws_of_number(at, rules, &is_missing(at, feature)),
                Kind::Category(rules) => flaws_of_category(at, rules),
            };
            flaws.extend(of_feature.into_iter().zip(first..));
        }
        flaws.push((
            format!("y IS NULL AND NOT ({})", self.is_label_missing()),
            LABEL,
        ));
        let flaws: String = flaws
            .iter()
            .map(|(condition, flaw)| format!("WHEN {condition} THEN {flaw} "))
            .collect();
        let flaw = (
            format!("CAST(CASE {flaws}ELSE {ACCEPTED} END AS BIGINT)"),
            "flaw".to_owned(),
        );
        with(&parsed, &[flaw])
    }

    /// Every line with its cells `c0`, `c1`, … and `c`, the label, and with the numbers `u0`, `u1`, … and `u`
    /// in them.
    fn parsed(&self) -> String {
        let is_number = |at: &usize| matches!(self.schema.features[*at].kind, Kind::Number(_));
        let numbers = (0..self.features.len()).filter(is_number);
        let mut columns: Vec<_> = numbers
            .map(|at| (parsed_number(&format!("c{at}")), format!("u{at}")))
            .collect();
        columns.push((parsed_number("c"), "u".to_owned()));
        with(&self.cells(), &columns)
    }

    /// Every line with the number `n` of its fields, its `id`, and the cells that are read. `n` is −1 if the
    /// quotes are wrong.
    fn cells(&self) -> String {
        let separator = DIALECT.text(&self.separator.to_string());
        let pattern = DIALECT.text(&field_pattern(self.separator));
        let lines = format!(
            "SELECT value AS line, regexp_extract_all(concat({separator}, value), {pattern}, 1) AS f \
             FROM text.{} WHERE value <> ''",
            DIALECT.name(self.path)
        );
        let raw = |field: usize| unquoted(&format!("get(f, {field})"));
        let trimmed =
            |field: usize| format!("trim(BOTH {} FROM {})", DIALECT.text(SPACE), raw(field));
        let mut columns = vec![
            (
                format!("CASE WHEN array_join(f, {separator}) = line THEN size(f) ELSE -1 END"),
                "n".to_owned(),
            ),
            (raw(self.id), "id".to_owned()),
        ];
        let places = self.features.iter().enumerate();
        columns.extend(places.map(|(at, field)| (trimmed(*field), format!("c{at}"))));
        columns.push((trimmed(self.target), "c".to_owned()));
        let columns: Vec<String> = columns
            .into_iter()
            .map(|(value, name)| format!("{} AS {name}", value))
            .collect();
        format!("SELECT line, {} FROM ({lines}) AS q", columns.join(", "))
    }

    fn label(&self) -> String {
        let labels = &self.schema.labels;
        let (positive, negative) = match labels.texts() {
            Some([positive, negative]) => (
                format!("c IN ({})", texts(positive)),
                format!("c IN ({})", texts(negative)),
            ),
            None => (
                format!("u = 1e0 OR {} = 'true'", lower("c")),
                format!("u = 0e0 OR {} = 'false'", lower("c")),
            ),
        };
        format!("CASE WHEN {positive} THEN 1e0 WHEN {negative} THEN 0e0 END")
    }

    fn is_label_missing(&self) -> String {
        is_default_word("c")
    }
}

/// The pattern of a field with the separator before it: in quotes, without them, or empty.
fn field_pattern(separator: char) -> String {
    format!("[{separator}](\"(?:[^\"]|\"\")*\"|[^{separator}\"][^{separator}]*|)")
}

/// The text of a field, without its quotes.
fn unquoted(field: &str) -> String {
    format!(
        "CASE WHEN substr({field}, 1, 1) = '\"' \
         THEN replace(substr({field}, 2, length({field}) - 2), '\"\"', '\"') ELSE {field} END"
    )
}

fn parsed_number(cell: &str) -> String {
    let pattern = DIALECT.text(DECIMAL);
    // −0 and 0 are the same value.
    format!("CASE WHEN {cell} RLIKE {pattern} THEN try_cast({cell} AS DOUBLE) + 0e0 END")
}

fn value_of_number(at: usize, rules: &NumberRules) -> String {
    let words = rules.missing.listed().unwrap_or_default();
    let numbers: Vec<f64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let numbers: Vec<f64> = numbers.into_iter().filter(|it| it.is_finite()).collect();
    match numbers.is_empty() {
        true => format!("u{at}"),
        false => format!("CASE WHEN u{at} NOT IN ({}) THEN u{at} END", list(&numbers)),
    }
}

/// Conditions for a cell that is no number, out of range, below the minimum, above the maximum, not listed,
/// and missing.
fn flaws_of_number(at: usize, rules: &NumberRules, is_missing: &str) -> Vec<String> {
    let x = feature_column(at);
    let never = || "1 = 0".to_owned();
    let bound = |bound: Option<f64>, sign: &str| {
        bound.map_or_else(never, |bound| format!("{x} {sign} {}", number(bound)))
    };
    let (minimum, maximum) = rules.range.bounds();
    vec![
        format!("u{at} IS NULL AND NOT ({is_missing})"),
        format!("ABS(u{at}) > {}", number(f64::MAX)),
        bound(minimum, "<"),
        bound(maximum, ">"),
        rules
            .listed
            .values()
            .map_or_else(never, |values| format!("{x} NOT IN ({})", list(values))),
        of_presence(rules.presence, &x),
    ]
}

/// Conditions for a cell that is too long, not listed, and missing.
fn flaws_of_category(at: usize, rules: &CategoryRules) -> Vec<String> {
    let x = feature_column(at);
    let listed = rules.listed.levels();
    vec![
        format!("octet_length({x}) > {MAX_LEVEL_BYTES}"),
        listed.map_or_else(
            || "1 = 0".to_owned(),
            |levels| format!("{x} NOT IN ({})", texts(levels)),
        ),
        of_presence(rules.presence, &x),
    ]
}

fn of_presence(presence: Presence, x: &str) -> String {
    match presence {
        Presence::Required => format!("{x} IS NULL"),
        Presence::Optional => "1 = 0".to_owned(),
    }
}

/// A condition that holds for a missing cell of a feature.
fn is_missing(at: usize, feature: &common::schema::Feature) -> String {
    let c = format!("c{at}");
    match (feature.kind.missing_words().listed(), &feature.kind) {
        (None, Kind::Number(_)) => is_default_word(&c),
        (None, Kind::Category(_)) => format!("{c} = ''"),
        (Some(words), _) => is_word(&c, words.iter().map(|word| word.to_ascii_lowercase())),
    }
}

fn is_default_word(c: &str) -> String {
    is_word(c, MISSING_WORDS.iter().map(|word| (*word).to_owned()))
}

fn is_word(c: &str, words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = std::iter::once(String::new()).chain(words).collect();
    format!("{} IN ({})", lower(c), texts(&words))
}

/// A text with the letters from A to Z in lower case.
fn lower(text: &str) -> String {
    format!("translate({text}, '{UPPER}', '{LOWER}')")
}

fn texts(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| DIALECT.text(text)).collect();
    texts.join(", ")
}

fn list(numbers: &[f64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(|it| number(*it)).collect();
    numbers.join(", ")
}

/// The number that eight hexadecimal digits of a text are, from a place on.
fn hexadecimal(text: &str, from: usize) -> String {
    format!("CAST(conv(substr({text}, {from}, 8), 16, 10) AS BIGINT)")
}

/// The rows whose clients have one of these numbers. Columns: number, label, features.
pub(crate) fn rows_of_numbers(relation: &Relation, numbers: &[u32], features: usize) -> String {
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    let values: String = (0..features)
        .map(|at| format!(", {}", feature_column(at)))
        .collect();
    format!(
        "SELECT number, y{values} FROM {} WHERE number IN ({})",
        relation.text(DIALECT),
        numbers.join(", ")
    )
}
