//! The labels of a target: which texts stand for the event to predict.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use common::numbers::{count, counted};
use common::schema::{Labels, is_missing_marker};
use dataset::cell::parse_label;
use dataset::{ColumnSurvey, Reading};

use crate::infer::words::{has, has_any, words};

/// Columns in which the larger label, or "yes", is the good outcome.
const GOOD_OUTCOMES: &str = "\
    active creditability creditworthy loyal renewed repaid retained stayed";

/// Maximum number of values of a target. A column with more values is a description.
const MAX_VALUES: usize = 12;
/// Rare values are ignored if together they are fewer than 1 in this many cells.
const MIN_CELLS_PER_RARE_CELL: u64 = 100;
/// Maximum number of words of a text that a word such as "not" negates.
const MAX_NEGATED_WORDS: usize = 4;

/// Texts of the outcome to predict, in lower case.
const POSITIVE: &str = "\
    y yes t true vrai oui o ja j si sí s sim sì vero wahr tak da evet positive pos bad \
    churn churned churner left leave leaver leaving exit exited gone lost quit cancelled \
    canceled closed inactive default defaulted charged delinquent late fraud fraudulent \
    attrited attrition lapsed terminated resigned bankrupt failed dropout";
/// Texts of the other outcome, in lower case.
const NEGATIVE: &str = "\
    n no f false faux non nein nee não nao falso falsch nie ne negative neg good stay \
    stayed staying retained existing current active open paid repaid loyal ok healthy \
    legit legitimate normal renewed graduate";

/// Texts that answer whether the column's name is true, such as `yes` and `0`.
const ANSWERS: &str = "\
    0 1 n no f false faux non nein nee não nao y yes t true vrai oui ja j si sí sim evet";

/// The values of a column that may be the target.
pub(super) struct Values<'c>(Vec<Value<'c>>);

/// One value. Its spellings differ only in case.
struct Value<'c> {
    rows: u64,
    spellings: Vec<&'c str>,
}

/// Labels. If they are texts, also the reason for the choice of the positive label.
pub(super) type GuessedLabels = (Labels, Option<String>);

impl<'c> Values<'c> {
    /// The values of a column without the missing ones. `None` unless there are two to
    /// `MAX_VALUES`.
    pub(super) fn of(cells: &'c ColumnSurvey) -> Option<Self> {
        if cells.forms.reading() == Reading::Dates {
            return None;
        }
        let mut values: BTreeMap<String, Value<'_>> = BTreeMap::new();
        for (text, rows) in cells.texts.counts()? {
            if is_missing_marker(text.as_bytes()) {
                continue;
            }
            let value = values.entry(value_of(text)).or_insert_with(|| Value {
                rows: 0,
                spellings: Vec::new(),
            });
            value.rows += rows;
            value.spellings.push(text);
        }
        let values: Vec<Value<'_>> = values.into_values().collect();
        (2..=MAX_VALUES)
            .contains(&values.len())
            .then_some(Self(values))
    }

    /// The two frequent values, and a remark about the others, which are probably typing errors.
    /// `None` unless the others are fewer than one in a hundred cells.
    pub(super) fn without_rare(mut self, name: &str) -> Option<(Self, String)> {
        self.0.sort_by_key(|value| std::cmp::Reverse(value.rows));
        let rare = self.0.split_off(2.min(self.0.len()));
        let rows = |values: &[Value<'_>]| values.iter().map(|value| value.rows).sum::<u64>();
        let (n_rare, n_all) = (rows(&rare), rows(&rare) + rows(&self.0));
        let is_rare = n_rare > 0 && n_rare < n_all / MIN_CELLS_PER_RARE_CELL;
        let texts: Vec<String> = rare
            .iter()
            .map(|value| format!("{:?}", value.text()))
            .collect();
        is_rare.then(|| {
            // The order of the texts decides between two equally good guesses.
            self.0.sort_by_key(|value| value_of(value.text()));
            let remark = format!(
                "{name}: {} of {} {} neither label ({}); such rows are rejected",
                count(n_rare),
                counted(n_all, "cell"),
                if n_rare == 1 { "is" } else { "are" },
                texts.join(", ")
            );
            (self, remark)
        })
    }

    /// True if there are two values.
    pub(super) fn are_two(&self) -> bool {
        self.0.len() == 2
    }

    /// The labels of a column with this name. `None` if there are more than two values, and their
    /// texts do not name both outcomes.
    pub(super) fn labels(&self, name: &str) -> Option<GuessedLabels> {
        match &self.0[..] {
            [one, other] => Some(labels_of_two(name, [one, other])),
            values => labels_of_several(values),
        }
    }
}

impl Value<'_> {
    /// The first spelling.
    fn text(&self) -> &str {
        self.spellings.first().copied().unwrap_or_default()
    }

