//! The words of a column's name.

/// The words of a name in lower case: `CustomerId`, `customer_id` and `Customer ID` have the words
/// `customer` and `id`.
pub(super) fn words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, character) in characters.iter().enumerate() {
        let next = characters.get(at + 1);
        let previous = at.checked_sub(1).and_then(|at| characters.get(at));
        let follows = |is: fn(char) -> bool| previous.is_some_and(|it| is(*it));
        // `customerId` and `IDNumber` have two words.
        let begins_word = character.is_uppercase()
            && (follows(char::is_lowercase)
                || follows(char::is_uppercase) && next.is_some_and(|next| next.is_lowercase()));
        if begins_word || !character.is_alphanumeric() {
            push(&mut words, &mut word);
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
    }
    push(&mut words, &mut word);
    words
}

fn push(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// True if a list of words, separated by spaces, has this word.
pub(super) fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

/// True if a list of words, separated by spaces, has one of these words.
pub(super) fn has_any(words: &[String], list: &str) -> bool {
    words.iter().any(|word| has(list, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_capitals_and_signs() {
        for (name, wanted) in [
            ("CustomerId", &["customer", "id"][..]),
            ("customerID", &["customer", "id"]),
            ("IDNumber", &["id", "number"]),
            ("CLIENTNUM", &["clientnum"]),
            (
                "default.payment.next.month",
                &["default", "payment", "next", "month"],
            ),
            ("Attrition_Flag", &["attrition", "flag"]),
            (" Area  code ", &["area", "code"]),
            ("Unnamed: 0", &["unnamed", "0"]),
            ("", &[]),
        ] {
            assert_eq!(words(name), wanted, "{name}");
        }
    }
}
