//! Chooses the column that names the client.

use common::schema::NumberFormat;
use dataset::Reading;

use crate::infer::columns::PooledColumn;
use crate::infer::words::{has, has_any, words};

/// Smallest share of different values in an id. A few clients may occur in a file twice.
const MIN_UNIQUE: f64 = 0.95;
/// Smallest share of the rows that have an id.
const MIN_PRESENT: f64 = 0.99;
/// Minimum number of different values of an id with several rows each. A column with fewer may name
/// branches or plans.
const MIN_CLIENTS: u64 = 50;
/// A column that counts the rows has gaps of at most this share.
const MAX_GAPS: f64 = 0.1;

/// Words for what an id identifies.
const ENTITIES: &str = "\
    account acct applicant application borrower client contract cust customer emp employee \
    household loan member party passenger patient person policy student subscriber \
    subscription user cliente kunde kunden";
/// Words for an id. They may follow a word of `ENTITIES`.
const KEYS: &str = "\
    guid id identifier key msisdn msno nbr no nr num number phone ref reference uid uuid \
    nummer";
/// Names of a column that counts the rows.
const COUNTERS: &str = "\
    idx index obs row rowid rowname rownames rownum serial unnamed";
/// Names of columns that describe a client in words.
const DESCRIPTIONS: &str = "\
    address city comment comments description firstname fullname lastname name note notes \
    reason remarks surname text title";

/// How well the name of a column fits an id; better names are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NameFit {
    /// The name gives no hint.
    Unnamed,
    /// `rownames`, `RowNumber`
    Counter,
    /// `id`, `number`
    Key,
    /// `client`
    Entity,
    /// `CustomerId`
    EntityKey,
}

/// A guessed id column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IdGuess {
    /// Name of the column; `None` if no column fits.
    pub(super) name: Option<String>,
    /// The reason for the guess, and the next best column.
    pub(super) remark: String,
}

/// Guesses the id among these columns.
pub(super) fn guess_id<'p>(columns: impl Iterator<Item = &'p PooledColumn>) -> IdGuess {
    let columns: Vec<&PooledColumn> = columns.collect();
    let repeated = columns.iter().find(|column| is_repeated_key(column));
    let repeated = repeated.map(|column| IdGuess {
        name: Some(column.cells.name.clone()),
        remark: format!(
            "id: {}, named like an id, with several rows of a client: {} different ones in {} rows",
            column.cells.name,
            column.cells.distinct.count(),
            column.cells.forms.present()
        ),
    });
    let mut candidates: Vec<(NameFit, &PooledColumn)> = columns
        .into_iter()
        .filter_map(|column| Some((fit(column)?, column)))
        .collect();
    // The sort is stable: among equally good columns, the leftmost wins.
    candidates.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
    let Some((fit, best)) = candidates.first() else {
        return repeated.unwrap_or(IdGuess {
            name: None,
            remark: "id: none, because no column is a key that differs in nearly all rows; equal rows of two files count once, unless ingestion.deduplicate is false".into(),
        });
    };
    let next = candidates.get(1).map(|(_, column)| &column.cells.name);
    let rows = best.cells.forms.present();
    let differs = match best.cells.distinct.share() {
        share if share >= 1.0 => format!("unique in {rows} rows"),
        share if share >= MIN_UNIQUE => format!("unique in nearly all of {rows} rows"),
        _ => "unique in nearly all rows of each file".into(),
    };
    let named = match fit {
        NameFit::Unnamed => "a text; its name does not say that it is an id",
        NameFit::Counter => "named like a number of the row",
        _ => "named like an id",
    };
    IdGuess {
        name: Some(best.cells.name.clone()),
        remark: format!(
            "id: {}, {differs} and {named}; next best: {}",
            best.cells.name,
            next.map_or("none", String::as_str)
        ),
    }
}

/// Reason why a column identifies rows and is therefore not a feature, or `None`.
pub(super) fn why_key(column: &PooledColumn) -> Option<&'static str> {
    let is_whole = is_whole_numbers(column);
    let is_unique = column.cells.distinct.share() >= MIN_UNIQUE;
    if is_whole && is_unique && counts_rows(column) {
        Some("it counts the rows")
    } else if is_unique && is_whole && name_fit(&column.cells.name) > NameFit::Counter {
        Some("it identifies rows, as an id does")
    } else {
        None
    }
}