    /// 1 or −1 if the value is a label without a mapping: 0 or 1, false or true.
    fn number(&self) -> Option<i8> {
        let label = parse_label(self.text().as_bytes(), &Labels::default());
        label.ok().flatten().map(|label| i8::from(label) * 2 - 1)
    }
}

/// The labels of two values. If no word decides, the rarer value is positive.
fn labels_of_two(name: &str, values: [&Value<'_>; 2]) -> GuessedLabels {
    let names_good_outcome = has_any(&words(name), GOOD_OUTCOMES);
    let numbers = values.map(Value::number);
    let are_numbers = numbers.iter().all(Option::is_some);
    if are_numbers && !names_good_outcome {
        return (Labels::default(), None);
    }
    let is_answer = |value: &&Value<'_>| has(ANSWERS, &value_of(value.text()));
    let is_turned = names_good_outcome && values.iter().all(is_answer);
    let [one, other] = match are_numbers {
        true => numbers.map(Option::unwrap_or_default),
        false => signs(values).unwrap_or(values.map(|value| polarity(value.text()))),
    };
    let order = if is_turned {
        other.cmp(&one)
    } else {
        one.cmp(&other)
    };
    let reason = match (order, is_turned) {
        (Ordering::Equal, _) => "the rarer text: a guess",
        (_, true) => "the column is named after the good outcome",
        (_, false) => "it means the event to predict",
    };
    let is_one_positive = match order {
        Ordering::Equal => values[0].rows < values[1].rows,
        order => order == Ordering::Greater,
    };
    let [one, other] = values;
    let (positive, negative) = if is_one_positive {
        (one, other)
    } else {
        (other, one)
    };
    with_reason(&[positive], &[negative], reason)
}

/// The values themselves if they are −1 and 1.
fn signs(values: [&Value<'_>; 2]) -> Option<[i8; 2]> {
    let [one, other] = values.map(|value| value_of(value.text()).parse::<i8>().ok());
    match (one?, other?) {
        (1, -1) => Some([1, -1]),
        (-1, 1) => Some([-1, 1]),
        _ => None,
    }
}

/// The labels of more than two values: the texts that name an outcome.
fn labels_of_several(values: &[Value<'_>]) -> Option<GuessedLabels> {
    let with = |wanted: i8| -> Vec<&Value<'_>> {
        let is_it = |value: &&Value<'_>| polarity(value.text()) == wanted;
        values.iter().filter(is_it).collect()
    };
    let (positive, negative, others) = (with(1), with(-1), with(0));
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    let others: Vec<String> = others.iter().map(|it| format!("{:?}", it.text())).collect();
    let reason = match others.is_empty() {
        true => "a guess".to_owned(),
        false => format!("a guess; rows with {} are rejected", others.join(", ")),
    };
    Some(with_reason(&positive, &negative, &reason))
}

fn with_reason(positive: &[&Value<'_>], negative: &[&Value<'_>], reason: &str) -> GuessedLabels {
    let texts = |values: &[&Value<'_>]| -> Vec<String> {
        let spellings = values.iter().flat_map(|value| &value.spellings);
        spellings.map(|&text| text.to_owned()).collect()
    };
    let rows = |values: &[&Value<'_>]| values.iter().map(|value| value.rows).sum::<u64>();
    let quoted = |values: &[&Value<'_>]| {
        let quoted: Vec<String> = values.iter().map(|it| format!("{:?}", it.text())).collect();
        quoted.join(", ")
    };
    let remark = format!(
        "positive label: {} in {} of {} rows, {reason}; negative label: {}",
        quoted(positive),
        rows(positive),
        rows(positive) + rows(negative),
        quoted(negative)
    );
    match Labels::new(texts(positive), texts(negative)) {
        Ok(labels) => (labels, Some(remark)),
        Err(_) => (Labels::default(), None),
    }
}

/// A text of the column that is not one of these labels; `None` if there is none.
pub(in crate::infer) fn unknown_label<'c>(
    cells: &'c ColumnSurvey,
    labels: &Labels,
) -> Option<&'c str> {
    let counts = cells.texts.counts()?;
    let is_unknown = |text: &&String| parse_label(text.as_bytes(), labels).is_err();
    counts.keys().find(is_unknown).map(String::as_str)
}

/// Key of a text's value. 1 and 1.0 have one key, and so do Yes and YES.
fn value_of(text: &str) -> String {
    match text.parse::<f64>() {
        // Adding 0.0 turns −0 into 0.
        Ok(number) if number.is_finite() => (number + 0.0).to_string(),
        _ => text.to_lowercase(),
    }
}

/// 1 for the event to predict, −1 for the other outcome, 0 if the text shows neither.
fn polarity(text: &str) -> i8 {
    let lower = text.to_lowercase();
    let words = words(text);
    let is_negated = words.len() <= MAX_NEGATED_WORDS && has_any(&words, "no non not never");
    if has(POSITIVE, &lower) {
        1
    } else if has(NEGATIVE, &lower) || is_negated {
        -1
    } else {
        i8::from(has_any(&words, POSITIVE)) - i8::from(has_any(&words, NEGATIVE))
    }
}

#[cfg(test)]
mod tests {
    use dataset::cell::DecimalMarks;

    use super::*;

    fn column(name: &str, cells: &[(&str, usize)]) -> ColumnSurvey {
        let mut column = ColumnSurvey {
            name: name.into(),
            ..ColumnSurvey::default()
        };
        for (cell, times) in cells {
            (0..*times).for_each(|_| column.add_cell(cell.as_bytes(), DecimalMarks::Point));
        }
        column
    }

    fn guessed(cells: &ColumnSurvey) -> Option<GuessedLabels> {
        Values::of(cells)?.labels(&cells.name)
    }

    fn texts_of(name: &str, cells: &[(&str, usize)]) -> (String, String, Option<String>) {
        let (labels, remark) = guessed(&column(name, cells)).expect("labels");
        (labels.name(true).into(), labels.name(false).into(), remark)
    }

    #[test]
    fn the_positive_label_is_the_event() {
        for (cells, positive) in [
            ([("Yes", 5), ("No", 9)], "Yes"),
            ([("yes", 9), ("no", 5)], "yes"),
            ([("VRAI", 5), ("FAUX", 9)], "VRAI"),
            ([("good", 5), ("bad", 9)], "bad"),
            (
                [("Attrited Customer", 5), ("Existing Customer", 9)],
                "Attrited Customer",
            ),
            ([("Charged Off", 9), ("Fully Paid", 5)], "Charged Off"),
            ([("did not leave", 5), ("leave", 9)], "leave"),
            ([("stayed", 5), ("moved away", 9)], "moved away"),
            ([("1", 5), ("-1", 9)], "1"),
        ] {
            let (found, _, remark) = texts_of("y", &cells);
            assert_eq!(found, positive);
            assert!(remark.is_none_or(|it| it.contains("means the event")));
        }
        let (positive, negative, remark) = texts_of("income", &[(">50K", 3), ("<=50K", 9)]);
        assert_eq!((positive.as_str(), negative.as_str()), (">50K", "<=50K"));
        let remark = remark.unwrap();
        assert!(
            remark.contains(r#"">50K" in 3 of 12 rows, the rarer text: a guess"#),
            "{remark}"
        );
        assert_eq!(texts_of("class", &[("1", 9), ("2", 3)]).0, "2");
    }

    #[test]
    fn numbers_and_truth_values_need_no_texts_except_under_a_good_name() {
        for cells in [
            [("0", 9), ("1", 3)],
            [("True", 9), ("False", 3)],
            [("0.0", 9), ("1.0", 3)],
        ] {
            let (labels, remark) = guessed(&column("churn", &cells)).unwrap();
            assert!(labels.are_numbers() && remark.is_none());
        }
        assert_eq!(texts_of("Creditability", &[("1", 7), ("0", 3)]).0, "0");
        assert_eq!(
            texts_of("creditability", &[("good", 7), ("bad", 3)]).0,
            "bad"
        );
        assert_eq!(texts_of("renewed", &[("Yes", 7), ("No", 3)]).0, "No");
    }

    #[test]
    fn missing_values_and_case_do_not_make_a_third_value() {
        let cells = column(
            "y",
            &[("Yes", 5), ("YES", 1), ("no", 9), ("", 2), ("NA", 1)],
        );
        let (labels, _) = guessed(&cells).unwrap();
        assert_eq!(labels.label_of(b"YES"), Some(true));
        assert_eq!(unknown_label(&cells, &labels), None);
        assert_eq!(unknown_label(&cells, &Labels::default()), Some("YES"));
        assert!(guessed(&column("y", &[("a", 1), ("b", 1), ("c", 1)])).is_none());
        assert!(guessed(&column("y", &[("a", 1)])).is_none());
    }

    #[test]
    fn of_several_texts_those_that_name_an_outcome_are_labels() {
        let status = [("Churned", 3), ("Stayed", 5), ("Joined", 2)];
        let (labels, remark) = guessed(&column("Customer Status", &status)).unwrap();
        let found = ["Churned", "Stayed", "Joined"].map(|text| labels.label_of(text.as_bytes()));
        assert_eq!(found, [Some(true), Some(false), None]);
        let remark = remark.unwrap();
        assert!(
            remark.contains(r#"a guess; rows with "Joined" are rejected"#),
            "{remark}"
        );
        let policy = "Does not meet the credit policy. Status:Charged Off";
        assert_eq!(polarity(policy), 1);
        let dates = [("2024-01-01", 2), ("2024-02-01", 3)];
        assert!(guessed(&column("status", &dates)).is_none());
    }
}
