//! Chooses the features and their kinds.

use common::schema::{
    CategoryRules, Feature, Kind, Labels, MAX_LEVEL_BYTES, MissingWords, NumberFormat, NumberRules,
    Schema, is_missing_marker,
};
use dataset::{ColumnSurvey, FewTexts, Reading};

use super::codes::{is_named_as_code, why_codes};
use super::id::why_key;
use super::target::shared_outcome;
use crate::infer::columns::{PooledColumn, PooledColumns, is_same};
use crate::infer::rules::{Rules, category_rules, number_rules};

/// A proposed feature must exist in at least this share of the rows. Otherwise files without the
/// column would be rejected.
const MIN_SHARE_OF_ROWS: f64 = 0.9;
/// A category must have at least this many rows per level, on average. With fewer, the texts could
/// as well be names.
const MIN_ROWS_PER_LEVEL: u64 = 10;
/// The word for a missing number that is often a level of a category.
const LEVEL: &[u8] = b"none";

/// The features that are proposed for the columns without another role.
#[derive(Default)]
pub(super) struct ProposedFeatures {
    features: Vec<(Feature, Vec<String>)>,
    /// Columns that were left out, with their reasons.
    left_out: Vec<(String, String)>,
}

impl ProposedFeatures {
    /// The features. Reports the guesses and the columns that were left out.
    pub(super) fn into_features(self, remarks: &mut Vec<String>) -> Vec<Feature> {
        remarks.extend(self.left_out.iter().map(left_out));
        let (features, guesses): (Vec<Feature>, Vec<Vec<String>>) =
            self.features.into_iter().unzip();
        remarks.extend(guesses.into_iter().flatten());
        features
    }

    /// Proposes thousands separators for columns in which a point always comes before three digits.
    /// Used if no other column shows that points are decimal: ingestion rejects a file whose points
    /// are unclear.
    fn separate_thousands(&mut self, pooled: &PooledColumns) {
        for (feature, guesses) in &mut self.features {
            let column = pooled.find(&feature.name);
            let are_unclear = column.is_some_and(|it| it.cells.forms.has_unclear_points());
            if let Kind::Number(rules) = &mut feature.kind
                && rules.format == NumberFormat::Plain
                && are_unclear
            {
                rules.format = NumberFormat::Thousands;
                guesses.push(unclear_marks(&feature.name, "points", "."));
            }
        }
    }
}

fn unclear_marks(name: &str, marks: &str, mark: &str) -> String {
    format!(
        "{name} has {marks} before three digits only: they are taken to separate thousands; if they are decimal marks, leave out format and set ingestion.decimal to \"{mark}\""
    )
}

/// The features of the current schema; `None` unless the data has all of them.
pub(super) fn current_features(
    pooled: &PooledColumns,
    schema: &Schema,
    rules: Rules,
) -> Option<Vec<Feature>> {
    if schema.features.is_empty() {
        return None;
    }
    let features = schema.features.iter();
    features
        .map(|feature| with_current_kind(feature, pooled.find(&feature.name)?, rules))
        .collect()
}

/// All numeric and category columns without another role.
pub(super) fn all_features(
    pooled: &PooledColumns,
    id: Option<&str>,
    target: (&str, &Labels),
    rules: Rules,
) -> ProposedFeatures {
    let roles: Vec<&str> = id.into_iter().chain([target.0]).collect();
    let mut proposed = ProposedFeatures::default();
    for column in pooled.without(&roles) {
        let name = &column.cells.name;
        match proposed_kind(column, pooled.rows, target, rules) {
            Err(reason) => proposed.left_out.push((name.clone(), reason)),
            Ok((kind, guesses)) => {
                let name = name.clone();
                proposed.features.push((Feature { name, kind }, guesses));
            }
        }
    }
    if !pooled.have_decimal_points() {
        proposed.separate_thousands(pooled);
    }
    proposed
}

/// Reports the columns that the current schema does not read, and what its categories allow.
pub(super) fn report_other_columns(
    proposed: &ProposedFeatures,
    current: &[Feature],
    rules: Rules,
    remarks: &mut Vec<String>,
) {
    let listed = current.iter().filter(|_| rules == Rules::Observed);
    for Feature { name, kind } in listed {
        if let Kind::Category(rules) = kind {
            let texts = match rules.listed.levels() {
                Some(_) => {
                    "the levels that it allows stay, and rows with any other level are rejected"
                }
                None => "any level is still allowed",
            };
            remarks.push(format!(
                "{name} is a category of the current schema: {texts}"
            ));
        }
    }
    let is_read = |name: &str| current.iter().any(|known| is_same(&known.name, name));
    let others = proposed.left_out.iter().filter(|(name, _)| !is_read(name));
    remarks.extend(others.map(left_out));
    for (Feature { name, kind }, _) in &proposed.features {
        if !is_read(name) {
            let what = match kind.is_category() {
                true => "a category",
                false => "of numbers",
            };
            remarks.push(format!(
                "{name} is left out: it is {what}, but the current model does not read it"
            ));
        }
    }
}