/// True if a column names clients and a file may have several rows of a client.
fn is_repeated_key(column: &PooledColumn) -> bool {
    let cells = &column.cells;
    let is_present = cells.forms.present() as f64 >= MIN_PRESENT * cells.rows() as f64;
    let is_key = match cells.forms.reading() {
        Reading::Texts => true,
        Reading::Numbers(NumberFormat::Plain) => cells.fractions == 0,
        Reading::Numbers(_) | Reading::Dates => false,
    };
    let has_entity = name_fit(&cells.name) >= NameFit::Entity;
    is_present && is_key && has_entity && cells.distinct.count() >= MIN_CLIENTS
}

/// How well a column fits as the id; `None` if it cannot be.
fn fit(column: &PooledColumn) -> Option<NameFit> {
    let cells = &column.cells;
    let present = cells.forms.present();
    let fit = name_fit(&cells.name);
    let is_unique = cells.distinct.share() >= MIN_UNIQUE
        // Each file may hold the same clients, for example one file per month.
        || fit > NameFit::Counter && column.smallest_distinct_share >= MIN_UNIQUE;
    let is_present = present as f64 >= MIN_PRESENT * cells.rows() as f64;
    if present < 2 || !is_unique || !is_present {
        return None;
    }
    let is_key = match cells.forms.reading() {
        Reading::Texts => fit > NameFit::Unnamed || !is_description(&cells.name),
        // A unique number without the name of an id may be a balance.
        Reading::Numbers(NumberFormat::Plain) => cells.fractions == 0 && fit > NameFit::Unnamed,
        Reading::Numbers(_) | Reading::Dates => false,
    };
    is_key.then_some(fit)
}

/// True if the name says that the column describes the client in words.
fn is_description(name: &str) -> bool {
    has_any(&words(name), DESCRIPTIONS)
}

fn name_fit(name: &str) -> NameFit {
    let words = words(name);
    let Some(last) = words.iter().rfind(|word| !is_numeral(word)) else {
        return NameFit::Unnamed;
    };
    if has_any(&words, COUNTERS) {
        return NameFit::Counter;
    }
    let (entity, key) = match fused(last) {
        Some(_) => (true, true),
        None => (
            has_any(&words, ENTITIES),
            has(KEYS, last) && !words.iter().any(|word| word == "of"),
        ),
    };
    let ends_with_entity = has(ENTITIES, last);
    match (entity, key) {
        (true, true) => NameFit::EntityKey,
        (false, true) => NameFit::Key,
        (true, false) if ends_with_entity => NameFit::Entity,
        // `account_balance` is not an id.
        _ => NameFit::Unnamed,
    }
}

fn is_numeral(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The entity in a word such as `clientnum`: an entity and a key without a gap.
fn fused(word: &str) -> Option<&'static str> {
    let is_key = |rest: &str| has(KEYS, rest);
    ENTITIES
        .split(' ')
        .find(|entity| word.strip_prefix(entity).is_some_and(is_key))
}

fn is_whole_numbers(column: &PooledColumn) -> bool {
    let is_plain = column.cells.forms.reading() == Reading::Numbers(NumberFormat::Plain);
    is_plain && column.cells.fractions == 0
}

/// True if the numbers have few gaps between the smallest and the largest. They must be whole and differ.
fn counts_rows(column: &PooledColumn) -> bool {
    let Some((smallest, largest)) = column.cells.bounds else {
        return false;
    };
    let rows = column.cells.forms.present() as f64;
    rows >= 2.0 && largest - smallest < rows * (1.0 + MAX_GAPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ids_are_recognised() {
        for (name, fit) in [
            ("CustomerId", NameFit::EntityKey),
            ("customerID", NameFit::EntityKey),
            ("CLIENTNUM", NameFit::EntityKey),
            ("EmployeeNumber", NameFit::EntityKey),
            ("policy_number", NameFit::EntityKey),
            ("client", NameFit::Entity),
            ("ID", NameFit::Key),
            ("Phone number", NameFit::Key),
            ("rownames", NameFit::Counter),
            ("RowNumber", NameFit::Counter),
            ("Unnamed: 0", NameFit::Counter),
            ("account_balance", NameFit::Unnamed),
            ("number_of_employees", NameFit::Unnamed),
            ("Account length", NameFit::Unnamed),
            ("fnlwgt", NameFit::Unnamed),
            ("paid", NameFit::Unnamed),
            ("2019", NameFit::Unnamed),
        ] {
            assert_eq!(name_fit(name), fit, "{name}");
        }
    }
}
