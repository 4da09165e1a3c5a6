//! Text of foreign origin, made safe to show.

use std::fmt::Write;

/// The bytes as text, with control characters and invalid UTF-8 written as `\xHH`.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                escape_into(&mut text, character.to_string().as_bytes());
            } else {
                text.push(character);
            }
        }
        escape_into(&mut text, chunk.invalid());
    }
    text
}

fn escape_into(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\x{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unsafe_changes() {
        assert_eq!(escaped("Müller, 東京".as_bytes()), "Müller, 東京");
        assert_eq!(escaped(b"a\tb\nc"), r"a\x09b\x0Ac");
        assert_eq!(escaped(b"caf\xe9!"), r"caf\xE9!");
    }
}