fn left_out((name, reason): &(String, String)) -> String {
    format!("{name} is left out: {reason}")
}

/// A feature of the current schema with its own rules, or with rules for this data. `None` if the
/// column no longer fits the kind.
fn with_current_kind(feature: &Feature, column: &PooledColumn, rules: Rules) -> Option<Feature> {
    if let Kind::Number(current) = &feature.kind {
        let reading = column.cells.forms.reading();
        let is_plain = reading == Reading::Numbers(NumberFormat::Plain);
        // A number of eight digits may look like a date.
        let is_read = is_plain || reading == Reading::Numbers(current.format);
        let is_number = column.cells.forms.others() == 0 && column.cells.forms.plain > 0;
        if !is_read && !is_number {
            return None;
        }
    }
    let kind = match (&feature.kind, rules) {
        (kind, Rules::Configured) => kind.clone(),
        (Kind::Number(current), Rules::Observed) => Kind::Number(NumberRules {
            format: current.format,
            missing: current.missing.clone(),
            ..number_rules(column)
        }),
        // A person chose the allowed levels. A few rows are no reason to reduce them.
        (Kind::Category(current), Rules::Observed) => Kind::Category(CategoryRules {
            listed: current.listed.clone(),
            missing: current.missing.clone(),
            ..category_rules(column, &current.missing)
        }),
    };
    Some(Feature {
        name: feature.name.clone(),
        kind,
    })
}

/// The kind of a column and the guesses about it. The error is the reason why the column cannot be
/// a feature.
fn proposed_kind(
    column: &PooledColumn,
    rows: u64,
    target: (&str, &Labels),
    rules: Rules,
) -> Result<(Kind, Vec<String>), String> {
    let cells = &column.cells;
    if let Some(reason) = why_none(column, target) {
        return Err(reason);
    }
    let reading = cells.forms.reading();
    let found = match with_missing_words(column, rules) {
        Some(numbers) => Ok(numbers),
        None => by_reading(column, reading, rules),
    }?;
    if (cells.rows() as f64) < MIN_SHARE_OF_ROWS * rows as f64 {
        return Err(format!(
            "it is there in {} of {rows} rows, and a file without it would be rejected",
            cells.rows()
        ));
    }
    Ok(found)
}

/// The kind of a column whose cells are read in this way.
fn by_reading(
    column: &PooledColumn,
    reading: Reading,
    rules: Rules,
) -> Result<(Kind, Vec<String>), String> {
    let cells = &column.cells;
    match reading {
        Reading::Dates => Err(format!(
            "it holds dates or times, such as {:?}",
            cells.forms.date()
        )),
        Reading::Numbers(NumberFormat::Plain) if cells.fractions == 0 => {
            whole_numbers(column, rules)
        }
        Reading::Numbers(format) => Ok(numbers(column, format, rules)),
        Reading::Texts => category(column, rules),
    }
}

/// Words for a missing number, besides the default ones.
const MISSING_WORDS: &str = "- -- --- . / n.a. n.a na. unknown unk missing nil undefined #value! \
    #ref! #div/0! not_available unbekannt k.a. s/d inconnu";

/// A column of plain numbers with a few words for a missing value; `None` for any other column.
fn with_missing_words(column: &PooledColumn, rules: Rules) -> Option<(Kind, Vec<String>)> {
    let cells = &column.cells;
    let words = cells.words.counts().filter(|words| !words.is_empty())?;
    let is_known = |word: &String| {
        let word = word.to_lowercase().replace(' ', "_");
        MISSING_WORDS.split_whitespace().any(|known| known == word)
    };
    let are_few = cells.forms.others() <= cells.forms.plain && cells.forms.plain > 0;
    if !are_few || !words.keys().all(is_known) {
        return None;
    }
    let (kind, mut guesses) = numbers(column, NumberFormat::Plain, rules);
    let Kind::Number(rules) = kind else {
        return None;
    };
    let quoted: Vec<String> = words.keys().map(|word| format!("{word:?}")).collect();
    guesses.push(format!(
        "{}: {} stands for a missing value",
        cells.name,
        quoted.join(", ")
    ));
    let missing = MissingWords::with_defaults(words.keys().cloned());
    Some((Kind::Number(NumberRules { missing, ..rules }), guesses))
}

/// Reason why a column of any kind cannot be a feature, or `None`.
fn why_none(column: &PooledColumn, target: (&str, &Labels)) -> Option<String> {
    let cells = &column.cells;
    if let Some(word) = shared_outcome(target.0, target.1, &cells.name) {
        return Some(format!(
            "its name has the word {word}, as the target has: it may be known only after the outcome"
        ));
    }
    let levels = FewLevels::of(cells)?;
    match levels.names[..] {
        [] => Some("it has no value".into()),
        [level] => Some(format!("all of its values are {level:?}")),
        _ => None,
    }
}

