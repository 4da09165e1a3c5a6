//! Names of the files and folders that runs create in the storage of an engine.

/// Number of hexadecimal digits of the token of a run.
pub(super) const TOKEN_DIGITS: usize = 12;

const GENERATION: &str = "input";
const TEXT: &str = "text";
const PARQUET: &str = "parquet";

/// The folder of the rows that the engine reads from the input files.
pub(super) fn of_generation(token: &str) -> String {
    format!("{GENERATION}-{token}")
}

/// True for the name of a folder of [`of_generation`].
pub(super) fn is_generation(name: &str) -> bool {
    let token = name.strip_prefix(GENERATION);
    token
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(is_token)
}

/// The folder for the text of the rows that begin with number `first`.
pub(super) fn of_text(token: &str, first: u64) -> String {
    format!("{TEXT}-{token}-{first}")
}

/// The folder in which the engine writes these rows as Parquet.
pub(super) fn of_parquet(token: &str, first: u64) -> String {
    format!("{PARQUET}-{token}-{first}")
}

/// A Parquet file of the rows that begin with number `first`. The engine may write several such files; `place`
/// counts them from 0.
pub(super) fn of_rows(first: u64, place: usize) -> String {
    format!("{first:012}-{place:03}.parquet")
}

/// True for the name of a folder that is needed only while rows are stored.
pub(super) fn is_temporary(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    match parts[..] {
        [TEXT | PARQUET, token, first] => is_token(token) && is_number(first),
        _ => false,
    }
}

/// True for the name of a Parquet file of rows.
pub(super) fn is_of_rows(name: &str) -> bool {
    let numbers = name.strip_suffix(".parquet");
    numbers
        .and_then(|numbers| numbers.split_once('-'))
        .is_some_and(|(first, place)| {
            first.len() >= 12 && place.len() >= 3 && is_number(first) && is_number(place)
        })
}

fn is_token(text: &str) -> bool {
    let is_hexadecimal = |letter: char| letter.is_ascii_digit() || ('a'..='f').contains(&letter);
    text.len() == TOKEN_DIGITS && text.chars().all(is_hexadecimal)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs_are_known_and_others_are_not() {
        let token = "0123456789ab";
        for name in [of_text(token, 0), of_parquet(token, 7_000_000)] {
            assert!(is_temporary(&name), "{name}");
        }
        for name in [
            "text-files",
            "text-0123456789ab-",
            "text-0123456789aB-1",
            "rows",
            "",
        ] {
            assert!(!is_temporary(name), "{name}");
        }
        for name in [of_rows(0, 0), of_rows(u64::MAX, 12_345)] {
            assert!(is_of_rows(&name), "{name}");
        }
        for name in [
            "part-0.parquet",
            "000000000000-000.csv",
            "000000000000.parquet",
            "",
        ] {
            assert!(!is_of_rows(name), "{name}");
        }
    }
}