/// A column of whole numbers: a key, codes, or numbers.
fn whole_numbers(column: &PooledColumn, rules: Rules) -> Result<(Kind, Vec<String>), String> {
    let cells = &column.cells;
    if let Some(reason) = why_key(column) {
        return Err(reason.into());
    }
    let as_category = why_codes(cells).map(|reason| (reason, category(column, rules)));
    match as_category {
        Some((reason, Ok((kind, mut guesses)))) => {
            let name = &cells.name;
            guesses.push(format!("{name} is taken for a category: {reason}"));
            Ok((kind, guesses))
        }
        Some((_, Err(reason))) if is_named_as_code(&cells.name) => Err(reason),
        None if is_named_as_code(&cells.name) && cells.texts.counts().is_none() => Err(format!(
            "its name says that its numbers are codes, and {} are too many for a category",
            cells.distinct.count()
        )),
        _ => Ok(numbers(column, NumberFormat::Plain, rules)),
    }
}

fn numbers(column: &PooledColumn, format: NumberFormat, rules: Rules) -> (Kind, Vec<String>) {
    let (name, forms) = (&column.cells.name, &column.cells.forms);
    let mut guesses = Vec::new();
    if let Some(example) = forms.examples(format).and_then(|it| it.first.as_ref()) {
        guesses.push(format!(
            "{name} is read with the format {}, because of cells such as {example:?}",
            format.name()
        ));
    }
    let has_unclear_commas = forms.has_unclear_commas();
    let format = match has_unclear_commas {
        true => NumberFormat::Thousands,
        false => format,
    };
    if has_unclear_commas {
        guesses.push(unclear_marks(name, "commas", ","));
    }
    let observed = match rules {
        Rules::Configured => NumberRules::default(),
        Rules::Observed => number_rules(column),
    };
    let kind = Kind::Number(NumberRules { format, ..observed });
    (kind, guesses)
}

/// A category, or the reason why the column cannot be one.
fn category(column: &PooledColumn, rules: Rules) -> Result<(Kind, Vec<String>), String> {
    let cells = &column.cells;
    if let Some(reason) = why_not_category(cells) {
        return Err(reason);
    }
    let name = &cells.name;
    let mut guesses = Vec::new();
    let missing = missing_words(cells);
    if let Some([word, ..]) = missing.listed() {
        guesses.push(format!(
            "{name}: {word:?} stands for a missing value; leave missing out if it is a level"
        ));
    }
    let observed = match rules {
        Rules::Configured => CategoryRules::default(),
        Rules::Observed => {
            guesses.push(format!(
                "{name} is taken for a category: its levels are listed, and rows with any other level are rejected; leave out allowed to accept new levels"
            ));
            category_rules(column, &missing)
        }
    };
    Ok((
        Kind::Category(CategoryRules {
            missing,
            ..observed
        }),
        guesses,
    ))
}

/// Reason why a column cannot be a category, or `None`.
fn why_not_category(cells: &ColumnSurvey) -> Option<String> {
    let texts = match cells.forms.others() {
        0 => cells.forms.present(),
        others => others,
    };
    let distinct = cells.distinct.count();
    let example = cells.forms.texts.first.as_deref();
    let such_as = example.map_or_else(String::new, |text| format!(", such as {text:?}"));
    match FewLevels::of(cells) {
        None if distinct > FewTexts::MAX as u64 => Some(format!(
            "{texts} of its cells hold text{such_as}, and {distinct} different values are too many for a category"
        )),
        None => Some(format!(
            "a cell holds text that is no level: longer than {MAX_LEVEL_BYTES} bytes, or not UTF-8"
        )),
        Some(levels) if levels.names.len() as u64 * MIN_ROWS_PER_LEVEL > levels.rows => {
            Some(format!(
                "{} of its cells hold text{such_as}, {} different ones: too many for a category of so few rows",
                levels.rows,
                levels.names.len()
            ))
        }
        Some(_) => None,
    }
}

/// The levels of a column that has few of them.
struct FewLevels<'c> {
    names: Vec<&'c str>,
    /// Number of rows with a level.
    rows: u64,
}

impl<'c> FewLevels<'c> {
    fn of(cells: &'c ColumnSurvey) -> Option<Self> {
        let levels = cells.texts.counts()?.iter();
        let levels = levels.filter(|(text, _)| !is_word_for_missing(text));
        let (names, rows): (Vec<&str>, Vec<u64>) =
            levels.map(|(text, rows)| (text.as_str(), *rows)).unzip();
        Some(Self {
            names,
            rows: rows.into_iter().sum(),
        })
    }
}

/// The words for a missing value among the texts of a category.
fn missing_words(cells: &ColumnSurvey) -> MissingWords {
    let texts = cells.texts.counts().into_iter().flatten();
    let words: Vec<String> = texts
        .map(|(text, _)| text)
        .filter(|text| is_word_for_missing(text))
        .cloned()
        .collect();
    match words.is_empty() {
        true => MissingWords::default(),
        false => MissingWords::new(words).unwrap_or_default(),
    }
}

fn is_word_for_missing(text: &str) -> bool {
    is_missing_marker(text.as_bytes()) && !text.as_bytes().eq_ignore_ascii_case(LEVEL)
}
